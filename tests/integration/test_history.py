"""A real Prometheus answers from blocks that `backfill --tsdb` made as a plain count of lines does.

The count is this file's own: a pattern and the time stamps of Python.
"""

import gzip
import random
import re
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from batchlog.config.times import Since
from tests.integration.host import Host, values
from tests.servers import Course, Prometheus, Promtool, Pushgateway, binary, eventually, prometheus
from tests.site import Site

APACHE_LOGS = Path(__file__).parents[2] / "../shared/data/elastic-examples/apache_logs/apache_logs"

REQUESTS = "batchlog_http_requests_total"
BYTES = "batchlog_http_response_bytes_total"

MINUTE, HOUR, DAY = 60, 3600, 86_400

KEEP = "--storage.tsdb.retention.time=100y"

LINE = re.compile(r'\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] ".*?" (\d{3}) (\d+|-)')


@pytest.fixture(autouse=True)
def _servers(promtool: Promtool) -> None:
    """Skip what needs them where they are missing."""
    assert promtool.program
    binary("prometheus")


class Lines:
    """Lines of one log: what had been logged, by status, before a moment."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._stamps: dict[str, list[int]] = defaultdict(list)
        self._sums: dict[str, list[int]] = {}
        found = sorted(map(parsed, texts))
        for stamp, status, size in found:
            self._stamps[status].append(stamp)
            sums = self._sums.setdefault(status, [0])
            sums.append(sums[-1] + size)
        self.first, self.last = found[0][0], found[-1][0]
        self.total = Counter(status for _, status, _ in found)

    def before(self, moment: float) -> tuple[dict[str, float], dict[str, float]]:
        """Return requests and bytes of the lines that were stamped before its minute.

        A status has no series before the minute of its first line.
        """
        minute = moment // MINUTE * MINUTE
        requests, sent = {}, {}
        for status, stamps in self._stamps.items():
            if stamps[0] // MINUTE * MINUTE <= minute:
                requests[status] = float(bisect_left(stamps, minute))
                sent[status] = float(self._sums[status][int(requests[status])])
        return requests, sent

    @property
    def end(self) -> int:
        """The moment at which all have been logged."""
        return self.last // MINUTE * MINUTE + MINUTE


def parsed(line: str) -> tuple[int, str, int]:
    """Return stamp, status and bytes of a line."""
    found = LINE.search(line)
    assert found is not None, line
    stamp, status, size = found.groups()
    moment = datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z")
    return int(moment.timestamp()), status, int(size.replace("-", "0"))


def backfill(host: Host, *words: str | Path) -> Path:
    """Make blocks of old logs; return where they are."""
    directory = host.root / "history"
    done = host.batchlog("backfill", "-q", "--tsdb", directory, *words)
    assert (0, "") == (done.exit, done.err)
    return directory


def hand_over(blocks: Path, data: Path) -> None:
    """Move blocks into the data directory of a server."""
    data.mkdir(parents=True, exist_ok=True)
    for meta in blocks.glob("*/meta.json"):
        meta.parent.rename(data / meta.parent.name)


def by_moment(
    courses: list[Course], key: Callable[[dict[str, str]], str]
) -> dict[float, dict[str, float]]:
    """Return the values at each moment by the key of their series."""
    found: dict[float, dict[str, float]] = defaultdict(dict)
    for labels, samples in courses:
        for moment, value in samples:
            assert key(labels) not in found[moment]
            found[moment][key(labels)] = value
    return found


def status_of(labels: dict[str, str]) -> str:
    return labels["status"]


MOMENTS = [(0, 5 * MINUTE), (37, 247), (-1, 613), (0.25, 1201)]
"""Beginnings and distances, seconds: on the minute, just beside it, and anywhere."""


def agree(server: Prometheus, selector: str, lines: Lines, until: int) -> int:
    """Demand that the server and a plain count agree at many moments; return how many."""
    begin = lines.first // MINUTE * MINUTE - 10 * MINUTE
    looked = 0
    for offset, step in MOMENTS:
        found = [
            by_moment(server.over(name + selector, begin + offset, until, step), status_of)
            for name in (REQUESTS, BYTES)
        ]
        for number in range(int(until - begin - offset) // step + 1):
            moment = begin + offset + number * step
            observed = tuple(one.get(moment, {}) for one in found)
            assert lines.before(moment) == observed, moment
            looked += 1
    return looked


# Old logs alone


def test_a_plain_count_of_apache_logs_agrees_at_every_moment(host: Host, tmp_path: Path) -> None:
    """Four days of May 2015; 9,448 of 10,000 lines are out of order, by up to 59 s."""
    if not APACHE_LOGS.exists():
        pytest.skip("../shared/data is not there")
    path = APACHE_LOGS.resolve()
    lines = Lines(path.read_text(encoding="utf-8", errors="replace").splitlines())
    assert 10_000 == lines.total.total()
    hand_over(backfill(host, path), tmp_path / "server" / "data")
    with prometheus(tmp_path / "server", flags=[KEEP]) as server:
        assert agree(server, "", lines, lines.end) > 2900
        rng = random.Random(3)
        for moment in [rng.uniform(lines.first, lines.end) for _ in range(50)]:
            observed = [
                {labels["status"]: value for labels, value in server.query(name, moment)}
                for name in (REQUESTS, BYTES)
            ]
            assert list(lines.before(moment)) == observed, moment
        everything = {status: float(count) for status, count in lines.total.items()}
        assert everything == by_status(server.query(REQUESTS, lines.end))
        assert {} == by_status(server.query(REQUESTS, lines.end + 6 * MINUTE))
        [labels] = [labels for labels, _ in server.query(REQUESTS + '{status="200"}', lines.end)]
        expected = {"__name__": REQUESTS, "job": "batchlog", "instance": host.instance}
        assert {**expected, "status": "200"} == labels


def by_status(rows: Iterable[tuple[dict[str, str], float]]) -> dict[str, float]:
    return {labels["status"]: value for labels, value in rows}


class Zone(NamedTuple):
    """A virtual host and the clock of its logs."""

    site: str
    zone: ZoneInfo
    offsets: set[str]


ZONES = [
    Zone("berlin", ZoneInfo("Europe/Berlin"), {"+0200", "+0100"}),
    Zone("newyork", ZoneInfo("America/New_York"), {"-0400", "-0500"}),
    Zone("utc", ZoneInfo("UTC"), {"+0000"}),
]

BEGIN = datetime(2025, 10, 25, 20, 13, 11, tzinfo=UTC)
"""Berlin's clocks go back on the 26th at 01:00 UTC, those of New York on November 2nd at 06:00."""

SPAN = timedelta(days=8, hours=13)


def logged(zone: Zone, seed: int) -> list[str]:
    """Return lines as a server in that zone writes them, out of order by up to 59 s."""
    rng = random.Random(seed)
    arrivals = sorted(rng.uniform(0, SPAN.total_seconds()) for _ in range(4000))
    # Lines in the hour that the clocks of that zone show twice.
    changes = [datetime(2025, 10, 26, 1, tzinfo=UTC), datetime(2025, 11, 2, 6, tzinfo=UTC)]
    for change in changes:
        middle = (change - BEGIN).total_seconds()
        arrivals += [rng.uniform(middle - HOUR, middle + HOUR) for _ in range(500)]
    lines = []
    for number, arrival in enumerate(sorted(arrivals)):
        moment = BEGIN + timedelta(seconds=arrival - rng.uniform(0, 59))
        stamp = moment.astimezone(zone.zone).strftime("%d/%b/%Y:%H:%M:%S %z")
        status = rng.choices(["200", "404", "503"], [90, 9, 1])[0]
        size = rng.choice(["-", str(rng.randrange(100_000))])
        request = f"GET /{number} HTTP/1.1"
        lines.append(f'192.0.2.{number % 250} - - [{stamp}] "{request}" {status} {size} "-" "t"\n')
    return lines


SITES = """
[[log]]
path = "{logs}/*-access.log"
labels_from_path = '(?P<site>[^/]+)-access\\.log$'
"""


def rotated(host: Host, name: str, lines: list[str]) -> list[Path]:
    """Write a log as it stands after two rotations; return its files, oldest last."""
    cut = [len(lines) // 3, len(lines) * 3 // 4]
    paths = [host.logs / f"{name}{suffix}" for suffix in ("", ".1", ".2.gz")]
    paths[2].write_bytes(gzip.compress("".join(lines[: cut[0]]).encode()))
    paths[1].write_text("".join(lines[cut[0] : cut[1]]))
    paths[0].write_text("".join(lines[cut[1] :]))
    return paths


def test_three_virtual_hosts_agree_across_the_changes_of_the_clocks(
    host: Host, tmp_path: Path
) -> None:
    host.configure(SITES.format(logs=host.logs))
    logs: dict[str, Lines] = {}
    paths: list[Path] = []
    for seed, zone in enumerate(ZONES):
        texts = logged(zone, seed)
        assert zone.offsets == {text.partition("]")[0][-5:] for text in texts}
        logs[zone.site] = Lines(texts)
        paths += rotated(host, f"{zone.site}-access.log", texts)
    random.Random(5).shuffle(paths)
    hand_over(backfill(host, *paths), tmp_path / "server" / "data")
    with prometheus(tmp_path / "server", flags=[KEEP]) as server:
        for site, lines in logs.items():
            assert agree(server, f'{{site="{site}"}}', lines, lines.end) > 5000


def test_by_virtual_host_a_shared_log_of_two_offsets_agrees(host: Host, tmp_path: Path) -> None:
    """One log, as two processes with different TZ write it: the offset is that of each line."""
    texts = [logged(zone, seed) for seed, zone in enumerate(ZONES[:2])]
    names = ["berlin.example", "newyork.example"]
    mixed = [
        (parsed(text)[0], f"{name}:443 {text}")
        for name, some in zip(names, texts, strict=True)
        for text in some
    ]
    mixed.sort(key=lambda one: one[0])
    paths = rotated(host, "access.log", [text for _, text in mixed])
    by = ("--by", "status,vhost", "--format", "vhost_combined")
    hand_over(backfill(host, *by, *reversed(paths)), tmp_path / "server" / "data")
    with prometheus(tmp_path / "server", flags=[KEEP]) as server:
        for name, some in zip(names, texts, strict=True):
            lines = Lines(some)
            assert agree(server, f'{{vhost="{name}"}}', lines, lines.end) > 5000


# Live and history in one server


class Joined(NamedTuple):
    """A host whose counting began five hours ago, and the lines that were logged."""

    host: Host
    site: Site
    gateway: Pushgateway
    logged: list[str]

    def log(self, path: Path, *lines: tuple[float, str]) -> None:
        """Append lines with these stamps and statuses to a file."""
        texts = []
        for stamp, status in lines:
            written = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(stamp))
            texts.append(f'192.0.2.1 - - [{written}] "GET / HTTP/1.1" {status} 7 "-" "t"\n')
        self.logged.extend(texts)
        with path.open("a") as file:
            file.writelines(texts)

    def push(self) -> None:
        """Do one run with the clock as it is."""
        self.host.push(self.host.access, "--gateway", self.gateway.url)

    @property
    def mine(self) -> str:
        """A selector of this host's series."""
        return f'{{instance="{self.host.instance}"}}'


@pytest.fixture
def joined(host: Host, gateway: Pushgateway) -> Joined:
    return Joined(host, Site(host.root, clock=time.time() - 5 * HOUR), gateway, [])


def scraped(server: Prometheus, joined: Joined) -> None:
    """Wait until the server has scraped the latest push."""
    pushed = values(joined.gateway.metrics(), "push_time_seconds", "instance")
    expected = pushed[(joined.host.instance,)]
    look = f"push_time_seconds{joined.mine}"
    assert expected == eventually(lambda: server.value(look) or 0, expected)


def added_up(courses: Iterable[Course]) -> dict[str, int]:
    """Return what each status gained from the first stored sample on, resets and all."""
    found: dict[str, int] = defaultdict(int)
    for labels, samples in courses:
        before = 0.0
        for _, value in samples:
            found[labels["status"]] += int(value - before if value >= before else value)
            before = value
    return {status: count for status, count in found.items() if count}


Stored = Mapping[str, set[float]]
"""The times of samples by their series."""


def stored(server: Prometheus) -> Stored:
    """Return the times of all samples that the server has, by their series."""
    courses = server.samples('{__name__=~".+"}[10d]')
    return {str(sorted(labels.items())): {at for at, _ in samples} for labels, samples in courses}


@pytest.mark.parametrize("since", ["checkpoint", "now"])
def test_live_and_history_add_up_in_one_server_and_nothing_else_is_lost(
    joined: Joined, tmp_path: Path, since: Since
) -> None:
    """Counting began at the first line of the active file, or in the middle of it.

    Its lines are more than those of history, so that no fall of the value tells of the seam.
    """
    host, began = joined.host, joined.site.clock
    old, older = host.logs / "access.log.1", host.logs / "access.log.2"
    for path, days in ((older, 3.0), (old, 1.5)):
        beats = (began - days * DAY + number * 400 for number in range(300))
        joined.log(path, *((at, "404" if at % 7 < 1 else "200") for at in beats))
    # Written below the origin and stamped above it: a server whose clock was ahead.
    joined.log(old, (began - 50, "200"), (began + 40, "200"), (began + 90, "301"))
    joined.log(host.access, *((began - 900 + number, "200") for number in range(900)))
    grouping = f"instance={host.instance}"
    joined.site.run(textfile=None, gateway=(joined.gateway.url,), grouping=(grouping,), since=since)
    target = joined.gateway.url.removeprefix("http://")
    with prometheus(tmp_path / "server", target) as server:
        scraped(server, joined)
        joined.log(host.access, *((time.time(), status) for status in ("200", "200", "500")))
        joined.push()
        scraped(server, joined)
        blocks = backfill(host, older, host.access, old)
        hand_over(blocks, tmp_path / "server" / "data")
        before = stored(server)
    with prometheus(tmp_path / "server", target) as server:
        joined.log(host.access, *((time.time(), status) for status in ("200", "404", "500")))
        joined.push()
        scraped(server, joined)
        after = stored(server)
        courses = server.samples(f"{REQUESTS}{joined.mine}[10d]")
    assert {} == lost(before, after)
    assert any("('__name__', 'up')" in series for series in before)
    assert Lines(joined.logged).total == added_up(courses)
    times = [moment for _, samples in courses for moment, _ in samples]
    assert min(times) < began - 2 * DAY
    assert not [moment for moment in times if began <= moment < began + 4 * HOUR]
    assert 0 == min(samples for _, samples in courses)[0][1]


def lost(before: Stored, after: Stored) -> Stored:
    """Return what was stored before and is not any more."""
    gone = {series: times - after.get(series, set()) for series, times in before.items()}
    return {series: times for series, times in gone.items() if times}


def test_lines_of_the_last_hours_cost_no_series_its_samples(joined: Joined, tmp_path: Path) -> None:
    """A log that no push knows, written to until now: what is too new for blocks is left out.

    A server that is restarted on a newer block drops what it has scraped, of all series.
    """
    host, now = joined.host, time.time()
    joined.log(host.access, *((now - number * 30, "200") for number in reversed(range(1000))))
    target = joined.gateway.url.removeprefix("http://")
    with prometheus(tmp_path / "server", target) as server:
        assert 1 == eventually(lambda: server.value("up") or 0, 1.0)
        hand_over(backfill(host, host.access), tmp_path / "server" / "data")
        before = stored(server)
    with prometheus(tmp_path / "server", target) as server:
        after = stored(server)
        [(_, samples)] = server.samples(f"{REQUESTS}{joined.mine}[10d]")
    assert {} == lost(before, after)
    newest, count = samples[-1]
    assert now - 4 * HOUR - 2 * MINUTE < newest <= time.time() - 4 * HOUR
    assert Lines(joined.logged).before(newest)[0] == {"200": count}
