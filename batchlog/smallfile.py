"""Files that are read as a whole: checkpoint, configuration, secrets, records of our own.

Where one of them should stand, anything may: opening a pipe waits for a writer that never comes,
opening a device may do something, and a sparse file is larger than any memory. So a file is looked
at before it is opened, again once it is open, and is read up to a bound (R121). What a library
opens by itself is looked at first.
"""

import os
import stat
from errno import EFBIG, EINVAL

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISLNK, "a link"),
)

MIB = 1 << 20

MOST_PEM = 64 * MIB
"""Bytes of certificates and keys: the CAs that all systems trust are less than one MiB."""

_CHUNK = 1 << 16


class NotUsable(OSError):  # noqa: N818 - a state, as in `errors`
    """Something that is no regular file, or a file that is too large; `strerror` says which."""


def read_small(path: str | os.PathLike[str], most: int, *, follow: bool = True) -> bytes:
    """Return the bytes of a regular file of at most `most` bytes.

    OSError where it cannot be opened, NotUsable where it is something else or larger. With
    `follow` unset a link at `path` itself is refused too.
    """
    look_at(path, most, follow=follow)
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    descriptor = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        judge(status, most)
        data = b""
        while len(data) <= most and (more := os.read(descriptor, max(_CHUNK, status.st_size + 1))):
            data += more
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise _too_large(most)
    return data


def look_at(path: str | os.PathLike[str], most: int, *, follow: bool = True) -> os.stat_result:
    """Return how a file looks that may be read; OSError and NotUsable as `read_small`."""
    status = os.stat(path, follow_symlinks=follow)
    judge(status, most)
    return status


def system_authorities() -> str | None:
    """Return the file of CAs that OpenSSL opens where none is given, None where it needs none.

    It is the one that SSL_CERT_FILE names; where that is not there, OpenSSL goes without.
    """
    path = os.environ.get("SSL_CERT_FILE")
    return path if path and os.path.exists(path) else None


def is_null_device(path: str | os.PathLike[str]) -> bool:
    """Tell whether `path` leads to /dev/null, which is a way to name an empty file."""
    try:
        status, null = os.stat(path), os.stat(os.devnull)
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == null.st_rdev


def kind_of(mode: int) -> str | None:
    """Return what stands in a file's place, in words; None where it is a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((words for is_one, words in _KINDS if is_one(mode)), "something else")


def judge(status: os.stat_result, most: int) -> None:
    """Raise NotUsable for what is no regular file, or is larger than `most` bytes."""
    kind = kind_of(status.st_mode)
    if kind is not None:
        raise NotUsable(EINVAL, f"Is {kind}, not a regular file")
    if status.st_size > most:
        raise _too_large(most)


def _too_large(most: int) -> NotUsable:
    size = f"{most // MIB} MiB" if most >= MIB else f"{most // 1024} KiB"
    return NotUsable(EFBIG, f"Larger than {size}, the most that is read")
