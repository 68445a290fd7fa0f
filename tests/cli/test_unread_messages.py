"""Nobody reads what the program says: runs go on, and signals are heard (R131)."""

import fcntl
import os
import pty
import select
import signal
import socket
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from batchlog.cli.unblocked import Unblocked
from tests.cli.archives import archive, pattern
from tests.cli.program import PATIENCE, Program

Deaf = Callable[[], AbstractContextManager[int]]


def fill(descriptor: int) -> None:
    """Write until there is no room for a byte; what others see of the descriptor stays."""
    again = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        for size in (1 << 16, 1):
            try:
                while True:
                    os.write(again, b"." * size)
            except BlockingIOError:
                pass
    finally:
        os.close(again)


@contextmanager
def full_pipe() -> Iterator[int]:
    reader, writer = os.pipe()
    try:
        fill(writer)
        yield writer
    finally:
        os.close(reader)
        os.close(writer)


@contextmanager
def nearly_full_pipe() -> Iterator[int]:
    """Room for the first messages only."""
    with full_pipe() as writer:
        reader = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY)
        os.read(reader, 1 << 12)
        os.close(reader)
        yield writer


@contextmanager
def full_shared_pipe() -> Iterator[int]:
    """One that another process has made non-blocking."""
    with full_pipe() as writer:
        os.set_blocking(writer, False)
        yield writer


@contextmanager
def left_pipe() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


@contextmanager
def full_socket() -> Iterator[int]:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        try:
            while here.send(b"." * (1 << 16)):
                pass
        except BlockingIOError:
            here.setblocking(True)
        yield here.fileno()


@contextmanager
def stopped_terminal() -> Iterator[int]:
    """Ctrl-S was pressed."""
    above, below = pty.openpty()
    try:
        termios.tcflow(below, termios.TCOOFF)
        yield below
    finally:
        os.close(above)
        os.close(below)


@contextmanager
def full_disk() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


DEAF = (
    full_pipe,
    nearly_full_pipe,
    full_shared_pipe,
    left_pipe,
    full_socket,
    stopped_terminal,
    full_disk,
)


def start(program: Program, stderr: int, *words: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        program.command(*words),
        env={**program.environment(), "TERM": "xterm"},
        cwd=program.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )


@pytest.mark.parametrize("deaf", DEAF)
def test_r131_a_push_counts_and_ends_whoever_reads_its_messages(
    program: Program, deaf: Deaf
) -> None:
    program.log(3)
    with deaf() as stderr:
        words = ("push", "-v", "--textfile", program.textfile, program.access)
        assert 0 == start(program, stderr, *words).wait(PATIENCE)
    assert 3 == program.requests()


@pytest.mark.parametrize(
    "words",
    [("push", "--nonsense"), ("push", "--textfile", "x.prom", "nowhere.log"), ("--nonsense",)],
)
def test_r131_what_went_wrong_waits_for_no_reader_either(
    program: Program, words: tuple[str, ...]
) -> None:
    with full_pipe() as stderr:
        assert 2 == start(program, stderr, *words).wait(PATIENCE)


@pytest.mark.parametrize("deaf", [full_pipe, stopped_terminal])
def test_r131_a_backfill_with_a_bar_and_processes_waits_for_no_reader(
    program: Program, deaf: Deaf
) -> None:
    for number in (1, 2):
        archive(program, number, 50)
    with deaf() as stderr:
        words = ("backfill", "--workers", "2", "--textfile", program.textfile, pattern(program))
        assert 0 == start(program, stderr, *words).wait(PATIENCE)
    assert 100 == program.requests()


def test_r131_a_run_that_nobody_reads_goes_on_and_ends_when_it_is_told(program: Program) -> None:
    """As it does for days."""
    program.log(1)
    words = ("run", "-v", "--every", "1s", "--textfile", program.textfile, program.access)
    with full_pipe() as stderr:
        process = start(program, stderr, *words)
        try:
            for count in (2, 3, 4):
                program.log(count)
                wait_until_counted(program, count)
        finally:
            process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(PATIENCE)


def wait_until_counted(program: Program, count: int) -> None:
    """Wait until the textfile says so."""
    wanted = f'batchlog_lines_total{{log="{program.access}",outcome="counted"}} {count}.0'
    for _ in range(int(PATIENCE / 0.05)):
        if program.textfile.exists() and wanted in program.textfile.read_text():
            return
        select.select([], [], [], 0.05)  # a file tells nobody that it was replaced
    pytest.fail(f"{count} lines are not counted: {program.textfile.read_text()}")


def test_r131_who_reads_again_is_told_how_many_messages_were_left_out() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 16)
    stream = Unblocked(writer)
    fill(writer)
    for message in (b"one\n", b"two\n"):
        assert len(message) == stream.write(message)
    os.read(reader, 1 << 20)
    stream.write(b"three\n")
    stream.write(b"four\n")
    said = os.read(reader, 1 << 16).decode().splitlines()
    assert "2 messages were left out" in said[0]
    assert ["three", "four"] == said[1:]
    os.close(reader)
    os.close(writer)


def test_r131_a_message_that_was_torn_does_not_swallow_the_next_one() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 16)
    stream = Unblocked(writer)
    stream.write(b"a" * (1 << 17) + b"\n")
    os.read(reader, 1 << 20)
    stream.write(b"next\n")
    said = os.read(reader, 1 << 16).decode()
    assert said.startswith("\nWARNING 1 message was left out")
    assert said.endswith("\nnext\n")
    os.close(reader)
    os.close(writer)


def test_r131_all_that_is_read_arrives_whole() -> None:
    reader, writer = os.pipe()
    stream = Unblocked(writer)
    sent = b"".join(b"%d\n" % number for number in range(5000))
    stream.write(sent)
    assert sent == os.read(reader, 1 << 20)
    os.close(reader)
    os.close(writer)


def dry_run(program: Program) -> tuple[str | Path, ...]:
    program.log(3)
    return ("push", "--dry-run", program.access)


def status(program: Program) -> tuple[str | Path, ...]:
    program.log(3)
    assert 0 == program.push(program.access).exit
    return ("status", "--json")


def plan(program: Program) -> tuple[str | Path, ...]:
    archive(program, 1, 50)
    return ("backfill", "--dry-run", pattern(program))


@pytest.mark.parametrize("prepare", [dry_run, status, plan])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r131_results_that_nobody_reads_hold_no_lock_and_keep_no_signal(
    program: Program, prepare: Callable[[Program], tuple[str | Path, ...]], number: signal.Signals
) -> None:
    words = prepare(program)
    with full_pipe() as stdout:
        process = subprocess.Popen(
            program.command(*words),
            env=program.environment({"PYTHONUNBUFFERED": None}),  # Python writes again at its end
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until_it_writes(process.pid)
            assert 0 == program.push(program.log(3)).exit
            process.send_signal(number)
            assert process.wait(PATIENCE) in (-number, 75)
        finally:
            process.kill()
            process.wait()


def wait_until_it_writes(pid: int) -> None:
    """Wait until the process is in write(2) on its standard output (proc_pid_syscall(5))."""
    for _ in range(int(PATIENCE / 0.02)):
        words = Path(f"/proc/{pid}/syscall").read_text().split()
        if words[:2] in (["1", "0x1"], ["64", "0x1"]):
            return
        select.select([], [], [], 0.02)
    pytest.fail("it does not write")
