"""Writing what survives a loss of power: whole files, directories, and what to say where it fails.

Everything is readable by others whatever the umask: promtool and Prometheus run as other users.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from batchlog.errors import SinkUnreachable

FILE_MODE, DIRECTORY_MODE = 0o644, 0o755


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
    """Make a directory that others can read, if it is not there yet."""
    if not os.path.isdir(path):
        os.makedirs(path, mode=DIRECTORY_MODE)
        os.chmod(path, DIRECTORY_MODE)


def write_through(path: str, data: bytes) -> None:
    """Write a file, to the disk itself."""
    with open(path, "wb") as file:
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
    os.rename(path + ".new", path)
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Bring the names in a directory to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
