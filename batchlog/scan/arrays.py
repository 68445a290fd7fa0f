"""Arrays over the bytes of a chunk: eight at a time, for every line at once. Nothing of formats.

Positions are `int64` offsets into the chunk. Words are its bytes read as little-endian 64-bit
numbers from any position, so whoever asks for one keeps eight bytes away from both ends.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
_Words = NDArray[np.uint64]

WORD = 8
DIGITS = 2 * WORD
"""Most digits of a number that is read."""

_U = np.uint64
_EACH = _U(0x0101010101010101)
_HIGH = _U(0x8080808080808080)
_ZEROS = _U(0x3030303030303030)
_ABOVE_NINE = _U(0x7676767676767676)
_FEW = 300
"""Positions below which a loop is quicker than arrays."""
_EXACT = 1 << 53
"""A float holds every integer up to this."""


class Chunk:
    """The bytes of some lines, and where the words of eight begin."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bytes = np.frombuffer(data, np.uint8)
        count = max(0, len(data) - WORD + 1)
        self._words: _Words = np.ndarray((count,), "<u8", data, strides=(1,))

    def word(self, at: Positions) -> _Words:
        """Return the eight bytes from each position on."""
        found: _Words = self._words[at]
        return found

    def holds(self, at: Positions, text: bytes) -> Flags:
        """Tell at which positions a text stands; none of them may be too near the end for it."""
        found = np.ones(len(at), np.bool_)
        for i in range(0, len(text), WORD):
            part = text[i : i + WORD]
            if len(part) == 1:
                found &= self.bytes[at + i] == part[0]
                continue
            number = _U(int.from_bytes(part, "little"))
            mask = _U((1 << 8 * len(part)) - 1)
            found &= (self.word(at + i) & mask) == number
        return found

    def find(self, at: Positions, text: bytes, before: Positions) -> Positions:
        """Return where `text` first stands whole at or after each position, else `before`.

        It is looked for in the bytes before `before` alone.
        """
        if len(at) < _FEW:
            pairs = zip(at.tolist(), before.tolist(), strict=True)
            places = (self.data.find(text, begin, end) for begin, end in pairs)
            found = np.fromiter(places, np.int64, len(at))
            return np.where(found < 0, before, found)
        found = at.copy()
        active = np.arange(len(at))
        place, end = at, before
        pattern = _EACH * _U(text[0])
        while len(active):
            unlike = self.word(np.minimum(place, end)) ^ pattern
            zeros = (unlike - _EACH) & ~unlike & _HIGH  # its lowest bit is surely right
            hit = zeros != 0
            step = np.bitwise_count((zeros & (~zeros + _U(1))) - _U(1)) >> 3
            place = place + np.where(hit, step, WORD)
            hit &= place < end
            if len(text) > 1:
                whole = self.holds(np.minimum(place, end), text)
                place = place + (hit & ~whole)
                hit &= whole
            over = place + len(text) > end
            done = hit | over
            found[active[done]] = np.where(over[done], end[done], place[done])
            left = ~done
            active, place, end = active[left], place[left], end[left]
        return found


class Column(NamedTuple):
    """A text of each line."""

    chunk: Chunk
    begin: Positions
    end: Positions

    @property
    def length(self) -> Integers:
        """Return how many bytes each text has."""
        return self.end - self.begin

    def numbers(self) -> tuple[Integers, Flags]:
        """Return the numbers that the texts are, and tell which are any."""
        return numbers(self.chunk, self.begin, self.end)


def numbers(chunk: Chunk, begin: Positions, end: Positions) -> tuple[Integers, Flags]:
    """Read decimal numbers, and tell which there are: one to `DIGITS` digits and nothing else."""
    length = end - begin
    low, fine = _number(chunk.word(end - WORD), np.minimum(length, WORD))
    fine &= (length >= 1) & (length <= DIGITS)
    long = np.flatnonzero(length > WORD)
    value = low.astype(np.int64)
    if len(long):
        at = np.maximum(end[long] - DIGITS, 0)
        high, well = _number(chunk.word(at), np.minimum(length[long], DIGITS) - WORD)
        value[long] += high.astype(np.int64) * 10**WORD
        fine[long] &= well
    return value, fine


def _number(word: _Words, length: Integers) -> tuple[_Words, Flags]:
    """Read the last `length` bytes of each word, at least one, as digits."""
    shift = ((WORD - np.maximum(length, 1)) * 8).astype(np.uint64)
    digits = ((word ^ _ZEROS) >> shift) << shift
    fine: Flags = ((digits + _ABOVE_NINE) | digits) & _HIGH == 0
    pairs = digits * _U(10) + (digits >> _U(8))
    mask = _U(0x000000FF000000FF)
    fours = (pairs & mask) * _U(0x000F424000000064)
    fours += ((pairs >> _U(16)) & mask) * _U(0x0000271000000001)
    return fours >> _U(32), fine


def sums(key: Integers, values: Integers, size: int) -> Integers:
    """Add up the values of each key from 0 to `size`, exactly: as objects if 64 bits may not do."""
    most = int(values.max(initial=0))
    if most * len(values) < _EXACT:
        return np.bincount(key, values, size).astype(np.int64)
    high, low = values >> 26, values & ((1 << 26) - 1)
    high, low = (
        np.bincount(key, part, size).astype(np.int64).astype(object) for part in (high, low)
    )
    found: Integers = (high << 26) + low
    return found


def dense(codes: Integers, size: int) -> tuple[Integers, Integers]:
    """Return a number for each distinct code, all of them below `size`, and the code of each."""
    used = np.flatnonzero(np.bincount(codes, minlength=size))
    if len(used) == 1:
        return np.zeros(len(codes), np.int64), used
    numbered = np.zeros(size, np.int64)
    numbered[used] = np.arange(len(used))
    return numbered[codes], used
