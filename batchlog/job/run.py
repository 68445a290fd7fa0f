"""One run, a straight line: lock, load, discover, begin, follow, commit, push, unlock.

Commit comes before push: what is pushed is durable then, and a crash can only leave the gateway
stale, which the next run heals.
"""

from collections.abc import Container, Sequence
from time import monotonic
from typing import NamedTuple

from prometheus_client.core import Metric

from batchlog import __version__, metrics
from batchlog.config.schema import LogEntry, Settings
from batchlog.config.times import Since
from batchlog.entries import Entries, select, text_of
from batchlog.errors import CheckpointError, Exit
from batchlog.failpoints import reach
from batchlog.job.admit import admit, told
from batchlog.job.credentials import demand_safe_secrets
from batchlog.job.deliver import Delivered, deliver, targets
from batchlog.job.following import Following
from batchlog.job.lastrun import LastRun, read_last, write_last
from batchlog.job.load import group_of, load
from batchlog.job.reader import Reader
from batchlog.job.request import Request, Verdict, World
from batchlog.job.survey import Place, after_backfill, begin_new, left_out, survey, unmatched
from batchlog.job.work import Work
from batchlog.metrics import RunStatus
from batchlog.path_labels import given_up
from batchlog.scan import WITHOUT_NUMPY
from batchlog.segments.discover import is_glob
from batchlog.segments.findings import amount, error, notice, size, warning
from batchlog.segments.origin import Begin
from batchlog.sinks.target import Target
from batchlog.state.checkpoint import Entry, State
from batchlog.state.store import Store


class Outcome(NamedTuple):
    """How a run ended."""

    exit: Exit
    families: tuple[Metric, ...]
    """What was pushed, or would have been."""
    state: State
    """The state that they were made from."""


def run(request: Request, world: World) -> Outcome:
    """Do one run. Raises a BatchlogError where it could not even begin."""
    store = Store(request.checkpoint)
    if request.dry_run:
        return _Run(request, world, store).run()
    demand_safe_secrets(request.settings, request.checkpoint)
    with store.lock(request.lock_wait, world.stop):
        return _Run(request, world, store).run()


class _Run:
    def __init__(self, request: Request, world: World, store: Store) -> None:
        self._request = request
        self._world = world
        self._store = store
        self._verdict = Verdict(world)
        self._began = monotonic()
        self._stages: dict[str, float] = {}
        self._now = world.now()

    def run(self) -> Outcome:
        state = load(self._store, self._request, self._verdict)
        reach("run.loaded")
        entries = select(self._request.settings, self._request.logs, state.entries)
        committed = None if self._request.dry_run else self._store
        work = Work(committed, state, self._request.settings, self._now)
        try:
            self._read(work, entries)
            reach("run.read")
            work.commit()
            reach("run.committed")
        except CheckpointError as problem:
            if not work.durable.generation:
                raise
            self._verdict.hear(error(str(problem)), exit_=Exit.CHECKPOINT)
        self._lap("commit")
        return self._deliver(work)

    # --- read --------------------------------------------------------------------------------

    def _read(self, work: Work, entries: Sequence[LogEntry]) -> None:
        """Give new logs their origin and commit that, then follow all of them."""
        known_entries = frozenset(entry.path for entry in work.state.entries)
        if work.rebucketed:
            self._verdict.hear(warning("the duration buckets changed: the histogram begins anew"))
        places = survey(entries, work.logs.values())
        self._verdict.hear(*(error(text) for text in unmatched(entries, places)))
        places = self._admit(work, entries, places)
        self._lap("discover")
        reach("run.discovered")
        newcomers = begin_new(
            places, work.logs, known_entries, self._since(work), self._now, stop=self._world.stop
        )
        self._verdict.hear(*newcomers.problems)
        unfollowed = [p for p in places if not p.found.files and p.found.path not in work.logs]
        self._verdict.hear(*(note for place in unfollowed for note in place.found.notes))
        if self._request.since != "checkpoint" and not newcomers.begun:
            self._verdict.hear(notice("--since changes nothing: all these logs are known already"))
        for begun in newcomers.begun:
            backfilled = work.ledger.contents
            work.put(after_backfill(begun.log, work.ledger) if backfilled else begun.log)
            self._verdict.hear(*begun.findings)
        old = sum(left_out(begun.log, work.ledger) for begun in newcomers.begun)
        if old:
            said = f"{amount(old, 'older file')} from before counting began"
            self._verdict.hear(notice(f"not counted: {said}; 'batchlog backfill' reads old logs"))
        lasting = [entry for entry in entries if entry.path not in newcomers.failed]
        work.change(entries=_remembered(work.state.entries, lasting))
        work.change(group=work.state.group or group_of(self._request))
        reach("run.origins")
        if newcomers.begun:
            work.commit()  # origins first: a kill from here on moves none of them (R99)
        self._seed(work, places, {begun.log.path for begun in newcomers.begun})
        self._lap("begin")
        reach("run.begun")
        settings = self._request.settings
        stop = self._verdict.world.stop
        with Reader(settings.metrics, stop, self._request.workers) as reader:
            Following(work, settings, self._verdict, self._now, reader).follow(places)
        work.retire(lambda state: names_of(state, settings), settings.metrics.max_logs)
        if reader.by_rows:
            self._verdict.hear(notice(WITHOUT_NUMPY))
        self._lap("read")

    def _seed(self, work: Work, places: Sequence[Place], new: Container[str]) -> None:
        """Let each log's usual statuses be there with 0; less after a stop."""
        for place in places:
            entry, path = place.entry, place.found.path
            if path in work.logs and not self._world.stop:
                work.seed(entry, path)
                self._verdict.hear(*map(warning, given_up(entry, path) if path in new else ()))

    def _admit(
        self, work: Work, entries: Sequence[LogEntry], places: Sequence[Place]
    ) -> list[Place]:
        """Leave alone what patterns find beyond `max_logs`: told once, then a gauge (R119)."""
        limit = self._request.settings.metrics.max_logs
        admitted = admit(places, work.logs, limit, self._now)
        if admitted.left and not work.state.left_alone:
            self._verdict.hear(warning(told(admitted.left, limit)))
        if any(is_glob(entry.path) for entry in entries):
            work.change(left_alone=admitted.left)
        return admitted.places

    def _since(self, work: Work) -> Since | Begin:
        """Return where new logs begin: without a checkpoint `on_missing = "zero"` is a reset."""
        fresh = not work.durable.generation
        zero = self._request.settings.on_missing == "zero"
        return Begin.COUNTED if fresh and zero else self._request.since

    # --- deliver -----------------------------------------------------------------------------

    def _deliver(self, work: Work) -> Outcome:
        settings, stop = self._request.settings, self._world.stop
        if stop:
            self._verdict.exits.add(Exit.BUSY)
        beyond = metrics.beyond_float(work.durable)
        if beyond:
            self._verdict.hear(error(f"too large for Prometheus to hold exactly: {beyond[0]}"))
        state = work.durable
        before = None if self._request.dry_run else read_last(self._store)
        status = self._status(before, self._verdict.exit)
        families = tuple(families_of(state, settings, status))
        if self._request.dry_run:
            return Outcome(self._verdict.exit, families, state)
        delivered = bring(families, state, self._request, self._verdict)
        reach("run.delivered")
        exit_ = self._verdict.exit
        failed = tuple(finding.text for finding in delivered.findings if finding.is_error)
        write_last(self._store, LastRun(self._status(before, exit_), delivered.sinks, failed))
        self._world.say(notice(self._summary(work, delivered, families)))
        return Outcome(exit_, families, state)

    def _status(self, before: LastRun | None, exit_: Exit) -> RunStatus:
        now = self._world.now()
        success = before.status.success_time if before else None
        if exit_ in (Exit.OK, Exit.DATA):
            success = now
        return RunStatus(now, success, int(exit_), dict(self._stages))

    def _lap(self, stage: str) -> None:
        self._stages[stage] = monotonic() - self._began - sum(self._stages.values())

    def _summary(self, work: Work, delivered: Delivered, families: Sequence[Metric]) -> str:
        read = work.read
        spent = sum(self._stages.values())
        series = sum(len(family.samples) for family in families)
        counts = (
            f"{amount(len(read.files), 'file')}, {amount(read.lines, 'line')}, {size(read.bytes)}"
        )
        parts = [
            f"read {counts} in {spent:.2f} s",
            f"{read.malformed:,} malformed" if read.malformed else "",
            f"{read.oversize:,} oversize" if read.oversize else "",
            f"pushed {series:,} series to {', '.join(delivered.sinks)}" if delivered.sinks else "",
            "not delivered everywhere: the next run does" if delivered.exits else "",
        ]
        return "; ".join(part for part in parts if part)


def bring(
    families: Sequence[Metric], state: State, request: Request, verdict: Verdict
) -> Delivered:
    """Deliver the families of a state to every sink, and say how that went."""
    settings, world = request.settings, verdict.world
    to: tuple[Target, ...] = ()
    if state.group is not None and group_of(request) is not None:
        to = targets(settings, state.group, listen=request.listen)
    file = settings.textfile.path if settings.textfile else None
    delivered = deliver(families, to, file, world.stop)
    for finding in delivered.findings:
        world.say(finding)
    verdict.exits.update(delivered.exits)
    return delivered


def families_of(state: State, settings: Settings, status: RunStatus | None) -> list[Metric]:
    """Return the metric families of a state, its logs named as the configuration names them."""
    names = names_of(state, settings)
    return metrics.families(state, names, status, settings.metrics.namespace, __version__)


def names_of(state: State, settings: Settings) -> dict[str, str]:
    """Return the `log` label of each log that has own metrics, by its path."""
    names = {}
    configured = Entries(settings.log)
    for log in state.logs:
        entry = configured.of(log)
        names[log.path] = (entry.name if entry else None) or text_of(log.path)
    for path in state.backfill.counters:
        if path not in names:
            covering = configured.covering(path)
            names[path] = (covering.name if covering else None) or text_of(path)
    return names


def _remembered(known: Sequence[Entry], given: Sequence[LogEntry]) -> tuple[Entry, ...]:
    """Return the entries to remember: those before with the ones given now put over them."""
    entries = {entry.path: entry for entry in known}
    entries.update({entry.path: Entry(entry.path, entry.format) for entry in given})
    return tuple(entries.values())
