"""The state in the making during a run: what was read and not yet committed, and the commit."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import msgspec
from msgspec.structs import replace

from batchlog.config.schema import LogEntry, Settings
from batchlog.failpoints import reach
from batchlog.labels import OPEN
from batchlog.path_labels import path_label_names, static_labels
from batchlog.segments.book import Progress
from batchlog.segments.gone import beyond, is_long_gone, retire
from batchlog.segments.known import Counters, Log
from batchlog.segments.ledger import Ledger
from batchlog.segments.read import LIMIT
from batchlog.state.checkpoint import Series, State
from batchlog.state.store import Store
from batchlog.state.totals import Totals, fallen, is_backfilled, joined, without_durations


class Summary(msgspec.Struct):
    """What a run has read, for its summary."""

    files: set[str] = msgspec.field(default_factory=set)
    lines: int = 0
    malformed: int = 0
    oversize: int = 0
    bytes: int = 0


class TotalsFall(RuntimeError):  # noqa: N818 - it must never be seen
    """A commit would take back what was pushed: a defect of batchlog, so nothing is committed."""


class Work:
    """A state that steps are added to, and the store that makes it durable.

    `durable` is what was committed last; nothing else may be pushed.
    """

    def __init__(self, store: Store | None, state: State, settings: Settings, now: float) -> None:
        self._store = store
        self._now = now
        self.durable = state
        metrics = settings.metrics
        self.rebucketed = state.bounds != metrics.bounds and any(s.buckets for s in state.totals)
        series = without_durations(state.totals) if self.rebucketed else state.totals
        self._floor = series
        self._base = replace(state, bounds=metrics.bounds, totals=series)
        # The limit of series is for each of the two alone, else old hosts would oust new ones.
        self._backfilled = [one for one in series if is_backfilled(one)]
        live = [one for one in series if not is_backfilled(one)]
        self._totals = Totals(live, metrics.by, metrics.max_series, now)
        self.logs: dict[str, Log] = {log.path: log for log in state.logs}
        self._uncommitted = 0
        self.read = Summary()

    @cached_property
    def ledger(self) -> Ledger:
        """What backfills have read; made when it is first asked, which few runs do."""
        return Ledger(self.durable.backfill.contents)

    def seed(self, entry: LogEntry, path: str) -> None:
        """Let the usual statuses of a log be there with 0."""
        self._totals.seed(static_labels(entry, path))

    def put(self, log: Log) -> None:
        """Add or replace a log."""
        self.logs[log.path] = log

    def retire(self, names: Callable[[State], Mapping[str, str]], limit: int) -> None:
        """Push no own metrics of logs that are gone for long any more, and forget the oldest.

        `names` gives the `log` labels by path; `limit` is how many of those logs that patterns
        found are remembered.
        """
        logs = self.logs.values()
        if not any(is_long_gone(log, self._now) and not log.retired for log in logs):
            return
        counters, backfill = self._base.retired, self._base.backfill
        backfilled = dict(backfill.counters)
        for log in retire(logs, names(self.state), self._now):
            counters += log.counters + backfilled.pop(log.path, Counters())
            self.put(replace(log, retired=True, counters=Counters()))
        self.change(retired=counters, backfill=replace(backfill, counters=backfilled))
        for log in beyond(self.logs.values(), limit):
            del self.logs[log.path]

    def change(self, **fields: object) -> None:
        """Change fields of the state other than logs and totals."""
        self._base = replace(self._base, **fields)

    def add(self, progress: Progress, entry: LogEntry) -> None:
        """Take a log one step further: its position and its counts together."""
        self.put(progress.log)
        step = progress.step
        if step is None:
            return
        reach("run.merge")
        path = progress.log.path
        unbounded = OPEN | path_label_names(entry)
        self._totals.add(step.tally, static_labels(entry, path), unbounded)
        reach("run.merged")
        self._uncommitted += step.read_bytes
        if step.read_bytes:
            self.read.files.add(progress.file)
        self.read.lines += step.tally.lines
        self.read.malformed += step.tally.malformed
        self.read.oversize += step.tally.oversize
        self.read.bytes += step.read_bytes
        if self._uncommitted >= LIMIT:
            self.commit()

    @property
    def state(self) -> State:
        """The state as it would be committed."""
        logs = tuple(self.logs[path] for path in sorted(self.logs))
        overflow = self._base.overflow + self._totals.overflow
        totals = joined(self._backfilled, self._totals.freeze())
        return replace(self._base, totals=totals, overflow=overflow, logs=logs)

    def commit(self) -> None:
        """Make the state durable, where it differs from what is."""
        self.durable = commit(self._store, self.durable, self.state, self._floor)
        self._floor = self.durable.totals
        self._uncommitted = 0


def commit(store: Store | None, before: State, after: State, floor: Sequence[Series]) -> State:
    """Make a state durable, where it differs from the one before, and return what is durable now.

    `floor` is what no total may fall below.
    """
    if after == before:
        return before
    after = replace(after, generation=before.generation + 1)
    lost = fallen(floor, after.totals)
    if lost:
        raise TotalsFall(f"totals would fall: {lost}")
    if store is not None:
        store.commit(after)
    return after
