"""The state directory, or a lock in it, replaced under a run: noticed before a commit (R120)."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.errors import CheckpointError, Exit, Stop
from batchlog.job.lastrun import NAME, LastRun, write_last
from batchlog.metrics import RunStatus
from batchlog.state.store import Store
from tests.site import At, Site
from tests.state.states import full

FIRST = full()
SECOND = replace(FIRST, generation=8)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store whose directory is reached by a link."""
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to("real")
    made = Store(str(tmp_path / "state" / "checkpoint.json"))
    made.commit(FIRST)
    return made


def another_directory(store: Store) -> None:
    real = Path(store.directory).resolve()
    real.rename(real.with_name("away"))
    real.mkdir(mode=0o700)


def another_link(store: Store) -> None:
    link = Path(store.directory)
    (link.parent / "other").mkdir(mode=0o700)
    link.unlink()
    link.symlink_to("other")


def another_directory_with_the_lock(store: Store) -> None:
    another_directory(store)
    real = Path(store.directory).resolve()
    for name in ("checkpoint.json.lock", "checkpoint.json.backfill.lock"):
        if (real.with_name("away") / name).exists():
            os.rename(real.with_name("away") / name, real / name)


def another_lock(store: Store) -> None:
    for name in (".lock", ".backfill.lock"):
        if os.path.exists(store.path + name):
            os.unlink(store.path + name)
            Path(store.path + name).touch()


def no_lock(store: Store) -> None:
    for name in (".lock", ".backfill.lock"):
        Path(store.path + name).unlink(missing_ok=True)


def no_directory(store: Store) -> None:
    real = Path(store.directory).resolve()
    real.rename(real.with_name("away"))


each_way = pytest.mark.parametrize(
    "change",
    [
        another_directory,
        another_link,
        another_directory_with_the_lock,
        another_lock,
        no_lock,
        no_directory,
    ],
)


def _tree(store: Store) -> dict[str, bytes]:
    above = Path(store.directory).parent
    return {str(p): p.read_bytes() for p in sorted(above.rglob("*")) if p.is_file()}


@contextmanager
def _nothing_changes(store: Store) -> Iterator[None]:
    before = _tree(store)
    yield
    assert before == _tree(store)


@each_way
def test_r120_a_commit_is_refused_and_nothing_written(
    store: Store, change: Callable[[Store], None]
) -> None:
    with store.lock(0, Stop()):
        change(store)
        with _nothing_changes(store):
            with pytest.raises(CheckpointError, match="was replaced while this ran"):
                store.commit(SECOND)
            write_last(store, LastRun(RunStatus(1.0, None, 0, {})))


@each_way
def test_r120_between_two_commits_of_a_backfill_as_well(
    store: Store, change: Callable[[Store], None]
) -> None:
    with store.lock_backfill():
        with store.lock(0, Stop()):
            store.commit(SECOND)
        change(store)
        with (
            _nothing_changes(store),
            pytest.raises(CheckpointError, match="was replaced while this ran"),
            store.lock(0, Stop()),
        ):
            pass


def test_r120_what_is_written_to_the_directory_itself_is_no_replacement(store: Store) -> None:
    with store.lock_backfill(), store.lock(0, Stop()):
        Path(store.companion("note")).touch()
        os.utime(store.directory, (1, 1))
        store.commit(SECOND)
        store.commit(FIRST)
    assert FIRST == store.load()


def test_r120_a_run_ends_with_74_and_the_next_one_counts_each_line_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    directory = site.checkpoint.parent
    away = directory.with_name("away")

    def take_away(_: object) -> None:
        directory.rename(away)
        directory.mkdir(mode=0o700)

    stop = At(2, take_away)
    ran = site.run(stop=stop)
    assert stop.happened
    assert Exit.CHECKPOINT == ran.exit
    assert ran.said("was replaced while this ran")
    assert [] == os.listdir(directory)
    directory.rmdir()
    away.rename(directory)
    site.run()
    assert 15 == site.run().requests
    assert NAME in os.listdir(directory)
