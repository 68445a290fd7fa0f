"""The checkpoint on disk: atomic, durable, locked, and never replaced by a damaged one."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.errors import Busy, CheckpointError, Stop
from batchlog.state.checkpoint import State, encode
from batchlog.state.store import Store
from tests.servers import tracer
from tests.state.states import full

FIRST = full()
SECOND = replace(FIRST, generation=8)

COMMIT = """
import sys
from msgspec.structs import replace
from batchlog.state.store import Store
from tests.state.states import full
from tests.servers import tracer
Store(sys.argv[1]).commit(replace(full(), generation=8))
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(str(tmp_path / "state" / "checkpoint.json"))
    made.prepare()
    return made


def names(store: Store) -> list[str]:
    return sorted(os.listdir(store.directory))


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_what_is_committed_is_loaded(store: Store) -> None:
    store.commit(FIRST)
    assert FIRST == store.load()


def test_nothing_was_ever_committed(store: Store) -> None:
    assert store.load() is None
    assert [] == names(store)


def test_a_commit_keeps_the_generation_before_and_no_temporary_file(store: Store) -> None:
    store.commit(FIRST)
    store.commit(SECOND)
    assert SECOND == store.load()
    assert encode(FIRST) == Path(store.previous).read_bytes()
    assert ["checkpoint.json", "checkpoint.json.previous"] == names(store)


def test_the_directory_is_0700_and_files_0600_whatever_the_umask(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "a" / "state" / "checkpoint.json"))
    before = os.umask(0)
    try:
        with store.lock(0, Stop()):
            store.commit(FIRST)
            store.commit(SECOND)
    finally:
        os.umask(before)
    assert 0o700 == mode(store.directory)
    assert {0o600} == {mode(store.companion(name)) for name in names(store)}


def test_a_lock_that_others_could_open_is_closed_to_them(store: Store) -> None:
    for name in (".lock", ".backfill.lock"):
        Path(store.path + name).touch()
        os.chmod(store.path + name, 0o644)
    with store.lock_backfill(), store.lock(0, Stop()):
        assert [0o600, 0o600] == [mode(store.path + n) for n in (".lock", ".backfill.lock")]


def test_a_world_writable_directory_is_refused(store: Store) -> None:
    os.chmod(store.directory, 0o777)  # noqa: S103 - what is refused
    with pytest.raises(CheckpointError, match="everybody"), store.lock(0, Stop()):
        pass


def test_a_temporary_file_left_by_a_kill_is_written_over(store: Store) -> None:
    store.commit(FIRST)
    Path(store.path + ".new").write_bytes(b"half a checkp")
    Path(store.previous + ".new").write_bytes(b"x")
    store.commit(SECOND)
    assert SECOND == store.load()
    assert ["checkpoint.json", "checkpoint.json.previous"] == names(store)


def test_a_link_in_the_temporary_files_place_is_not_followed(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    os.symlink(victim, store.path + ".new")
    store.commit(FIRST)
    assert "mine" == victim.read_text()
    assert FIRST == store.load()


def test_a_pipe_in_the_temporary_files_place_does_not_hang(store: Store) -> None:
    os.mkfifo(store.path + ".new")
    store.commit(FIRST)
    assert FIRST == store.load()


# --- what must not be used ---------------------------------------------------------------------


def test_r63_missing_beside_its_previous_is_refused(store: Store) -> None:
    store.commit(FIRST)
    store.commit(SECOND)
    os.unlink(store.path)
    with pytest.raises(CheckpointError, match=r"missing.*\.previous.*reset"):
        store.load()
    assert store.load_usable() is None


@pytest.mark.parametrize("data", [b"", b"x", encode(FIRST)[:-9]])
def test_r63_damaged_is_refused_and_names_the_way_out(store: Store, data: bytes) -> None:
    store.commit(FIRST)
    store.commit(SECOND)
    Path(store.path).write_bytes(data)
    with pytest.raises(CheckpointError, match=r"\.previous.*copy it back.*reset"):
        store.load()


def test_damaged_without_a_previous_names_reset_only(store: Store) -> None:
    store.commit(FIRST)
    Path(store.path).write_bytes(b"")
    with pytest.raises(CheckpointError, match="reset") as caught:
        store.load()
    assert "copy it back" not in str(caught.value)


def test_set_aside_keeps_the_damaged_and_the_previous(store: Store) -> None:
    store.commit(FIRST)
    store.commit(SECOND)
    Path(store.path).write_bytes(b"damaged")
    assert store.path + ".damaged" == store.set_aside()
    store.commit(State("anew"))
    assert b"damaged" == Path(store.path + ".damaged").read_bytes()
    assert encode(FIRST) == Path(store.previous).read_bytes()


def test_set_aside_of_none_does_nothing(store: Store) -> None:
    assert store.set_aside() is None


def files(store: Store) -> list[str]:
    """Return the paths that a commit touches, the directory first."""
    return [store.directory, store.path, store.path + ".new", store.previous + ".new"]


# --- durable -----------------------------------------------------------------------------------


def calls(store: Store, tmp_path: Path) -> list[str]:
    """Return what a commit asks of the system, as `call(names of its files)`, from strace."""
    strace = tracer()
    said = tmp_path / "strace"
    traced = "trace=openat,write,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink"
    subprocess.run(
        [strace, "-f", "-y", "-o", said, "-e", traced, sys.executable, "-c", COMMIT, store.path],
        check=True,
        cwd=Path(__file__).parents[2],
        capture_output=True,
    )
    found = []
    for line in said.read_text().splitlines():
        call = re.match(r"\d+\s+(\w+)\((.*)\)\s+=\s+(\d+)", line)
        if call and store.directory in call[2] and not call[1].startswith(("openat", "unlink")):
            paths = re.findall(rf"{re.escape(store.directory)}(/[\w.]+)?", call[2])
            found.append(f"{call[1]} {' '.join(path.lstrip('/') or '.' for path in paths)}")
    return found


def test_r61_the_file_is_synced_before_the_rename_and_the_directory_after(
    store: Store, tmp_path: Path
) -> None:
    store.commit(FIRST)
    seen = [call for call in calls(store, tmp_path) if not call.startswith("write")]
    assert [
        "fsync checkpoint.json.new",
        "link checkpoint.json checkpoint.json.previous.new",
        "rename checkpoint.json.previous.new checkpoint.json.previous",
        "rename checkpoint.json.new checkpoint.json",
        "fsync .",
    ] == [call.replace("linkat", "link").replace("renameat2", "rename") for call in seen]


def test_r61_nothing_is_written_after_the_sync(store: Store, tmp_path: Path) -> None:
    store.commit(FIRST)
    seen = calls(store, tmp_path)
    last_write = max(i for i, call in enumerate(seen) if call == "write checkpoint.json.new")
    assert last_write < seen.index("fsync checkpoint.json.new")


def test_r60_the_checkpoint_is_whole_at_every_kill(store: Store) -> None:
    """Kill the commit at each of its calls, and find the old or the new state, never neither."""
    strace = tracer()
    points = [("fsync", 1), ("fsync", 2), ("rename", 1), ("rename", 2), ("link", 1)]
    for call, number in points:
        store.commit(FIRST)
        with_kill = f"inject={call}:signal=KILL:when={number}"
        done = subprocess.run(
            [
                *(strace, "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", with_kill),
                *(word for path in files(store) for word in ("-P", path)),
                *(sys.executable, "-c", COMMIT, store.path),
            ],
            check=False,
            cwd=Path(__file__).parents[2],
            capture_output=True,
        )
        assert -9 == done.returncode, (call, number)
        assert store.load() in (FIRST, SECOND), (call, number)
        store.commit(SECOND)
        assert SECOND == store.load()


@pytest.mark.parametrize("call", ["fsync", "write", "rename", "link"])
def test_r62_an_error_leaves_the_old_one_and_no_temporary_file(store: Store, call: str) -> None:
    strace = tracer()
    store.commit(FIRST)
    script = COMMIT.replace(
        "Store(sys", "from batchlog.errors import CheckpointError\ntry:\n  Store(sys"
    )
    script += "except CheckpointError as e:\n  print(e)\n"
    done = subprocess.run(
        [
            *(strace, "-f", "-o", "/dev/null", "-e", f"trace={call}"),
            *("-e", f"inject={call}:error=ENOSPC"),
            *(word for path in files(store)[1:] for word in ("-P", path)),
            *(sys.executable, "-c", script, store.path),
        ],
        check=False,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    if call == "link":  # a file system without hard links
        assert SECOND == store.load()
        assert encode(FIRST) == Path(store.previous).read_bytes()
    else:
        assert "No space left on device" in done.stdout, done.stderr
        assert FIRST == store.load()
        assert not os.path.exists(store.path + ".new")


# --- the lock ----------------------------------------------------------------------------------


def test_r67_a_second_one_is_busy_after_its_wait(store: Store) -> None:
    slept: list[float] = []
    with store.lock(0, Stop()):
        other = Store(store.path)
        with pytest.raises(Busy, match=r"\.lock.*--lock-wait"), other.lock(1, Stop(), slept.append):
            pass
    assert 1 == pytest.approx(sum(slept))
    with other.lock(0, Stop()):
        pass


def test_r67_the_lock_file_is_never_replaced(store: Store) -> None:
    inodes = set()
    for state in (FIRST, SECOND):
        with store.lock(0, Stop()):
            store.commit(state)
            inodes.add(os.stat(store.path + ".lock").st_ino)
    assert 1 == len(inodes)


def test_r68_a_lock_left_by_a_kill_is_free(store: Store) -> None:
    script = (
        "import os, sys\nfrom batchlog.errors import Stop\nfrom batchlog.state.store import Store\n"
        "with Store(sys.argv[1]).lock(0, Stop()):\n os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, store.path], check=False)
    assert -9 == done.returncode
    assert os.path.exists(store.path + ".lock")
    with store.lock(0, Stop()):
        pass


def test_r68_a_program_that_was_started_meanwhile_does_not_inherit_the_lock(store: Store) -> None:
    with store.lock(0, Stop()):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    try:
        with store.lock(0, Stop()):
            pass
    finally:
        child.communicate()


def test_a_stop_ends_the_waiting(store: Store) -> None:
    stop = Stop()
    other = Store(store.path)
    with (
        store.lock(0, Stop()),
        pytest.raises(Busy),
        other.lock(999, stop, lambda _: stop.set()),
    ):
        pass


def test_the_lock_is_free_after_an_error(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.lock(0, Stop()):
        raise ZeroDivisionError
    with store.lock(0, Stop()):
        pass


def test_a_link_in_the_lock_files_place_is_refused(store: Store, tmp_path: Path) -> None:
    os.symlink(tmp_path / "elsewhere", store.path + ".lock")
    with pytest.raises(CheckpointError), store.lock(0, Stop()):
        pass
    assert not (tmp_path / "elsewhere").exists()
