"""A rolling window of tasks over an executor: results in the order in which tasks were put.

Whatever the executor is, and in whatever order it ends them, a task's result is given out once and
in its place. Only so many tasks are out at a time, so that memory does not grow with their number.
What cannot be true of a task (`judge`), or was not done for a reason that only another process
knows, is done once more, in this process.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from typing import Any, NamedTuple

from msgspec.structs import replace

from batchlog.engines.judge import Seen, doubt
from batchlog.engines.task import Done, Task, carry_out
from batchlog.errors import BatchlogError, Stop
from batchlog.segments.source import is_url, shown

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


class Beginning(NamedTuple):
    """How the content of a task's file begins, as far as it was looked at."""

    start: int
    head: bytes


class Doubtful(Exception):  # noqa: N818 - a state, as in `errors`
    """An answer that is none, with a sentence about it."""


def as_it_is(answer: Any, _task: Task) -> Any:  # noqa: ANN401 - whatever an executor gives
    """Return what an executor has given."""
    return answer


class Runner(NamedTuple):
    """An executor and what a window needs to know of it."""

    executor: Executor
    """`submit(function, task)`, where `function` is `carry_out` or does its work."""
    function: Callable[..., Any]
    size: int
    """Most tasks that are out at a time."""
    taken: Callable[[], int] = lambda: 0
    """Bytes that were read for tasks that are not done yet."""
    check: Callable[[], None] = lambda: None
    """Raises where the executor has gone and no result will come; asked while one is waited for."""
    explain: Callable[[BaseException, Task], BatchlogError | None] = lambda _error, _task: None
    """From what the executor raised to what is said of it; None where it is no known case."""
    here: bool = False
    """Whether it works in this process, so that another try would raise the same."""
    read: Callable[[Any, Task], Any] = as_it_is
    """From what the executor gave to a result; Doubtful where it is none."""


class _Out(NamedTuple):
    """A task that is out."""

    task: Task
    beginning: Beginning | None
    future: "Future[Any]"


class Window:
    """Tasks that are out, in order."""

    def __init__(self, runner: Runner, progress: Progress, stop: Stop) -> None:
        self._runner = runner
        self._progress = progress
        self._stop = stop
        self._out: deque[_Out] = deque()

    def put(self, task: Task, beginning: Beginning | None = None) -> Iterator[Done]:
        """Submit a task; yield the oldest results while too many are out.

        Iterate it to its end. It ends at once where a stop is asked for.
        """
        if self._stop:
            return
        try:
            future = self._runner.executor.submit(self._runner.function, task)
        except Exception as error:  # noqa: BLE001 - raised again
            raise self._runner.explain(error, task) or error from None
        self._out.append(_Out(task, beginning, future))
        yield from self._oldest(self._runner.size)

    def drain(self) -> Iterator[Done]:
        """Yield all that is left; it ends at once where a stop is asked for."""
        yield from self._oldest(0)

    def _oldest(self, size: int) -> Iterator[Done]:
        while len(self._out) > size:
            out = self._out[0]
            if not self._waited(out.future):
                return
            self._out.popleft()
            done = self._taken(out)
            if self._stop:
                return
            self._progress.ended(out.task.weight)
            yield done

    def _waited(self, future: "Future[Any]") -> bool:
        """Wait for a result; False where a stop was asked for."""
        while not self._stop:
            self._runner.check()
            self._progress.running(self._running())
            if wait([future], LOOK).done:
                return not self._stop
        return False

    def _running(self) -> int:
        return self._runner.taken() + sum(out.task.weight for out in self._out if out.future.done())

    def _taken(self, out: _Out) -> Done:
        """Return a result that can be true."""
        task, name = out.task, shown(out.task.sight.path)
        try:
            done = self._runner.read(out.future.result(), task)
            reason = doubt(task, done, _seen(out))
        except Doubtful as problem:
            reason = str(problem)
        except BaseException as error:  # noqa: BLE001 - raised again where it is not another's
            known = self._runner.explain(error, task)
            if known is not None or isinstance(error, BatchlogError) or self._runner.here:
                raise known or error from None
            return self._again(out, "a worker failed at it", error)
        if not reason:
            found: Done = done
            return found
        again = self._again(out, f"a result was not taken: {reason}")
        reason = doubt(task, again, _seen(out))
        if not reason or self._stop:
            return again
        return Done(task, None, f"{name}: what was read of it is not taken: {reason}")

    def _again(self, out: _Out, why: str, raised: BaseException | None = None) -> Done:
        """Carry a task out in this process; what it `raised` where that is no better here."""
        try:
            done = carry_out(out.task, stop=self._stop)
        except BatchlogError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of the program
            raise raised or error from None
        return replace(done, doubt=f"{shown(out.task.sight.path)} was read here: {why}")


def _seen(out: _Out) -> Seen:
    """Return what is known of a task's file."""
    size, path = out.task.sight.size, out.task.sight.path
    if not is_url(path):
        with suppress(OSError, ValueError):
            size = max(size, os.stat(path).st_size)
    return Seen(size) if out.beginning is None else Seen(size, *out.beginning)
