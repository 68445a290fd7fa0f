"""What a backfill has read, added up for its summary: values only, no clock, no output.

The counts here are shown to a person and never stored: what is committed or written as history is
added up elsewhere. Integers throughout, so that steps may be cut anywhere.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from batchlog.segments.steps import Result
from batchlog.tally import UNTIMED, Tally

SHARES = 12
"""Most rows of the table; what is left is one more."""

BINS = 48
"""Most bars of the sparkline."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_KEPT = tuple(_MINUTE * n for n in (1, 5, 15, 30, 60, 180, 360, 720, 1440))
"""Widths of the bins that are kept; beyond, each is twice the one before. Each divides the next."""

_FINE = 4096
"""Most bins that are kept: with more they are joined, so that years take no more memory."""

_SHOWN = (
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 14, 28)),
)
"""Widths of the sparkline's bars; beyond, each is twice the one before."""

_LABELS = 10_000
"""Most combinations of labels that are told apart; a hostile log may name any number of hosts."""


class Share(NamedTuple):
    """A row of the table: requests, and bytes sent, with these labels (None: with all others)."""

    labels: tuple[str, ...] | None
    requests: int
    bytes: int


class Activity(NamedTuple):
    """Requests over time, in bins of equal width from `begin` on (Unix seconds)."""

    begin: int
    width: int
    counts: tuple[int, ...]


class Timeline(msgspec.Struct):
    """Requests by time, in bins that are joined where they become too many."""

    width: int = _KEPT[0]
    counts: Counter[int] = msgspec.field(default_factory=Counter)
    span: tuple[int, int] | None = None
    """The first and the last second."""

    def spread(self, count: int, first: int, last: int) -> None:
        """Add requests evenly over all seconds from `first` to `last`.

        What a bin gets is the difference of two rounded sums, so that two bins joined hold what
        one of their width would have got.
        """
        begin, end = self.span or (first, last)
        self.span = begin, end = min(begin, first), max(end, last)
        while end // self.width - begin // self.width >= _FINE:
            self._widen()
        given = 0
        for place in range(first // self.width, last // self.width + 1):
            seconds = min((place + 1) * self.width, last + 1) - first
            so_far = count * seconds // (last + 1 - first)
            if so_far > given:
                self.counts[place] += so_far - given
            given = so_far

    def _widen(self) -> None:
        width = _wider(self.width, _KEPT)
        joined: Counter[int] = Counter()
        for place, count in self.counts.items():
            joined[place * self.width // width] += count
        self.width, self.counts = width, joined

    def activity(self, bins: int) -> Activity | None:
        """Return the requests in at most so many bins; None where nothing has a time."""
        if self.span is None:
            return None
        first, last = self.span
        width = _SHOWN[0]
        while width % self.width or last // width - first // width >= bins:
            width = _wider(width, _SHOWN)
        counts = [0] * (last // width - first // width + 1)
        for place, count in self.counts.items():
            counts[place * self.width // width - first // width] += count
        return Activity(first // width * width, width, tuple(counts))


def _wider(width: int, widths: tuple[int, ...]) -> int:
    return next((one for one in widths if one > width), 2 * width)


class Summary(msgspec.Struct):
    """Files, lines, and requests by label and by time, of one backfill."""

    by: tuple[str, ...]
    """The names of the labels that the tallies have."""
    files: int = 0
    lines: int = 0
    malformed: int = 0
    oversize: int = 0
    skipped: int = 0
    undated: int = 0
    bytes: int = 0
    """Bytes read, decompressed."""
    left: Counter[str] = msgspec.field(default_factory=Counter)
    """How many files were left out, by reason."""
    _requests: dict[tuple[str, ...] | None, tuple[int, int]] = msgspec.field(default_factory=dict)
    _timeline: Timeline = msgspec.field(default_factory=Timeline)

    def begin_file(self) -> None:
        """Count a file that is read."""
        self.files += 1

    def leave(self, reason: str) -> None:
        """Count a file that is left out."""
        self.left[reason] += 1

    def add(
        self, tally: Tally, read_bytes: int, first: int | None = None, slot: int = UNTIMED
    ) -> None:
        """Add a step: of a timed tally the slots are so many seconds long.

        Of an untimed one only the end is known, so its requests are spread from `first` on, the
        stamp where the step begins.
        """
        requests = 0
        for (place, labels), row in tally.all_rows():
            requests += row[0]
            self._count(labels, row[0], row[1])
            if slot:
                self._timeline.spread(row[0], place * slot, (place + 1) * slot - 1)
        if not slot and requests and tally.newest is not None:
            ends = (tally.newest if first is None else first, tally.newest)
            self._timeline.spread(requests, min(ends), max(ends))
        self.lines += requests + tally.malformed + tally.oversize + tally.skipped
        self.malformed += tally.malformed
        self.oversize += tally.oversize
        self.skipped += tally.skipped
        self.undated += tally.undated
        self.bytes += read_bytes

    def recall(self, counts: Result, first: int | None, last: int | None) -> None:
        """Add a step of which only the counts are known, and the time that it spans."""
        self.lines += counts.counted + counts.malformed + counts.oversize + counts.skipped
        self.malformed += counts.malformed
        self.oversize += counts.oversize
        self.skipped += counts.skipped
        self.undated += counts.undated
        self.bytes += counts.read_bytes
        if first is not None and last is not None:
            self._timeline.spread(counts.counted, first, max(first, last - 1))

    def hold(self, shares: Iterable[Share]) -> None:
        """Take these requests by labels, which may come more than once, for what was added up."""
        self._requests = {}
        for share in shares:
            self._count(share.labels, share.requests, share.bytes)

    def _count(self, labels: tuple[str, ...] | None, requests: int, sent: int) -> None:
        known = labels in self._requests or len(self._requests) < _LABELS
        key = labels if known else None
        before = self._requests.get(key, (0, 0))
        self._requests[key] = (before[0] + requests, before[1] + sent)

    @property
    def span(self) -> tuple[int, int] | None:
        """The seconds between which the requests lie; None where nothing has a time."""
        return self._timeline.span

    def table(self, limit: int = SHARES) -> list[Share]:
        """Return requests and bytes by labels, the most first; beyond `limit` they are one row."""
        known = [Share(k, *v) for k, v in self._requests.items() if k is not None]
        known.sort(key=lambda share: (-share.requests, share.labels or ()))
        requests, sent = self._requests.get(None, (0, 0))
        requests += sum(share.requests for share in known[limit:])
        sent += sum(share.bytes for share in known[limit:])
        return known[:limit] + ([Share(None, requests, sent)] if requests else [])

    def activity(self, bins: int = BINS) -> Activity | None:
        """Return requests over time; None where nothing has a time."""
        return self._timeline.activity(bins)
