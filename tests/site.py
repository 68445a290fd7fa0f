"""A host in a directory: logs that a writer writes and a rotator rotates, and runs over them.

Runs go through the real job with a textfile as their sink; only the clock is the test's own.
"""

import gzip
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from batchlog.config.load import load
from batchlog.config.schema import Flags, LogEntry
from batchlog.config.times import Since
from batchlog.errors import Exit, Stop
from batchlog.job.request import Request, World
from batchlog.job.run import run
from batchlog.segments.findings import Finding
from batchlog.state.checkpoint import State
from batchlog.state.store import Store

BEGINNING = 1_795_000_000
"""Stamp of line 0, Unix seconds (2026-11-18); each line is a second later."""


def line(number: int, status: int = 200, size: int | None = None) -> bytes:
    """Return a combined line that says its own number, in its path and as its size."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(BEGINNING + number))
    sent = number if size is None else size
    request = f"GET /n/{number} HTTP/1.1"
    return f'192.0.2.{number % 250} - - [{stamp}] "{request}" {status} {sent} "-" "t"\n'.encode()


def lines(*numbers: int | Iterable[int]) -> bytes:
    """Return the lines of those numbers."""
    found: list[int] = []
    for number in numbers:
        found += [number] if isinstance(number, int) else number
    return b"".join(map(line, found))


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    exit: Exit
    state: State
    findings: tuple[Finding, ...]

    @property
    def requests(self) -> int:
        """All requests counted so far."""
        return sum(series.requests for series in self.state.totals)

    @property
    def bytes(self) -> int:
        """All bytes counted so far.

        With `line` that is the sum of the numbers, so that a line counted twice does not hide
        behind one that is lost.
        """
        return sum(series.bytes for series in self.state.totals)

    def said(self, pattern: str) -> bool:
        """Return whether a finding matches."""
        return any(re.search(pattern, finding.text) for finding in self.findings)


@dataclass
class Site:
    """A directory of logs, a state directory and a clock."""

    root: Path
    clock: float = field(default_factory=time.time)
    """What runs take for now; files have the real clock's times."""

    @property
    def logs(self) -> Path:
        """The directory of the logs."""
        (self.root / "logs").mkdir(exist_ok=True)
        return self.root / "logs"

    @property
    def access(self) -> Path:
        """The active log."""
        return self.logs / "access.log"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint."""
        return self.root / "state" / "checkpoint.json"

    @property
    def textfile(self) -> Path:
        """The textfile that runs write."""
        return self.root / "batchlog.prom"

    def append(self, *numbers: int | Iterable[int], to: Path | None = None) -> None:
        """Append lines to a log, by default the active one."""
        with (to or self.access).open("ab") as file:
            file.write(lines(*numbers))

    def rotate(self, *, create: bool = True) -> None:
        """Shift names as logrotate does, highest number first, then begin a new active file."""
        for number in range(9, 0, -1):
            for suffix in ("", ".gz"):
                old = self.rotated(number, suffix)
                if old.exists():
                    old.rename(self.rotated(number + 1, suffix))
        self.access.rename(self.rotated(1))
        if create:
            self.access.touch()

    def rotated(self, number: int, suffix: str = "") -> Path:
        """Return the path of a rotated file."""
        return self.logs / f"access.log.{number}{suffix}"

    def compress(self, path: Path, *, keep: bool = False) -> Path:
        """Compress as logrotate does: to the final name, its time that of the original."""
        status = path.stat()
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
        if not keep:
            path.unlink()
        return packed

    def age(self, path: Path, seconds: float) -> None:
        """Let a file have been changed for the last time so long before the clock's now."""
        os.utime(path, (self.clock - seconds, self.clock - seconds))

    def run(
        self,
        *paths: Path | str,
        since: Since = "checkpoint",
        entries: tuple[LogEntry, ...] = (),
        stop: Stop | None = None,
        **flags: Any,  # noqa: ANN401 - the fields of Flags
    ) -> Ran:
        """Do one run over `paths` (the active log), or over `entries` of a configuration."""
        flags = {"textfile": str(self.textfile), **flags}
        settings = load(None, Flags(**flags), default=self.root / "none.toml")
        settings = replace(settings, log=entries)
        request = Request(
            settings=settings,
            checkpoint=str(self.checkpoint),
            host="web1",
            logs=() if entries else tuple(str(path) for path in paths or [self.access]),
            since=since,
        )
        findings: list[Finding] = []
        outcome = run(request, World(lambda: self.clock, findings.append, stop or Stop()))
        return Ran(outcome.exit, outcome.state, tuple(findings))

    def state(self) -> State:
        """Return what is committed."""
        state = Store(str(self.checkpoint)).load()
        assert state is not None
        return state


def total(*numbers: int | Iterable[int]) -> tuple[int, int]:
    """Return requests and bytes of those lines, to be compared with `Ran.requests, .bytes`."""
    found: list[int] = []
    for number in numbers:
        found += [number] if isinstance(number, int) else number
    return len(found), sum(found)
