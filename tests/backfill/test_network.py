"""Backfills from servers that are not to be trusted, or are not there (R130)."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from batchlog.backfill.inputs import inputs
from batchlog.backfill.plan import Part, Planner, Skipped
from batchlog.config.schema import Settings
from batchlog.segments.ledger import Ledger
from batchlog.state.checkpoint import State
from tests.cli.program import Program
from tests.segments.hostile import Server, hostile
from tests.site import lines
from tests.storage import Bucket

ENDED = 15.0
"""Seconds in which a process ends after a signal: five, and room for a machine that is busy."""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with hostile() as running:
        yield running


def backfill(program: Program, *words: str) -> tuple[int, str]:
    done = program("backfill", "--textfile", program.textfile, *words)
    assert "Traceback" not in done.err
    return done.exit, done.err


def test_r130_bad_objects_do_not_end_a_backfill_and_are_named(
    program: Program, server: Server
) -> None:
    base = f"{server.url}/dir"
    exit_, said = backfill(program, f"{base}/*.log", f"{server.url}/file/other.log")
    assert 65 == exit_
    assert f"ERROR {base}/gone.log is gone by now" in said
    assert f"ERROR cannot read {base}/denied.log: its server answers 403 Forbidden" in said
    assert "standard output" not in said
    assert 1000 == program.requests()  # all others hold the same lines
    exit_, said = backfill(program, f"{base}/*.log")
    assert 65 == exit_
    assert 1000 == program.requests()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("status/403/a.log", "its server answers 403"),
        ("status/500/*.log", "its server answers 500"),
        ("loop/a.log", "redirects without end"),
    ],
)
def test_r130_a_server_that_refuses_is_told_as_it_is(
    program: Program, server: Server, path: str, said: str
) -> None:
    exit_, told = backfill(program, f"{server.url}/{path}")
    assert 2 == exit_
    assert said in told
    assert "no file matches" not in told


ODD = (
    *("a::b.log", "::", "zip::a.log", "a*b.log", "a?b.log", "a[b].log", "a#b.log", "a%20b.log"),
    *("a b.log", "ü.log", "a+b&c=d.log", "~.log"),
)


def test_r130_an_object_may_have_any_key(s3: Bucket) -> None:
    for number, key in enumerate(ODD):
        s3.put(quote(f"odd/{key}"), lines(range(number + 1)))
    s3.put("odd/plain.log", lines(range(99)))
    found = inputs([s3.url("odd/**")])
    assert {s3.url(f"odd/{key}") for key in (*ODD, "plain.log")} == {f.path for f in found.files}
    planner = Planner(State(state_id=""), Settings(), Ledger(()), time.time())
    planned = [planner.plan(file) for file in found.files]
    assert all(isinstance(one, Part) for one in planned), planned
    assert [file.key for file in found.files] == [
        one.sight.key for one in planned if isinstance(one, Part)
    ]


def test_r130_an_object_that_vanishes_is_one_object(s3: Bucket) -> None:
    for name in "abc":
        s3.put(f"logs/{name}.log", lines(range(ord(name))))
    found = inputs([s3.url("logs/*.log")])
    s3.delete("logs/b.log")
    planner = Planner(State(state_id=""), Settings(), Ledger(()), time.time())
    first, gone, last = map(planner.plan, found.files)
    assert isinstance(first, Part)
    assert Skipped(found.files[1], "gone by now", is_error=True) == gone
    assert isinstance(last, Part)


def test_r130_a_listing_spares_a_question_about_each_object(s3: Bucket) -> None:
    for number in range(20):
        s3.put(f"many/{number}.log", lines(range(number)))
    before = s3.server.log.read_text().count(f"/{s3.name}/many/")
    assert 20 == len(inputs([s3.url("many/*.log")]).files)
    assert before == s3.server.log.read_text().count(f"/{s3.name}/many/")


@pytest.fixture
def silent() -> Iterator[tuple[str, threading.Event]]:
    """Listen, accept, and say nothing; yield the address, and what is set once somebody came."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        came, kept = threading.Event(), []

        def accept() -> None:
            try:
                while True:
                    kept.append(listening.accept())
                    came.set()
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}", came
        listening.shutdown(socket.SHUT_RDWR)
        for connection, _ in kept:
            connection.close()


@pytest.mark.parametrize("kind", ["http", "http pattern", "s3", "dask", "history"])
def test_r130_sigterm_is_heard_while_nobody_answers(
    program: Program, silent: tuple[str, threading.Event], kind: str
) -> None:
    address, came = silent
    program.log(3)
    env = {
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    words = {
        "http": [f"http://{address}/a.log"],
        "http pattern": [f"http://{address}/**/*.log"],
        "s3": ["s3://bucket/logs/*.gz"],
        "dask": ["--engine", "dask", "--scheduler", address, str(program.access)],
        "history": [
            "--openmetrics",
            "history",
            "--series-label",
            "job=web",
            f"http://{address}/*.log",
        ],
    }[kind]
    sink = [] if kind == "history" else ["--textfile", str(program.textfile)]
    with program.start("backfill", *sink, *words, env=env) as running:
        assert came.wait(30)
        began = time.monotonic()
        done = running.end(signal.SIGTERM)
    assert time.monotonic() - began < ENDED
    assert 75 == done.exit, done.err
    assert "interrupted" in done.err
    assert "Traceback" not in done.err
    assert 2 >= len(done.err.splitlines()), done.err


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 2)])
def test_r130_a_key_of_one_answer_costs_one_request_where_it_is_planned_and_read(
    program: Program, s3: Bucket, workers: int, most: int
) -> None:
    """Each costs milliseconds of the client alone, and its way there and back."""
    program.env.update(s3.server.env)
    keys = [f"day/{number:02}.log" for number in range(12)]
    for number, key in enumerate(keys):
        s3.put(key, lines(range(10 * number, 10 * number + 10)))
    words = ("--workers", str(workers), s3.url("day/*.log"))
    assert (0, 120) == (backfill(program, *words)[0], program.requests())
    assert 1 <= min(s3.reads(key) for key in keys) <= max(s3.reads(key) for key in keys) <= most
    assert 0 == sum(s3.looks(key) for key in keys)
    s3.put(keys[3], lines(range(30, 45)))  # what it says beside that is new
    assert (0, 125) == (backfill(program, *words)[0], program.requests())
    assert most >= max(s3.reads(key) for key in keys if key != keys[3])
