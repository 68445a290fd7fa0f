"""What the tests of history share: steps from lines, and a count of lines to compare with."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from batchlog.history.days import DayFile
from batchlog.history.journal import LogLabels
from batchlog.history.options import Options
from batchlog.history.seam import LIMIT, Seams
from batchlog.segments.identity import Mark
from batchlog.segments.steps import Step
from batchlog.state.totals import Labels
from batchlog.tally import Row, Tally
from tests.servers import Promtool

DAY = 86_400
NOON = 1_431_820_800 + DAY // 2
"""2015-05-17 12:00:00 UTC."""

GROUP = {"instance": "web1", "job": "batchlog"}
BOUNDS = (5_000_000, 1_000_000_000)

Samples = dict[tuple[str, Labels], list[tuple[int, float]]]
"""Name and labels of each series to its samples: time and value."""


class Line(NamedTuple):
    """A line of a log."""

    source: str
    status: str
    stamp: int
    size: int = 10


def options(step: int = 60, **more: object) -> Options:
    """Return options by status, for the usual group."""
    given: dict[str, object] = {
        "step": step,
        "by": ("status",),
        "bounds": BOUNDS,
        "namespace": "batchlog_http",
        "labels": GROUP,
        "max_series": 2000,
    }
    return Options(**{**given, **more})  # type: ignore[arg-type]


def source(name: str = "/var/log/a.log", **static: str) -> LogLabels:
    """Return a log whose lines carry `static` labels."""
    return LogLabels(name, static, frozenset({"vhost"}))


def labelled(**named: str) -> Labels:
    """Return the labels of a series of the usual group."""
    return tuple(sorted({**GROUP, **named}.items()))


def tally(rows: Iterable[tuple[int, tuple[str, ...], Row]]) -> Tally:
    """Return a tally of (slot, label values, row)."""
    made = Tally()
    for slot, values, row in rows:
        made.add((slot, values), row)
    return made


def step(counted: Tally, offset: int = 100) -> Step:
    """Return the step that a read of such a tally gives."""
    return Step(Mark(0, offset, ("aa",), "bb", 7), "context", counted, offset, "complete")


def of_lines(lines: Iterable[Line], width: int) -> Tally:
    """Count lines by status and slot."""
    return tally((line.stamp // width, (line.status,), [1, line.size]) for line in lines)


def parsed(texts: Iterable[str]) -> Samples:
    """Read files as prometheus_client does, in the order given."""
    found: Samples = {}
    for text in texts:
        for part in _parts(text):
            families = text_string_to_metric_families(part)  # type: ignore[no-untyped-call]
            for family in families:
                for sample in family.samples:
                    key = sample.name, tuple(sorted(sample.labels.items()))
                    assert sample.timestamp is not None
                    time = int(float(sample.timestamp))
                    found.setdefault(key, []).append((time, float(sample.value)))
    return found


def _parts(text: str) -> Iterator[str]:
    """Yield a file in parts that each have histograms at one time only.

    prometheus_client 0.25 takes the second time's samples but for the first as duplicates.
    """
    end = "# EOF\n"
    assert text.endswith(end)
    whole, *histogram = re.split(r"^(?=# HELP \S*_duration_seconds )", text, flags=re.MULTILINE)
    if not histogram:
        yield whole
        return
    yield whole + end
    head, type_, *lines = histogram[0].removesuffix(end).splitlines(keepends=True)
    for _, some in groupby(lines, key=lambda line: line.rpartition(" ")[2]):
        yield head + type_ + "".join(some) + end


def read(files: Sequence[DayFile]) -> Samples:
    """Read the files of a history."""
    texts = []
    for file in files:
        with open(file.path, encoding="utf-8", newline="") as opened:
            texts.append(opened.read())
    return parsed(texts)


def promtool_samples(promtool: Promtool, where: Path, files: Sequence[Path]) -> Samples:
    """Make blocks of files, and return all that is in them."""
    data = where / "data"
    (data / "wal").mkdir(parents=True)  # promtool dumps nothing without one
    for file in files:
        done = promtool.run("tsdb", "create-blocks-from", "openmetrics", "-q", str(file), str(data))
        assert (done.returncode, done.stderr) == (0, b"")
    return _dumped(promtool, data)


def _dumped(promtool: Promtool, data: Path) -> Samples:
    """Return all samples in blocks, by series and in the order of time."""
    found: Samples = {}
    out = promtool.run("tsdb", "dump", str(data)).stdout.decode()
    for labels, value, time in re.findall(r"^(\{.*\}) (\S+) (-?\d+)$", out, re.MULTILINE):
        pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        named = {name: _unescaped(text) for name, text in pairs.items()}
        key = named.pop("__name__"), tuple(sorted(named.items()))
        found.setdefault(key, []).append((int(time) // 1000, float(value)))
    return {key: sorted(samples) for key, samples in found.items()}


def _unescaped(text: str) -> str:
    """Undo what Go's %q does to the values in these tests."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)


class Expected(NamedTuple):
    """What one series must hold, counted line by line."""

    times: list[int]
    """Of the lines: the end of each one's step, or the ceiling; ascending."""
    last_of_logs: int
    """Up to here there must be a sample every step."""
    created: int | None
    """When the live series is created, or the seam of the logs."""

    def at(self, time: int) -> int:
        """Return the number of lines up to a moment."""
        return sum(one <= time for one in self.times)


def expected(lines: Sequence[Line], seams: Seams, width: int) -> tuple[dict[Labels, Expected], int]:
    """Count the lines of each series one by one; return also how many are left out."""
    latest = seams.now - LIMIT - 1
    ends: dict[str, int] = {}
    for line in lines:
        ends[line.source] = max(ends.get(line.source, 0), (line.stamp // width + 1) * width)
    found: dict[Labels, Expected] = {}
    left_out = 0
    for line in lines:
        labels = labelled(status=line.status)
        begun = _begun(labels, line.source, seams)
        top = min([latest, *(at - 2 for at in begun)])
        time = (line.stamp // width + 1) * width
        if time > top and not any(at - 2 <= latest for at in begun):
            left_out += 1
            continue
        old = found.get(labels, Expected([], 0, None))
        live = seams.live.get(labels)
        created = live if live is not None else max([*begun, old.created or 0]) or None
        found[labels] = Expected(
            sorted([*old.times, min(time, top)]),
            max(old.last_of_logs, min(ends[line.source], top)),
            created,
        )
    return found, left_out


def _begun(labels: Labels, name: str, seams: Seams) -> list[int]:
    both: Sequence[Mapping[str, int] | Mapping[Labels, int]] = (seams.origins, seams.live)
    found = (both[0].get(name), both[1].get(labels))  # type: ignore[call-overload]
    return [at for at in found if at is not None]
