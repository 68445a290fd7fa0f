"""Backfill into history: a straight line from old logs to a file a UTC day, and to blocks.

The checkpoint is read and never written: where its logs' live counting begins, history ends.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from batchlog.backfill.account import Account
from batchlog.backfill.inputs import Input, inputs
from batchlog.backfill.plan import Part, Planner
from batchlog.backfill.progress import Progress
from batchlog.backfill.reading import Reading, Taken
from batchlog.backfill.request import Wanted
from batchlog.backfill.summary import Share
from batchlog.backfill.totals import Outcome
from batchlog.engines import Task, executor
from batchlog.entries import path_label_names, static_labels
from batchlog.errors import ConfigError, Exit, LogError
from batchlog.history import advice, blocks, days, manifest, seam
from batchlog.history import work as journal
from batchlog.history.options import Options
from batchlog.history.promtool import Promtool, find
from batchlog.job.load import group_of
from batchlog.job.request import Verdict, World
from batchlog.labels import OPEN
from batchlog.scan import Timing
from batchlog.segments.findings import amount, notice, warning
from batchlog.segments.ledger import Ledger
from batchlog.state.checkpoint import State
from batchlog.state.store import Store


class Aim(NamedTuple):
    """What history is asked for: files in one directory, blocks in another, or either."""

    openmetrics: str | None
    tsdb: str | None
    timing: Timing
    labels: dict[str, str]
    """Labels that the scrape adds, where they are not job and grouping."""
    force: bool

    @property
    def directory(self) -> str:
        """Where files are written; those for blocks alone are taken away once these are made."""
        directory = self.openmetrics or self.tsdb
        assert directory is not None  # without either there is no aim  # noqa: S101
        return directory


ERA = 757_382_400
"""1994-01-01, Unix seconds: before it hardly a web server wrote a log, and a stamp is a mistake."""

MOST_SAMPLES = 2_000_000_000
"""Samples beyond which a history is taken for a mistake: of a stamp, or of labels."""


def history(wanted: Wanted, aim: Aim, world: World, progress: Progress) -> Outcome:
    """Read old logs into history. Raises a BatchlogError where it could not even begin."""
    request = wanted.request
    state = Store(request.checkpoint).load() or State(state_id="")
    metrics = request.settings.metrics
    options = Options(
        step=aim.timing.step,
        by=metrics.by,
        bounds=metrics.bounds,
        namespace=metrics.namespace,
        labels=aim.labels or _scraped(state, wanted),
        max_series=metrics.max_series,
        since=aim.timing.since,
        until=aim.timing.until,
    )
    promtool = find() if aim.tsdb else None
    if aim.tsdb:
        blocks.refuse_foreign(aim.tsdb)
    verdict = Verdict(world)
    found = inputs(wanted.paths)
    verdict.hear(*found.findings)
    with manifest.open_directory(aim.directory, options, force=aim.force) as directory:
        making = _Making(
            wanted=wanted,
            aim=aim,
            state=state,
            directory=directory,
            verdict=verdict,
            progress=progress,
        )
        lines = making.write(promtool) if making.read(found.files) else None
    if lines is None:
        verdict.exits.add(Exit.BUSY)
        world.say(warning("interrupted: what was read is kept, the same command goes on with it"))
    return Outcome(verdict.exit, making.account.summary, tuple(lines or ()))


def _scraped(state: State, wanted: Wanted) -> dict[str, str]:
    """Return the labels that the gateway's group gives to what is scraped."""
    group = state.group or group_of(wanted.request)
    if group is None:
        raise ConfigError(
            "history must carry the labels of the scraped series, and no gateway is named that "
            "gives them: add --series-label job=… --series-label instance=… as your scrape has them"
        )
    return {"job": group.job, **group.grouping}


class _Journal:
    """Results that were stored before a backfill was interrupted."""

    def __init__(self, work: journal.Work) -> None:
        self._work = work

    def has(self, part: Part, task: Task) -> bool:
        return self._work.has(task_id(part, task), source_of(part))

    def recall(self, part: Part, task: Task) -> journal.Outcome:
        found = self._work.finished(task_id(part, task), source_of(part))
        assert found is not None  # it is asked only for what it has  # noqa: S101
        return found


def task_id(part: Part, task: Task) -> str:
    """Return a name for what determines the result of a task, wherever its file is by now."""
    file = msgspec.structs.replace(task, sight=msgspec.structs.replace(task.sight, path=""))
    raw = msgspec.json.encode((part.seam, part.entry.labels, file))
    return blake2b(raw, digest_size=16).hexdigest()


def source_of(part: Part) -> journal.Source:
    """Return the log that a part belongs to, as its history knows it."""
    names = OPEN | path_label_names(part.entry)
    return journal.Source(part.log, static_labels(part.entry, part.log), names)


class _Making:
    def __init__(
        self,
        *,
        wanted: Wanted,
        aim: Aim,
        state: State,
        directory: manifest.Directory,
        verdict: Verdict,
        progress: Progress,
    ) -> None:
        self._wanted = wanted
        self._aim = aim
        self._state = state
        self._options = options = directory.options
        self._directory = directory
        self._verdict = verdict
        self._progress = progress
        self._now = int(verdict.world.now())
        self._work = journal.Work(directory.path, options)
        self._origins: dict[str, int] = {}
        self._inputs: dict[str, manifest.Input] = {}
        settings = wanted.request.settings
        self.account = Account(options.by, settings.max_malformed, progress, verdict)

    def read(self, files: Sequence[Input]) -> bool:
        """Read the files into the journal; False where a stop was asked for."""
        stop = self._verdict.world.stop
        self._directory.begin(manifest.Input(one.path, one.size, 0, 0) for one in files)
        settings, ledger = self._wanted.request.settings, Ledger(())
        planner = Planner(self._state, settings, ledger, self._now, self._aim.timing)
        self._progress.begin(sum(file.size for file in files), len(files))
        engine = self._wanted.engine_for(files)
        with executor(engine, self._progress.advance, stop) as window:
            reading = Reading(planner, ledger, window, stop, _Journal(self._work))
            for event in reading.read(files):
                self.account.hear(event)
                self._hear(event)
        self.account.close()
        return not stop

    def _hear(self, event: object) -> None:
        match event:
            case Part():
                self._begin(event)
            case Taken():
                outcome = event.result
                if event.step is not None:
                    part, task = event.part, event.task
                    outcome = self._work.put(task_id(part, task), source_of(part), event.step)
                assert isinstance(outcome, journal.Outcome)  # noqa: S101
                if event.step is None:
                    self.account.summary.recall(outcome, outcome.first, outcome.last)
                self._count(event.part, outcome)
            case _:
                pass

    def _begin(self, part: Part) -> None:
        """Note where history of a log ends; ConfigError where that is too new to be written."""
        if part.seam is not None:
            self._origins[part.log] = part.seam
            refused = seam.refusals({part.log: part.seam}, self._now)
            if refused:
                raise ConfigError(refused[0])

    def _count(self, part: Part, outcome: journal.Outcome) -> None:
        lines = outcome.counted + outcome.malformed + outcome.oversize + outcome.skipped
        old = self._inputs.get(part.file.path) or manifest.Input(
            part.file.path, part.file.size, 0, 0
        )
        self._inputs[part.file.path] = msgspec.structs.replace(
            old, lines=old.lines + lines, counted=old.counted + outcome.counted
        )

    def write(self, promtool: Promtool | None) -> list[str] | None:
        """Write what was read, and make blocks of it; None where a stop was asked for.

        Returns what is to be done next.
        """
        live = seam.live_series(self._state.totals, self._options.labels)
        seams = seam.Seams(self._now, live, self._origins)
        self._judge(days.outline(self._work, self._options, seams))
        stop, say = self._verdict.world.stop, self._verdict.hear
        built = days.build(self._work, self._options, seams, stop=stop)
        if built is None:
            return None
        self._tell(built)
        first = min((file.first for file in built.files), default=None)
        old = advice.beyond_retention(first, self._now)
        say(*([warning(old)] if old else []))
        lines = advice.for_files(built.files, self._directory.path)
        if self._aim.tsdb and promtool:
            made = blocks.make_blocks(built.files, self._aim.tsdb, promtool, stop, say)
            if made is None:
                return None
            lines = advice.for_blocks(made)
        kept = built.files if self._aim.openmetrics else ()
        self._directory.complete(self._inputs.values(), kept)
        self._work.remove()
        days.remove_others(self._directory.path, kept)
        return lines

    def _judge(self, planned: days.Outline) -> None:
        """Raise where a stamp must be a mistake: a series has a sample every step from it on."""
        if planned.first is not None and planned.first < ERA:
            year = planned.first // 31_556_952 + 1970
            raise LogError(
                f"some line is stamped in the year {year}, and history would have a sample every "
                f"{self._options.step} s from then on: leave such lines out with --since"
            )
        if planned.samples > MOST_SAMPLES:
            raise LogError(
                f"this would be {planned.samples:,} samples: bound it with --since and --until, "
                "take a longer --step, or fewer labels"
            )

    def _shares(self, built: days.Built) -> Iterator[Share]:
        """Yield what history holds at its end, by the labels that were asked for."""
        for labels, row in built.series.items():
            named = dict(labels)
            values = tuple(named.get(name, "") for name in self._options.by)
            yield Share(values, row[0], row[1])

    def _tell(self, built: days.Built) -> None:
        self.account.summary.hold(self._shares(built))
        hear = self._verdict.hear
        files = amount(len(built.files), "day")
        hear(notice(f"wrote {amount(built.samples, 'sample')} of {files}"))
        if built.left_out:
            hear(
                notice(
                    f"left out {amount(built.left_out, 'line')} newer than "
                    f"{seam.LIMIT // 3600} hours: a later backfill may have them"
                )
            )
        if built.clamped:
            hear(
                notice(
                    f"{amount(built.clamped, 'line')} stamped after counting began stand just "
                    "before it"
                )
            )
