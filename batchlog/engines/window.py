"""A rolling window of tasks over an executor: results in the order in which tasks were put.

Whatever the executor is, and in whatever order it ends them, a task's result is given out once and
in its place. Only so many tasks are out at a time, so that memory does not grow with their number.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from typing import NamedTuple

from batchlog.engines.task import Done, Task
from batchlog.errors import BatchlogError, Stop

LOOK = 0.1
"""Seconds between two looks at the progress and at `stop`, while a result is waited for."""


class Progress:
    """Tells of bytes as they are read: each byte once, never less than was told."""

    def __init__(self, report: Callable[[int], None]) -> None:
        self._report = report
        self._ended = 0
        self._told = 0

    def running(self, taken: int) -> None:
        """Tell of the tasks that run: `taken` is what was read for them all."""
        new = self._ended + taken - self._told
        if new > 0:
            self._told += new
            self._report(new)

    def ended(self, weight: int) -> None:
        """Tell of a task that is done with."""
        self._ended += weight
        self.running(0)


class Runner(NamedTuple):
    """An executor and what a window needs to know of it."""

    executor: Executor
    """`submit(function, task)`, where `function` is `carry_out` or does its work."""
    function: Callable[..., Done]
    size: int
    """Most tasks that are out at a time."""
    taken: Callable[[], int] = lambda: 0
    """Bytes that were read for tasks that are not done yet."""
    check: Callable[[], None] = lambda: None
    """Raises where the executor has gone and no result will come; asked while one is waited for."""
    explain: Callable[[BaseException, Task], BatchlogError | None] = lambda _error, _task: None
    """From what the executor raised to what is said of it; None where it is no known case."""


class Window:
    """Tasks that are out, in order."""

    def __init__(self, runner: Runner, progress: Progress, stop: Stop) -> None:
        self._runner = runner
        self._progress = progress
        self._stop = stop
        self._out: deque[tuple[Task, Future[Done]]] = deque()

    def put(self, task: Task) -> Iterator[Done]:
        """Submit a task; yield the oldest results while too many are out.

        Iterate it to its end. It ends at once where a stop is asked for.
        """
        if self._stop:
            return
        try:
            future = self._runner.executor.submit(self._runner.function, task)
        except Exception as error:  # noqa: BLE001 - raised again
            raise self._explained(error, task) from None
        self._out.append((task, future))
        yield from self._oldest(self._runner.size)

    def drain(self) -> Iterator[Done]:
        """Yield all that is left; it ends at once where a stop is asked for."""
        yield from self._oldest(0)

    def _oldest(self, size: int) -> Iterator[Done]:
        while len(self._out) > size:
            task, future = self._out[0]
            if not self._waited(future):
                return
            self._out.popleft()
            try:
                done = future.result()
            except BaseException as error:  # noqa: BLE001 - raised again
                raise self._explained(error, task) from None
            self._progress.ended(task.weight)
            yield done

    def _waited(self, future: "Future[Done]") -> bool:
        """Wait for a result; False where a stop was asked for."""
        while not self._stop:
            self._runner.check()
            self._progress.running(self._running())
            if wait([future], LOOK).done:
                return not self._stop
        return False

    def _running(self) -> int:
        return self._runner.taken() + sum(
            task.weight for task, future in self._out if future.done()
        )

    def _explained(self, error: BaseException, task: Task) -> BaseException:
        return self._runner.explain(error, task) or error
