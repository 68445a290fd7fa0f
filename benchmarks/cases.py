"""What is measured: each case has programs that do the same work, ours first."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import data, ours, peers
from benchmarks.measure import RUNS, Program, Run, Truth, alternate

ONE, TWO = "batchlog, 1 worker", "batchlog, 2 workers"
ONE_CORE = "batchlog push, 1 core"
BACKLOG = "batchlog push, first run"
TOTALS, HISTORY = "batchlog, totals", "batchlog, history by minute"


class Case(NamedTuple):
    """Some programs on one input."""

    key: str
    title: str
    log: str
    """The plain log whose lines are read, compressed or not; empty where nothing is."""
    programs: Callable[[Path], Sequence[Program]]
    """Made from the directory, at the moment when the case begins."""
    times: int = 1
    """How often its input holds each line."""


class Measured(NamedTuple):
    """A case with what its programs took."""

    case: Case
    programs: Sequence[Program]
    runs: Mapping[str, Sequence[Run]]
    truth: Truth


def _plain(_directory: Path) -> list[Program]:
    return [
        ours.push(data.COMBINED),
        ours.push(data.COMBINED, "--workers", "1", name=ONE_CORE),
        *peers.plain(data.COMBINED),
    ]


def _timed(_directory: Path) -> list[Program]:
    push = ours.push(data.TIMED, "--format", ours.TIMED, computes=f"{peers.SAME}, durations")
    return [push, *peers.timed(data.TIMED)]


def _json(_directory: Path) -> list[Program]:
    push = ours.push(data.JSON, "--format", ours.JSON, computes=f"{peers.SAME}, durations")
    return [push, *peers.as_json(data.JSON)]


def _gzip(_directory: Path) -> list[Program]:
    mine = ours.backfill("batchlog backfill", data.GZIP)
    alone = ours.backfill("batchlog backfill, 1 core", data.GZIP, "--workers", "1")
    return [mine, alone, *peers.compressed(data.GZIP), *peers.decompression(data.GZIP)]


def _eight(_directory: Path) -> list[Program]:
    return [
        ours.backfill(ONE, *data.EIGHT, "--workers", "1"),
        ours.backfill(TWO, *data.EIGHT, "--workers", "2"),
        ours.push(data.BACKLOG, name=BACKLOG),
        *peers.compressed(*data.EIGHT)[:1],
    ]


def _history(_directory: Path) -> list[Program]:
    words = (data.COMBINED, "--workers", "1")
    return [ours.backfill(TOTALS, *words), ours.history(HISTORY, *words)]


def _idle(directory: Path) -> list[Program]:
    return [ours.idle(data.COMBINED, "idle-one", directory)]


def _idle_sites(directory: Path) -> list[Program]:
    return [ours.idle(data.SITES, "idle-many", directory)]


PLAIN = Case("plain", "Plain log, one process", data.COMBINED, _plain)
DURATIONS = Case("timed", "Plain log with durations, one process", data.TIMED, _timed)
OBJECTS = Case("json", "JSON log with durations, one process", data.JSON, _json)
GZIP = Case("gzip", "gzip file, one process", data.COMBINED, _gzip)
EIGHT = Case(
    "eight", "Eight gzip files, each of all lines", data.COMBINED, _eight, times=len(data.EIGHT)
)
SERIES = Case("history", "History by minute", data.COMBINED, _history)
IDLE = Case("idle", "Nothing new, one log", "", _idle)
IDLE_SITES = Case(
    "sites",
    f"Nothing new, {data.LOGS:,} logs with {data.ARCHIVES} archives each",
    "",
    _idle_sites,
)
ALL = (PLAIN, DURATIONS, OBJECTS, GZIP, EIGHT, SERIES, IDLE, IDLE_SITES)


def measure(
    case: Case,
    directory: Path,
    truth: Truth,
    runs: int = RUNS,
    say: Callable[[str], None] = lambda _text: None,
) -> Measured:
    """Run a case's programs in turn, each once before it counts, so that caches are warm."""
    say(case.title)
    programs = case.programs(directory)
    for program in programs:
        absent = peers.missing(program)
        if absent:
            say(f"  {program.name}: not here, for want of {', '.join(absent)}")
    programs = peers.present(programs)
    size = (directory / case.log).stat().st_size if case.log else 0
    truth = truth._replace(size=size).repeated(case.times)
    expected = truth if case.log else None
    alternate(programs, directory, expected, 1)
    taken = alternate(programs, directory, expected, runs, say)
    return Measured(case, programs, taken, truth)
