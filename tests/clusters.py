"""Dask clusters on this host, with workers that are processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import eventually, serving


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    address: str
    local: Any
    """Its `distributed.LocalCluster`."""

    @property
    def pids(self) -> list[int]:
        """The processes of its workers."""
        return [nanny.pid for nanny in self.local.workers.values() if nanny.pid]

    def pid_of(self, address: str) -> int:
        """Return the process of one of them."""
        [pid] = [n.pid for n in self.local.workers.values() if n.worker_address == address]
        return int(pid)

    def kill_one(self) -> int:
        """Kill a worker as the kernel does that runs out of memory; its nanny starts another."""
        pid = self.pids[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    @property
    def workers(self) -> int:
        """How many of them the scheduler knows."""
        return len(self.local.scheduler.workers)


@contextmanager
def cluster(
    workers: int = 2,
    env: Mapping[str, str] | None = None,
    security: Any = None,  # noqa: ANN401 - distributed's
) -> Iterator[Cluster]:
    """Run a scheduler in this process and so many workers in others."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        security=security,
        env=dict(env or {}),
        silence_logs=False,
    ) as local:
        running = Cluster(local.scheduler_address, local)
        assert eventually(lambda: running.workers, workers) == workers
        yield running


@contextmanager
def scheduler(log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a scheduler without workers in a process of its own; yield its address too."""
    program = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]

    def command(port: int) -> list[str]:
        return [*program, "--host", "127.0.0.1", "--port", str(port)]

    processes: list[subprocess.Popen[bytes]] = []
    with serving(command, log, processes) as port:
        yield f"127.0.0.1:{port}", processes[0]


@contextmanager
def worker(address: str, path: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one more worker, which finds modules in `path` first."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address]
    command += ["--no-dashboard", "--no-nanny", "--nthreads", "1"]
    with (
        log.open("ab") as said,
        subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(path)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=log.parent,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()
