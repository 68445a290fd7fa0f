"""`batchlog run` while its clock is set: the program itself, on a wall clock that a test moves."""

import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from tests.cli.program import PATIENCE, Program
from tests.servers import binary, eventually

DAY, YEAR = 86_400, 365 * 86_400


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what stands between the program and the clock."""
    made = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([binary("cc"), "-shared", "-fPIC", "-o", made, source], check=True)
    return made


@pytest.fixture
def step(program: Program, library: Path) -> Callable[[int], None]:
    """Return a function that sets the program's clock so many seconds ahead of the real one."""
    shared = program.root / "step"

    def to(seconds: int) -> None:
        with shared.open("r+b" if shared.exists() else "wb", buffering=0) as file:
            file.write(struct.pack("q", seconds))  # eight bytes of a page, at once

    to(0)
    program.env |= {"LD_PRELOAD": str(library), "CLOCK_STEP": str(shared)}
    return to


def last_run(program: Program) -> float:
    """Return when the last run ended, by the clock that it had."""
    [line] = [
        line
        for line in program.textfile.read_text().splitlines()
        if line.startswith("batchlog_last_run_timestamp_seconds ")
    ]
    return float(line.split()[1])


@pytest.mark.parametrize("by", [-3600, -DAY, -50 * YEAR, DAY, 200 * YEAR])
def test_r72_r129_an_interval_goes_on_counting_after_the_clock_was_set(
    program: Program, step: Callable[[int], None], by: int
) -> None:
    program.log(3)
    words = ("run", "--every", "200ms", "--textfile", program.textfile, program.access)
    with program.start(*words) as running:
        running.until("read 1 file, 3 lines")
        step(by)
        said = running.until("WARNING the clock was set")
        assert f"the clock was set {'back' if by < 0 else 'forward'} by " in said
        program.site.append(range(3, 8))
        running.until("read 1 file, 5 lines")
        done = running.end(signal.SIGTERM)
    assert 0 == done.exit
    assert 1 == done.err.count("the clock was set")
    assert 8 == program.requests()
    assert abs(last_run(program) - time.time() - by) < 60


@pytest.mark.parametrize("by", [-DAY, -50 * YEAR, 200 * YEAR])
def test_r129_cron_runs_by_the_clock_that_it_was_set_to(
    program: Program, step: Callable[[int], None], by: int
) -> None:
    program.log(3)
    listen = ("--listen", "127.0.0.1:0", "--textfile", program.textfile)
    with program.start("run", "--cron", "* * * * *", *listen, program.access) as running:
        running.until("serving metrics on")
        to_tick = int(59 - time.time() % 60)
        step(to_tick)
        running.until("read 1 file, 3 lines")
        program.site.append(range(3, 8))
        step(by + int(59 - time.time() % 60))
        running.until("read 1 file, 5 lines")
        done = running.end(signal.SIGTERM)
    assert 0 == done.exit
    assert abs(last_run(program) - time.time() - by) < 120


def test_a_clock_that_is_set_lengthens_no_wait_for_the_lock(
    program: Program, step: Callable[[int], None]
) -> None:
    """Of R129's kind: how long a run waits for another is no matter of the wall clock."""
    program.log(3)
    program.push(program.access)
    lock = Path(f"{program.checkpoint}.lock")
    with lock.open() as held, program.start("push", "--lock-wait", "2s") as waiting:
        flock(held, LOCK_EX)
        opened = Path(f"/proc/{waiting.process.pid}/fd")
        assert eventually(lambda: lock in map(Path.resolve, opened.iterdir()), expected=True)
        step(-DAY)
        assert 75 == waiting.process.wait(PATIENCE)


def test_a_clock_that_is_set_lengthens_no_push(
    program: Program, step: Callable[[int], None]
) -> None:
    """Of R129's kind: a gateway that says nothing has its time, and all tries have theirs."""
    program.log(3)
    program.push(program.access)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        program.config.write_text('[gateway]\ntimeout = "1s"\n')
        words = ("push", "--gateway", url, "--retry-for", "2s")
        with program.start(*words) as pushing, silent.accept()[0]:
            step(-DAY)
            assert 69 == pushing.process.wait(PATIENCE)
