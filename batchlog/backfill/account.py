"""What a backfill tells while it reads, and what it adds up to."""

from collections.abc import Sequence

from batchlog.backfill.inputs import Input
from batchlog.backfill.plan import ALREADY, Part, Skipped
from batchlog.backfill.progress import Progress
from batchlog.backfill.reading import Event, Failed, Taken
from batchlog.backfill.summary import Summary
from batchlog.job.following import judge_malformed
from batchlog.job.request import Verdict
from batchlog.segments.findings import error, notice
from batchlog.segments.source import shown
from batchlog.segments.steps import Result


class Account:
    """Hears of every event, in the order of the plan."""

    def __init__(
        self, by: tuple[str, ...], max_malformed: float, progress: Progress, verdict: Verdict
    ) -> None:
        self.summary = Summary(by)
        self._max_malformed = max_malformed
        self._progress = progress
        self._verdict = verdict
        self._newest: int | None = None
        self._is_read = False  # something of the file at hand: not all was recalled
        self._lines: dict[str, tuple[int, int, str]] = {}  # malformed, all, format

    def begin(self, files: Sequence[Input]) -> None:
        """Hear of all files, before any other event."""
        self._progress.begin(sum(file.size for file in files), len(files))

    def advance(self, size: int) -> None:
        """Hear that so many more bytes on disk were taken in."""
        self._progress.advance(size)

    def hear(self, event: Event) -> None:
        """Tell of an event, and add it up."""
        match event:
            case Part():
                self._newest, self._is_read = event.first, False
            case Skipped():
                self._skip(event)
            case Failed():
                self._verdict.hear(event.finding)
                self._progress.done()
            case Taken():
                self._take(event)
            case _:
                self._verdict.hear(event)

    def _skip(self, skipped: Skipped, advance: int | None = None) -> None:
        path, reason = shown(skipped.file.path), skipped.reason
        if skipped.is_error:
            self.summary.leave("could not be read")
            self._verdict.hear(error(reason if path in reason else f"{path}: {reason}"))
        else:
            self.summary.leave(reason)
            self._verdict.hear(notice(f"{path}: skipped, {reason}"))
        self._progress.advance(skipped.file.size if advance is None else advance)

    def _take(self, taken: Taken) -> None:
        step, part = taken.step, taken.part
        if part.number is not None and not taken.result.read_bytes and not self._is_read:
            self._skip(Skipped(part.file, ALREADY), advance=0)
            return
        if taken.task == part.tasks[0]:
            self.summary.begin_file()
        if step is None:
            self._progress.advance(taken.task.weight)
        else:
            if not self._is_read:
                self._is_read = True
                self._progress.file(shown(part.file.path))
            slot = taken.task.timing.step if taken.task.timing else 0
            self.summary.add(step.tally, step.read_bytes, self._newest, slot)
            self._newest = step.tally.newest if step.tally.newest is not None else self._newest
            self._progress.step(step.tally, step.read_bytes)
        self._weigh(part, taken.result)
        if taken.is_last and self._is_read:
            self._progress.done()
        elif taken.is_last:
            path = shown(part.file.path)
            self._verdict.hear(notice(f"{path}: was read before it was interrupted"))

    def _weigh(self, part: Part, counts: Result) -> None:
        malformed, lines, _ = self._lines.get(part.log, (0, 0, ""))
        lines += counts.counted + counts.malformed + counts.oversize
        self._lines[part.log] = malformed + counts.malformed, lines, part.entry.format

    def close(self) -> None:
        """Judge the share of malformed lines of each log."""
        for log, (malformed, lines, spec) in self._lines.items():
            finding = judge_malformed(log, malformed, lines, self._max_malformed, spec)
            self._verdict.hear(*([finding] if finding else []))
