"""Writing what survives a loss of power: whole files, directories, and what to say where it fails.

What is for promtool and Prometheus is readable by others whatever the umask: they run as other
users. What is for later runs of ours alone (journal, lock) is not.
What is written is new: no link that lies in the way leads a write elsewhere.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from batchlog.errors import SinkUnreachable
from batchlog.failpoints import reach
from batchlog.state.directory import PRIVATE, sync_directory

FILE_MODE, DIRECTORY_MODE = 0o644, 0o755

MOST = 1 << 30
"""Bytes of one of our own records; that of a history names every file that was read."""

_BUFFER = 1 << 20


@contextmanager
def writing(directory: str) -> Iterator[None]:
    """Turn what goes wrong with files below `directory` into one line."""
    try:
        yield
    except OSError as error:
        raise SinkUnreachable(
            f"history cannot be written in {directory}: {error.strerror}; see its permissions and "
            "the space left there, and run again: it goes on where it was"
        ) from None


def make_directory(path: str) -> None:
    """Make a directory and those above it that are not there yet; others can read them."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above:
        make_directory(above)
    os.mkdir(path, DIRECTORY_MODE)
    _set_mode(path, DIRECTORY_MODE)


def make_below(directory: str, *names: str) -> str:
    """Make a directory for this user alone below `directory`, and return its path.

    One that is there is closed to others. No link is followed.
    """
    path = directory
    for name in names:
        path = os.path.join(path, name)
        with suppress(FileExistsError):
            os.mkdir(path, PRIVATE)
        _set_mode(path, PRIVATE)
    return path


def _set_mode(path: str, mode: int) -> None:
    """Set the mode of a directory; NotADirectoryError for a link, wherever it may lead."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def is_own_directory(path: str) -> bool:
    """Tell whether a directory is there, and no link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def create(path: str) -> BinaryIO:
    """Open a file that is new: what was there by its name goes, and a link is not followed."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return open(os.open(path, flags, FILE_MODE), "wb", buffering=_BUFFER)


def write_through(path: str, data: bytes) -> None:
    """Write a new file, to the disk itself."""
    with create(path) as file:
        file.write(data)
        settle(file)


def settle(file: BinaryIO) -> None:
    """Bring an open file to the disk itself, readable by others."""
    file.flush()
    os.fchmod(file.fileno(), FILE_MODE)
    os.fsync(file.fileno())


def replace(path: str, data: bytes) -> None:
    """Replace a file as a whole."""
    write_through(path + ".new", data)
    reach("files.written")
    os.rename(path + ".new", path)
    reach("files.renamed")
    sync_directory(os.path.dirname(path))
