"""From state to metric families: absolute values under the names that users see.

Here, and only here, whole nanoseconds become seconds and counts per bucket become cumulative ones.
Pure: no files, no clock, no network. Everything is sorted, so that equal states give equal bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import msgspec
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from batchlog.segments.known import Counters, Log
from batchlog.state.checkpoint import Series, State
from batchlog.state.totals import BACKFILL

NANOSECONDS = 10**9

EXACT = 2**53
"""The largest value up to which a sample (a 64-bit float) holds every whole number."""

OUTCOMES = ("counted", "malformed", "oversize", "skipped")
"""What can become of a line; fields of `Counters`."""

REQUESTS = ("requests", "HTTP requests in the access logs.")
RESPONSE_BYTES = ("response_bytes", "Bytes sent in HTTP responses, as logged.")
DURATIONS = ("request_duration_seconds", "Time taken to serve HTTP requests, as logged.")
"""Name and help of what was logged: the name goes behind the namespace, without `_total`."""
INFINITY = "+Inf"

Value = tuple[Mapping[str, str], float]
"""Labels and value of one sample."""


class RunStatus(msgspec.Struct, frozen=True):
    """How the latest run went, up to the delivery of what it counted."""

    time: float
    """When it ended, Unix seconds."""
    success_time: float | None
    """When one last ended with exit status 0 or 65, Unix seconds; None where none did."""
    exit_status: int
    durations: dict[str, float]
    """Stage to seconds."""


class Collected(Collector):
    """Families that are ready, in the shape that prometheus_client's functions take."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        yield from self._families

    @property
    def samples(self) -> int:
        """Number of samples in all families."""
        return sum(len(family.samples) for family in self._families)


def exposition(families: Iterable[Metric]) -> bytes:
    """Return the families in Prometheus' text format, version 0.0.4."""
    return generate_latest(Collected(families))


def families(
    state: State, names: Mapping[str, str], run: RunStatus | None, namespace: str, version: str
) -> list[Metric]:
    """Return everything that is pushed, written or served for `state`, without empty families.

    `names` gives the `log` label of an active path, which is the path itself where it is absent;
    counters of logs with equal names add up. `run` is None before the first run has ended.
    """
    built = [
        *_requests(state, namespace),
        *_logs(state, names),
        _counter(
            "batchlog_overflow_lines",
            "Lines put into `other` because max_series was reached.",
            [({}, state.overflow)],
        ),
        *(_run(run) if run else ()),
        _gauge(
            "batchlog_info",
            "The batchlog that counts here, and its checkpoint; always 1.",
            [({"version": version, "state_id": state.state_id}, 1)],
        ),
        _gauge(
            "batchlog_generation",
            "Commits in this checkpoint's life.",
            [({}, state.generation)],
        ),
    ]
    return [family for family in built if family.samples]


def beyond_float(state: State) -> list[str]:
    """Name the totals that are too large for a sample to hold exactly (R97)."""
    beyond = []
    for series in state.totals:
        labels = ",".join(f'{name}="{value}"' for name, value in series.labels)
        beyond += [
            f"{what} of {{{labels}}}"
            for what, value in (("requests", series.requests), ("response bytes", series.bytes))
            if value > EXACT
        ]
    for log in state.logs:
        beyond += [f"read bytes of {log.path}"] if log.counters.read_bytes > EXACT else []
    return beyond


def _requests(state: State, namespace: str) -> list[Metric]:
    """Return the families of what was logged; each series brings its own label names."""
    totals = sorted(state.totals, key=lambda series: series.labels)
    return [
        _counter(
            f"{namespace}_{REQUESTS[0]}",
            REQUESTS[1],
            [(dict(series.labels), series.requests) for series in totals],
        ),
        _counter(
            f"{namespace}_{RESPONSE_BYTES[0]}",
            RESPONSE_BYTES[1],
            [(dict(series.labels), series.bytes) for series in totals],
        ),
        _durations(f"{namespace}_{DURATIONS[0]}", totals, state.bounds),
    ]


def _durations(name: str, totals: Sequence[Series], bounds: Sequence[int]) -> Metric:
    family = Metric(name, DURATIONS[1], "histogram")
    edges = [*map(edge, bounds), INFINITY]
    for series in totals:
        if series.duration is None or series.buckets is None:
            continue
        labels = dict(series.labels)
        running = list(accumulate(series.buckets))
        for le, count in zip(edges, running, strict=True):
            family.samples.append(Sample(f"{name}_bucket", {**labels, "le": le}, count))
        family.samples.append(Sample(f"{name}_sum", labels, series.duration / NANOSECONDS))
        family.samples.append(Sample(f"{name}_count", labels, running[-1]))
    return family


def edge(bound: int) -> str:
    """Return a bucket's upper bound, given in nanoseconds, as Prometheus itself writes it: 1."""
    text: str = floatToGoString(bound / NANOSECONDS)  # type: ignore[no-untyped-call]
    return text.removesuffix(".0")


def _logs(state: State, names: Mapping[str, str]) -> Iterator[Metric]:
    """Yield batchlog's own counters and gauges of the logs."""
    groups: dict[str, list[Log]] = {}
    for log in state.logs:
        if not log.retired:
            groups.setdefault(names.get(log.path, log.path), []).append(log)

    def each(measure: Callable[[Log], int], **more: str) -> list[Value]:
        return [({"log": name, **more}, sum(map(measure, groups[name]))) for name in sorted(groups)]

    old = _backfilled(state, names)
    outcomes = [
        value for outcome in OUTCOMES for value in each(_counter_of(outcome), outcome=outcome)
    ]
    outcomes += [
        ({"log": name, "outcome": outcome, **BACKFILL}, sum(getattr(one, outcome) for one in ones))
        for outcome in OUTCOMES
        for name, ones in old.items()
    ]
    yield _counter("batchlog_lines", "Lines read, by what became of them.", outcomes)
    length = each(_counter_of("read_bytes"))
    length += [
        ({"log": name, **BACKFILL}, sum(one.read_bytes for one in ones))
        for name, ones in old.items()
    ]
    yield _counter("batchlog_read_bytes", "Bytes of log read, decompressed.", length)
    for field, text in (
        ("lost_bytes", "Bytes of log known to be gone unread, a lower bound."),
        ("lost_segments", "Log files known to be gone unread, in part or whole; a lower bound."),
    ):
        yield _counter(f"batchlog_{field}", text, each(_counter_of(field)))
    yield _gauge(
        "batchlog_quarantined_segments",
        "Rewritten log files that wait for `batchlog resolve`.",
        each(lambda log: sum(segment.state == "quarantined" for segment in log.segments)),
    )
    stamps = {
        name: [stamp for log in logs if (stamp := log.counters.newest) is not None]
        for name, logs in sorted(groups.items())
    }
    yield _gauge(
        "batchlog_newest_line_timestamp_seconds",
        "Time stamp of the newest counted line, Unix time.",
        [({"log": name}, max(found)) for name, found in stamps.items() if found],
    )
    gone = sum(log.gone is not None for log in state.logs)
    states = {"live": len(state.logs) - gone, "gone": gone, "left alone": state.left_alone}
    yield _gauge(
        "batchlog_logs",
        "Logs, by whether they are there; left alone: more than max_logs.",
        [({"state": name}, count) for name, count in states.items()],
    )


def _backfilled(state: State, names: Mapping[str, str]) -> dict[str, list[Counters]]:
    """Return the counters of what backfills have read, by the `log` label in ascending order."""
    found: dict[str, list[Counters]] = {}
    for path, counters in state.backfill.counters.items():
        found.setdefault(names.get(path, path), []).append(counters)
    return dict(sorted(found.items()))


def _counter_of(field: str) -> Callable[[Log], int]:
    return lambda log: int(getattr(log.counters, field))


def _run(run: RunStatus) -> Iterator[Metric]:
    """Yield what is told of the latest run."""
    last_success = "When a run last ended with exit status 0 or 65, Unix time."
    for name, text, value in (
        ("last_run_timestamp_seconds", "When the latest run ended, Unix time.", run.time),
        ("last_success_timestamp_seconds", last_success, run.success_time),
        ("last_run_exit_status", "Exit status of the latest run.", run.exit_status),
    ):
        yield _gauge(f"batchlog_{name}", text, [({}, value)] if value is not None else [])
    yield _gauge(
        "batchlog_run_duration_seconds",
        "Time taken by each stage of the latest run.",
        [({"stage": stage}, seconds) for stage, seconds in sorted(run.durations.items())],
    )


def _counter(name: str, text: str, values: Iterable[Value]) -> Metric:
    """Return a counter's family; `name` goes without its `_total`."""
    family = Metric(name, text, "counter")
    family.samples = [Sample(f"{name}_total", dict(labels), value) for labels, value in values]
    return family


def _gauge(name: str, text: str, values: Iterable[Value]) -> Metric:
    family = Metric(name, text, "gauge")
    family.samples = [Sample(name, dict(labels), value) for labels, value in values]
    return family
