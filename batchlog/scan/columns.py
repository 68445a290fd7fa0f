"""The scanner for much text: what rows count line by line, counted in arrays.

Whatever line it is not sure of goes to rows, so it counts what they count; it is only faster. It
is imported where there is much to read, since NumPy takes a while.
"""

from threading import local
from typing import NamedTuple

import numpy as np

from batchlog.formats import Role, pattern
from batchlog.scan.arrays import Flags, Integers
from batchlog.scan.count import UNITS, Wanted, by_goes
from batchlog.scan.fields import Finder, Texts
from batchlog.scan.grouping import Measures, add
from batchlog.scan.instants import Instants
from batchlog.scan.left import LEFT, Patience, joined
from batchlog.scan.measures import constant, durations, reader, sizes
from batchlog.scan.memory import keep_freed
from batchlog.scan.rows import Rows
from batchlog.scan.shape import Shape
from batchlog.scan.timed import TimedRows
from batchlog.tally import Tally


class Columns:
    """Scans lines of a text format that has a shape; `rows` scans those it is not sure of."""

    apart = True

    def __init__(self, rows: Rows, shape: Shape) -> None:
        self.context = rows.context
        self._rows = rows
        self._shape = shape
        self._bounds = _bounds(rows.wanted)
        self._own = local()  # a measurer has buffers: each thread has one

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        return by_goes(self._some, data, begin, end)

    def _some(self, data: bytes, begin: int, end: int) -> tuple[Tally, int]:
        read = self._measurer().measure(data, begin, end)
        if read is None:
            return self._rows.scan(data, begin, end), end
        tally = Tally()
        add(tally, read.sure, self._bounds)
        rest = b"".join(data[at:stop] for at, stop in read.left)
        tally.merge(self._rows.scan(rest))
        tally.newest = self._rows.newest(data, begin, read.end) if tally.rows else None
        return tally, read.end

    def _measurer(self) -> "Measurer":
        found: Measurer | None = getattr(self._own, "measurer", None)
        if found is None:
            found = self._own.measurer = Measurer(self._rows.wanted, self._shape)
        return found


class TimedColumns:
    """The same by time; `rows` keep the last stamp from one chunk to the next."""

    apart = False

    def __init__(self, rows: TimedRows, shape: Shape) -> None:
        self.context = rows.context
        self._rows = rows
        self._timing = rows.timing
        self._measurer = Measurer(rows.wanted, shape, timed=True)
        self._bounds = _bounds(rows.wanted)

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        return by_goes(self._some, data, begin, end)

    def _some(self, data: bytes, begin: int, end: int) -> tuple[Tally, int]:
        if self._rows.before is None:
            return self._rows.first(data, begin, end)
        read = self._measurer.measure(data, begin, end)
        stamps = None if read is None else read.sure.stamps
        if read is None or stamps is None:
            return self._rows.scan(data, begin, end), end
        tally = Tally()
        newest = self._add(tally, read.sure, stamps)
        for at, stop in read.runs:
            before = int(np.searchsorted(read.sure.begins, at)) - 1
            if before >= 0:
                self._rows.before = int(stamps[before])
            found = self._rows.scan(data, at, stop)
            newest = max(newest, (at, found.newest)) if found.newest is not None else newest
            tally.merge(found)
        if not read.runs or read.runs[-1][0] < read.sure.begins[-1]:
            self._rows.before = int(stamps[-1])
        tally.newest = newest[1]
        return tally, read.end

    def _add(self, tally: Tally, lines: Measures, stamps: Integers) -> tuple[int, int | None]:
        """Add lines that are sure; return where the last one begins that counts, and its stamp."""
        since, until = self._timing.since, self._timing.until
        inside = np.ones(len(stamps), np.bool_)
        if since is not None:
            inside &= stamps >= since
        if until is not None:
            inside &= stamps < until
        if not inside.all():
            tally.skipped += int(len(inside) - np.count_nonzero(inside))
            lines, stamps = lines.only(inside), stamps[inside]
        if not len(stamps):
            return -1, None
        add(tally, lines, self._bounds, np.maximum(stamps // self._timing.step, 1))
        return int(lines.begins[-1]), int(stamps[-1])


def _bounds(wanted: Wanted) -> Integers | None:
    return np.array(wanted.bounds, np.int64) if wanted.form.has_duration else None


class Sorted(NamedTuple):
    """What a chunk holds: lines of which all is sure, and the rest."""

    sure: Measures
    left: list[tuple[int, int]]
    """Where each other line begins and ends."""
    end: int
    """Where the last of all these lines ends."""

    @property
    def runs(self) -> list[tuple[int, int]]:
        """Where others that follow each other begin and end."""
        return joined(self.left)


class Measurer:
    """Reads the wanted texts of one format's lines; it keeps hosts and minutes in mind."""

    def __init__(self, wanted: Wanted, shape: Shape, *, timed: bool = False) -> None:
        keep_freed()
        form, by = wanted.form, wanted.by
        stamp, duration = form.field(Role.STAMP), form.field(Role.DURATION)
        self._finder = Finder(shape)
        self._readers = [reader(label, form) for label in by]
        # A line counts by its status, whatever is asked for; and only with a host where one stands.
        self._others = [reader(label, form) for label in ("status", "vhost") if label not in by]
        self._unit = UNITS[duration.unit] if duration else 0
        self._instants = Instants(stamp.unit) if stamp and timed else None
        self._patience = Patience()

    def measure(self, data: bytes, begin: int, end: int) -> Sorted | None:
        """Read whole lines; None where so many are not sure that rows are quicker."""
        if self._patience.is_over or not data.endswith(b"\n", begin, end):
            return None
        return self._patience.after(self._sorted(self._finder.find(data, begin, end)))

    def _sorted(self, texts: Texts) -> Sorted | None:
        columns, count = texts.columns, len(texts.numbers)
        if not count:
            return None
        found = [
            read(columns[want]) if want in columns else constant(count)
            for want, read in [*self._readers, *self._others]
        ]
        size = sizes(columns[pattern.SIZE]) if pattern.SIZE in columns else constant(count)
        sure = [size.sure, *(label.sure for label in found)]
        begins = texts.begins[texts.numbers]
        lines = Measures(begins, found[: len(self._readers)], size.numbers)
        if pattern.DURATION in columns:
            duration, observed = durations(columns[pattern.DURATION], self._unit)
            lines = lines._replace(durations=duration.numbers, observed=observed)
            sure.append(duration.sure)
        if self._instants is not None:
            stamps = self._instants(columns[pattern.STAMP])
            lines = lines._replace(stamps=stamps.numbers)
            sure.append(stamps.sure)
        whole = np.logical_and.reduce([one for one in sure if one is not None])
        return self._left(texts, lines, whole)

    def _left(self, texts: Texts, lines: Measures, whole: Flags) -> Sorted | None:
        left = np.ones(len(texts.begins) - 1, np.bool_)
        left[texts.numbers[whole]] = False
        if np.count_nonzero(left) > LEFT * len(left):
            return None
        rest = np.flatnonzero(left)
        pairs = zip(texts.begins[rest].tolist(), texts.begins[rest + 1].tolist(), strict=True)
        sure = lines if whole.all() else lines.only(whole)
        return Sorted(sure, list(pairs), int(texts.begins[-1]))
