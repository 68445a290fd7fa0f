"""Positions in an open file: the bytes of a plain one as they lie, of an archive decompressed.

An archive has a window that moves forward; to go back it starts over. Memory is bounded by the
span that is asked for and one block. Holes of sparse files are not read (R111). Whoever goes
through many blocks, or waits for an archive to come to a place, hears a stop: Interrupted (R113).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from batchlog import codecs
from batchlog.errors import Interrupted, Stop

BLOCK = 1 << 22
"""Bytes asked of the system at a time: with half of it threads that scan wait for the interpreter a
sixth longer, with twice of it they take more memory and no less time."""

Pread = Callable[[int, int], bytes]
"""From a length and an offset to the bytes on disk, none beyond the size at opening."""

Hole = Callable[[int, int], tuple[int, int]]
"""From two places to the first hole that begins between them (see `source.Source`)."""

_LAST = 4096
"""Bytes of a hole that an archive's decoder is shown: that there are NULs, and not how many."""


_LITTLE, _LITTLE_PACKED = 1 << 26, 1 << 22
"""Bytes of a plain file, and of an archive, that are gone through although a stop is asked for: it
takes less than a second, and what is begun is done."""


class Block(NamedTuple):
    """Some bytes of a content."""

    data: bytes
    verified: int
    """Everything before this offset lies in members whose checksum was seen to be right."""
    nuls: int = 0
    """Length of a hole that was not read; there are no data in such a block."""


def _hear(stop: Stop, passed: int, little: int) -> None:
    """Raise Interrupted where a stop is asked for and more than a little was gone through."""
    if passed > little and stop:
        raise Interrupted("interrupted while a file was looked at: the same command goes on")


class PlainCursor:
    """Bytes as they lie on disk."""

    def __init__(self, size: int, pread: Pread, hole: Hole, stop: Stop) -> None:
        self._stop = stop
        self._size = size
        self._pread = pread
        self._hole = hole
        self.position = 0  # after the last block

    def rest(self) -> None:
        """Hold nothing between two calls."""
        self.position = 0

    def span(self, begin: int, end: int) -> bytes | None:
        """Return the bytes from `begin` to `end`, or None where the file ends before `end`."""
        if end > self._size:
            return None
        data = self._pread(end - begin, begin) if begin < end else b""
        return data if len(data) == end - begin else None

    def blocks(self, offset: int) -> Iterator[Block]:
        """Yield the bytes from `offset` on."""
        first = offset
        while offset < self._size:
            _hear(self._stop, offset - first, _LITTLE)
            begin, end = self._hole(offset, min(offset + BLOCK, self._size))
            if begin == offset:
                end = min(end, self._size)
                nuls, offset = end - offset, end
                self.position = offset
                yield Block(b"", offset, nuls)
                continue
            data = self._pread(begin - offset, offset)
            if not data:
                return
            offset = self.position = offset + len(data)
            yield Block(data, offset)


class ArchiveCursor:
    """Bytes of a compressed file: a window that moves forward, and starts over to go back."""

    def __init__(self, form: str, size: int, pread: Pread, hole: Hole, stop: Stop) -> None:
        self._stop = stop
        self._form = form
        self._size = size
        self._pread = pread
        self._hole = hole
        self._rewind()

    def rest(self) -> None:
        """Let go of the decompressor: many archives may be open and few are read."""
        self._rewind()

    def _rewind(self) -> None:
        self._blocks = codecs.decode(self._form, self._read)
        self.position = 0  # in the compressed file
        self._begin = 0
        self._window = b""
        self._verified = 0
        self._ended = False
        self._fault: codecs.Truncated | codecs.Corrupt | None = None

    def _read(self, length: int) -> bytes:
        if self.position >= self._size:
            return b""
        begin, end = self._hole(self.position, self.position + 1)
        if begin == self.position:
            self.position = max(begin, min(end, self._size) - _LAST)
        data = self._pread(length, self.position)
        self.position += len(data)
        return data

    @property
    def _end(self) -> int:
        return self._begin + len(self._window)

    def _advance(self, keep: int) -> bool:
        """Take in one more block and forget what lies before `keep`; False at the end."""
        if self._ended:
            return False
        _hear(self._stop, self.position, _LITTLE_PACKED)
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
        """Return the bytes from `begin` to `end`, or None where the content ends before `end`."""
        if begin < self._begin:
            self._rewind()
        while self._end < end and self._advance(begin):
            pass
        if self._end < end:
            return None
        return self._window[begin - self._begin : end - self._begin]

    def blocks(self, offset: int) -> Iterator[Block]:
        """Yield the bytes from `offset` on; raise what is wrong with the archive at its end."""
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
