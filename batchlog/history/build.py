"""Backfill into history: a straight line from old logs to a file a UTC day, and to blocks.

The checkpoint is read and never written: where its logs' live counting begins, history ends.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from batchlog.backfill.inputs import Input, inputs
from batchlog.backfill.plan import Part, Planner
from batchlog.backfill.progress import Progress
from batchlog.backfill.request import Outcome, Wanted
from batchlog.backfill.summary import Share
from batchlog.backfill.totals import INTERRUPTED
from batchlog.errors import ConfigError, Exit, LogError
from batchlog.failpoints import reach
from batchlog.history import advice, blocks, days, manifest, seam
from batchlog.history.aim import Aim
from batchlog.history.blockstore import NAME as BLOCKS
from batchlog.history.intake import Intake, too_young
from batchlog.history.journal import Journal
from batchlog.history.options import Options
from batchlog.history.owned import own_directory
from batchlog.history.promtool import Promtool, find
from batchlog.job.load import group_of, judge_group
from batchlog.job.request import Verdict, World
from batchlog.segments.findings import amount, error, notice, warning
from batchlog.segments.ledger import Ledger
from batchlog.segments.source import is_url
from batchlog.state.checkpoint import State
from batchlog.state.store import Store

ERA = 757_382_400
"""1994-01-01, Unix seconds: before it hardly a web server wrote a log, and a stamp is a mistake."""

MOST_SAMPLES = 2_000_000_000
"""Samples beyond which a history is taken for a mistake: of a stamp, or of labels."""

_YEAR = 31_556_952


def history(wanted: Wanted, aim: Aim, world: World, progress: Progress) -> Outcome:
    """Read old logs into history. Raises a BatchlogError where it could not even begin."""
    request, verdict = wanted.request, Verdict(world)
    store = Store(request.checkpoint)
    state = store.load() or State(state_id="")
    options = options_of(aim, wanted, store, state)
    promtool = find() if aim.tsdb else None
    _judge_place(aim)
    found = inputs(wanted.paths, world.stop)
    verdict.hear(*found.findings)
    refuse_young(wanted, aim, state, found.files, world)
    history_at = manifest.open_directory(aim.directory, options, force=aim.force)
    with _hold_apart(aim), history_at as directory:
        if not directory.resumed:
            blocks.remove_blocks(directory.path)  # of a history that stood here before
        directory.begin(manifest.FileRead(one.path, one.size, 0, 0) for one in found.files)
        reach("history.begun")
        journal = Journal(directory.path, directory.options)
        intake = Intake(journal, wanted, state, verdict, progress)
        lines = None
        if intake.read(found.files, directory.options.timing):
            writer = _Writer(aim, directory, journal, intake, verdict)
            lines = [] if intake.unread else writer.write(wanted, promtool)
    if intake.unread:
        text = f"the history is not written yet for want of {', '.join(intake.unread[:3])}"
        verdict.hear(error(f"{text}: run the same command again, it reads what is missing"))
    if lines is None:
        verdict.exits.add(Exit.BUSY)
        world.say(warning(INTERRUPTED))
    return Outcome(verdict.exit, intake.account.summary, tuple(lines or ()))


def options_of(aim: Aim, wanted: Wanted, store: Store, state: State) -> Options:
    """Return what shapes the history; ConfigError where its labels are not the living series'."""
    group = group_of(wanted.request)
    if not aim.labels:
        judge_group(store, state, group)
    return aim.options(wanted.request.settings.metrics, state.group or group)


def _judge_place(aim: Aim) -> None:
    """Raise a ConfigError where blocks may not be written to the directory that is theirs."""
    if aim.tsdb:
        blocks.refuse_foreign(aim.tsdb, apart=aim.apart is not None)
    if aim.apart and not aim.force and not manifest.is_begun(aim.directory):
        blocks.refuse_others(aim.apart)


def _hold_apart(aim: Aim) -> AbstractContextManager[None]:
    """Keep others out of a directory that is for blocks alone."""
    return own_directory(aim.apart, BLOCKS) if aim.apart else nullcontext()


def refuse_young(
    wanted: Wanted, aim: Aim, state: State, files: Sequence[Input], world: World
) -> None:
    """Raise a ConfigError where history of some file cannot be written yet, before any is read.

    Of URLs that is known only once they are read.
    """
    now = int(world.now())
    planner = Planner(state, wanted.request.settings, Ledger(()), now, aim.timing)
    for file in files:
        what = None if is_url(file.path) else planner.plan(file)
        refused = too_young(now, what) if isinstance(what, Part) else ""
        if refused:
            raise ConfigError(refused)


class _Writer:
    def __init__(
        self,
        aim: Aim,
        directory: manifest.Directory,
        journal: Journal,
        intake: Intake,
        verdict: Verdict,
    ) -> None:
        self._aim = aim
        self._directory = directory
        self._journal = journal
        self._intake = intake
        self._verdict = verdict
        self._now = int(verdict.world.now())

    def write(self, wanted: Wanted, promtool: Promtool | None) -> list[str] | None:
        """Write what was read, and make blocks of it; None where a stop was asked for.

        Returns what is to be done next.
        """
        seams = self._seams(Store(wanted.request.checkpoint).load() or State(state_id=""))
        options = self._directory.options
        planned = days.outline(self._journal, options, seams)
        _judge(planned, options.step)
        stop, say = self._verdict.world.stop, self._verdict.hear
        doubt = advice.beyond_gap(self._journal.days, self._now)
        say(*([warning(doubt)] if doubt else []))
        built = days.build(self._journal, options, seams, planned, stop)
        if built is None:
            return None
        self._tell(built)
        if not built.samples:
            self._journal.remove()
            self._directory.discard()
            return []
        reach("history.written")
        lines = advice.for_files(built.files, self._directory.path)
        if self._aim.tsdb and promtool:
            force = self._aim.force
            made = blocks.make_blocks(built.files, self._aim.tsdb, promtool, stop, say, force=force)
            if made is None:
                return None
            lines = advice.for_blocks(made)
        kept = built.files if self._aim.openmetrics else ()
        days.remove_others(self._directory.path, kept)
        self._directory.complete(self._intake.inputs.values(), kept)
        reach("history.complete")
        self._journal.remove()
        reach("history.done")
        return lines

    def _seams(self, state: State) -> seam.Seams:
        """Return where history ends by now; LogError where a run has begun to count meanwhile."""
        origins = self._intake.origins
        begun = {log.path for log in state.logs} - origins.keys()
        meanwhile = sorted(begun & {source for source, _ in self._journal.extents})
        if meanwhile:
            raise LogError(
                f"{meanwhile[0]}: a run began to count it meanwhile, and history must end where "
                "that begins: run this again with --force, 4 hours from now"
            )
        live = seam.live_series(state.totals, self._directory.options.labels)
        return seam.Seams(self._now, live, origins)

    def _shares(self, built: days.Built) -> Iterator[Share]:
        """Yield what history holds at its end, by the labels that were asked for."""
        for labels, row in built.series.items():
            named = dict(labels)
            values = tuple(named.get(name, "") for name in self._directory.options.by)
            yield Share(values, row[0], row[1])

    def _tell(self, built: days.Built) -> None:
        if not built.samples:
            self._verdict.hear(
                warning(
                    "there is nothing to write: no line lies below where counting began, between "
                    "--since and --until, and is older than 4 hours"
                )
            )
        self._intake.account.summary.hold(self._shares(built))
        hear = self._verdict.hear
        files = amount(len(built.files), "day")
        hear(notice(f"wrote {amount(built.samples, 'sample')} of {files}"))
        first = min((file.first for file in built.files), default=None)
        old = advice.beyond_retention(first, self._now)
        hear(*([warning(old)] if old else []))
        if self._intake.overflow:
            hear(
                warning(
                    f"{amount(self._intake.overflow, 'line')} were put into `other`: max_series "
                    f"({self._directory.options.max_series}) was reached"
                )
            )
        if built.left_out:
            hear(
                notice(
                    f"left out {amount(built.left_out, 'line')} newer than "
                    f"{seam.LIMIT // 3600} hours: to have them, make this history again later "
                    "(--force), before its blocks are moved"
                )
            )
        if built.clamped:
            hear(
                notice(
                    f"{amount(built.clamped, 'line')} stamped after counting began stand just "
                    "before it"
                )
            )


def _judge(planned: days.Outline, step: int) -> None:
    """Raise where a stamp must be a mistake: a series has a sample every step from it on."""
    if planned.first is not None and planned.first < ERA:
        raise LogError(
            f"some line is stamped in the year {planned.first // _YEAR + 1970}, and history would "
            f"have a sample every {step} s from then on: leave such lines out with --since, and "
            "begin anew with --force"
        )
    if planned.samples > MOST_SAMPLES:
        raise LogError(
            f"this would be {planned.samples:,} samples: bound it with --since and --until, "
            "take a longer --step, or fewer labels"
        )
