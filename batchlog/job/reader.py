"""How a run reads a file: here, or in processes that were given many archives before their turn.

What the processes find is taken only where it is exactly what would be read now; whatever goes
wrong with them, the file is read here. So they make a first run with a backlog quicker, and change
nothing else.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from batchlog.config.schema import Metrics
from batchlog.errors import EngineUnreachable, Stop
from batchlog.formats import resolve
from batchlog.scan import numpy_is_missing, scanner
from batchlog.segments.content import OpenFile
from batchlog.segments.read import read
from batchlog.segments.steps import Read, Step
from batchlog.segments.take import Planned

if TYPE_CHECKING:
    from batchlog.engines.task import Done, Task
    from batchlog.engines.window import Window

BACKLOG = 512 << 20
"""Bytes in archives above which processes are quicker, although they have to be started first."""


class Reader:
    """Reads for one run; a context manager, with whose end its processes have ended."""

    def __init__(self, metrics: Metrics, stop: Stop, cores: int) -> None:
        self._metrics = metrics
        self._stop = stop
        self._cores = cores
        self._window: Window | None = None
        self._waiting: set[Task] = set()
        self._results: Iterator[Done] = iter(())
        self._ends = ExitStack()
        self._by_rows = False

    @property
    def by_rows(self) -> bool:
        """Whether there was much to read, and nothing here or in a process to read it quicker."""
        return self._by_rows or numpy_is_missing()

    def read(self, content: OpenFile, what: Read, spec: str, context: str) -> Iterator[Step]:
        """Read on from a mark, in a format (see `segments.read`)."""
        found = self._found(Planned(content, what, spec), context)
        if found is not None:
            yield found
            return
        by, bounds = self._metrics.by, self._metrics.bounds
        size = content.expected(what.mark.offset)
        scan = scanner(resolve(spec), by, bounds, context, size=size)
        yield from read(content, what, scan, self._stop, cores=self._cores)

    def soon(self, planned: Sequence[Planned]) -> None:
        """Let processes read what will be asked for in this order, where it is much."""
        size = sum(one.content.expected(0) for one in planned)
        if self._cores == 1 or len(planned) == 1 or size < BACKLOG:
            return
        from batchlog.engines.room import room

        processes = min(self._cores, room() or self._cores)
        if processes == 1:
            return
        tasks = [self._task(one, "") for one in planned]
        self._waiting = set(tasks)
        try:
            self._results = _through(self._open(processes), tasks)
        except EngineUnreachable:
            self._waiting.clear()

    def _found(self, planned: Planned, context: str) -> Step | None:
        """Return what the processes have found of a file, None where it is to be read here."""
        task = self._task(planned, context) if self._waiting else None
        if task not in self._waiting:
            return None
        try:
            for done in self._results:
                self._waiting.discard(done.task)
                self._by_rows |= done.by_rows
                if done.task == task:
                    return done.step
        except EngineUnreachable:
            pass  # one was killed: there may be no room for them
        self._waiting.clear()
        return None

    def _task(self, planned: Planned, context: str) -> "Task":
        from batchlog.engines.task import Task

        content, what, spec = planned
        return Task(
            sight=content.sight,
            spec=spec,
            by=self._metrics.by,
            bounds=self._metrics.bounds,
            context=context,
            begin=what.mark.offset,
            final=what.final,
            salvage=what.salvage,
        )

    def _open(self, processes: int) -> "Window":
        """Start the processes, once in a run."""
        from batchlog.engines.open import Engine, open_window

        if self._window is None:
            engine = Engine(processes)
            window = open_window(engine, lambda _size: None, self._stop)
            self._window = self._ends.enter_context(window)
        return self._window

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.close()


def _through(window: "Window", tasks: Sequence["Task"]) -> "Iterator[Done]":
    """Yield the results in the order of the tasks, and so many tasks at a time."""
    for task in tasks:
        yield from window.put(task)
    yield from window.drain()
