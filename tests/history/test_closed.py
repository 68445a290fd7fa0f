"""What of a history is for its own runs alone: nobody else can hold or read it."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from batchlog.errors import Busy, SinkUnreachable
from batchlog.history.journal import NAME as WORK
from batchlog.history.journal import Journal
from batchlog.history.owned import LOCK, own_directory
from tests.history.histories import options
from tests.users import STRANGER, as_user, demand_root, public_directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_the_lock_is_0600_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with own_directory(str(tmp_path / "history"), "manifest.json"):
            assert 0o600 == mode(tmp_path / "history" / LOCK)
            assert 0o755 == mode(tmp_path / "history")
    finally:
        os.umask(before)


def test_a_lock_that_others_could_open_is_closed_to_them(tmp_path: Path) -> None:
    lock = tmp_path / LOCK
    lock.touch()
    lock.chmod(0o666)
    inode = lock.stat().st_ino
    with own_directory(str(tmp_path), "manifest.json"):
        assert (0o600, inode) == (mode(lock), lock.stat().st_ino)
        with pytest.raises(Busy), own_directory(str(tmp_path), "manifest.json"):
            pass


def test_the_journal_is_0700_and_closed_to_others_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / WORK).mkdir()
    (tmp_path / WORK).chmod(0o755)
    Journal(str(tmp_path), options())
    assert [0o700, 0o700] == [mode(tmp_path / WORK), mode(tmp_path / WORK / "steps")]


def test_another_user_cannot_hold_the_lock() -> None:
    demand_root()
    with public_directory() as place:
        with own_directory(str(place / "history"), "manifest.json"):
            pass
        lock = place / "history" / LOCK
        held = ["flock", "--nonblock", str(lock), "true"]
        done = subprocess.run(
            [*as_user(STRANGER), *held], capture_output=True, text=True, check=False
        )
        assert "Permission denied" in done.stderr


def test_a_lock_that_is_another_file_too_leaves_that_its_mode(tmp_path: Path) -> None:
    """Whoever may write in DIR may have made it a hard link."""
    other = tmp_path / "other"
    other.touch()
    other.chmod(0o644)
    (tmp_path / "history").mkdir()
    os.link(other, tmp_path / "history" / LOCK)
    with own_directory(str(tmp_path / "history"), "manifest.json"):
        assert 0o644 == mode(other)


def test_a_link_in_the_place_of_the_journal_leads_no_mode_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / WORK).symlink_to(elsewhere)
    with pytest.raises(SinkUnreachable, match="Not a directory"):
        Journal(str(tmp_path / "history"), options())
    assert 0o755 == mode(elsewhere)
