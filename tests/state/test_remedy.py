"""What is said where state cannot be read or written: the next step, which differs by the error."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EIO, EMFILE, ENOSPC, EPERM, EROFS, ETXTBSY
from pathlib import Path

import pytest

from batchlog.errors import CheckpointError, Stop
from batchlog.smallfile import NotUsable
from batchlog.state.remedy import remedy
from batchlog.state.store import Store
from tests.state.states import full


@pytest.mark.parametrize(
    ("error", "step"),
    [
        (PermissionError(EACCES, ""), "run as its owner"),
        (PermissionError(EPERM, ""), "run as its owner (root works there as that one"),
        (OSError(EROFS, ""), "mount it for writing"),
        (OSError(EMFILE, ""), "limit of open files"),
        (OSError(ENOSPC, ""), "make room"),
        (OSError(EDQUOT, ""), "make room"),
        (OSError(EIO, ""), "dmesg"),
        (NotUsable(EACCES, ""), "move it away"),
        (OSError(ETXTBSY, ""), "give another with --checkpoint FILE"),
        (OSError("of no number"), "give another with --checkpoint FILE"),
    ],
)
def test_the_next_step_is_that_of_the_error(error: OSError, step: str) -> None:
    assert step in remedy(error)
    assert ("owner" in step) is ("owner" in remedy(error))


@contextmanager
def _no_more_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_too_many_open_files_are_told_as_that_by_all_that_opens_one(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "state" / "checkpoint.json"))
    store.prepare()
    store.commit(full())

    def lock() -> None:
        with store.lock(0, Stop()):
            pass

    for work in (store.load, lock, lambda: store.commit(full())):
        with (
            _no_more_files(),
            pytest.raises(CheckpointError, match="Too many open files; raise the limit"),
        ):
            work()
    lock()
    assert full() == store.load()
