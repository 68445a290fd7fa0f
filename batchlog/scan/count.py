"""From raw texts of a line to labels, bytes, duration and outcome: one place for all scanners.

A scanner finds raw texts in lines, however its format holds them; a `Meter` says which it wants,
reads each distinct combination once, and adds it to a tally with the number of lines that had it.
A line counts when its status and bytes can be read; a label that cannot is `other`, a duration
that cannot is not observed.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import NamedTuple

import msgspec

from batchlog.formats import Format, Role, pattern, stamps
from batchlog.labels import OTHER, READERS
from batchlog.tally import UNTIMED, Row, Tally

LIMIT = 2**53
"""Largest bytes (R57), and duration in nanoseconds, that are believed: a float holds them."""

UNITS: Mapping[str, int] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000}
"""Nanoseconds of the units of a duration."""

_SOURCES = {"status_class": pattern.STATUS}
"""Labels that are read from the raw text of another."""
_SHORT = 16
"""Fewer digits than this are never above `LIMIT`."""
_MANY = 4096
"""Combinations of labels that are kept in mind: hosts are as many as clients care to invent."""

PART = 1 << 18
"""Bytes that rows take at a time: of lines of one byte each match is held as a hundred."""

Raw = tuple[bytes, ...]
"""Raw texts of a line, in an order agreed upon; the status is b"" where the line has none."""


class Timing(msgspec.Struct, frozen=True):
    """How lines are counted by their time; a line without one takes that of the line before it."""

    step: int
    """Seconds of a slot. The slot of a stamp is `stamp // step`, and at least 1."""
    since: int | None = None
    """Lines stamped before it, in Unix seconds, are skipped."""
    until: int | None = None
    """Lines stamped at it or after are skipped."""

    def slot(self, stamp: int) -> int:
        """Return the slot of a stamp; `UNTIMED` where it is out of bounds."""
        if self.since is not None and stamp < self.since:
            return UNTIMED
        if self.until is not None and stamp >= self.until:
            return UNTIMED
        return max(1, stamp // self.step)


Reading = tuple[tuple[str, ...], int, int | None]
"""What a line that counts says: labels, bytes, and the duration in nanoseconds or None."""


def wants(form: Format, by: tuple[str, ...]) -> frozenset[str]:
    """Return the raw texts that tallies by these labels need; a scanner finds those it can."""
    needed = sources(by) | {pattern.STATUS, pattern.SIZE}
    return needed | ({pattern.DURATION} if form.has_duration else set())


def sources(by: tuple[str, ...]) -> frozenset[str]:
    """Return the raw texts that labels are read from."""
    return frozenset(_SOURCES.get(name, name) for name in by)


class Wanted(NamedTuple):
    """What is counted of a log's lines."""

    form: Format
    by: tuple[str, ...]
    bounds: tuple[int, ...]
    """Upper bounds of the buckets of durations, in ascending nanoseconds, without infinity."""


def width(form: Format, bounds: tuple[int, ...]) -> int:
    """Return how many numbers a row has."""
    return 2 + (2 + len(bounds) if form.has_duration else 0)


class Labels:
    """Reads labels from raw texts, and keeps them in mind for the same texts."""

    def __init__(self, by: tuple[str, ...], order: tuple[str, ...]) -> None:
        """`order` names the texts of each `Raw`; labels of any other text are `other`."""
        places = {want: place for place, want in enumerate(order)}
        self._readers = [(places.get(_SOURCES.get(name, name)), READERS[name]) for name in by]
        needed = {place for place, _ in self._readers if place is not None}
        self._key: Callable[[Raw], object] = itemgetter(*needed) if needed else len
        self._known: dict[object, tuple[str, ...]] = {}

    def of(self, raw: Raw) -> tuple[str, ...]:
        """Return the labels of a line."""
        return self._known.get(self._key(raw)) or self._read(raw)

    def _read(self, raw: Raw) -> tuple[str, ...]:
        if len(self._known) >= _MANY:
            self._known.clear()
        found = tuple(OTHER if place is None else read(raw[place]) for place, read in self._readers)
        self._known[self._key(raw)] = found
        return found


class Meter:
    """Reads raw texts, and adds them up.

    `order` names the texts of each `Raw`, the status always among them; `bounds` are the upper
    bounds of buckets, in ascending nanoseconds and without infinity.
    """

    def __init__(
        self, form: Format, by: tuple[str, ...], bounds: tuple[int, ...], order: tuple[str, ...]
    ) -> None:
        places = {want: place for place, want in enumerate(order)}
        duration = form.field(Role.DURATION)
        self._status = places[pattern.STATUS]
        self._size = places.get(pattern.SIZE)
        self._duration = places.get(pattern.DURATION)
        self._unit = UNITS[duration.unit] if duration else 0
        self._bounds = bounds
        self._empty = [0] * width(form, bounds)
        self._labels = Labels(by, order)

    def read(self, raw: Raw) -> Reading | None:
        """Read the raw texts of one line; None where it does not count."""
        size = 0 if self._size is None else size_of(raw[self._size])
        if size is None or not raw[self._status]:
            return None
        found = self._labels.of(raw)
        if self._duration is None:
            return found, size, None
        return found, size, duration_of(raw[self._duration], self._unit)

    def add(self, raws: Iterable[tuple[Raw, int]], tally: Tally, slot: int = UNTIMED) -> None:
        """Read each of `raws`, and add it to the tally's slot with its number of lines."""
        rows: dict[tuple[str, ...], Row] = {}
        for raw, lines in raws:
            reading = self.read(raw)
            if reading is None:
                tally.malformed += lines
                continue
            found, size, duration = reading
            row = rows.get(found)
            if row is None:
                row = rows[found] = self._empty.copy()
            row[0] += lines
            row[1] += lines * size
            if duration is not None:
                row[2] += lines * duration
                row[3 + bisect_left(self._bounds, duration)] += lines
        for found, row in rows.items():
            tally.add((slot, found), row)


def parts(data: bytes, begin: int, end: int | None) -> Iterator[bytes]:
    """Yield the lines from `begin` to `end`, so many at a time, and a longer one alone."""
    end = len(data) if end is None else end
    while begin < end:
        most = begin + PART
        cut = end if most >= end else data.rfind(b"\n", begin, most) + 1
        cut = cut or data.find(b"\n", most, end) + 1 or end
        yield data[begin:cut]
        begin = cut


def by_parts(count: Callable[[bytes], Tally], data: bytes, begin: int, end: int | None) -> Tally:
    """Count the lines from `begin` to `end` by parts; the last one is given a newline."""
    tally = Tally()
    for lines in parts(data, begin, end):
        tally.merge(count(lines if lines.endswith(b"\n") else lines + b"\n"))
    return tally


Go = Callable[[bytes, int, int], tuple[Tally, int]]
"""Counts lines from one place to another, as many as it likes, and tells where they end."""


def by_goes(go: Go, data: bytes, begin: int, end: int | None) -> Tally:
    """Count the lines from `begin` to `end` in as many goes as it takes."""
    end = len(data) if end is None else end
    tally, at = go(data, begin, end)
    while at < end:
        more, at = go(data, at, end)
        tally.merge(more)
    return tally


def size_of(raw: bytes) -> int | None:
    """Return the bytes that a line says were sent; None where it does not count (R57)."""
    if raw.isdigit():
        return int(raw) if len(raw) < _SHORT else _long_size(raw.lstrip(b"0"))
    return 0 if raw in (b"-", b"") else None


def _long_size(digits: bytes) -> int | None:
    """Read many digits, which without a limit takes a time that is not linear."""
    size = int(digits or b"0") if len(digits) <= _SHORT else LIMIT + 1
    return size if size <= LIMIT else None


def duration_of(raw: bytes, unit: int) -> int | None:
    """Return a duration in nanoseconds, given those of its unit; None where it cannot be read."""
    whole, _, part = raw.partition(b".")
    if not whole.isdigit() or not (part or b"0").isdigit() or len(whole) > _SHORT:
        return None
    part = part[:9]
    duration = int(whole) * unit + int(part or b"0") * unit // 10 ** len(part)
    return duration if duration <= LIMIT else None


def stamper(form: Format) -> Callable[[bytes], int | None]:
    """Make what reads the stamp of a line, counted or not, in Unix seconds.

    It answers None where the line has none that can be read, or the format has none at all.
    """
    field, shape = form.field(Role.STAMP), pattern.stamped(form)
    if field is None or shape is None:
        return lambda _line: None
    read = stamps.reader(field.unit)

    def stamp(line: bytes) -> int | None:
        found = shape.match(line)
        return read(found[1]) if found else None

    return stamp
