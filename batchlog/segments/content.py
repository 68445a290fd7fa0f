"""An open file as a content: its decompressed bytes, wherever they are asked for.

The file is looked at when it is opened and read up to that size only, so that a run is bounded
(R52). A rename under the reader changes nothing: the descriptor stays (R3). Whether it lies on
this host or behind a URL is its source's affair.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Self

from batchlog import codecs
from batchlog.errors import LogError, Stop
from batchlog.segments.beginning import beginning_of
from batchlog.segments.cursor import ArchiveCursor, Block, PlainCursor
from batchlog.segments.identity import HEADS, Likeness, Mark, compare, digest
from batchlog.segments.known import Sight
from batchlog.segments.remote import open_remote
from batchlog.segments.source import PAGE, Source, is_url, local, open_disk, shown

_RATIO = 8
"""About how many times larger a log is than its archive."""


class UnknownForm(LogError):  # noqa: N818 - a state of a file, as in `errors`
    """A file that is neither text nor in a compression that batchlog reads (R45)."""

    def __init__(self, sight: Sight) -> None:
        super().__init__(
            f"{shown(sight.path)} is not text and in no compression that batchlog reads "
            "(gzip, bzip2, xz, zstd): nothing of it is counted"
        )
        self.sight = sight


class OpenFile:
    """A regular file, open for reading; a context manager that closes it.

    `known` are marks that it may begin like, so that NULs before it need not be read again, and
    `patience` is how many of them are read of a plain file. Once a `stop` is asked for, what goes
    through it raises Interrupted.
    """

    def __init__(
        self,
        source: Source,
        sight: Sight,
        known: Iterable[Mark],
        patience: int,
        stop: Stop,
    ) -> None:
        self._source = source
        self._rests = False
        self.sight = sight
        self._cursor: PlainCursor | ArchiveCursor
        if self.plain:
            self._cursor = PlainCursor(sight.size, self.pread, source.hole, stop)
        else:
            read = (self.pread, source.hole)
            self._cursor = ArchiveCursor(sight.form, sight.size, *read, stop)
        begin = max((mark.start for mark in known if self._begins_like(mark)), default=0)
        found = beginning_of(self._cursor, begin, patience if self.plain else sys.maxsize)
        self.start, self.beginning, self.is_begun = found
        """`is_begun` is false where patience ended before the NULs; then `start` may be later."""
        self._cursor.rest()

    @property
    def plain(self) -> bool:
        """Whether it is not compressed."""
        return self.sight.form == "plain"

    @property
    def empty(self) -> bool:
        """Whether it holds nothing but NULs, or nothing that can be decoded yet."""
        return not self.beginning

    @property
    def position(self) -> int:
        """How far the file on disk was read: for an archive, a place among compressed bytes."""
        return self._cursor.position

    def span(self, begin: int, end: int) -> bytes | None:
        """Return the bytes from `begin` to `end`, or None where the content ends before `end`."""
        last = self.start + len(self.beginning)
        if self.start <= begin and end <= last:
            return self.beginning[begin - self.start : end - self.start]
        data = self._cursor.span(begin, end)
        if self._rests:
            self._source.close()
        return data

    def blocks(self, offset: int) -> Iterator[Block]:
        """Yield the bytes from `offset` on, to the size at opening.

        Raises `codecs.Truncated` or `codecs.Corrupt` after the last byte that can be decoded.
        """
        self._rests = False
        return self._cursor.blocks(offset)

    def expected(self, offset: int) -> int:
        """Return about how many bytes there are from `offset` on."""
        size = self.sight.size if self.plain else _RATIO * self.sight.size
        return max(0, size - offset)

    def first_bytes(self, length: int) -> bytes:
        """Return so many bytes from `start` on, fewer where no more can be had."""
        taken = bytearray()
        with suppress(codecs.Truncated, codecs.Corrupt):
            for block in self.blocks(self.start):
                taken += block.data or bytes(min(block.nuls, length))
                if len(taken) >= length:
                    break
        return bytes(taken[:length])

    def passed(self, offset: int) -> int:
        """Return where the hole ends that lies at `offset`; `offset` where there is none."""
        begin, end = self._source.hole(offset, offset + 1)
        return end if begin == offset else offset

    def _begins_like(self, mark: Mark) -> bool:
        """Tell whether as many NULs are before it as before a mark, by two pages and the head.

        Who does not append writes behind the NULs that were there, or anew from the first byte.
        """
        if not self.plain or not PAGE <= mark.start <= self.sight.size:
            return False
        blank = all(self.pread(PAGE, at) == bytes(PAGE) for at in (0, mark.start - PAGE))
        heads = [digest(self.pread(HEADS[0], mark.start))] if mark.heads else []
        return blank and heads == list(mark.heads[:1])

    def pread(self, length: int, offset: int) -> bytes:
        """Return bytes as they lie on disk, none beyond the size at opening.

        LogError where the disk does not give them: that is not the same as their not being there.
        """
        return self._source.pread(min(length, self.sight.size - offset), offset)

    def rest(self) -> None:
        """Hold neither descriptor nor more than the heads until it is asked for more."""
        self.close()
        self.beginning = self.beginning[: HEADS[-1]]

    def still_holds(self, mark: Mark) -> bool:
        """Look again: whether what was read up to `mark` still stands there (R31).

        A rename, a chmod or an unlink is no reason to doubt; a change without growth is.
        """
        now = self._source.look()
        if now is None:
            return True  # nothing was read since it was closed
        unchanged = (now.size, now.mtime) == (self.sight.size, self.sight.mtime)
        if now.place != self.sight.place or (now.size <= self.sight.size and not unchanged):
            return False
        if unchanged and now.certain:
            return True
        if not self.plain or mark.offset == mark.start:
            return True
        return compare(mark, _Afresh(self, mark.start)) is Likeness.SAME

    def close(self) -> None:
        """Close it; a file that is read again is opened again, and for a span for that moment."""
        self._rests = True
        self._cursor.rest()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class _Afresh:
    """A plain file's content, every span read anew from the file."""

    def __init__(self, file: OpenFile, start: int) -> None:
        self._file = file
        self.start = start

    def span(self, begin: int, end: int) -> bytes | None:
        data = self._file.pread(end - begin, begin)
        return data if len(data) == end - begin else None


def open_file(
    path: str,
    known: Iterable[Mark] = (),
    patience: int = sys.maxsize,
    stop: Stop | None = None,
) -> OpenFile:
    """Open a file for reading, by its path or by a URL that fsspec reads (see `OpenFile`).

    Raises FileNotFoundError where it is gone by now, UnknownForm where batchlog cannot read what
    is in it, and LogError where it cannot be read at all or is no regular file (R20). Of a URL:
    ConfigError where what it needs is not installed. Interrupted where a `stop` is asked for and a
    few files have been opened since.
    """
    stop = Stop() if stop is None else stop
    stop.one_more()
    path = local(path)
    source: Source = open_remote(path, stop) if is_url(path) else open_disk(path)
    try:
        return OpenFile(source, _sight(source, path), known, patience, stop)
    except BaseException as error:
        source.close()
        if isinstance(error, OSError):
            raise LogError(f"cannot read {shown(path)}: {error.strerror}") from None
        raise


def _sight(source: Source, path: str) -> Sight:
    look = source.look()
    assert look is not None  # it is open  # noqa: S101
    form = codecs.form_of(source.pread(512, 0))
    sight = Sight(path, *look.place, look.size, look.mtime, form or "unknown")
    if form is None:
        raise UnknownForm(sight)
    return sight
