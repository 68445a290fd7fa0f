"""Tasks in this process, or in processes of this host; both are executors.

Each worker process has a connection of its own to the client, so that the death of either is the
end of the connection, whatever was under way: nothing can wait for ever. (Processes that share
pipes, as those of the standard library's pool do, may leave half a message in one when killed.)
"""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import (
    connection,
    context,
    forkserver,
    get_context,
    parent_process,
    resource_tracker,
)
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from batchlog.engines.task import Done, Task
from batchlog.errors import BatchlogError, EngineUnreachable, Stop
from batchlog.nowhere import open_nowhere

INTERVAL = 0.1
"""Seconds between two messages about the progress of a task."""

NAME = "batchlog-worker"
"""Name of the processes, and of the threads that wait for them."""

KILLED = (
    "a worker process was killed, perhaps for want of memory: "
    "run again with fewer --workers; what was done is kept"
)

DESCRIPTORS = 10
"""What is open while a process is started, and a few more."""

_TERMINAL = (signal.SIGINT, signal.SIGHUP)
"""What a terminal sends to all processes on it: for the client to decide what it means."""

Function = Callable[..., Done]


class Here(Executor):
    """Carries out each task at once, in this process."""

    def __init__(self, running: Callable[[int], None], stop: Stop) -> None:
        self._running = running
        self._stop = stop

    def submit(self, function: Function, /, task: Task) -> "Future[Done]":  # type: ignore[override]
        """Return a future that is done: with what the function returned, or what it raised."""
        future: Future[Done] = Future()
        try:
            future.set_result(function(task, self._running, self._stop))
        except BaseException as error:  # noqa: BLE001 - the future raises it
            future.set_exception(error)
        return future


class Pool(Executor):
    """Carries out tasks in processes of this host, which end with this one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._workers: list[_Worker] = []
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._threads = ThreadPoolExecutor(size, NAME)  # each begins with its first task

    def start(self) -> None:
        """Start the processes; EngineUnreachable where the system has no room for them.

        They are started with `python -c`, which `PYTHONSAFEPATH` keeps from importing what lies in
        the current directory (R118), unless Python was told to ignore its variables.
        """
        if sys.flags.ignore_environment and not sys.flags.safe_path:
            raise EngineUnreachable(
                "worker processes would import from the current directory, since Python was "
                "started with -E: run 'python -E -P -m batchlog', or with --workers 1"
            )
        method = get_context("forkserver")
        method.set_forkserver_preload([__name__])
        # Blocked here they stay blocked in the workers, from their first instruction on; but the
        # start of the resource tracker, which comes first, may unblock them (CPython 3.11).
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL)
        try:
            forkserver.ensure_running()
            for _ in range(self._size):
                _look_for_room()
                self._workers.append(_Worker(method))
                self._idle.put(self._workers[-1])
        except OSError as error:
            raise EngineUnreachable(
                f"cannot start {self._size} worker processes: {error.strerror}; "
                "run again with fewer --workers"
            ) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def submit(self, function: Function, /, task: Task) -> "Future[Done]":  # type: ignore[override]
        """Hand a task to the first worker that is free; EngineUnreachable if that was killed."""
        return self._threads.submit(self._ask, function, task)

    def _ask(self, function: Function, task: Task) -> Done:
        worker = self._idle.get()
        try:
            return worker.ask(function, task)
        finally:
            self._idle.put(worker)

    def taken(self) -> int:
        """Return the bytes that were read for the tasks under way."""
        return sum(worker.taken for worker in self._workers)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers: once all is done, or without `wait` in the middle of what they do."""
        if wait:
            self._threads.shutdown(wait=True, cancel_futures=cancel_futures)
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        while self._workers:
            self._workers.pop().close()


def _look_for_room() -> None:
    """Raise OSError where a process would find no room for its descriptors.

    Where they run out halfway, the fork server ends with a traceback.
    """
    found: list[int] = []
    try:
        while len(found) < DESCRIPTORS:
            found.append(open_nowhere())
    finally:
        for descriptor in found:
            os.close(descriptor)


class _Answer(NamedTuple):
    """How a task ended in a worker."""

    done: Done | None
    error: BaseException | None = None


class _Worker:
    """One process, and the end of its connection that is here."""

    def __init__(self, method: context.ForkServerContext) -> None:
        self.taken = 0
        self._connection, other = method.Pipe()
        with other:
            self._process = method.Process(target=_serve, name=NAME, args=(other,), daemon=True)
            self._process.start()

    def ask(self, function: Function, task: Task) -> Done:
        """Have a task carried out; EngineUnreachable where the process is killed."""
        try:
            self._connection.send((function, task))
            while not isinstance(answer := self._connection.recv(), _Answer):
                self.taken = answer
        except (EOFError, OSError):
            raise EngineUnreachable(KILLED) from None
        finally:
            self.taken = 0
        if answer.done is None:
            raise answer.error or AssertionError
        return answer.done

    def kill(self) -> None:
        """End the process: it holds nothing that is worth a word. Who waits for it sees that."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Close what is left of it."""
        self._process.close()
        self._connection.close()


def _serve(client: "connection.Connection[Any, Any]") -> None:
    """Carry out tasks until the client has gone: what a worker process does."""
    for number in _TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            function, task = client.recv()
            client.send(_answer(function, task, _Throttled(client.send)))


def _answer(function: Function, task: Task, report: Callable[[int], None]) -> _Answer:
    try:
        return _Answer(function(task, report))
    except BatchlogError as error:
        return _Answer(None, error)
    except MemoryError:
        return _Answer(None, EngineUnreachable(KILLED))
    except ConnectionError:  # the client has gone
        raise
    except BaseException:  # noqa: BLE001 - a bug: its traceback is shown by the client
        return _Answer(None, RuntimeError("in a worker process:\n" + traceback.format_exc()))


class _Throttled:
    """Passes on what is reported, but not too often."""

    def __init__(self, send: Callable[[int], None]) -> None:
        self._send = send
        self._next = time.monotonic() + INTERVAL

    def __call__(self, taken: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + INTERVAL
            self._send(taken)


def _end_with_parent() -> None:
    """End at once when the client does, however it does, and whatever is under way here."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
