"""Read the files of a backfill, one plan after the other, through whatever engine.

Results come in the order of the plan, so that nothing depends on which process was faster. Files
that begin alike may hold the same content: the second one is decided on when the first is read.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from batchlog.backfill.inputs import Input, Key
from batchlog.backfill.plan import Part, Planner, Skipped
from batchlog.engines.task import Done, Task
from batchlog.engines.window import Beginning, Window
from batchlog.errors import Stop
from batchlog.failpoints import reach
from batchlog.scan import WITHOUT_NUMPY
from batchlog.segments.findings import Finding, amount, error, notice, warning
from batchlog.segments.known import Consumed
from batchlog.segments.ledger import Ledger
from batchlog.segments.source import shown
from batchlog.segments.steps import Result, Step
from batchlog.segments.take import LEAST_SALVAGE

_TWINS = 8
"""Files with one content that are remembered, so that they need not be read again to know it."""


class Remembered(Protocol):
    """Remembers the results of tasks that were finished before a backfill was interrupted."""

    def has(self, part: Part, task: Task) -> bool:
        """Tell whether a task was finished; it may be asked in any order."""

    def recall(self, part: Part, task: Task) -> Result:
        """Return what it found; it is asked in the order of the plan."""


class Taken(NamedTuple):
    """A task's result with the entry of the ledger that it leads to."""

    part: Part
    task: Task
    step: Step | None
    """None where the journal recalled it."""
    result: Result
    entry: Consumed
    number: int
    """Of the entry."""
    is_last: bool
    """Whether it is the last of its file."""


class Failed(NamedTuple):
    """A file whose rest cannot be read."""

    part: Part
    finding: Finding
    is_passing: bool = True
    """Whether another try may do: it was changed while it was read, or could not be read."""


Event = Part | Skipped | Taken | Failed | Finding
"""What happens to files, in the order of the plan; a Part says that its results come next."""


class Reading:
    """One backfill's way through its files."""

    def __init__(
        self,
        planner: Planner,
        ledger: Ledger,
        window: Window,
        stop: Stop,
        journal: Remembered | None = None,
    ) -> None:
        self._planner = planner
        self._ledger = ledger
        self._window = window
        self._stop = stop
        self._journal = journal
        self._out: dict[Task, Part] = {}
        self._given_up: set[Input] = set()
        self._by_rows = False

    def read(self, files: Iterable[Input]) -> Iterator[Event]:
        """Read the files, as far as nobody asks to stop."""
        for file in files:
            if self._stop:
                break
            what = self._planner.plan(file)
            if isinstance(what, Part) and self._may_be_out(what):
                yield from self._drain()
                what = self._planner.plan(file)
            reach("backfill.planned")
            if isinstance(what, Skipped):
                yield what
            else:
                yield from self._put(what)
        yield from self._drain()

    def _may_be_out(self, what: Part) -> bool:
        """Tell whether a file that begins alike, or in the same second, is being read."""
        return any(
            what.head.startswith(part.head)
            or part.head.startswith(what.head)
            or (what.log, what.first) == (part.log, part.first)
            for part in self._out.values()
        )

    def _put(self, part: Part) -> Iterator[Event]:
        for task in part.tasks:
            if self._stop or part.file in self._given_up:
                return
            if self._journal is not None and self._journal.has(part, task):
                yield from self._drain()
                if part.file not in self._given_up:
                    yield from self._take(part, task, None, self._journal.recall(part, task))
                continue
            self._out[task] = part
            for done in self._window.put(task, Beginning(part.begin.start, part.head)):
                yield from self._receive(done)

    def _drain(self) -> Iterator[Event]:
        for done in self._window.drain():
            yield from self._receive(done)

    def _receive(self, done: Done) -> Iterator[Event]:
        part = self._out.pop(done.task)
        if done.by_rows and not self._by_rows:
            self._by_rows = True
            yield notice(WITHOUT_NUMPY)
        if done.doubt:
            yield warning(done.doubt)
        if part.file in self._given_up:
            return
        if done.step is None:
            self._given_up.add(part.file)
            yield Failed(part, error(done.fault))
        else:
            yield from self._take(part, done.task, done.step, done.step.result)

    def _take(self, part: Part, task: Task, step: Step | None, result: Result) -> Iterator[Event]:
        path = shown(part.file.path)
        if task == part.tasks[0]:
            yield part
        if task.salvage and result.end == "truncated" and _decoded(result) < LEAST_SALVAGE:
            self._given_up.add(part.file)
            text = "it ends in the middle and holds next to nothing: not counted"
            yield Failed(part, error(f"{path} is damaged: {text}"), is_passing=False)
            return
        is_last = task == part.tasks[-1]
        changed = task.end is not None and result.mark.offset != task.end and not is_last
        if changed:
            self._given_up.add(part.file)
        entry, number = self._advance(part, task, result)
        yield Taken(part, task, step, result, entry, number, is_last)
        if changed:
            yield Failed(part, error(f"{path} was changed while it was read: run again"))
        yield from _said(part, task, result)

    def _advance(self, part: Part, task: Task, result: Result) -> tuple[Consumed, int]:
        """Move the ledger on to the end of a result."""
        number, lines = part.number, part.begin.lines
        twins = () if number is None else self._twins(number, part, result)
        if task != part.tasks[0]:
            number = self._ledger.number(part.sight.key)
            assert number is not None  # the first result put it there  # noqa: S101
            lines = self._ledger.contents[number].mark.lines
        salvaged = task.salvage and result.end == "truncated"
        entry = Consumed(
            mark=replace(result.mark, lines=lines + result.mark.lines),
            first=part.first,
            format=task.spec,
            log=part.log,
            bearer=part.sight,
            context=result.context,
            ended=part.sight.form != "plain"
            and part.end is None
            and (result.end in ("complete", "corrupt") or salvaged),
            twins=twins,
        )
        return entry, self._ledger.put(entry, number)

    def _twins(self, number: int, part: Part, result: Result) -> tuple[Key, ...]:
        """Return the files that hold no more than what was read, if this one does not either."""
        before = self._ledger.contents[number]
        if result.read_bytes or before.mark.offset != result.mark.offset:
            return ()
        known = dict.fromkeys([before.bearer.key, *before.twins])
        known.pop(part.sight.key, None)
        return tuple(known)[-_TWINS:]


def _decoded(result: Result) -> int:
    return result.mark.offset - result.mark.start


def _said(part: Part, task: Task, result: Result) -> Iterator[Finding]:
    path = shown(part.file.path)
    if result.end == "corrupt" or (result.end == "truncated" and task.salvage):
        lines = amount(result.mark.lines, "line")
        counted = f"{lines} before that are counted" if result.mark.lines else "nothing is counted"
        yield error(f"{path} is damaged: {result.fault}; {counted}")
    elif result.end == "truncated":
        yield notice(
            f"{path} is not complete yet: what no checksum vouches for waits until it is, or has "
            "not changed for ten minutes; then run the same command again"
        )
    elif result.waiting and result.end == "complete" and part.end is None:
        yield notice(f"{path}: its last line has no end yet, it waits for another backfill")
