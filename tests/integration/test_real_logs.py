"""Other people's logs, into the real Pushgateway: the figures are those of independent parsers."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.host import Counted, Host, counted, values
from tests.servers import Pushgateway

DATA = Path(__file__).parents[2] / "../shared/data"
APACHE_LOGS = DATA / "elastic-examples/apache_logs/apache_logs"

FAMOUS = (
    "127.0.0.1 user-identifier frank [10/Oct/2000:13:55:36 -0700] "
    '"GET /apache_pb.gif HTTP/1.0" 200 2326\n'
)
"""The line of Apache's documentation and of Wikipedia's page on the Common Log Format."""

LIGHTTPD = '%h %V %u %t "%r" %>s %b %I %O %T "%{Referer}i" "%{User-Agent}i"'
"""What mtail's lighttpd_access.log was written with."""


class Figures(NamedTuple):
    """What a file holds, by someone else's count."""

    requests: dict[str, int]
    bytes: int


def data(path: Path) -> Path:
    """Return a path under ../shared/data, or skip the test where that is not there."""
    if not path.exists():
        pytest.skip("../shared/data is not there")
    return path.resolve()


def expected(name: str) -> dict[str, Any]:
    """Return the figures of `expected/` for a file, by the parser apachelogs."""
    path = data(DATA / "expected" / f"{name}.expected.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def awk(figures: dict[str, Any]) -> Figures:
    """Return what awk counted, which knows nothing of user agents and takes torn ones too."""
    pairs = dict(word.split("=") for word in figures["second_oracle_awk"].split())
    total = int(pairs.pop("bytes"))
    del pairs["n"]
    return Figures({status: int(count) for status, count in pairs.items()}, total)


def figures(gateway: Pushgateway) -> Figures:
    found = counted(gateway.metrics())
    return Figures(found.requests, sum(found.bytes.values()))


def stable(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return all samples of ours but those that tell when and how fast a run went."""
    moving = {
        "batchlog_last_run_timestamp_seconds",
        "batchlog_last_success_timestamp_seconds",
        "batchlog_run_duration_seconds",
    }
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("batchlog_") and sample.name not in moving
    }


def test_ten_thousand_lines_of_apache_are_counted_to_the_byte(
    host: Host, gateway: Pushgateway
) -> None:
    host.push(data(APACHE_LOGS), "--gateway", gateway.url)
    requests = {"200": 9126, "206": 45, "301": 164, "304": 445, "403": 2, "404": 213, "416": 2}
    observed = figures(gateway)
    assert Figures(requests | {"500": 3}, 2_747_282_740) == observed
    assert 10_000 == sum(observed.requests.values())


def test_the_codes_that_may_come_later_are_there_with_zero_r96(
    host: Host, gateway: Pushgateway
) -> None:
    host.push(data(APACHE_LOGS), "--gateway", gateway.url)
    observed = values(gateway.metrics(), "batchlog_http_requests_total", "status")
    assert {0} == {observed[(status,)] for status in ("201", "302", "429", "499", "502", "504")}
    assert 24 == len(observed)


def test_a_second_run_changes_nothing(host: Host, gateway: Pushgateway) -> None:
    host.push(data(APACHE_LOGS), "--gateway", gateway.url)
    pushed, saved = stable(gateway.metrics()), host.checkpoint.read_bytes()
    inode = host.checkpoint.stat().st_ino
    host.push(APACHE_LOGS.resolve(), "--gateway", gateway.url)
    host.push("--gateway", gateway.url)
    assert pushed == stable(gateway.metrics())
    assert saved == host.checkpoint.read_bytes()
    assert inode == host.checkpoint.stat().st_ino


@pytest.mark.parametrize(
    ("name", "path", "format_"),
    [
        (
            "elastic-examples__apache_logs__apache_logs",
            "elastic-examples/apache_logs/apache_logs",
            "auto",
        ),
        (
            "lnav__docs__tutorials__playground__logs__access_log.gz",
            "lnav/docs/tutorials/playground/logs/access_log.gz",
            "auto",
        ),
        (
            "lnav__test__logfile_shop_access_log.0",
            "lnav/test/logfile_shop_access_log.0",
            "auto",
        ),
        ("nasa-http__nasa_sample.log", "nasa-http/nasa_sample.log", "auto"),
        (
            "mtail__internal__mtail__testdata__lighttpd_access.log",
            "mtail/lighttpd_access.log",
            LIGHTTPD,
        ),
    ],
    ids=["apache", "gzip", "shop", "nasa", "lighttpd"],
)
def test_independent_parsers_find_the_same_figures(
    host: Host, gateway: Pushgateway, name: str, path: str, format_: str
) -> None:
    host.push(data(DATA / path), "--format", format_, "--gateway", gateway.url)
    by_apachelogs = expected(name)
    assert awk(by_apachelogs) == figures(gateway)
    assert (by_apachelogs["nonblank_lines"], 0) == outcomes(gateway)
    if not by_apachelogs["unparsed"]:
        sent = {status: size for status, size in by_apachelogs["bytes_by_status"].items() if size}
        assert Counted(by_apachelogs["status"], sent) == counted(gateway.metrics())


def outcomes(gateway: Pushgateway) -> tuple[float, float]:
    """Return the lines that were counted and those that were malformed."""
    found = values(gateway.metrics(), "batchlog_lines_total", "outcome")
    return found[("counted",)], found[("malformed",)]


def test_the_seconds_of_lighttpd_add_up_as_mtail_found_them(
    host: Host, gateway: Pushgateway
) -> None:
    """lighttpd_accesslog.golden: counter time_taken {status=200} 15, {status=304} 4."""
    path = data(DATA / "mtail/lighttpd_access.log")
    host.push(path, "--format", LIGHTTPD, "--gateway", gateway.url)
    name = "batchlog_http_request_duration_seconds"
    observed = values(gateway.metrics(), f"{name}_sum", "status")
    assert (15, 4) == (observed[("200",)], observed[("304",)])
    counts = values(gateway.metrics(), f"{name}_count", "status")
    assert (16, 3) == (counts[("200",)], counts[("304",)])


@pytest.mark.parametrize(
    ("name", "requests", "sent"),
    [
        ("apache-combined.log", {"200": 4, "304": 1}, {"200": 2602}),
        ("apache-common.log", {"200": 1, "304": 1, "404": 1}, {"200": 1880, "404": 19}),
    ],
)
def test_mtail_finds_the_same_figures(
    host: Host, gateway: Pushgateway, name: str, requests: dict[str, int], sent: dict[str, int]
) -> None:
    """The `.golden` files beside the logs."""
    host.push(data(DATA / "mtail" / name), "--gateway", gateway.url)
    assert Counted(requests, sent) == counted(gateway.metrics())


def test_the_line_that_it_all_began_with_counts(host: Host, gateway: Pushgateway) -> None:
    host.access.write_text(FAMOUS)
    host.push(host.access, "--gateway", gateway.url)
    assert Counted({"200": 1}, {"200": 2326}) == counted(gateway.metrics())
    assert {(): 971_211_336} == values(gateway.metrics(), "batchlog_newest_line_timestamp_seconds")


def test_detect_knows_the_line_that_it_all_began_with(host: Host) -> None:
    host.access.write_text(FAMOUS)
    done = host.batchlog("detect", host.access)
    assert (0, "") == (done.exit, done.err)
    assert "common" in done.out


def test_all_logs_at_once_end_without_a_traceback(host: Host) -> None:
    """Whatever cannot be read is named, and the rest is counted."""
    files = [path for path in sorted(data(DATA).glob("*/**/*")) if path.is_file()]
    done = host.batchlog("push", "--dry-run", *files)
    assert 65 == done.exit
    total = sum(values(done.out, "batchlog_http_requests_total").values())
    assert total >= 10_000 + 2492 + 1000 + 1000


def test_status_tells_what_was_pushed(host: Host, gateway: Pushgateway) -> None:
    host.push(data(APACHE_LOGS), "--gateway", gateway.url)
    done = host.batchlog("status", "--json")
    found = msgspec.json.decode(done.out)
    assert 10_000 == sum(series["requests"] for series in found["totals"])
    assert 2_747_282_740 == sum(series["bytes"] for series in found["totals"])
