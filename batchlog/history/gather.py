"""What is added to each series at which time, out of the journal: of one day, or above ceilings.

Rows are kept as plain numbers, a tenth of what Python objects take.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from batchlog.history.journal import Journal
from batchlog.history.seam import Ceiling
from batchlog.history.series import DAY, plus
from batchlog.state.totals import Labels
from batchlog.tally import Row

Ceilings = Mapping[tuple[str, Labels], Ceiling]
"""By source and series; only of those that have lines above them."""


class Clamped(NamedTuple):
    """The lines above ceilings."""

    rows: dict[Labels, dict[int, Row]]
    """What is added to a series at its ceilings."""
    lines: int
    """How many lines that are."""
    left_out: int
    """Lines that are added nowhere."""


class Added:
    """What is added to one series in one day: rows of `length`, in any order."""

    __slots__ = ("_length", "_numbers")

    def __init__(self, length: int) -> None:
        self._length = length
        self._numbers = array("q")

    def add(self, time: int, row: Sequence[int]) -> None:
        """Take a row; a shorter one has no durations."""
        self._numbers.append(time)
        self._numbers.extend(row)
        if len(row) < self._length:
            self._numbers.extend([0] * (self._length - len(row)))

    def by_time(self, clamped: Mapping[int, Row]) -> dict[int, Row]:
        """Return what is added at which time, together with the clamped lines of this day."""
        found = {time: padded(row, self._length) for time, row in clamped.items()}
        numbers, width = self._numbers, self._length + 1
        for at in range(0, len(numbers), width):
            time, row = numbers[at], numbers[at + 1 : at + width].tolist()
            found[time] = plus(found[time], row) if time in found else row
        return found


def padded(row: Row, length: int) -> Row:
    """Return the row with zeros for what it lacks."""
    return row + [0] * (length - len(row))


def day(
    journal: Journal, number: int, ceilings: Ceilings, lengths: Mapping[Labels, int]
) -> dict[Labels, Added]:
    """Return what the lines of a day add, but for those above ceilings.

    `lengths` says how long the rows of each series are.
    """
    found: dict[Labels, Added] = {}
    for labels, top, time, row in _rows(journal, number, ceilings):
        if top is not None and time > top.time:
            continue
        if labels not in found:
            found[labels] = Added(lengths[labels])
        found[labels].add(time, row)
    return found


def above(journal: Journal, ceilings: Ceilings) -> Clamped:
    """Add up all lines above ceilings: most often those of the last days only."""
    rows: dict[Labels, dict[int, Row]] = {}
    lines = left_out = 0
    begin = min((top.time // DAY for top in ceilings.values()), default=None)
    for number in journal.days:
        if begin is None or number < begin:
            continue
        for labels, top, time, row in _rows(journal, number, ceilings):
            if top is None or time <= top.time:
                continue
            if not top.clamps:
                left_out += row[0]
                continue
            lines += row[0]
            at = rows.setdefault(labels, {})
            length = max(len(row), len(at.get(top.time, ())))
            at[top.time] = plus(padded(at.get(top.time, []), length), padded(row, length))
    return Clamped(rows, lines, left_out)


def _rows(
    journal: Journal, number: int, ceilings: Ceilings
) -> Iterator[tuple[Labels, Ceiling | None, int, Row]]:
    """Yield labels, their ceiling, time and row of each row of a day."""
    for source, table, rows in journal.rows(number):
        tops = {place: ceilings.get((source, labels)) for place, labels in enumerate(table)}
        for place, time, row in rows:
            yield table[place], tops[place], time, row
