"""From results to the next state: totals and ledger together. Values only.

What a backfill adds goes to series of its own, with the label `backfill="1"`, so that the rate of
living series does not jump; the limit of series is theirs alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from batchlog.backfill.reading import Taken
from batchlog.config.schema import Metrics
from batchlog.entries import path_label_names, static_labels
from batchlog.labels import OPEN
from batchlog.segments.book import plus
from batchlog.segments.identity import Mark
from batchlog.segments.known import Consumed, Counters
from batchlog.segments.ledger import kin
from batchlog.state.checkpoint import Backfill, Series, State
from batchlog.state.totals import BACKFILL, Totals, is_backfilled, joined, without_durations


class Merged(NamedTuple):
    """A state with results merged into it."""

    state: State
    floor: tuple[Series, ...]
    """What no total of it may fall below."""


def merge(
    state: State, taken: Iterable[Taken], metrics: Metrics, now: float, *, into_live: bool
) -> Merged:
    """Return the state after the results in `taken`, each of which has a step."""
    changed = state.bounds != metrics.bounds and any(one.buckets for one in state.totals)
    before = without_durations(state.totals) if changed else state.totals
    mine = [one for one in before if is_backfilled(one) != into_live]
    others = [one for one in before if is_backfilled(one) == into_live]
    more: Mapping[str, str] = {} if into_live else BACKFILL
    totals = Totals(mine, metrics.by, metrics.max_series, now)
    contents = list(state.backfill.contents)
    counters = dict(state.backfill.counters)
    for one in taken:
        assert one.step is not None  # totals keep no journal but the ledger  # noqa: S101
        log, entry = one.part.log, one.part.entry
        static = {**static_labels(entry, log), **more}
        totals.add(one.step.tally, static, OPEN | path_label_names(entry))
        counters[log] = plus(counters.get(log, Counters()), one.step)
        _put(contents, one.number, replace(one.entry, live=into_live))
    after = replace(
        state,
        bounds=metrics.bounds,
        totals=joined(others, totals.freeze()),
        overflow=state.overflow + totals.overflow,
        backfill=Backfill(tuple(contents), counters),
    )
    return Merged(after, before)


def _put(contents: list[Consumed], number: int, entry: Consumed) -> None:
    """Put an entry where the ledger has it: numbers are given in the order of results."""
    if number < len(contents):
        contents[number] = entry
    else:
        contents.append(entry)


def claimed(before: State, after: State, mark: Mark) -> bool:
    """Tell whether a run has begun to count the content of `mark` between two states."""
    return bool(_claims(after, mark) - _claims(before, mark))


def _claims(state: State, mark: Mark) -> Counter[tuple[str, int, bool]]:
    return Counter(
        (log.path, segment.begin, segment.state == "quarantined")
        for log in state.logs
        for segment in log.segments
        if segment.begin is not None
        and segment.mark.offset > segment.mark.start
        and kin(segment.mark, mark)
    )
