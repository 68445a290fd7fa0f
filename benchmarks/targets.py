"""The figures that batchlog is to reach, and whether a run reached them."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

from benchmarks import cases
from benchmarks.cases import Measured
from benchmarks.measure import Run, middle

_MB = 10**6


class Target(NamedTuple):
    """A figure of one case."""

    case: str
    what: str
    asked: str
    measure: Callable[[Measured], float]
    limit: float
    is_floor: bool = True
    """At least the limit, else at most."""
    unit: str = "x"


class Verdict(NamedTuple):
    """A target with what was measured; None where something it needs was not there."""

    target: Target
    measured: float | None

    @property
    def is_reached(self) -> bool:
        """Tell whether the figure was reached."""
        if self.measured is None:
            return False
        limit = self.target.limit
        return self.measured >= limit if self.target.is_floor else self.measured <= limit


def ratio(slower: str, quicker: str = "") -> Callable[[Measured], float]:
    """Return how much longer one program takes than another, which is ours where it has no name."""

    def of(measured: Measured) -> float:
        own = quicker or measured.programs[0].name
        return middle(measured.runs[slower]) / middle(measured.runs[own])

    return of


def _milliseconds(measured: Measured) -> float:
    return 1000 * middle(measured.runs[measured.programs[0].name])


def _memory(measured: Measured) -> float:
    return memory(measured.runs[measured.programs[0].name]) / _MB


def memory(runs: Sequence[Run]) -> int:
    """Return the largest peak of some runs, in bytes."""
    return max(run.memory for run in runs)


_PLAIN = "plain file, one process"
_IDLE, _SITES = "nothing new, one log", "nothing new, 1,000 logs with 10 archives each"

TARGETS = (
    Target("plain", _PLAIN, "1.5 x mawk", ratio("mawk"), 1.5),
    Target("plain", _PLAIN, "20 x mtail", ratio("mtail"), 20),
    Target("plain", _PLAIN, "50 x goaccess", ratio("goaccess"), 50),
    Target("gzip", "gzip file, one process", "2 x zcat | mawk", ratio("zcat | mawk"), 2),
    Target(
        "eight",
        "eight gzip files, two processes",
        "1.7 x one process",
        ratio(cases.ONE, cases.TWO),
        1.7,
    ),
    Target("idle", _IDLE, "200 ms", _milliseconds, 200, is_floor=False, unit=" ms"),
    Target("idle", _IDLE, "60 MB", _memory, 60, is_floor=False, unit=" MB"),
    Target("sites", _SITES, "1,500 ms", _milliseconds, 1500, is_floor=False, unit=" ms"),
    Target(
        "history",
        "history by minute",
        "0.5 x counting alone",
        ratio(cases.TOTALS, cases.HISTORY),
        0.5,
    ),
)


def verdicts(measured: Sequence[Measured]) -> list[Verdict]:
    """Judge all targets; memory, which is for every case, comes last."""
    by_key = {one.case.key: one for one in measured}
    judged = [Verdict(target, _measured(target, by_key.get(target.case))) for target in TARGETS]
    return [*judged, *_memory_of_all(measured)]


def _measured(target: Target, measured: Measured | None) -> float | None:
    """Return the figure, or None where the case or a peer is missing."""
    if measured is None:
        return None
    try:
        return target.measure(measured)
    except KeyError:
        return None


def _memory_of_all(measured: Sequence[Measured]) -> list[Verdict]:
    own = chain.from_iterable(
        one.runs[program.name] for one in measured for program in one.programs if program.is_ours
    )
    target = Target(
        "all",
        "memory, any file size, a process",
        "150 MB",
        _memory,
        150,
        is_floor=False,
        unit=" MB",
    )
    return [Verdict(target, memory([*own]) / _MB)] if measured else []
