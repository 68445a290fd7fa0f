"""Tasks on a Dask cluster, by `distributed`, which is loaded only here.

Only batchlog's own code runs on the workers, so it must be installed there, in the client's
version: another one might read the same bytes in another way. Dask repeats a task whose worker
has died; its result is taken once, by the future that waits for it. Neither the scheduler nor a
worker is trusted with more than counts: what they say passes `gate`, and is an `answer` in bytes
or nothing. Each wait for them has a limit, and hears a stop (`patience`).
"""

import sys
from asyncio import run_coroutine_threadsafe
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from batchlog import __version__
from batchlog.engines import answer
from batchlog.engines.answer import Versions
from batchlog.engines.connect import Tls, connected, silence
from batchlog.engines.task import Done, Task, carry_out
from batchlog.engines.window import LOOK, Doubtful, Runner
from batchlog.errors import BatchlogError, ConfigError, EngineUnreachable, Interrupted, Stop
from batchlog.segments.patience import awaited

if TYPE_CHECKING:
    import distributed

PATIENCE = 10.0
"""Seconds for the scheduler to answer, and then for a first worker."""

SILENCE = 30.0
"""Seconds between two questions for a sign of life, and for the answer."""

FAREWELL = 2.0
"""Seconds to take leave of a scheduler."""

RETRIES = 3
"""How often a task that raises is tried again. How many workers may die of one, the scheduler's
`distributed.scheduler.allowed-failures` says (3)."""

A_THREAD = 3
"""Tasks that are out for each thread of the cluster."""

MOST_THREADS = 10_000
"""Threads of a cluster that are believed."""


def versions() -> Versions:
    """Return those of this process."""
    return Versions(__version__, "{}.{}".format(*sys.version_info))


def told() -> bytes:
    """Return the versions of a worker, as it answers."""
    return answer.differs(versions())


def on_worker(ours: Versions, task: Task) -> bytes:
    """Carry out a task in a worker, which may have joined after versions were compared.

    Whatever happens is an answer: what a worker raises would not be heard.
    """
    if ours.differ(versions(), ""):
        return told()
    try:
        return answer.done(carry_out(task))
    except BaseException:  # noqa: BLE001 - it is done again where somebody sees the reason
        return answer.failed()


@contextmanager
def cluster(
    address: str, tls: Tls | None, stop: Stop, patience: float = PATIENCE
) -> Iterator[Runner]:
    """Yield what runs tasks on the cluster of the scheduler at `address`.

    ConfigError where the extra is not installed, an option is wrong or versions differ,
    EngineUnreachable where the scheduler or its workers are not there, Interrupted where a stop is
    asked for before they are.
    """
    try:
        import distributed
    except ImportError:
        raise ConfigError(
            "--engine dask needs packages that are not installed: pip install 'batchlog[dask]'"
        ) from None
    del distributed
    with silence():
        client = connected(address, tls, stop, patience)
        try:
            threads = _joined(client, address, stop, patience)
            executor = _Tasks(client)
            pulse = _Pulse(client, address)

            def explain(error: BaseException, _task: Task) -> BatchlogError | None:
                lost = isinstance(error, CancelledError) or client.status != "running"
                return _gone(address) if lost and not isinstance(error, BatchlogError) else None

            function = partial(on_worker, versions())
            size = A_THREAD * max(1, min(threads, MOST_THREADS))
            yield Runner(executor, function, size, check=pulse.look, explain=explain, read=_read)
        finally:
            _leave(client)


def _leave(client: "distributed.Client") -> None:
    """Close the client, which lets go of all that is out; a scheduler may not answer."""
    with suppress(Exception):
        awaited(partial(client.close, timeout=FAREWELL), FAREWELL, Stop())


def _read(data: object, task: Task) -> Done:
    """Return the result in an answer; ConfigError where a worker has other versions."""
    try:
        found = answer.read(getattr(data, "data", None), task)
    except answer.Unusable as problem:
        raise Doubtful(f"a result was not taken: {problem}") from None
    if isinstance(found, Done):
        return found
    differs = versions().differ(found, "of the cluster")
    if not differs:
        raise Doubtful("a worker would not do it")
    raise ConfigError(differs)


class _Tasks(Executor):
    """Tasks of a client, each with a future that ends also where its result cannot be had.

    Those of Dask's own executor do not: they wait for ever for an answer that is refused.
    """

    def __init__(self, client: "distributed.Client") -> None:
        self._client = client

    def submit(self, function: Callable[..., bytes], /, task: Task) -> "Future[object]":  # type: ignore[override]
        """Send a task to the cluster."""
        future = self._client.submit(function, task, pure=False, retries=RETRIES)

        async def bring() -> object:
            return await self._client.gather(future, asynchronous=True)

        return run_coroutine_threadsafe(bring(), self._client.loop.asyncio_loop)


class _Pulse:
    """Asks the scheduler for its workers now and then, while a result is waited for."""

    def __init__(self, client: "distributed.Client", address: str) -> None:
        self._client = client
        self._address = address
        self._asked: Future[object] | None = None
        self._next = monotonic() + SILENCE
        self._deserted = False  # when it was asked before

    def look(self) -> None:
        """Raise EngineUnreachable where the scheduler or all workers are gone, or it is silent."""
        if self._client.status != "running":  # Dask cancels what is out, and may say nothing
            raise _gone(self._address)
        late = monotonic() > self._next
        if self._asked is None and late:
            self._asked = run_coroutine_threadsafe(
                self._client.scheduler.ncores(), self._client.loop.asyncio_loop
            )
        elif self._asked is not None and self._asked.done():
            deserted = not self._asked.exception() and not self._asked.result()
            if deserted and self._deserted:
                raise _lost(f"the Dask scheduler at {self._address} has no workers any more")
            self._asked, self._deserted = None, deserted
        elif self._asked is not None and late:
            raise _lost(f"the Dask scheduler at {self._address} says nothing any more")
        else:
            return
        self._next = monotonic() + SILENCE


def _lost(what: str) -> EngineUnreachable:
    return EngineUnreachable(f"{what}: run again; what was done is kept")


def _gone(address: str) -> EngineUnreachable:
    return _lost(f"the connection to the Dask scheduler at {address} was lost")


def _joined(client: "distributed.Client", address: str, stop: Stop, patience: float) -> int:
    """Wait for a first worker, and look at all there are; return the number of their threads."""
    deadline, threads = monotonic() + patience, 0
    try:
        while not threads and monotonic() < deadline:
            threads = awaited(partial(_threads, client), patience, stop)
        found = awaited(partial(_ask, client), 3 * patience, stop) if threads else {}
    except Interrupted:
        raise
    except Exception:  # noqa: BLE001 - whatever it raises when a connection breaks
        raise _gone(address) from None
    if not threads:
        raise EngineUnreachable(
            f"the Dask scheduler at {address} has no workers: start one (dask worker {address})"
        )
    _compare(found)
    return threads


def _threads(client: "distributed.Client") -> int:
    """Return the threads of all workers; where there are none, after a moment."""
    threads = sum(client.nthreads().values())
    if not threads:
        with suppress(TimeoutError):
            client.wait_for_workers(1, timeout=LOOK)
    return int(threads)


def _ask(client: "distributed.Client") -> dict[object, object]:
    """Ask each worker for its versions; of what they answer only bytes are heard."""
    from distributed.protocol.pickle import dumps

    async def ask() -> object:
        function = {"function": dumps(told), "args": dumps(()), "kwargs": dumps({})}
        message = {"op": "run", "wait": True, **function}
        return await client.scheduler.broadcast(msg=message, on_error="return_pickle")

    return dict(client.sync(ask))


def _compare(found: dict[object, object]) -> None:
    """Raise ConfigError where a worker has other versions, or no batchlog of this kind at all."""
    for worker, said in found.items():
        name = str(worker)[:100]
        data = getattr(said.get("result"), "data", None) if isinstance(said, dict) else None
        try:
            theirs = answer.versions_in(data)
        except answer.Unusable:
            raise ConfigError(
                f"worker {name} cannot load batchlog {__version__}, which this host has: "
                "install it there"
            ) from None
        differs = versions().differ(theirs, name)
        if differs:
            raise ConfigError(differs)
