"""What only a mount shows: each test has a mount namespace of its own, which ends with it."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.cli.program import Program, fails
from tests.servers import binary
from tests.users import SERVICE, demand_root

APART = ("unshare", "--map-root-user", "--mount")


@cache
def can_mount() -> bool:
    """Return whether this user may have a mount namespace; containers often forbid it."""
    if shutil.which(APART[0]) is None:
        return False
    words = [*APART, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.fixture(autouse=True)
def _mounts() -> None:
    if not can_mount():
        pytest.skip("no mount namespace may be made here")


def mounted(words: str, *places: Path | str) -> list[str]:
    """Return words to put before a command: it sees `mount WORDS` of those places, alone."""
    names = " ".join(f'"${{{number}}}"' for number in range(1, len(places) + 1))
    script = f'mount {words} {names} && shift {len(places)} && exec "$@"'
    return [*APART, "sh", "-c", script, "sh", *map(str, places)]


def test_r16_a_bind_mount_of_the_logs_is_counted_once_with_a_warning(program: Program) -> None:
    program.log(10)
    mirror = program.root / "mirror"
    mirror.mkdir()
    before = mounted("--bind", program.access.parent, mirror)
    words = (program.access, mirror / "access.log")
    done = program.push(*words, before=before)
    assert 0 == done.exit, done.err
    assert 10 == program.requests()
    assert f"WARNING {mirror / 'access.log'}" in done.err
    program.site.append(range(10, 15))
    assert 0 == program.push(*words, before=before).exit
    assert 15 == program.requests()


@pytest.mark.parametrize(("options", "is_warned"), [("copytruncate", True), ("create", False)])
def test_r25_check_warns_of_a_log_that_logrotate_copies_and_truncates(
    program: Program, options: str, *, is_warned: bool
) -> None:
    binary("logrotate")
    program.log(3)
    configuration = program.root / "logrotate.conf"
    configuration.write_text(f"{program.access} {{\n daily\n {options}\n}}\n")
    before = mounted("--bind", configuration, "/etc/logrotate.conf")
    done = program("check", "--textfile", program.textfile, program.access, before=before)
    assert 0 == done.exit, done.out
    said = f"WARN  {program.access}: /etc/logrotate.conf says copytruncate"
    assert is_warned == (said in done.out)


def test_r66_a_first_run_warns_of_a_state_directory_in_memory(program: Program) -> None:
    program.log(3)
    state = program.checkpoint.parent
    state.mkdir(mode=0o700)
    done = program.push(program.access, before=mounted("-t tmpfs -o mode=0700 none", state))
    assert 0 == done.exit, done.err
    assert f"WARNING the state directory {state}" in done.err


def test_a_read_only_disk_is_told_as_one_and_not_as_anothers(program: Program) -> None:
    program.log(3)
    state = program.checkpoint.parent
    state.mkdir(mode=0o700)
    done = program.push(program.access, before=mounted("-t tmpfs -o ro,mode=0700 none", state))
    fails(done, 74, "Read-only file system; mount it for writing")
    assert "owner" not in done.err


def test_a_full_disk_is_told_as_one(program: Program) -> None:
    program.log(3)
    state = program.checkpoint.parent
    state.mkdir(mode=0o700)
    full = "-t tmpfs -o size=4k,nr_inodes=2,mode=0700 none"
    done = program.push(program.access, before=mounted(full, state))
    assert 74 == done.exit
    assert "No space left on device; make room there" in done.err
    assert "owner" not in done.err


def test_owners_without_a_number_are_a_warning_in_a_user_namespace(program: Program) -> None:
    """Everything but root's is nobody's there: the directories above, and perhaps the state."""
    demand_root()
    program.log(3)
    state = program.checkpoint.parent
    state.mkdir(mode=0o700)
    program.root.chmod(0o755)
    os.chown(program.root, SERVICE, SERVICE)
    textfile = program.site.logs / "batchlog.prom"  # in a directory of root's
    words = ("push", "--textfile", textfile, program.access)
    done = program(*words, before=["unshare", "--map-root-user"])
    assert 0 == done.exit, done.err
    assert "no number here" in done.err
    assert {0} == {path.stat().st_uid for path in state.iterdir()}
