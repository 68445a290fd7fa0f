"""Who may write in a directory: one run at a time, and only where nothing but ours is.

A file of ours, the mark, is written before anything else is: a directory that holds something and
no mark belongs to somebody, and is left alone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from batchlog.errors import Busy, ConfigError
from batchlog.history.files import is_own_directory, make_directory, writing
from batchlog.history.journal import NAME as WORK
from batchlog.state.lock import acquire, open_lock

LOCK = ".lock"


@contextmanager
def own_directory(path: str, mark: str) -> Iterator[None]:
    """Make a directory where it is not there, and hold its lock.

    ConfigError where `demand_own` says so, Busy where another run has the lock.
    """
    demand_own(path, mark)
    with writing(path):
        make_directory(path)
        lock = open_lock(os.path.join(path, LOCK))
    try:
        if acquire(lock, 0) is not None:
            raise Busy(f"another run writes history in {path}; wait for its end")
        yield
    finally:
        os.close(lock)


def demand_own(path: str, mark: str) -> None:
    """Raise ConfigError where a directory holds something, and not the file `mark`."""
    if os.path.lexists(path) and not os.path.isdir(path):
        raise ConfigError(f"{path} is not a directory; give another")
    with writing(path):
        names = set(os.listdir(path)) if os.path.isdir(path) else set()
    others = names - {LOCK, *_left_by_a_kill(path, mark)}
    if others and mark not in names:
        raise ConfigError(
            f"{path} holds other files ({min(others)!r}) and no history; give an empty directory"
        )
    work = os.path.join(path, WORK)
    if WORK in names and not is_own_directory(work):
        raise ConfigError(f"{work} is not a directory; remove it, or give another for the history")


def _left_by_a_kill(path: str, mark: str) -> set[str]:
    """Return what is left where a run was ended while it wrote the mark for the first time."""
    new = os.path.join(path, mark + ".new")
    return {mark + ".new"} if os.path.isfile(new) and not os.path.islink(new) else set()
