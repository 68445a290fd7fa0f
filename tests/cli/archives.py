"""Old logs that take long enough to read for something to happen meanwhile."""

import gzip
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.cli.program import Program
from tests.site import line, lines

BLOCK = 200_000
"""Lines that an archive holds again and again: a tenth of a second's work, or less."""


@cache
def _block() -> bytes:
    return gzip.compress(lines(range(BLOCK)), 1)


def archive(program: Program, number: int, count: int = 1) -> Path:
    """Write a rotated file with a first line of its own, then so many lines."""
    path = program.site.rotated(number, ".gz")
    path.write_bytes(gzip.compress(lines(range(number, number + count))))
    os.utime(path, (0, 86_400))
    return path


def long_archives(program: Program, files: int, blocks: int) -> int:
    """Write so many archives, each of a line of its own and so many blocks; return their lines."""
    for number in range(1, files + 1):
        path = program.site.rotated(number, ".gz")
        path.write_bytes(gzip.compress(line(number)) + _block() * blocks)
        os.utime(path, (0, 86_400))
    return files * (1 + BLOCK * blocks)


def pattern(program: Program) -> str:
    """Return the pattern of all archives."""
    return str(program.site.logs / "*.gz")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, and that it has not waited for."""
    names = filter(str.isdecimal, os.listdir("/proc"))
    return [int(name) for name in names if _parent(int(name)) == pid]


def descendants(pid: int) -> list[int]:
    """Return those, and the ones that these have started."""
    found = children(pid)
    return found + [below for child in found for below in descendants(child)]


def workers(pid: int) -> list[int]:
    """Return the processes that read for a client: those that its fork server has started."""
    return [below for child in children(pid) for below in children(child)]


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    return _stat(pid)[:1] not in ([], ["Z"])


def _parent(pid: int) -> int | None:
    stat = _stat(pid)
    return int(stat[1]) if stat else None


def _stat(pid: int) -> list[str]:
    """Return state, parent and so on; nothing of a process that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
