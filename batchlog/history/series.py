"""From counted lines to the samples of a series, a day at a time. Values only.

A sample stands at the end of its slot and holds the lines stamped before it. A series begins with
a 0 one step before its first lines' sample, has then a sample every step up to the last line of
its log (of the last one, where several share it), and ends as `seam` says. When all that is can be
told before any row is read, from the first and last line of each series in each source.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from batchlog.history.seam import Ceiling, Seams, ceiling, labelled, zero
from batchlog.labels import OTHER
from batchlog.openmetrics import Run
from batchlog.state.totals import Labels
from batchlog.tally import Row

DAY = 86_400
"""Seconds of a day of UTC."""


class Names:
    """Which labels a line's series has; beyond `limit` label sets the open ones become `other`.

    Label sets are admitted in the order of the calls, and within one call in sorted order: so it
    is no matter who counted the lines, as long as the calls come in the order of the plan.
    """

    def __init__(self, by: tuple[str, ...], labels: Mapping[str, str], limit: int) -> None:
        self._by = by
        self._labels = labels
        self._limit = limit
        self._known: dict[Labels, Labels] = {}

    def admit(self, labels: Labels) -> Labels:
        """Take labels as known, and return them: the same object each time."""
        return self._known.setdefault(labels, labels)

    def resolve(
        self,
        values: Iterable[tuple[str, ...]],
        static: Mapping[str, str],
        open_names: Collection[str],
    ) -> dict[tuple[str, ...], tuple[Labels, bool]]:
        """Return the labels for each tuple of a tally's values, and whether the limit changed them.

        `static` labels are on all of these lines.
        """
        found = {}
        for one in sorted(values):
            named = {**dict(zip(self._by, one, strict=True)), **static}
            labels = labelled(named, self._labels)
            if labels not in self._known and len(self._known) >= self._limit:
                named = {k: OTHER if k in open_names else v for k, v in named.items()}
            final = self.admit(labelled(named, self._labels))
            found[one] = (final, final != labels)
        return found


class Extent(NamedTuple):
    """Where the lines of one series in one source lie."""

    first: int
    """Time of the sample that holds the first of them."""
    last: int
    """The same of the last."""
    timed: bool
    """Whether they carry durations."""

    def plus(self, other: "Extent") -> "Extent":
        """Return what covers both."""
        return Extent(
            min(self.first, other.first), max(self.last, other.last), self.timed or other.timed
        )


class Course(NamedTuple):
    """When a series has samples, all of it."""

    labels: Labels
    timed: bool
    start: int
    """Time of the 0 before the first lines."""
    first: int
    """Time of the first sample with lines."""
    end: int
    """Up to here there is a sample every step."""
    clamped: tuple[int, ...]
    """Times to which lines were clamped, ascending; they need not lie on the grid of steps."""
    last: int
    """Time of the last sample with lines."""
    zero: int | None
    """Time of the 0 after it."""

    def spans(self, begin: int, end: int) -> bool:
        """Tell whether it has samples in [begin, end), a span no shorter than a step."""
        return (self.start < end and begin <= self.last) or (
            self.zero is not None and begin <= self.zero < end
        )

    def bounds(self, begin: int, end: int, step: int) -> tuple[int, int]:
        """Return the times of the first and the last sample in [begin, end), which it `spans`."""
        grid = range(_grid(max(begin, self.first), step), min(end, self.end + 1), step)
        found = [self.start, *self.clamped, *grid[:1], *grid[-1:]]
        found += [] if self.zero is None else [self.zero]
        here = [time for time in found if begin <= time < end]
        return min(here), max(here)

    def times(self, step: int) -> int:
        """Return at how many times it has a sample."""
        aside = sum(at % step != 0 for at in self.clamped)
        grid = self.end // step + -self.first // step + 1
        return 1 + grid + aside + (self.zero is not None)


def limits(
    extents: Mapping[tuple[str, Labels], Extent], seams: Seams
) -> dict[tuple[str, Labels], Ceiling]:
    """Return the ceiling of each series in each source that has lines above it."""
    found = {key: ceiling(seams, *key) for key in extents}
    return {key: top for key, top in found.items() if extents[key].last > top.time}


def courses(
    extents: Mapping[tuple[str, Labels], Extent], seams: Seams, step: int
) -> dict[Labels, Course]:
    """Return the course of each series that has any, sorted by labels."""
    ends: dict[str, int] = {}
    shared: dict[Labels, dict[str, Extent]] = {}
    for (source, labels), extent in extents.items():
        ends[source] = max(extent.last, ends.get(source, extent.last))
        shared.setdefault(labels, {})[source] = extent
    made = (_course(labels, shared[labels], ends, seams, step) for labels in sorted(shared))
    return {course.labels: course for course in made if course is not None}


def _course(
    labels: Labels,
    extents: Mapping[str, Extent],
    ends: Mapping[str, int],
    seams: Seams,
    step: int,
) -> Course | None:
    ceilings = {source: ceiling(seams, source, labels) for source in extents}
    kept = [
        source
        for source, extent in extents.items()
        if ceilings[source].clamps or extent.first <= ceilings[source].time
    ]
    if not kept:
        return None
    first = min(min(extents[source].first, ceilings[source].time) for source in kept)
    end = max(min(ends[source], ceilings[source].time) for source in kept)
    at = {
        top.time
        for source, top in ceilings.items()
        if top.clamps and top.time < extents[source].last
    }
    last = max(end // step * step, first, *at)
    return Course(
        labels,
        any(extents[source].timed for source in kept),
        first - step,
        first,
        end,
        tuple(sorted(at)),
        last,
        zero(seams, labels, kept, last),
    )


def runs(
    course: Course,
    step: int,
    span: tuple[int, int],
    added: Mapping[int, Sequence[int]],
    before: Sequence[int],
) -> Iterator[Run]:
    """Yield the samples of a series in a span of time, [begin, end).

    `added` is what is added at which time within the span, clamped lines at their ceiling;
    `before` is the sum of all before the span.
    """
    begin, end = span
    nothing = [0] * len(before)
    if begin <= course.start < end:
        yield Run((course.start,), nothing)
    at = _grid(max(begin, course.first), step)
    stop = min(end, course.end + 1)
    row = before
    for time in sorted(added):
        if at < time:
            yield Run(range(at, time, step), row)
        row = plus(row, added[time])
        at = _grid(time, step)
        if at != time:
            yield Run((time,), row)
    if at < stop:
        yield Run(range(at, stop, step), row)
    if course.zero is not None and begin <= course.zero < end:
        yield Run((course.zero,), nothing)


def plus(one: Sequence[int], other: Sequence[int]) -> Row:
    """Return the sum of two rows of the same length."""
    return [a + b for a, b in zip(one, other, strict=True)]


def _grid(time: int, step: int) -> int:
    """Return the first time of the grid that is not before `time`."""
    return -(-time // step) * step
