"""The running totals: series that only grow, whoever adds to them in whatever order.

Static labels, the limit of series and the seeds of zeros are applied here, when a tally is
merged, never in a scanner. Integers only. No files, no clock.
"""

from collections.abc import Iterable, Mapping, Sequence

from batchlog.labels import OTHER, SEED_CLASSES, SEED_STATUSES
from batchlog.state.checkpoint import Series
from batchlog.tally import Row, Tally

Labels = tuple[tuple[str, str], ...]

BACKFILL: Mapping[str, str] = {"backfill": "1"}
"""The label of series that a backfill adds up, so that living ones do not jump."""

_SEEDS: dict[tuple[str, ...], Sequence[str]] = {
    ("status",): SEED_STATUSES,
    ("status_class",): SEED_CLASSES,
}


class Totals:
    """Series by their labels, ready to be added to.

    `by` names the labels that tallies carry, in their order; `limit` is the number of series with
    a count above which open labels become `other`; `now` is when new series are created.
    """

    def __init__(
        self, series: Iterable[Series], by: tuple[str, ...], limit: int, now: float
    ) -> None:
        self._series = {one.labels: one for one in series}
        self._nonzero = sum(one.requests > 0 for one in self._series.values())
        self._by = by
        self._limit = limit
        self._now = int(now)
        self.overflow = 0
        """Lines put into `other` because the limit was reached."""

    def seed(self, static: Mapping[str, str]) -> None:
        """Add a 0 for each usual status, so that `increase()` sees its first request (R96)."""
        for value in _SEEDS.get(self._by, ()):
            labels = _labels({self._by[0]: value, **static})
            if labels not in self._series and len(self._series) < self._limit:
                self._series[labels] = Series(labels, 0, 0, self._now)

    def add(self, tally: Tally, static: Mapping[str, str], open_names: frozenset[str]) -> None:
        """Add a tally whose lines all carry `static`; `open_names` are labels without bounds.

        It is added in the order of its values: which of them are let through, where they are too
        many, depends on the lines alone, not on how they were scanned.
        """
        for (_, values), row in sorted(tally.all_rows()):
            named = {**dict(zip(self._by, values, strict=True)), **static}
            labels = _labels(named)
            if self._is_over(labels):
                named = {k: OTHER if k in open_names else v for k, v in named.items()}
                labels = _labels(named)
                self.overflow += row[0]
            old = self._series.get(labels) or Series(labels, 0, 0, self._now)
            self._nonzero += old.requests == 0
            self._series[labels] = _plus(old, row)

    def _is_over(self, labels: Labels) -> bool:
        known = self._series.get(labels)
        return (known is None or not known.requests) and self._nonzero >= self._limit

    def freeze(self) -> tuple[Series, ...]:
        """Return the series sorted by labels."""
        return tuple(self._series[labels] for labels in sorted(self._series))


def is_backfilled(series: Series) -> bool:
    """Tell whether a series is one that backfills add up."""
    return BACKFILL.items() <= dict(series.labels).items()


def joined(one: Iterable[Series], other: Iterable[Series]) -> tuple[Series, ...]:
    """Return two sets of series as one, sorted by labels."""
    return tuple(sorted([*one, *other], key=lambda series: series.labels))


def without_durations(series: Iterable[Series]) -> tuple[Series, ...]:
    """Return the series with their histograms begun anew: the buckets have changed."""
    return tuple(Series(one.labels, one.requests, one.bytes, one.created) for one in series)


def fallen(old: Iterable[Series], new: Iterable[Series]) -> list[str]:
    """Return the series of `old` that `new` lacks or holds less of: there must never be any."""
    later = {one.labels: one for one in new}
    return [
        str(dict(one.labels))
        for one in old
        if one.labels not in later or _is_less(later[one.labels], one)
    ]


def _is_less(later: Series, one: Series) -> bool:
    return (
        later.requests < one.requests
        or later.bytes < one.bytes
        or (later.duration or 0) < (one.duration or 0)
        or any(a < b for a, b in zip(later.buckets or (), one.buckets or (), strict=False))
    )


def _labels(named: Mapping[str, str]) -> Labels:
    return tuple(sorted(named.items()))


def _plus(old: Series, row: Row) -> Series:
    requests, length = old.requests + row[0], old.bytes + row[1]
    if len(row) == 2:  # the format carries no duration  # noqa: PLR2004
        return Series(old.labels, requests, length, old.created, old.duration, old.buckets)
    before = old.buckets or (0,) * len(row[3:])
    buckets = tuple(a + b for a, b in zip(before, row[3:], strict=True))
    duration = (old.duration or 0) + row[2]
    return Series(old.labels, requests, length, old.created, duration, buckets)
