"""The text of history: OpenMetrics with a time on every sample, for promtool to make blocks of.

Names, help and bounds are those of `metrics`, so that history and live series meet. What promtool
asks for, and does not say (tried with 2.42): times in seconds; within a series ascending, one
sample each, as it drops others without a word; LF only, no blank line, no free comment; `# EOF`
last; no `_created`, which would become series. Text comes in pieces of a bounded size.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from batchlog.metrics import DURATIONS, INFINITY, NANOSECONDS, REQUESTS, RESPONSE_BYTES, edge

_PIECE = 1000
"""Samples from which on a piece of text is handed out; and the most times taken at once."""

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = tuple[tuple[str, str], ...]


class Run(NamedTuple):
    """Times at which a series holds the same values."""

    times: Sequence[int]
    """Unix seconds, ascending."""
    row: Sequence[int]
    """As a tally's row, added up from the first line on; buckets are not cumulative."""


class Trace(NamedTuple):
    """One label set through the times of a file."""

    labels: Labels
    timed: bool
    """Whether the rows hold durations."""
    runs: Callable[[], Iterable[Run]]
    """Called once a family, as those stand one after the other and memory is bounded."""


class Piece(NamedTuple):
    """Some of a file's text."""

    text: bytes
    samples: int


def render(namespace: str, bounds: Sequence[int], traces: Sequence[Trace]) -> Iterator[Piece]:
    """Yield a file's text from its first to its last byte; `bounds` in nanoseconds."""
    for column, (name, text) in enumerate((REQUESTS, RESPONSE_BYTES)):
        family = f"{namespace}_{name}"
        yield _head(family, text, "counter")
        for trace in traces:
            yield from _counter(family, column, trace)
    if timed := [trace for trace in traces if trace.timed]:
        family = f"{namespace}_{DURATIONS[0]}"
        yield _head(family, DURATIONS[1], "histogram")
        for trace in timed:
            yield from _histogram(family, bounds, trace)
    yield Piece(b"# EOF\n", 0)


def samples_a_time(bounds: Sequence[int], *, timed: bool) -> int:
    """Return how many samples a series has at each of its times."""
    return 2 + (len(bounds) + 3) * timed


def _head(family: str, text: str, kind: str) -> Piece:
    return Piece(f"# HELP {family} {text}\n# TYPE {family} {kind}\n".encode(), 0)


def _counter(family: str, column: int, trace: Trace) -> Iterator[Piece]:
    name = f"{family}_total{_braced(trace.labels)}"
    lines: list[str] = []
    for times, row in trace.runs():
        head = f"{name} {row[column]}"
        for begin in range(0, len(times), _PIECE):
            lines += [f"{head} {time}\n" for time in times[begin : begin + _PIECE]]
            if len(lines) >= _PIECE:
                yield _piece(lines)
                lines.clear()
    yield _piece(lines)


def _histogram(family: str, bounds: Sequence[int], trace: Trace) -> Iterator[Piece]:
    """Yield a histogram's samples, those of one time together."""
    edges = (*map(edge, bounds), INFINITY)
    buckets = [f"{family}_bucket{_braced((*trace.labels, ('le', le)))}" for le in edges]
    total, number = (f"{family}_{what}{_braced(trace.labels)}" for what in ("sum", "count"))
    made: list[str] = []
    for times, row in trace.runs():
        running = list(accumulate(row[3:]))
        lines = [f"{name} {count} " for name, count in zip(buckets, running, strict=True)]
        lines += (f"{total} {row[2] / NANOSECONDS} ", f"{number} {running[-1]} ")
        for begin in range(0, len(times), _PIECE):
            made += [
                line + time for time in map(_ended, times[begin : begin + _PIECE]) for line in lines
            ]
            if len(made) >= _PIECE:
                yield _piece(made)
                made.clear()
    yield _piece(made)


def _ended(time: int) -> str:
    return f"{time}\n"


def _piece(lines: Sequence[str]) -> Piece:
    return Piece("".join(lines).encode(), len(lines))


def _braced(labels: Iterable[tuple[str, str]]) -> str:
    text = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{text}}}" if text else ""
