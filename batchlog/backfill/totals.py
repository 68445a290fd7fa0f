"""Backfill into totals: read old logs, add them up, push once.

The checkpoint's lock is held to load, to commit and to push only, so that runs go on meanwhile.
"""

from collections.abc import Sequence
from contextlib import suppress

from batchlog.backfill.account import Account
from batchlog.backfill.commit import Claimed, Committer
from batchlog.backfill.inputs import Input, inputs
from batchlog.backfill.plan import Planner
from batchlog.backfill.progress import Progress
from batchlog.backfill.reading import Reading, Taken
from batchlog.backfill.request import Outcome, Wanted
from batchlog.engines import open_window
from batchlog.errors import Exit, Interrupted, Stop
from batchlog.failpoints import reach
from batchlog.job.credentials import demand_safe_secrets
from batchlog.job.lastrun import read_last
from batchlog.job.load import load
from batchlog.job.request import Request, Verdict, World
from batchlog.job.run import bring, families_of
from batchlog.segments.findings import error, notice, warning
from batchlog.segments.ledger import Ledger
from batchlog.segments.reopened import LastOpened
from batchlog.state.checkpoint import State
from batchlog.state.store import Store

INTERRUPTED = (
    "interrupted: the files and steps that were read to their end are kept, the same command goes "
    "on with them"
)


def backfill(wanted: Wanted, world: World, progress: Progress, *, into_live: bool) -> Outcome:
    """Read old logs into totals, and push. Raises a BatchlogError where it could not even begin."""
    request, verdict = wanted.request, Verdict(world)
    settings, store = request.settings, Store(request.checkpoint)
    account = Account(settings.metrics.by, settings.max_malformed, progress, verdict)
    demand_safe_secrets(settings, request.checkpoint)
    with store.lock_backfill():
        with store.lock(request.lock_wait, world.stop):
            state = load(store, request, verdict)
        reach("backfill.loaded")
        committer = Committer(store, state, request, world, into_live=into_live)
        found = inputs(wanted.paths, world.stop)
        verdict.hear(*found.findings)
        try:
            _read(wanted, world, state, found.files, account=account, committer=committer)
        except Claimed as problem:
            verdict.hear(error(str(problem)))
        account.close()
        reach("backfill.read")
        interrupted = bool(world.stop)
        _push(store, request, verdict)
        reach("backfill.pushed")
    if interrupted:
        verdict.exits.add(Exit.BUSY)
        world.say(warning(INTERRUPTED))
    return Outcome(verdict.exit, account.summary)


def _read(
    wanted: Wanted,
    world: World,
    state: State,
    files: Sequence[Input],
    *,
    account: Account,
    committer: Committer,
) -> None:
    """Read the files, and commit now and then; what was read is committed also on an error."""
    ledger = Ledger(state.backfill.contents)
    opened, stop = LastOpened(), world.stop
    planner = Planner(
        state, wanted.request.settings, ledger, world.now(), stop=stop, opener=opened.anew
    )
    account.begin(files)
    try:
        engine = wanted.engine_for(files)
        window = open_window(engine, account.advance, stop, opened.again)
        with suppress(Interrupted), opened, window as tasks:
            for event in Reading(planner, ledger, tasks, stop).read(files):
                account.hear(event)
                if isinstance(event, Taken):
                    committer.add(event)
    finally:
        committer.commit(wanted.request.lock_wait)


def _push(store: Store, request: Request, verdict: Verdict) -> None:
    """Push all totals, those of runs included."""
    with store.lock(request.lock_wait, Stop()):
        state = store.load()
        if state is None:
            return
        last = read_last(store)
        families = families_of(state, request.settings, last.status if last else None)
        delivered = bring(families, state, request, verdict)
    if delivered.sinks:
        series = sum(len(family.samples) for family in families)
        verdict.world.say(notice(f"pushed {series:,} series to {', '.join(delivered.sinks)}"))
