"""An open file as a content: its decompressed bytes, wherever they are asked for.

The file is looked at when it is opened and read up to that size only, so that a run is bounded
(R52). A rename under the reader changes nothing: the descriptor stays (R3).
"""

import errno
import os
import stat
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple, Self

from batchlog import codecs
from batchlog.errors import LogError
from batchlog.segments.discover import File
from batchlog.segments.identity import Likeness, Mark, compare
from batchlog.segments.known import Sight

BLOCK = 1 << 20
"""Bytes asked of the system at a time."""

BEGINNING = 1 << 16
"""Bytes that are kept of a content's beginning: for its heads, its format and its first stamp."""


class Block(NamedTuple):
    """Some bytes of a content."""

    data: bytes
    verified: int
    """Everything before this offset lies in members whose checksum was seen to be right."""


class OpenFile:
    """A regular file, open for reading; a context manager that closes it."""

    def __init__(self, descriptor: int, sight: Sight) -> None:
        self._descriptor = descriptor
        self.sight = sight
        self._cursor = _Plain(self) if sight.form == "plain" else _Archive(self)
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
        try:
            return os.pread(self._descriptor, min(length, self.sight.size - offset), offset)
        except OSError as error:
            raise LogError(f"cannot read {self.sight.path}: {error.strerror}") from None

    def still_holds(self, mark: Mark) -> bool:
        """Look again: whether what was read up to `mark` still stands there (R31).

        A rename, a chmod or an unlink is no reason to doubt; a change without growth is.
        """
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
        """Close the descriptor, once."""
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


def open_file(file: File) -> OpenFile:
    """Open what discovery found.

    Raises FileNotFoundError where it is gone by now, and LogError where it cannot be read, is no
    regular file, or is in a form that batchlog does not read (R20, R45).
    """
    try:
        descriptor = _open(file.path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LogError(f"cannot read {file.path}: {error.strerror}") from None
    try:
        return OpenFile(descriptor, _sight(descriptor, file.path))
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            raise LogError(f"cannot read {file.path}: {error.strerror}") from None
        raise


def _sight(descriptor: int, path: str) -> Sight:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise LogError(f"{path} is not a regular file")
    form = codecs.form_of(os.pread(descriptor, 512, 0))
    if form is None:
        raise LogError(
            f"{path} is not text and in no compression that batchlog reads (gzip, bzip2, xz, zstd)"
        )
    return Sight(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, form)


def _open(path: str) -> int:
    """Open without blocking on a pipe in the log's place, and once more on a stale handle."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ESTALE:  # NFS: the name leads to another file by now (R69)
            raise
        return os.open(path, flags)


class _Plain:
    """Bytes as they lie on disk."""

    def rest(self) -> None:
        """Hold nothing between two calls."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file

    def span(self, begin: int, end: int) -> bytes | None:
        data = self._file.pread(end - begin, begin) if begin < self._file.sight.size else b""
        return data if len(data) == end - begin else None

    def blocks(self, offset: int) -> Iterator[Block]:
        while offset < self._file.sight.size:
            data = self._file.pread(BLOCK, offset)
            if not data:
                return
            offset += len(data)
            yield Block(data, offset)


class _Archive:
    """Bytes of a compressed file: a window that moves forward, and starts over to go back."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._rewind()

    def rest(self) -> None:
        """Let go of the decompressor: many archives may be open and few are read."""
        self._rewind()

    def _rewind(self) -> None:
        self._blocks = codecs.decode(self._file.sight.form, self._read)
        self._position = 0  # in the compressed file
        self._begin = 0
        self._window = b""
        self._verified = 0
        self._ended = False
        self._fault: codecs.Truncated | codecs.Corrupt | None = None

    def _read(self, length: int) -> bytes:
        left = self._file.sight.size - self._position
        data = self._file.pread(length, self._position) if left > 0 else b""
        self._position += len(data)
        return data

    @property
    def _end(self) -> int:
        return self._begin + len(self._window)

    def _advance(self, keep: int) -> bool:
        """Take in one more block and forget what lies before `keep`; False at the end."""
        if self._ended:
            return False
        try:
            data, verified = next(self._blocks)
        except StopIteration:
            self._ended = True
            return False
        except (codecs.Truncated, codecs.Corrupt) as fault:
            self._ended, self._fault = True, fault
            return False
        forget = max(0, min(keep - self._begin, len(self._window)))
        self._window = self._window[forget:] + data
        self._begin += forget
        if verified:
            self._verified = self._end
        return True

    def span(self, begin: int, end: int) -> bytes | None:
        if begin < self._begin:
            self._rewind()
        while self._end < end and self._advance(begin):
            pass
        if self._end < end:
            return None
        return self._window[begin - self._begin : end - self._begin]

    def blocks(self, offset: int) -> Iterator[Block]:
        if offset < self._begin:
            self._rewind()
        while self._end <= offset and self._advance(offset):
            pass
        yield Block(self._window[max(0, offset - self._begin) :], self._verified)
        offset = max(offset, self._end)
        while self._advance(self._end):
            yield Block(self._window, self._verified)
        if self._fault is not None:
            raise self._fault


def _beginning(cursor: _Plain | _Archive, hole: int) -> tuple[int, bytes]:
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
