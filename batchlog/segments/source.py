"""Where the bytes of an open file come from: a descriptor of this host, or what a URL names.

A source gives bytes as they lie there and says how the file looks now. What they mean, and which
of them are read, is `content`'s affair. What a URL names is in `remote`.
"""

import errno
import os
import re
import stat
from typing import NamedTuple, Protocol

from batchlog.errors import LogError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::.*)?://")
_HERE = ("file://", "local://")
_SECRETS = (
    # user:password@, where the password may hold anything but a space; token@
    (re.compile(r"(?<=://)(?:\S*:\S*|[^/?#\s]*)@"), "***@"),
    (re.compile(r"([?&#;][^=&/\s]+=)[^&\s'\"]+"), r"\1***"),  # ?X-Amz-Signature=…, #token=…
)


HOLE = 1 << 20
"""Bytes from which on a hole of a sparse file is passed over unread."""

PAGE = 4096
"""Bytes at both ends of a hole that are read: a file system may be wrong about what it lacks."""

_BLOCK = 512
"""Bytes of a block as `st_blocks` counts them, whatever the file system."""


class Look(NamedTuple):
    """How a file looks at one moment."""

    place: tuple[int, int]
    """Device and inode; of a URL, 0 and a hash of it and of its version."""
    size: int
    mtime: int
    """Nanoseconds since 1970, 0 where it is not known."""
    certain: bool = False
    """Whether two equal looks mean that no byte has changed in between."""


class Source(Protocol):
    """An open file."""

    def pread(self, length: int, offset: int) -> bytes:
        """Return bytes as they lie there; LogError where they cannot be had.

        A source that was closed is opened again, if the file is still the same.
        """

    def hole(self, offset: int, end: int) -> tuple[int, int]:
        """Return the first hole that begins from `offset` to `end`: where it begins and ends.

        It has `HOLE` bytes at least. Where there is none, or none is known of: `end`, twice.
        """

    def look(self) -> Look | None:
        """Look again; None where it is closed."""

    def close(self) -> None:
        """Hold nothing until it is read again."""


class Disk:
    """A regular file on this host."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._place = _look(descriptor).place

    def pread(self, length: int, offset: int) -> bytes:
        """Return bytes as they lie on disk."""
        try:
            return os.pread(self._open(), length, offset)
        except OSError as error:
            raise LogError(f"cannot read {self._path}: {error.strerror}") from None

    def _open(self) -> int:
        if self._descriptor < 0:
            self._descriptor = self._reopened()
        return self._descriptor

    def _reopened(self) -> int:
        moved = f"{self._path} was moved while it was looked at: left for the next run"
        try:
            descriptor = _open(self._path)
        except FileNotFoundError:
            raise LogError(moved) from None
        except OSError as error:
            raise LogError(f"cannot read {self._path}: {error.strerror}") from None
        if _look(descriptor).place != self._place:
            os.close(descriptor)
            raise LogError(moved)
        return descriptor

    def hole(self, offset: int, end: int) -> tuple[int, int]:
        """Ask the file system, of a file that has so much less on disk than it is long (R111)."""
        status = os.fstat(self._open())
        size = status.st_size
        if size - status.st_blocks * _BLOCK < HOLE:
            return end, end
        while (begin := self._seek(offset, os.SEEK_HOLE, size)) < end:
            offset = self._seek(begin, os.SEEK_DATA, size)
            if offset <= begin:  # a file system that does not know its own holes
                break
            if offset - begin >= HOLE and self._is_blank(begin) and self._is_blank(offset - PAGE):
                return begin, offset
        return end, end

    def _seek(self, offset: int, whence: int, size: int) -> int:
        """Return where the next hole or data begins, `size` where there is none."""
        try:
            return os.lseek(self._descriptor, offset, whence)
        except OSError as error:  # else EINVAL: the system knows no holes
            return size if error.errno == errno.ENXIO or whence == os.SEEK_HOLE else offset

    def _is_blank(self, offset: int) -> bool:
        return self.pread(PAGE, offset) == bytes(PAGE)

    def look(self) -> Look | None:
        """Look at the open file; a rename or an unlink changes nothing (R3)."""
        return None if self._descriptor < 0 else _look(self._descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def open_disk(path: str) -> Disk:
    """Open a file of this host.

    Raises FileNotFoundError where it is gone by now, and LogError where it cannot be opened or is
    no regular file (R20).
    """
    try:
        descriptor = _open(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise LogError(f"{path} is not a regular file")
    return Disk(path, descriptor)


def is_url(path: str) -> bool:
    """Return whether `path` names a file by a URL, chained ones (`zip://…::s3://…`) too."""
    return _URL.match(path) is not None


def local(path: str) -> str:
    """Return the path that a `file://` URL stands for; any other is returned as it is."""
    return next((path.removeprefix(scheme) for scheme in _HERE if path.startswith(scheme)), path)


def shown(path: str) -> str:
    """Return a path or URL, or a text that names one, without its passwords and keys.

    What may be one is taken for one: all up to the last `@` where a colon stands before it.
    """
    for secret, mask in _SECRETS if "://" in path else ():
        path = secret.sub(mask, path)
    return path


def _look(descriptor: int) -> Look:
    status = os.fstat(descriptor)
    return Look((status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns)


def _open(path: str) -> int:
    """Open without blocking on a pipe in the log's place, and once more on a stale handle."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ESTALE:  # NFS: the name leads to another file by now (R69)
            raise
        return os.open(path, flags)
