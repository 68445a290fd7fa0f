"""A first run with many archives: processes read them before their turn, and no more changes."""

import os
import shutil
import signal

import pytest

from batchlog.job.reader import BACKLOG
from tests.cli.archives import descendants, is_running, long_archives, workers
from tests.cli.program import Program, fails
from tests.servers import eventually

FILES, BLOCKS = 6, 12
FIRST_RUN = ("push", "-v", "--since", "start", "--workers", "2", "--textfile", "o.prom")


@pytest.fixture
def lines(program: Program) -> int:
    """Write a backlog, and return its lines."""
    count = long_archives(program, FILES, BLOCKS)
    size = sum(path.stat().st_size for path in program.site.logs.iterdir())
    assert 8 * size > BACKLOG
    program.access.touch()
    return count


def totals(program: Program) -> list[tuple[object, ...]]:
    """Return what was counted, whenever it began."""
    return [(one["labels"], one["requests"], one["bytes"]) for one in program.status()["totals"]]


def test_a_backlog_read_by_processes_counts_what_one_process_counts(
    program: Program, lines: int
) -> None:
    with program.start(*FIRST_RUN, program.access) as running:
        eventually(lambda: len(workers(running.process.pid)), 2)
        started = descendants(running.process.pid)
        assert 0 == running.process.wait(60)
    assert not eventually(lambda: any(map(is_running, started)), expected=False)
    by_two = totals(program)
    assert lines == program.requests()
    shutil.rmtree(program.checkpoint.parent)
    (program.root / "o.prom").unlink()
    alone = [word if word != "2" else "1" for word in FIRST_RUN]
    assert 0 == program(*alone, program.access).exit
    assert by_two == totals(program)


def test_where_a_process_is_killed_the_run_itself_reads(program: Program, lines: int) -> None:
    with program.start(*FIRST_RUN, program.access) as running:
        running.until(f"access.log.{FILES}.gz: new")
        os.kill(workers(running.process.pid)[0], signal.SIGKILL)
        assert 0 == running.process.wait(60)
    assert lines == program.requests()


def test_a_signal_ends_it_and_its_processes_and_the_next_run_completes_it(
    program: Program, lines: int
) -> None:
    with program.start(*FIRST_RUN, program.access) as running:
        running.until(f"access.log.{FILES}.gz: new")
        started = descendants(running.process.pid)
        done = running.end(signal.SIGTERM)
    assert 75 == done.exit, done.err
    assert "Traceback" not in done.err
    assert not eventually(lambda: any(map(is_running, started)), expected=False)
    assert program.requests() < lines
    assert 0 == program(*FIRST_RUN, program.access).exit
    assert lines == program.requests()


def test_workers_must_be_a_number_above_zero(program: Program) -> None:
    fails(program("push", "--workers", "0", program.access), 2, "--workers")
