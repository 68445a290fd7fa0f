"""The compiled scanner: lines.c counts lines by the words in them, and rows what it is not sure of.

It counts what rows count; it is only faster.
"""

import ctypes

from batchlog.scan.count import by_goes
from batchlog.scan.left import joined
from batchlog.scan.line_groups import LineGroups
from batchlog.scan.rows import Rows
from batchlog.scan.shape import Shape
from batchlog.scan.timed import TimedRows
from batchlog.tally import UNTIMED, Tally


class Compiled:
    """Scans lines of a text format that has a shape; `rows` scans those it is not sure of."""

    apart = True

    def __init__(self, found: ctypes.CDLL, rows: Rows, shape: Shape) -> None:
        self.context = rows.context
        self._rows = rows
        self._groups = LineGroups(found, rows.wanted, shape)

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        return by_goes(self._some, data, begin, end)

    def _some(self, data: bytes, begin: int, end: int) -> tuple[Tally, int]:
        found = self._groups.count(data, begin, end)
        if found is None:
            return self._rows.scan(data, begin, end), end
        tally = Tally()
        for group in found.groups:
            tally.add((UNTIMED, group.labels), group.row)
        tally.merge(self._rows.scan(b"".join(data[one.begin : one.end] for one in found.others)))
        tally.newest = self._rows.newest(data, begin, found.end) if tally.rows else None
        return tally, found.end


class TimedCompiled:
    """The same by time; `rows` keep the last stamp from one chunk to the next."""

    apart = False

    def __init__(self, found: ctypes.CDLL, rows: TimedRows, shape: Shape) -> None:
        self.context = rows.context
        self._rows = rows
        self._slot = rows.timing.slot
        self._groups = LineGroups(found, rows.wanted, shape, rows.timing)

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        return by_goes(self._some, data, begin, end)

    def _some(self, data: bytes, begin: int, end: int) -> tuple[Tally, int]:
        if self._rows.before is None:
            return self._rows.first(data, begin, end)
        found = self._groups.count(data, begin, end)
        if found is None:
            return self._rows.scan(data, begin, end), end
        tally = Tally()
        newest: tuple[int, int | None] = (-1, None)
        for group in found.groups:
            slot = self._slot(group.stamp)
            if slot == UNTIMED:
                tally.skipped += group.row[0]
                continue
            tally.add((slot, group.labels), group.row)
            newest = max(newest, (group.last, group.stamp))
        befores = {other.begin: other.before for other in found.others}
        runs = joined((other.begin, other.end) for other in found.others)
        for at, stop in runs:
            if befores[at] is not None:
                self._rows.before = befores[at]
            part = self._rows.scan(data, at, stop)
            newest = newest if part.newest is None else max(newest, (at, part.newest))
            tally.merge(part)
        if not runs or runs[-1][0] < found.last:
            self._rows.before = found.stamp
        tally.newest = newest[1]
        return tally, found.end
