"""A backfill that is ended in the middle: no process stays, and the same command completes it."""

import os
import signal
from pathlib import Path

import pytest

from tests.cli.archives import descendants, is_running, long_archives, pattern, workers
from tests.cli.program import Program, Running
from tests.servers import eventually

FILES = 8

BLOCKS = {"totals": 16, "history": 6}
"""Of each file: what goes by time takes longer."""

A_COMMIT = 30
"""Blocks of each file, so that totals are committed in the middle: that is done once a second."""

LABELS = ("--series-label", "job=web")
HISTORY = (*LABELS, "--openmetrics", "history")
TOTALS = ("--textfile", "batchlog.prom")
KINDS = pytest.mark.parametrize("kind", ["totals", "history"])


def command(program: Program, kind: str, *more: str) -> tuple[str, ...]:
    """Return the words of a backfill by two processes."""
    into = HISTORY if kind == "history" else TOTALS
    return ("backfill", "--workers", "2", *into, *more, pattern(program))


def until_it_is_in_the_middle(running: Running) -> list[int]:
    """Wait until one file is read and not all; return all processes of the backfill."""
    running.until("access.log.1.gz: ")
    pids = descendants(running.process.pid)
    assert 2 == len(workers(running.process.pid))
    return pids


def until_something_is_durable(program: Program, kind: str) -> None:
    """Wait for the first commit, or the first step in the journal."""
    steps = program.root / "history" / ".work" / "steps"

    def look() -> bool:
        names = [path.name for path in steps.glob("*")]
        there = [name for name in names if not name.endswith(".new")]
        return bool(there) if kind == "history" else program.checkpoint.exists()

    assert eventually(look, expected=True)


def history(program: Program, directory: str = "history") -> dict[str, bytes]:
    """Return the files of a history by name."""
    return {path.name: path.read_bytes() for path in (program.root / directory).glob("*.om.txt")}


def completes(program: Program, kind: str, lines: int) -> None:
    """Run the same command again; assert that it goes on, and that the result is exact."""
    done = program(*command(program, kind))
    assert 0 == done.exit, done.err
    if kind == "totals":
        assert "already backfilled" in done.err
        assert lines == program.requests()
        name = 'batchlog_http_requests_total{backfill="1",status="200"} '
        [pushed] = [
            one for one in program.textfile.read_text().splitlines() if one.startswith(name)
        ]
        assert lines == float(pushed.removeprefix(name))
        return
    assert "was read before it was interrupted" in done.err
    assert f"read {FILES} files, {lines:,} lines" in done.err
    assert ": 0 lines" not in done.err
    whole = ("backfill", "--workers", "1", *LABELS, "--openmetrics", "whole", pattern(program))
    assert 0 == program(*whole).exit
    assert history(program, "whole") == history(program)
    assert not (program.root / "history" / ".work").exists()


def none_stays(pids: list[int]) -> bool:
    """Return whether all these processes have ended; they may take a moment."""
    return not eventually(lambda: any(map(is_running, pids)), expected=False)


@KINDS
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_soon_with_75_and_the_same_command_completes_it(
    program: Program, number: signal.Signals, kind: str
) -> None:
    lines = long_archives(program, FILES, BLOCKS[kind])
    with program.start(*command(program, kind)) as running:
        pids = until_it_is_in_the_middle(running)
        done = running.end(number)
    assert 75 == done.exit, done.err
    assert "Traceback" not in done.err
    assert 1 == done.err.count("WARNING interrupted: ")
    assert f"access.log.{FILES}.gz: " not in done.err
    assert none_stays(pids)
    completes(program, kind, lines)


@KINDS
def test_a_client_that_is_killed_leaves_no_process_and_what_it_did_is_kept(
    program: Program, kind: str
) -> None:
    blocks = A_COMMIT if kind == "totals" else BLOCKS[kind]
    lines = long_archives(program, FILES, blocks)
    with program.start(*command(program, kind)) as running:
        pids = until_it_is_in_the_middle(running)
        until_something_is_durable(program, kind)
        done = running.end(signal.SIGKILL)
    assert -signal.SIGKILL == done.exit
    assert f"access.log.{FILES}.gz: " not in done.err
    assert "Traceback" not in done.err
    assert none_stays(pids)
    completes(program, kind, lines)


@KINDS
@pytest.mark.parametrize("which", [0, 1])
def test_a_worker_that_is_killed_is_one_clear_line_and_a_69(
    program: Program, kind: str, which: int
) -> None:
    lines = long_archives(program, FILES, BLOCKS[kind])
    with program.start(*command(program, kind)) as running:
        pids = until_it_is_in_the_middle(running)
        os.kill(workers(running.process.pid)[which], signal.SIGKILL)
        running.process.wait(30)
        done = running.end(signal.SIGKILL)
    assert 69 == done.exit, done.err
    assert "Traceback" not in done.err
    [error] = [one for one in done.err.splitlines() if not one.startswith("INFO ")]
    assert error.startswith("ERROR a worker process was killed")
    assert "--workers; what was done is kept" in error
    assert none_stays(pids)
    completes(program, kind, lines)


def test_a_signal_while_blocks_are_made_ends_promtool_and_is_completed(
    program: Program, tmp_path: Path
) -> None:
    """A stand-in for promtool that never ends: what it would do is done by the next run."""
    long_archives(program, 1, 1)
    tools, began = tmp_path / "tools", tmp_path / "began"
    tools.mkdir()
    fake = tools / "promtool"
    fake.write_text(
        "#!/bin/sh\n"
        'case "$1" in --version) echo "promtool, version 2.42.0"; exit 0;; esac\n'
        f"echo $$ > {began}.new; mv {began}.new {began}; exec sleep 600\n"
    )
    fake.chmod(0o755)
    words = ("backfill", *LABELS, "--tsdb", "blocks", pattern(program))
    with program.start(*words, env={"PATH": f"{tools}:{os.environ['PATH']}"}) as running:
        assert eventually(began.exists, expected=True)
        done = running.end(signal.SIGTERM)
    assert 75 == done.exit, done.err
    assert "interrupted" in done.err
    assert none_stays([int(began.read_text())])
    assert not list((program.root / "blocks").glob("*/meta.json"))
