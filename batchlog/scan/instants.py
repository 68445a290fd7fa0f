"""Stamps of lines, for all lines at once: those of one minute are read once.

Only stamps of fixed length whose seconds stand at a fixed place; any other is for rows.
"""

from collections.abc import Callable

import numpy as np

from batchlog.formats import stamps
from batchlog.scan.arrays import WORD, Column
from batchlog.scan.measures import Measured
from batchlog.scan.shape import STAMPS

_LAST_SECOND = 60
"""A leap second."""
_MANY = 4096
"""Minutes that are kept in mind, as in `formats.stamps`."""


class Instants:
    """Reads the stamps of one pattern, which is one of `shape.STAMPS`."""

    def __init__(self, unit: str) -> None:
        self._read: Callable[[bytes], int | None] = stamps.reader(unit)
        self._length, self._at = STAMPS[unit]
        starts = [*range(0, self._length - WORD, WORD), self._length - WORD]
        self._masks = [(start, _without(start, self._at)) for start in starts]
        self._minutes: dict[bytes, int | None] = {}

    def __call__(self, text: Column) -> Measured:
        """Read stamps, in Unix seconds."""
        chunk, sure = text.chunk, text.length == self._length
        # Where it is not, anything will do that can be read: it may lie in the line before.
        begin = np.where(sure, text.begin, text.end - self._length)
        new = np.zeros(len(begin), np.bool_)
        new[:1] = True
        for start, mask in self._masks:
            word = chunk.word(begin + start) & mask
            new[1:] |= word[1:] != word[:-1]
        heads = begin[new].tolist()
        found = [self._minute(chunk.data[head : head + self._length]) for head in heads]
        run = np.cumsum(new) - 1
        minutes = np.array([0 if minute is None else minute for minute in found], np.int64)
        sure &= np.array([minute is not None for minute in found], np.bool_)[run]
        tens = chunk.bytes[begin + self._at].astype(np.int64) - ord("0")
        ones = chunk.bytes[begin + self._at + 1].astype(np.int64) - ord("0")
        second = tens * 10 + ones
        sure &= (tens >= 0) & (ones >= 0) & (ones <= 9) & (second <= _LAST_SECOND)  # noqa: PLR2004
        return Measured(minutes[run] + second, sure)

    def _minute(self, text: bytes) -> int | None:
        """Return when the minute of a stamp begins."""
        key = text[: self._at] + text[self._at + 2 :]
        if key not in self._minutes:
            if len(self._minutes) >= _MANY:
                self._minutes.clear()
            self._minutes[key] = self._read(text[: self._at] + b"00" + text[self._at + 2 :])
        return self._minutes[key]


def _without(start: int, second: int) -> np.uint64:
    """Return the mask of a word that begins at `start`, without the two digits of the second."""
    kept = [0 if start + i in (second, second + 1) else 0xFF for i in range(WORD)]
    return np.uint64(int.from_bytes(bytes(kept), "little"))
