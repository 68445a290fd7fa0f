"""From what a user asked for to a window of tasks: here, in processes, or on a cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal, NamedTuple

from batchlog.engines.cluster import cluster
from batchlog.engines.connect import Tls
from batchlog.engines.local import Here, Pool
from batchlog.engines.task import carry_out
from batchlog.engines.window import Progress, Runner, Window
from batchlog.errors import ConfigError, Stop
from batchlog.segments.content import open_file
from batchlog.segments.reopened import Open

A_WORKER = 4
"""Tasks that are out for each process: those behind a large archive need not wait for it."""


class Engine(NamedTuple):
    """Where the work is done."""

    workers: int = 1
    """Processes of this host; a cluster has its own number."""
    scheduler: str | None = None
    """Address of a Dask scheduler."""
    tls: Tls | None = None
    kind: Literal["local", "dask"] = "local"
    cores: int = 1
    """Cores that each process may use."""
    room: int | None = None
    """Most processes that there is memory for (`engines.room`)."""


@contextmanager
def open_window(
    engine: Engine,
    report: Callable[[int], None],
    stop: Stop,
    opener: Open = open_file,
) -> Iterator[Window]:
    """Yield a window for tasks; with its end all processes that were started have ended.

    `report` is told of bytes read, as they lie on disk, by this thread while it waits in `put` or
    `drain`; of a cluster once a task is done. A `stop` makes both end. Tasks that are carried out
    here open their files by `opener`.
    """
    progress = Progress(report)
    function = partial(carry_out, cores=engine.cores)
    if engine.kind == "dask":
        if not engine.scheduler:
            raise ConfigError("--engine dask needs the address of a Dask --scheduler, HOST:PORT")
        with cluster(engine.scheduler, engine.tls, stop) as runner:
            yield Window(runner, progress, stop)
    elif engine.workers == 1:
        here = Here(progress.running, stop)
        again = partial(function, opener=opener)
        yield Window(Runner(here, again, 0, here=True), progress, stop)
    else:
        pool = Pool(engine.workers)
        try:
            pool.start()
            size = A_WORKER * engine.workers
            yield Window(Runner(pool, function, size, pool.taken), progress, stop)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
