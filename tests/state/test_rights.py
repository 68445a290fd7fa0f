"""Whose rights work on state has, and that they are given back (R126)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchlog.errors import CheckpointError, Stop
from batchlog.state.rights import all_have_numbers, inside, ourselves
from batchlog.state.store import Store
from tests.users import SERVICE, STRANGER, demand_root, public_directory


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a home of a service with a state directory in it, and one of root's beside the home."""
    demand_root()
    with public_directory() as place:
        for name, uid in (("home", SERVICE), ("home/state", SERVICE), ("root", 0)):
            (place / name).mkdir(mode=0o755)
            os.chown(place / name, uid, uid)
        yield place / "home"


def test_root_works_as_the_owner_and_is_root_again(home: Path) -> None:
    before = ourselves()
    with inside(str(home / "state")) as base:
        assert (SERVICE, SERVICE, [SERVICE]) == (os.geteuid(), os.getegid(), os.getgroups())
        assert 0 == os.getuid()  # no signal and no tracer of the owner's
        Path(base, "made").touch()
    assert before == ourselves()
    assert SERVICE == (home / "state" / "made").stat().st_uid


def test_root_is_root_again_after_an_error(home: Path) -> None:
    before = ourselves()
    with pytest.raises(PermissionError), inside(str(home / "state")):
        Path("/root-only").touch()
    assert before == ourselves()


def test_root_is_itself_in_a_directory_of_its_own(home: Path) -> None:
    with inside(str(home.parent / "root")):
        assert 0 == os.geteuid()


def test_who_may_lead_the_way_elsewhere_leads_root_to_no_directory_of_others(home: Path) -> None:
    """The way was judged for the owner; then it leads to a directory of root, or of a stranger."""
    state, root = home / "state", home.parent / "root"
    state.rename(home / "away")
    state.symlink_to(root)
    for uid in (0, STRANGER):
        os.chown(root, uid, uid)
        with pytest.raises(OSError, match="another user"), inside(str(state), SERVICE):
            pass


def test_a_way_that_leads_elsewhere_from_the_first_is_refused(home: Path) -> None:
    state, root = home / "state", home.parent / "root"
    state.rename(home / "away")
    state.symlink_to(root)
    store = Store(str(state / "checkpoint.json"))
    with pytest.raises(CheckpointError, match="another user"), store.lock(0, Stop()):
        pass
    assert [] == os.listdir(root)


@pytest.mark.parametrize(
    ("table", "known"),
    [
        ("         0          0 4294967295\n", True),
        ("         0       1000          1\n", False),
        ("         0     100000      65536\n", False),
        ("         0          0       1000\n      1000       1001 4294966295\n", False),
        ("", False),
    ],
)
def test_a_user_namespace_knows_some_users_only(tmp_path: Path, table: str, known: bool) -> None:
    (tmp_path / "uid_map").write_text(table)
    assert known is all_have_numbers(str(tmp_path / "uid_map"))
    assert not all_have_numbers(str(tmp_path / "none"))
