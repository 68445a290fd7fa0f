"""An open file as a content: its decompressed bytes, wherever they are asked for.

The file is looked at when it is opened and read up to that size only, so that a run is bounded
(R52). A rename under the reader changes nothing: the descriptor stays (R3).
"""

import errno
import os
import stat
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from batchlog import codecs
from batchlog.errors import LogError
from batchlog.segments.cursor import ArchiveCursor, Block, PlainCursor
from batchlog.segments.identity import HEADS, Likeness, Mark, compare
from batchlog.segments.known import Sight

BEGINNING = 1 << 16
"""Bytes that are kept of a content's beginning: for its heads, its format and its first stamp."""


class UnknownForm(LogError):  # noqa: N818 - a state of a file, as in `errors`
    """A file that is neither text nor in a compression that batchlog reads (R45)."""

    def __init__(self, sight: Sight) -> None:
        super().__init__(
            f"{sight.path} is not text and in no compression that batchlog reads "
            "(gzip, bzip2, xz, zstd): nothing of it is counted"
        )
        self.sight = sight


class OpenFile:
    """A regular file, open for reading; a context manager that closes it."""

    def __init__(self, descriptor: int, sight: Sight) -> None:
        self._descriptor = descriptor
        self.sight = sight
        self._cursor: PlainCursor | ArchiveCursor
        if sight.form == "plain":
            self._cursor = PlainCursor(sight.size, self.pread)
        else:
            self._cursor = ArchiveCursor(sight.form, sight.size, self.pread)
        self.start, self.beginning = _beginning(self._cursor, self._hole())
        self._cursor.rest()

    def _hole(self) -> int:
        """Return the length of the hole at the beginning, which need not be read (R27)."""
        try:
            return os.lseek(self._descriptor, 0, os.SEEK_DATA) if self.plain else 0
        except OSError:  # ENXIO: nothing but a hole; else the file system knows no holes
            return 0

    @property
    def plain(self) -> bool:
        """Whether it is not compressed."""
        return self.sight.form == "plain"

    @property
    def empty(self) -> bool:
        """Whether it holds nothing but NULs, or nothing that can be decoded yet."""
        return not self.beginning

    def span(self, begin: int, end: int) -> bytes | None:
        """Return the bytes from `begin` to `end`, or None where the content ends before `end`."""
        last = self.start + len(self.beginning)
        if self.start <= begin and end <= last:
            return self.beginning[begin - self.start : end - self.start]
        return self._cursor.span(begin, end)

    def blocks(self, offset: int) -> Iterator[Block]:
        """Yield the bytes from `offset` on, to the size at opening.

        Raises `codecs.Truncated` or `codecs.Corrupt` after the last byte that can be decoded.
        """
        return self._cursor.blocks(offset)

    def pread(self, length: int, offset: int) -> bytes:
        """Return bytes as they lie on disk, none beyond the size at opening.

        LogError where the disk does not give them: that is not the same as their not being there.
        """
        if self._descriptor < 0:
            self._descriptor = self._reopened()
        try:
            return os.pread(self._descriptor, min(length, self.sight.size - offset), offset)
        except OSError as error:
            raise LogError(f"cannot read {self.sight.path}: {error.strerror}") from None

    def rest(self) -> None:
        """Hold neither descriptor nor more than the heads until it is asked for more."""
        self.close()
        self.beginning = self.beginning[: HEADS[-1]]

    def _reopened(self) -> int:
        moved = f"{self.sight.path} was moved while it was looked at: left for the next run"
        try:
            descriptor = _open(self.sight.path)
        except OSError:
            raise LogError(moved) from None
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) != self.sight.place:
            os.close(descriptor)
            raise LogError(moved)
        return descriptor

    def still_holds(self, mark: Mark) -> bool:
        """Look again: whether what was read up to `mark` still stands there (R31).

        A rename, a chmod or an unlink is no reason to doubt; a change without growth is.
        """
        if self._descriptor < 0:
            return True  # nothing was read since it was closed
        now = os.fstat(self._descriptor)
        if now.st_size <= self.sight.size and (now.st_mtime_ns, now.st_size) != (
            self.sight.mtime,
            self.sight.size,
        ):
            return False
        if not self.plain or mark.offset == mark.start:
            return True
        return compare(mark, _Afresh(self, mark.start)) is Likeness.SAME

    def close(self) -> None:
        """Close the descriptor; a file that is read again is opened again."""
        self._cursor.rest()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Afresh:
    """A plain file's content, every span read anew from the file."""

    def __init__(self, file: OpenFile, start: int) -> None:
        self._file = file
        self.start = start

    def span(self, begin: int, end: int) -> bytes | None:
        data = self._file.pread(end - begin, begin)
        return data if len(data) == end - begin else None


def open_file(path: str) -> OpenFile:
    """Open a file for reading.

    Raises FileNotFoundError where it is gone by now, UnknownForm where batchlog cannot read what
    is in it, and LogError where it cannot be read at all or is no regular file (R20).
    """
    try:
        descriptor = _open(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LogError(f"cannot read {path}: {error.strerror}") from None
    try:
        return OpenFile(descriptor, _sight(descriptor, path))
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            raise LogError(f"cannot read {path}: {error.strerror}") from None
        raise


def _sight(descriptor: int, path: str) -> Sight:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise LogError(f"{path} is not a regular file")
    form = codecs.form_of(os.pread(descriptor, 512, 0))
    sight = Sight(
        path,
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        form or "unknown",
    )
    if form is None:
        raise UnknownForm(sight)
    return sight


def _open(path: str) -> int:
    """Open without blocking on a pipe in the log's place, and once more on a stale handle."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ESTALE:  # NFS: the name leads to another file by now (R69)
            raise
        return os.open(path, flags)


def _beginning(cursor: PlainCursor | ArchiveCursor, hole: int) -> tuple[int, bytes]:
    """Return where the first byte stands that is not NUL, and up to `BEGINNING` bytes from there.

    The bytes before `hole` are known to be NUL.
    """
    start, beginning = hole, b""
    try:
        for block in cursor.blocks(hole):
            beginning += block.data
            stripped = beginning.lstrip(b"\0")
            start += len(beginning) - len(stripped)
            beginning = stripped
            if len(beginning) >= BEGINNING:
                break
    except (codecs.Truncated, codecs.Corrupt):
        pass
    return start, beginning[:BEGINNING]
