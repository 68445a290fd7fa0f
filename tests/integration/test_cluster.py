"""A backfill through a Dask cluster from S3: what one process here would have made, whatever dies.

The objects are large enough for a worker, or the client, to be killed while they are read.
"""

import gzip
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from tests.cli.program import Done, Program
from tests.clusters import Cluster
from tests.servers import eventually
from tests.site import BEGINNING
from tests.storage import Bucket

OBJECTS, SECONDS, A_SECOND = 12, 24_000, 3

LINES = SECONDS * A_SECOND
"""Of each object."""

PERIOD = 18_000
"""Seconds from one object's first line to the next one's: they overlap."""


def text(number: int) -> bytes:
    """Return the lines of an object, some a second."""
    begin = (BEGINNING - 30 * 86_400 + number * PERIOD) // 60 * 60
    rows = []
    for minute in range(begin, begin + SECONDS, 60):
        stamp = time.strftime("%d/%b/%Y:%H:%M", time.gmtime(minute))
        rows += [
            f'192.0.2.{number} - - [{stamp}:{second:02} +0000] "GET / HTTP/1.1" {status} '
            f'{minute % 9973 + second} "-" "t"\n'
            for second in range(60)
            for status in (200, 404 if second % 7 else 500, 200 + second % 5)
        ]
    return "".join(rows).encode()


@pytest.fixture(scope="module")
def archives() -> list[tuple[str, bytes]]:
    """Return names and bytes of the objects; they are in two directories."""
    return [
        (f"logs/web{number % 2}/access.log.{OBJECTS - number}.gz", gzip.compress(text(number), 1))
        for number in range(OBJECTS)
    ]


@pytest.fixture
def urls(s3: Bucket, archives: list[tuple[str, bytes]]) -> list[str]:
    """Put the objects into the bucket; return their URLs in the order of a pattern."""
    return sorted(s3.put(name, data) for name, data in archives)


class Client:
    """Backfills with the bucket's pattern, and what came of them."""

    def __init__(self, program: Program, bucket: Bucket, cluster: Cluster) -> None:
        self.program = program
        self.pattern = bucket.url("logs/**/*.gz")
        self.env = dict(bucket.server.env)
        self.dask = ("--engine", "dask", "--scheduler", cluster.address)

    def words(self, *words: str) -> tuple[str, ...]:
        """Return the words of a backfill into history or totals of the bucket."""
        return ("backfill", *words, self.pattern)

    def run(self, *words: str) -> Done:
        """Run one to its end."""
        return self.program(*self.words(*words), env=self.env)

    def while_it_runs(self, *words: str, do: Callable[[], object]) -> Done:
        """Run one, and do something once the first object was read."""
        with self.program.start(*self.words(*words), env=self.env) as running:
            running.until(f".gz: {LINES:,} lines")
            do()
            out, err = running.process.communicate(timeout=120)
        return Done(running.process.returncode, out, "".join(running.said).encode() + err)

    def history(self, directory: str) -> dict[str, bytes]:
        """Return the files of a history by name."""
        found = (self.program.root / directory).glob("*.om.txt")
        return {path.name: path.read_bytes() for path in found}

    def state(self, name: str) -> State:
        """Return what is committed in the checkpoint of that name."""
        state = Store(str(self.program.root / name / "checkpoint.json")).load()
        assert state is not None
        return state


@pytest.fixture
def client(program: Program, s3: Bucket, cluster: Cluster) -> Client:
    assert 2 == eventually(lambda: cluster.workers, 2)
    return Client(program, s3, cluster)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def into(name: str) -> tuple[str, ...]:
    """Return the words for a history of that name."""
    return ("--series-label", "job=web", "--openmetrics", name)


def totals(name: str) -> tuple[str, ...]:
    """Return the words for totals in a state directory of that name."""
    return ("--checkpoint", f"{name}/checkpoint.json", "--textfile", f"{name}.prom")


def kill_a_busy_worker(cluster: Cluster) -> int:
    """Kill a worker that is at work, as the kernel does that runs out of memory."""
    busy: list[str] = []

    def look() -> bool:
        workers = list(cluster.local.scheduler.workers.values())
        busy[:] = [one.address for one in workers if one.processing]
        return bool(busy)

    assert eventually(look, expected=True)
    pid = cluster.pid_of(busy[0])
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_killed_worker_changes_no_byte_of_a_history(
    client: Client, cluster: Cluster, urls: list[str], archives: list[tuple[str, bytes]]
) -> None:
    killed: list[int] = []
    done = client.while_it_runs(
        *client.dask, *into("dask"), do=lambda: killed.append(kill_a_busy_worker(cluster))
    )
    assert 0 == done.exit, done.err
    assert "Traceback" not in done.err
    assert f"read {OBJECTS} files, {OBJECTS * LINES:,} lines" in done.err
    assert [killed[0]] == [pid for pid in killed if pid not in cluster.pids]

    one = client.run("--workers", "1", *into("one"))
    assert 0 == one.exit, one.err
    assert 3 <= len(client.history("one"))
    assert client.history("one") == client.history("dask")

    for name, data in archives:
        path = client.program.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    here = client.program("backfill", "--workers", "2", *into("here"), "logs/**/*.gz")
    assert 0 == here.exit, here.err
    assert client.history("here") == client.history("dask")
    assert len(urls) == here.err.count(f".gz: {LINES:,} lines")


def test_a_killed_worker_changes_no_total(
    client: Client, cluster: Cluster, urls: list[str]
) -> None:
    done = client.while_it_runs(
        *client.dask, *totals("dask"), do=lambda: kill_a_busy_worker(cluster)
    )
    assert 0 == done.exit, done.err
    assert "Traceback" not in done.err
    one = client.run("--workers", "1", *totals("one"))
    assert 0 == one.exit, one.err
    found = [
        [(series.labels, series.requests, series.bytes) for series in client.state(name).totals]
        for name in ("one", "dask")
    ]
    assert found[0] == found[1]
    assert OBJECTS * LINES == sum(requests for _, requests, _ in found[0])
    assert client.state("one").backfill == client.state("dask").backfill
    assert urls == [entry.bearer.path for entry in client.state("dask").backfill.contents]


def test_a_killed_client_goes_on_and_reads_nothing_again_that_was_finished(
    client: Client, cluster: Cluster, s3: Bucket, urls: list[str]
) -> None:
    def reads() -> dict[str, int]:
        """Return how often the server was asked for bytes of each object."""
        return {url: s3.reads(url.removeprefix(s3.url())) for url in urls}

    def since(before: dict[str, int]) -> dict[str, int]:
        return {url: count - before[url] for url, count in reads().items()}

    def idle() -> bool:
        return not any(one.processing for one in cluster.local.scheduler.workers.values())

    before = reads()
    assert 0 == client.run("--dry-run", *into("dask")).exit
    [to_plan] = set(since(before).values())

    with client.program.start(
        *client.words(*client.dask, *into("dask")), env=client.env
    ) as running:
        for _ in range(3):
            running.until(f".gz: {LINES:,} lines")
        killed = running.end(signal.SIGKILL)
    finished = [url for url in urls if f"{url}: {LINES:,} lines" in killed.err]
    finished.pop()  # it was said, but perhaps not durable yet
    assert 2 <= len(finished) < OBJECTS
    assert eventually(idle, expected=True)  # the cluster lets go of what nobody waits for

    before = reads()
    done = client.run(*client.dask, *into("dask"))
    assert 0 == done.exit, done.err
    again = since(before)
    assert {to_plan} == {again[url] for url in finished}
    assert all(again[url] > to_plan for url in urls[-4:])
    assert OBJECTS > done.err.count(f".gz: {LINES:,} lines")
    assert f"read {OBJECTS} files, {OBJECTS * LINES:,} lines" in done.err
    assert client.run("--workers", "2", *into("here")).exit == 0
    assert client.history("here") == client.history("dask")


def test_a_killed_client_s_totals_are_completed_and_nothing_is_counted_twice(
    client: Client, urls: list[str]
) -> None:
    with client.program.start(
        *client.words(*client.dask, *totals("dask")), env=client.env
    ) as running:
        checkpoint = client.program.root / "dask" / "checkpoint.json"
        running.until(f".gz: {LINES:,} lines")
        assert eventually(checkpoint.exists, expected=True)
        running.end(signal.SIGKILL)
    kept = len(client.state("dask").backfill.contents)
    assert 1 <= kept < OBJECTS
    done = client.run(*client.dask, *totals("dask"))
    assert 0 == done.exit, done.err
    assert kept == done.err.count(": skipped, already backfilled")
    state = client.state("dask")
    assert OBJECTS * LINES == sum(series.requests for series in state.totals)
    assert urls == [entry.bearer.path for entry in state.backfill.contents]
