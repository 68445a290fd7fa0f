"""Lock files: one holder at a time, gone with its process, never replaced.

A lock is flock(2) on a file of its own. Whoever can open that file can hold it, and then nobody
else can work: so it is a regular file that only its owner can open.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from batchlog.errors import Stop
from batchlog.smallfile import judge

MODE = 0o600

_POLL = 0.05
"""Seconds between two tries to get the lock."""


class Held(NamedTuple):
    """A lock file that is open, and the directory it was opened in."""

    name: str
    descriptor: int
    directory: tuple[int, int]
    """Device and inode."""

    def is_in_place(self, directory: str) -> bool:
        """Tell whether the same file stands in the same directory."""
        try:
            at_name = _place(os.lstat(os.path.join(directory, self.name)))
            around = _place(os.stat(directory))
        except OSError:
            return False
        return around == self.directory and at_name == _place(os.fstat(self.descriptor))


def _place(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def hold(directory: str, name: str) -> Held:
    """Open a lock file to hold it; OSError as `open_lock`."""
    descriptor = open_lock(os.path.join(directory, name))
    return Held(name, descriptor, _place(os.stat(directory)))


def open_lock(path: str) -> int:
    """Open a lock file, made where it is not there; OSError where that cannot be done.

    NotUsable where something else has its name. What others could open is theirs no more.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    with suppress(FileNotFoundError):
        _judge(os.lstat(path))
    descriptor = os.open(path, flags, MODE)
    try:
        status = os.fstat(descriptor)
        _judge(status)
        if stat.S_IMODE(status.st_mode) & ~MODE and status.st_nlink == 1:  # else it is also another
            _close_to_others(descriptor, status)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _judge(status: os.stat_result) -> None:
    judge(status, status.st_size)


def _close_to_others(descriptor: int, status: os.stat_result) -> None:
    """Take the rights of others away; on a volume of a group another of that group has made it."""
    try:
        os.fchmod(descriptor, MODE)
    except PermissionError:
        if status.st_mode & stat.S_IRWXO:
            raise


def acquire(
    descriptor: int,
    wait: float,
    stop: Stop | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Lock, and return None; where another holds it, the seconds that were waited.

    Tries for `wait` seconds, and ends at once when asked to stop. OSError where the file system
    has no locks.
    """
    waited = 0.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited >= wait or stop:
                return waited
            sleep(_POLL)
            waited += _POLL
        else:
            return None
