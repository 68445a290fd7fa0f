"""Make what a backfill has read durable, now and then, while runs go on with the checkpoint.

Each commit reads the state anew under the lock, and adds to it. What a run has begun to count in
between is left to it: the result is dropped, and all that come after it, so that the ledger's
numbers stay those of the reading.
"""

from itertools import takewhile
from time import monotonic

from msgspec.structs import replace

from batchlog.backfill.merge import Claims, merge
from batchlog.backfill.reading import Taken
from batchlog.errors import Busy, CheckpointError, ConfigError, LogError, Stop
from batchlog.failpoints import reach
from batchlog.job.load import group_of
from batchlog.job.request import Request, World
from batchlog.job.work import commit
from batchlog.segments.read import LIMIT
from batchlog.segments.source import shown
from batchlog.state.checkpoint import State
from batchlog.state.store import Store

OFTEN = 1.0
"""Seconds between two commits. A kill costs what was read since, and steps under way."""

_SHARE = 10
"""A commit may take one part in so many of the time: a ledger of many contents takes longer."""


class Claimed(LogError):  # noqa: N818 - a state, as in `errors`
    """A run has begun to count what was read meanwhile."""


class Committer:
    """The checkpoint, and what waits to be added to it.

    `begun` is the state that files were decided on.
    """

    def __init__(
        self, store: Store, begun: State, request: Request, world: World, *, into_live: bool
    ) -> None:
        self._store = store
        self._begun = begun
        self._durable = begun
        self._request = request
        self._world = world
        self._into_live = into_live
        self._waiting: list[Taken] = []
        self._size = 0  # bytes read for what waits
        self._next = monotonic() + OFTEN
        self._alone = True  # nobody else has committed since
        judge_buckets(begun, request)
        if into_live:
            judge_living(begun)

    def add(self, taken: Taken) -> None:
        """Take a result, and commit where it is time: later, while a run holds the lock."""
        self._waiting.append(taken)
        reach("backfill.taken")
        self._size += taken.result.read_bytes
        if self._size < LIMIT and monotonic() < self._next:
            return
        try:
            self.commit(0 if self._size < 4 * LIMIT else self._request.lock_wait)
        except Busy:
            if self._size >= 4 * LIMIT:
                raise
            self._next = monotonic() + OFTEN

    def commit(self, wait: float) -> None:
        """Add what waits to the state as it is by now; Claimed where a run counts some of it."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        if not waiting:
            return
        began = monotonic()
        try:
            # A request to stop is no reason to lose what was read.
            with self._store.lock(wait, Stop()):
                sure = self._commit(waiting)
        except Busy:
            self._waiting = waiting
            self._size = sum(one.result.read_bytes for one in waiting)
            raise
        self._next = monotonic() + max(OFTEN, _SHARE * (monotonic() - began))
        if sure < len(waiting):
            path = shown(waiting[sure].part.file.path)
            raise Claimed(
                f"{path}: a run began to count it meanwhile, so that it was left to that; run the "
                "backfill again for the files after it"
            )

    def _commit(self, waiting: list[Taken]) -> int:
        """Commit under the lock; return how many of the results were added."""
        state = self._again()
        sure = waiting
        if not self._alone:
            old, new = Claims(self._begun), Claims(state)
            sure = list(takewhile(lambda one: not new.beyond(old, one.entry.mark), waiting))
        metrics, now = self._request.settings.metrics, self._world.now()
        merged = merge(state, sure, metrics, now, into_live=self._into_live)
        after = replace(merged, group=state.group or group_of(self._request))
        reach("backfill.merged")
        self._durable = commit(self._store, state, after, state.totals)
        reach("backfill.committed")
        return len(sure)

    def _again(self) -> State:
        """Load the state that runs may have gone on with."""
        state, known = self._store.load(), self._durable
        if state is None and not known.generation:
            return self._begun
        if state is None or (known.generation and state.state_id != known.state_id):
            raise CheckpointError(
                f"the checkpoint {self._store.path} was begun anew meanwhile: what was read since "
                "is not added; run the backfill again"
            )
        self._alone = self._alone and state.generation == known.generation
        judge_buckets(state, self._request)
        if self._into_live:
            judge_living(state)
        return state


def judge_buckets(state: State, request: Request) -> None:
    """Raise where other duration buckets than the checkpoint's are asked for.

    A push begins the histograms anew then; a backfill is no reason for living totals to fall.
    """
    if any(one.buckets for one in state.totals) and state.bounds != request.settings.metrics.bounds:
        raise ConfigError(
            "the duration buckets are others than those of the checkpoint: give the --config that "
            "push has, or push once with these, which begins the histograms anew"
        )


def judge_living(state: State) -> None:
    """Raise where living series count already: old requests would be a jump in their rate."""
    if any(log.counters.read_bytes for log in state.logs):
        raise ConfigError(
            "--into-live is for before the first push: living series count already, and old "
            'requests would look like a burst; without it they go to series with backfill="1", '
            "which sum() includes"
        )
