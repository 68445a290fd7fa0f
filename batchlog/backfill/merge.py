"""From results to the next state: totals and ledger together. Values only.

What a backfill adds goes to series of its own, with the label `backfill="1"`, so that the rate of
living series does not jump; the limit of series is theirs alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from batchlog.backfill.reading import Taken
from batchlog.config.schema import Metrics
from batchlog.labels import OPEN, OTHER
from batchlog.path_labels import path_label_names, static_labels
from batchlog.segments.book import plus
from batchlog.segments.identity import Mark
from batchlog.segments.known import Consumed, Counters
from batchlog.segments.ledger import kin
from batchlog.state.checkpoint import Backfill, State
from batchlog.state.totals import BACKFILL, Totals, is_backfilled, joined


def merge(
    state: State, taken: Iterable[Taken], metrics: Metrics, now: float, *, into_live: bool
) -> State:
    """Return the state after the results in `taken`, each of which has a step.

    The duration buckets must be the state's own, if it has any.
    """
    mine = [one for one in state.totals if is_backfilled(one) != into_live]
    others = [one for one in state.totals if is_backfilled(one) == into_live]
    more: Mapping[str, str] = {} if into_live else BACKFILL
    totals = Totals(mine, metrics.by, metrics.max_series, now)
    contents = list(state.backfill.contents)
    counters = dict(state.backfill.counters)
    for one in taken:
        assert one.step is not None  # totals keep no journal but the ledger  # noqa: S101
        log, entry = one.part.log, one.part.entry
        static = {**static_labels(entry, log), **more}
        totals.add(one.step.tally, static, OPEN | path_label_names(entry))
        known = log in counters or len(counters) < metrics.max_logs
        name = log if known else OTHER  # files are many: not each becomes series for ever (R119)
        counters[name] = plus(counters.get(name, Counters()), one.step)
        _put(contents, one.number, replace(one.entry, live=into_live))
    return replace(
        state,
        bounds=metrics.bounds,
        totals=joined(others, totals.freeze()),
        overflow=state.overflow + totals.overflow,
        backfill=Backfill(tuple(contents), counters),
    )


def _put(contents: list[Consumed], number: int, entry: Consumed) -> None:
    """Put an entry where the ledger has it: numbers are given in the order of results."""
    if number < len(contents):
        contents[number] = entry
    else:
        contents.append(entry)


class Claims:
    """What runs count of which content, in one state."""

    def __init__(self, state: State) -> None:
        self._by_head: dict[str, list[tuple[Mark, tuple[str, int, bool]]]] = {}
        for log in state.logs:
            for segment in log.segments:
                mark = segment.mark
                if segment.begin is not None and mark.offset > mark.start:
                    claim = log.path, segment.begin, segment.state == "quarantined"
                    self._by_head.setdefault(_head(mark), []).append((mark, claim))

    def beyond(self, before: "Claims", mark: Mark) -> bool:
        """Tell whether there are more on the content of `mark` than there were before."""
        return bool(self.on(mark) - before.on(mark))

    def on(self, mark: Mark) -> Counter[tuple[str, int, bool]]:
        """Return the claims on a content: log, where counting begins, whether it is in doubt."""
        head = _head(mark)
        near = [head, ""] if head else list(self._by_head)  # too short to tell: any may be it
        found = (claim for name in near for claim in self._by_head.get(name, ()))
        return Counter(claim for other, claim in found if kin(other, mark))


def _head(mark: Mark) -> str:
    return mark.heads[0] if mark.heads else ""
