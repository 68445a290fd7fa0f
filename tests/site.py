"""A host in a directory: logs that a writer writes and a rotator rotates, and runs over them.

Runs go through the real job with a textfile as their sink; only the clock is the test's own.
"""

import gzip
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from batchlog.backfill.request import Wanted
from batchlog.backfill.totals import backfill
from batchlog.config.load import load
from batchlog.config.schema import Flags, LogEntry
from batchlog.config.times import Since
from batchlog.engines import Engine
from batchlog.errors import Exit, Stop
from batchlog.history.aim import Aim
from batchlog.history.build import history
from batchlog.job.request import Request, World
from batchlog.job.run import run
from batchlog.scan import Timing
from batchlog.segments.findings import Finding
from batchlog.segments.known import Log
from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from batchlog.tally import Tally

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


def wide(number: int) -> bytes:
    """Return a line of 4 KiB, so that few of them fill more than one block."""
    text = line(number)
    return text[:-2] + b"w" * (4096 - len(text)) + b'"\n'


class Killed(BaseException):
    """The process ends here: nothing of what comes next happens."""


class At(Stop):
    """A request to stop that is never made, and does something when it is looked at.

    The job looks at it before each log, each file and each block: `moment` is the number of the
    look, from 1, so that a test can go through all moments of a run.
    """

    __slots__ = ("_do", "_looks", "_moment")

    def __init__(self, moment: int, do: Callable[["At"], object]) -> None:
        super().__init__()
        self._moment = moment
        self._do = do
        self._looks = 0

    def __bool__(self) -> bool:
        self._looks += 1
        if self._looks == self._moment:
            self._do(self)
        return super().__bool__()

    @property
    def happened(self) -> bool:
        """Whether the run lasted until that moment."""
        return self._looks >= self._moment


def die(_: object) -> None:
    """End the run without another word."""
    raise Killed


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

    @property
    def totals(self) -> tuple[int, int]:
        """Requests and bytes, to be compared with `total`."""
        return self.requests, self.bytes

    @property
    def is_quiet(self) -> bool:
        """Whether it ended with 0 and without a warning about a log.

        Tests may run on tmpfs or in a container's layer, of which a first run warns (R66).
        """
        loud = [f for f in self.findings if f.level >= logging.WARNING]
        return self.exit is Exit.OK and all(f.text.startswith("the state directory") for f in loud)

    def said(self, pattern: str, level: int = logging.NOTSET) -> bool:
        """Return whether a finding matches, of that level where one is given."""
        return any(
            re.search(pattern, finding.text)
            for finding in self.findings
            if level in (logging.NOTSET, finding.level)
        )

    def log(self, path: Path | str | None = None) -> Log:
        """Return the log with that path, by default the only one."""
        (found,) = [one for one in self.state.logs if path is None or one.path == str(path)]
        return found

    def backfilled(self) -> tuple[int, int]:
        """Return requests and bytes of the series that backfills add up."""
        old = [one for one in self.state.totals if ("backfill", "1") in one.labels]
        return sum(one.requests for one in old), sum(one.bytes for one in old)

    def by(self, label: str) -> dict[str, int]:
        """Return the requests by the values of a label, without zeros."""
        found: dict[str, int] = {}
        for series in self.state.totals:
            value = dict(series.labels).get(label, "")
            found[value] = found.get(value, 0) + series.requests
        return {value: requests for value, requests in found.items() if requests}


class Unheard:
    """Hears of the progress of a backfill, and tells nobody."""

    def begin(self, size: int, files: int) -> None:
        """Hear of the beginning."""

    def file(self, path: str) -> None:
        """Hear of a file."""

    def advance(self, size: int) -> None:
        """Hear of bytes."""

    def step(self, tally: Tally, read_bytes: int) -> None:
        """Hear of a step."""

    def done(self) -> None:
        """Hear of a file's end."""


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

    def shift(self) -> None:
        """Give rotated files the next number as logrotate does, highest first."""
        for number in range(19, 0, -1):
            for suffix in ("", ".gz"):
                old = self.rotated(number, suffix)
                if old.exists():
                    old.rename(self.rotated(number + 1, suffix))

    def rotate(self, *, create: bool = True) -> None:
        """Rename as logrotate does, then begin a new active file."""
        self.shift()
        self.access.rename(self.rotated(1))
        if create:
            self.access.touch()

    def copytruncate(self) -> None:
        """Copy the active file and truncate it; nobody writes meanwhile."""
        self.shift()
        shutil.copyfile(self.access, self.rotated(1))
        os.truncate(self.access, 0)

    def mask(self, path: Path) -> None:
        """Write a file anew with its addresses masked, as `sed -i` does: line by line."""
        packed = path.suffix == ".gz"
        old = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
        new = re.sub(rb"(?m)^192\.0\.2\.\d+ ", b"192.0.2.0 ", old)
        other = path.with_name("sed-masks")
        other.write_bytes(gzip.compress(new) if packed else new)
        other.rename(path)

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
        max_series: int = 2000,
        **flags: Any,  # noqa: ANN401 - the fields of Flags
    ) -> Ran:
        """Do one run over `paths` (the active log), or over `entries` of a configuration."""
        request = replace(
            self.request(entries, max_series, **flags),
            logs=() if entries else tuple(str(path) for path in paths or [self.access]),
            since=since,
        )
        findings: list[Finding] = []
        outcome = run(
            request, World(lambda: self.clock, findings.append, Stop() if stop is None else stop)
        )
        return Ran(outcome.exit, outcome.state, tuple(findings))

    def backfill(
        self,
        *paths: Path | str,
        into_live: bool = False,
        entries: tuple[LogEntry, ...] = (),
        stop: Stop | None = None,
        workers: int = 1,
        max_series: int = 2000,
        **flags: Any,  # noqa: ANN401 - the fields of Flags
    ) -> Ran:
        """Backfill those files into totals."""
        request = self.request(entries, max_series, **flags)
        findings: list[Finding] = []
        world = World(lambda: self.clock, findings.append, Stop() if stop is None else stop)
        wanted = Wanted(
            request, tuple(str(path) for path in paths), Engine(workers), automatic=False
        )
        outcome = backfill(wanted, world, Unheard(), into_live=into_live)
        state = Store(str(self.checkpoint)).load() or State(state_id="")
        return Ran(outcome.exit, state, tuple(findings))

    def history(
        self,
        directory: Path,
        *paths: Path | str,
        entries: tuple[LogEntry, ...] = (),
        timing: Timing = Timing(60),  # noqa: B008 - it is frozen
        asked: tuple[str, str] = ("", ""),
        labels: dict[str, str] | None = None,
        tsdb: Path | None = None,
        force: bool = False,
        stop: Stop | None = None,
        workers: int = 1,
        **flags: Any,  # noqa: ANN401 - the fields of Flags
    ) -> Ran:
        """Backfill those files into history."""
        request = self.request(entries, **flags)
        findings: list[Finding] = []
        world = World(lambda: self.clock, findings.append, Stop() if stop is None else stop)
        wanted = Wanted(
            request, tuple(str(path) for path in paths), Engine(workers), automatic=False
        )
        named = {"job": "batchlog", "instance": "web1"} if labels is None else labels
        blocks = None if tsdb is None else str(tsdb)
        text = None if directory == tsdb else str(directory)
        aim = Aim(text, blocks, timing, named, force=force, asked=asked)
        outcome = history(wanted, aim, world, Unheard())
        state = Store(str(self.checkpoint)).load() or State(state_id="")
        return Ran(outcome.exit, state, tuple(findings))

    def request(
        self,
        entries: tuple[LogEntry, ...] = (),
        max_series: int = 2000,
        max_logs: int = 2000,
        **flags: Any,  # noqa: ANN401 - the fields of Flags
    ) -> Request:
        """Return what a command without paths is asked."""
        flags = {"textfile": str(self.textfile), **flags}
        settings = load(None, Flags(**flags), default=self.root / "none.toml")
        settings = replace(
            settings,
            log=entries,
            metrics=replace(settings.metrics, max_series=max_series, max_logs=max_logs),
        )
        return Request(settings=settings, checkpoint=str(self.checkpoint), host="web1")

    def rests(self, *paths: Path | str, **options: Any) -> bool:  # noqa: ANN401 - those of `run`
        """Return whether one more run like the last finds nothing to count, commit or say."""
        before = self.state()
        ran = self.run(*paths, **options)
        return ran.is_quiet and before == ran.state == self.state()

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
