"""A signal is heard within any archive, whatever its members hold (R113, R77)."""

import bz2
import gzip
import lzma
import signal
import sys
from pathlib import Path
from time import monotonic

import pytest

from tests.cli.program import Program
from tests.site import lines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MUCH = 96 << 20
"""Bytes on disk: what takes much longer to read than a signal may take to be heard."""
SLACK = 15.0
"""Seconds: five are promised, on a machine that does nothing else."""


HOLLOW = {
    "gzip": (gzip.compress(lines(range(3))), gzip.compress(b"", mtime=0)),
    "bzip2": (bz2.compress(lines(range(3))), bz2.compress(b"")),
    "xz": (lzma.compress(lines(range(3))), lzma.compress(b"")),
    "zstd": (zstd.compress(lines(range(3))), zstd.compress(b"\0")),
    "hollow from the first byte": (b"", bz2.compress(b"")),
}
"""How an archive begins, and what it goes on with."""


def hollow(path: Path, form: str) -> Path:
    """Write an archive of very many members that hold next to nothing."""
    begin, member = HOLLOW[form]
    many = member * ((1 << 20) // len(member))
    with path.open("wb") as file:
        file.write(begin)
        for _ in range(MUCH // len(many)):
            file.write(many)
    return path


@pytest.mark.parametrize("form", HOLLOW)
@pytest.mark.parametrize("command", ["push", "backfill"])
def test_r113_a_signal_is_heard_among_members_that_hold_nothing(
    program: Program, command: str, form: str
) -> None:
    name = "access.log" if command == "push" else "access.log.2.gz"
    path = hollow(program.access.with_name(name), form)
    words = ("--workers", "1", "-v", "--textfile", program.textfile, path)
    with program.start(command, *words) as running:
        wait_until_open(running.process.pid, path)
        began = monotonic()
        done = running.end(signal.SIGTERM)
    assert 75 == done.exit, done.err
    assert monotonic() - began < SLACK
    assert "Traceback" not in done.err


def wait_until_open(pid: int, path: Path) -> None:
    """Wait until the process reads the file, beyond its first megabyte."""
    while True:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                if link.readlink() == path:
                    return
            except FileNotFoundError:
                pass


def test_r113_what_was_heard_too_late_counts_nothing_twice(program: Program) -> None:
    path = hollow(program.access, "bzip2")
    words = ("--workers", "1", "--textfile", program.textfile, path)
    with program.start("push", *words) as running:
        wait_until_open(running.process.pid, path)
        assert 75 == running.end(signal.SIGTERM).exit
    path.write_bytes(HOLLOW["bzip2"][0])
    assert 0 == program.push(path).exit
    assert 3 == program.requests()
