"""Backfill into totals: read old logs, add them up, push once.

The checkpoint's lock is held to load, to commit and to push only, so that runs go on meanwhile:
each commit reads the state anew, and what a run has begun to count in between is left to it.
"""

from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from msgspec.structs import replace

from batchlog.backfill.account import Account
from batchlog.backfill.inputs import Input, inputs
from batchlog.backfill.merge import claimed, merge
from batchlog.backfill.plan import Planner
from batchlog.backfill.progress import Progress
from batchlog.backfill.reading import Reading, Taken
from batchlog.backfill.request import Wanted
from batchlog.backfill.summary import Summary
from batchlog.engines import executor
from batchlog.errors import Busy, CheckpointError, ConfigError, Exit, LogError, Stop
from batchlog.job.deliver import deliver, targets
from batchlog.job.lastrun import read_last
from batchlog.job.load import group_of, load
from batchlog.job.request import Verdict, World
from batchlog.job.run import families_of
from batchlog.job.work import commit
from batchlog.segments.findings import notice, warning
from batchlog.segments.ledger import Ledger
from batchlog.segments.read import LIMIT
from batchlog.segments.source import shown
from batchlog.state.checkpoint import State
from batchlog.state.store import Store

OFTEN = 1.0
"""Seconds between two commits: a kill costs that much work, and no line."""


class Outcome(NamedTuple):
    """How a backfill ended."""

    exit: Exit
    summary: Summary
    advice: tuple[str, ...] = ()
    """What to do next, for standard output."""


def backfill(wanted: Wanted, world: World, progress: Progress, *, into_live: bool) -> Outcome:
    """Read old logs into totals, and push. Raises a BatchlogError where it could not even begin."""
    request, verdict = wanted.request, Verdict(world)
    store = Store(request.checkpoint)
    with store.lock_backfill():
        with store.lock(request.lock_wait, world.stop):
            state = load(store, request, verdict)
        found = inputs(wanted.paths)
        verdict.hear(*found.findings)
        totals = _Totals(store, state, wanted, verdict, progress, into_live=into_live)
        totals.read(found.files)
        totals.push()
    if totals.interrupted:
        verdict.exits.add(Exit.BUSY)
        world.say(warning("interrupted: what was read is kept, the same command goes on with it"))
    return Outcome(verdict.exit, totals.account.summary)


class _Totals:
    def __init__(
        self,
        store: Store,
        state: State,
        wanted: Wanted,
        verdict: Verdict,
        progress: Progress,
        *,
        into_live: bool,
    ) -> None:
        self._store = store
        self._begun = state  # as it was when files were decided on
        self._durable = state
        self._request = wanted.request
        self._wanted = wanted
        self._world = verdict.world
        self._verdict = verdict
        self._progress = progress
        self._into_live = into_live
        self._pending: list[Taken] = []
        self._committed = monotonic()
        self.interrupted = False
        """Whether a stop was asked for before all was read."""
        metrics, share = wanted.request.settings.metrics, wanted.request.settings.max_malformed
        self.account = Account(metrics.by, share, progress, verdict)
        if into_live:
            judge_living(state)

    def read(self, files: Sequence[Input]) -> None:
        """Read the files, and commit now and then what was read."""
        ledger, stop = Ledger(self._begun.backfill.contents), self._world.stop
        planner = Planner(self._begun, self._request.settings, ledger, self._world.now())
        self._progress.begin(sum(file.size for file in files), len(files))
        try:
            with executor(self._wanted.engine_for(files), self._progress.advance, stop) as window:
                for event in Reading(planner, ledger, window, stop).read(files):
                    self.account.hear(event)
                    if isinstance(event, Taken):
                        self._pending.append(event)
                        self._commit_now_and_then()
                self.interrupted = bool(stop)
        finally:
            self._commit(self._request.lock_wait)
        self.account.close()

    def _commit_now_and_then(self) -> None:
        """Commit where it is time; while a run holds the lock, later, if not too much waits."""
        size = sum(taken.result.read_bytes for taken in self._pending)
        if size < LIMIT and monotonic() - self._committed < OFTEN:
            return
        try:
            self._commit(0 if size < 4 * LIMIT else self._request.lock_wait)
        except Busy:
            if size >= 4 * LIMIT:
                raise
            self._committed = monotonic()

    def _commit(self, wait: float) -> None:
        """Add what was read to the state as it is by now."""
        if not self._pending:
            return
        # a request to stop is no reason to lose what was read
        with self._store.lock(wait, Stop()):
            state = self._again()
            sure = [one for one in self._pending if not self._is_claimed(one, state)]
            settings = self._request.settings
            merged = merge(
                state, sure, settings.metrics, self._world.now(), into_live=self._into_live
            )
            after = replace(merged.state, group=state.group or group_of(self._request))
            self._durable = commit(self._store, state, after, merged.floor)
        left = [one.part.file.path for one in self._pending if one not in sure]
        self._pending.clear()
        self._committed = monotonic()
        if left:
            raise LogError(
                f"{shown(left[0])}: a run began to count it meanwhile, so nothing of it was added: "
                "run the backfill again, it goes on where it was"
            )

    def _again(self) -> State:
        """Load the state that runs may have gone on with."""
        state = self._store.load()
        if state is None and not self._durable.generation:
            return self._begun
        if state is None or (self._durable.generation and state.state_id != self._durable.state_id):
            raise CheckpointError(
                f"the checkpoint {self._store.path} was begun anew meanwhile: what was read since "
                "is not added; run the backfill again"
            )
        if self._into_live:
            judge_living(state)
        return state

    def _is_claimed(self, taken: Taken, state: State) -> bool:
        return state.generation != self._begun.generation and claimed(
            self._begun, state, taken.entry.mark
        )

    def push(self) -> None:
        """Push all totals, those of runs included."""
        request, settings = self._request, self._request.settings
        with self._store.lock(request.lock_wait, Stop()):
            state = self._store.load()
            if state is None:
                return
            last = read_last(self._store)
            families = families_of(state, settings, last.status if last else None)
            file = settings.textfile.path if settings.textfile else None
            to = targets(settings, state.group) if state.group and group_of(request) else ()
            delivered = deliver(families, to, file, self._world.stop)
        for finding in delivered.findings:
            self._world.say(finding)
        self._verdict.exits.update(delivered.exits)
        if delivered.sinks:
            series = sum(len(family.samples) for family in families)
            self._world.say(notice(f"pushed {series:,} series to {', '.join(delivered.sinks)}"))


def judge_living(state: State) -> None:
    """Raise where living series count already: old requests would be a jump in their rate."""
    if any(log.counters.read_bytes for log in state.logs):
        raise ConfigError(
            "--into-live is for before the first push: living series count already, and old "
            'requests would look like a burst; without it they go to series with backfill="1", '
            "which sum() includes"
        )
