"""The rows of a step in few bytes, by day: packets of plain numbers, found by an index.

A packet holds rows of one day and one length, each led by the number of its labels in the step's
table and the time of its sample. Numbers are of at most 63 bits; a row with larger ones is split
into several, as rows of equal labels and time add up.
"""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from batchlog.history.series import DAY, Extent
from batchlog.tally import PACK, Row

_LARGEST = (1 << 63) - 1
_decode = msgspec.msgpack.Decoder(list[int]).decode


class Packet(msgspec.Struct, frozen=True):
    """Where some rows are in the file."""

    day: int
    """Of the rows' samples, counted from 1970 in UTC."""
    length: int
    """Numbers in a row."""
    offset: int
    size: int


class Writer:
    """Writes rows to a file; what is in memory is bounded."""

    def __init__(self, file: BinaryIO, step: int) -> None:
        self._file = file
        self._step = step
        self._waiting: dict[tuple[int, int], list[int]] = {}
        self._rows = 0
        self.table: dict[tuple[str, ...], int] = {}
        """Label values to their number."""
        self.extents: list[Extent] = []
        """By that number, as are the lines."""
        self.lines: list[int] = []
        self.packets: list[Packet] = []

    def add(self, slot: int, values: tuple[str, ...], row: Row) -> None:
        """Take a row of a tally."""
        time = (slot + 1) * self._step
        number = self.table.setdefault(values, len(self.table))
        if number == len(self.lines):
            self.lines.append(row[0])
            self.extents.append(Extent(time, time, timed=len(row) > 2))  # noqa: PLR2004
        else:
            self.lines[number] += row[0]
            first, last, _ = self.extents[number]
            if not first <= time <= last:
                extent = Extent(min(first, time), max(last, time), timed=len(row) > 2)  # noqa: PLR2004
                self.extents[number] = self.extents[number].plus(extent)
        waiting = self._waiting.setdefault((time // DAY, len(row)), [])
        for part in _parts(row):
            waiting.append(number)
            waiting.append(time)
            waiting += part
            self._rows += 1
        if self._rows >= PACK:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        for (day, length), numbers in self._waiting.items():
            data = msgspec.msgpack.encode(numbers)
            self.packets.append(Packet(day, length, self._file.tell(), len(data)))
            self._file.write(data)
        self._waiting.clear()
        self._rows = 0


def _parts(row: Row) -> Iterator[Row]:
    while max(row) > _LARGEST:
        yield [min(number, _LARGEST) for number in row]
        row = [max(number - _LARGEST, 0) for number in row]
    yield row


def read(file: BinaryIO, packet: Packet) -> Iterator[tuple[int, int, list[int]]]:
    """Yield number of the labels, time, and row."""
    file.seek(packet.offset)
    numbers = _decode(file.read(packet.size))
    for at in range(0, len(numbers), packet.length + 2):
        yield numbers[at], numbers[at + 1], numbers[at + 2 : at + 2 + packet.length]
