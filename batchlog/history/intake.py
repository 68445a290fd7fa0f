"""Read old logs into the journal of a history: each step once, however often it is interrupted."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b

import msgspec

from batchlog.backfill.account import Account
from batchlog.backfill.inputs import Input
from batchlog.backfill.plan import Part, Planner
from batchlog.backfill.progress import Progress
from batchlog.backfill.reading import Event, Failed, Reading, Taken
from batchlog.backfill.request import Wanted
from batchlog.engines import Task, open_window
from batchlog.errors import ConfigError, Interrupted
from batchlog.history import manifest, seam
from batchlog.history.journal import Finished, Journal, LogLabels
from batchlog.job.request import Verdict
from batchlog.labels import OPEN
from batchlog.path_labels import path_label_names, static_labels
from batchlog.scan import Timing
from batchlog.segments.findings import warning
from batchlog.segments.ledger import Ledger
from batchlog.segments.reopened import LastOpened
from batchlog.segments.source import shown
from batchlog.state.checkpoint import State

_A_DAY = 86_400


class _Recalled:
    """Results that were stored before a backfill was interrupted."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def has(self, part: Part, task: Task) -> bool:
        return self._journal.has(task_id(part, task), source_of(part))

    def recall(self, part: Part, task: Task) -> Finished:
        found = self._journal.finished(task_id(part, task), source_of(part))
        assert found is not None  # it is asked only for what it has  # noqa: S101
        return found


def task_id(part: Part, task: Task) -> str:
    """Return a name for what determines the result of a task, wherever its file is by now."""
    file = msgspec.structs.replace(task, sight=msgspec.structs.replace(task.sight, path=""))
    raw = msgspec.json.encode((part.seam, part.entry.labels, file))
    return blake2b(raw, digest_size=16).hexdigest()


def source_of(part: Part) -> LogLabels:
    """Return the log that a part belongs to, as its history knows it."""
    names = OPEN | path_label_names(part.entry)
    return LogLabels(part.log, static_labels(part.entry, part.log), names)


def too_young(now: int, part: Part) -> str:
    """Return why history of a part cannot be written yet, an empty text where it can."""
    origins = {} if part.seam is None else {part.log: part.seam}
    return "; ".join(seam.refusals(origins, now))


class Intake:
    """Reads the files of a history, and remembers where its logs' history ends."""

    def __init__(
        self, journal: Journal, wanted: Wanted, state: State, verdict: Verdict, progress: Progress
    ) -> None:
        self._journal = journal
        self._wanted = wanted
        self._state = state
        self._verdict = verdict
        self._now = int(verdict.world.now())
        self._is_bounded = False
        self.origins: dict[str, int] = {}
        """When live counting of the logs began that a push knows, Unix seconds."""
        self.inputs: dict[str, manifest.FileRead] = {}
        self.overflow = 0
        """Lines put into `other`."""
        self.unread: list[str] = []
        """Files that could not be read to their end, though another try may do."""
        settings = wanted.request.settings
        self.account = Account(settings.metrics.by, settings.max_malformed, progress, verdict)

    def read(self, files: Sequence[Input], timing: Timing) -> bool:
        """Read the files into the journal; False where a stop was asked for."""
        stop = self._verdict.world.stop
        self._is_bounded = timing.since is not None or timing.until is not None
        settings, ledger = self._wanted.request.settings, Ledger(())
        opened = LastOpened()
        planner = Planner(
            self._state, settings, ledger, self._now, timing, stop=stop, opener=opened.anew
        )
        self.account.begin(files)
        engine = self._wanted.engine_for(files)
        window = open_window(engine, self.account.advance, stop, opened.again)
        with suppress(Interrupted), opened, window as tasks:
            reading = Reading(planner, ledger, tasks, stop, _Recalled(self._journal))
            for event in reading.read(files):
                self._hear(event)  # first the journal: what is told of is durable
                self.account.hear(event)
        self.account.close()
        return not stop

    def _hear(self, event: Event) -> None:
        match event:
            case Part():
                self._begin(event)
            case Taken():
                outcome = event.result
                if event.step is not None:
                    part, task = event.part, event.task
                    outcome = self._journal.put(task_id(part, task), source_of(part), event.step)
                assert isinstance(outcome, Finished)  # noqa: S101
                if event.step is None:
                    self.account.summary.recall(outcome, outcome.first, outcome.last)
                self._count(event.part, outcome)
            case Failed() if event.is_passing:
                self.unread.append(shown(event.part.file.path))
            case _:
                pass

    def _begin(self, part: Part) -> None:
        """Note where history of a log ends; ConfigError where that is too new to be written."""
        if part.seam is not None:
            self.origins[part.log] = part.seam
        elif part.sight.form == "plain" and not part.sight.is_quiet(self._now, _A_DAY):
            self._verdict.hear(
                warning(
                    f"no push knows {shown(part.file.path)}, and it was written to today: history "
                    "holds all of it, and where it is a log's active file a first push counts it "
                    "again; push first, then run this again with --force"
                )
            )
        refused = too_young(self._now, part)
        if refused:
            raise ConfigError(refused)

    def _count(self, part: Part, outcome: Finished) -> None:
        self.overflow += outcome.overflow
        if outcome.skipped and outcome.last is None and not self._is_bounded:
            self._verdict.hear(
                warning(
                    f"{shown(part.file.path)}: no line has a time that can be read, so none of its "
                    f"{outcome.skipped:,} requests is in the history"
                )
            )
        lines = outcome.counted + outcome.malformed + outcome.oversize + outcome.skipped
        old = self.inputs.get(part.file.path) or manifest.FileRead(
            part.file.path, part.file.size, 0, 0
        )
        self.inputs[part.file.path] = msgspec.structs.replace(
            old, lines=old.lines + lines, counted=old.counted + outcome.counted
        )
