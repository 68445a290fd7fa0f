"""A gateway that shows less than what is committed, and a push that it does not take."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.gateways import Hang, Seen, StandIn
from tests.integration.host import Counted, Host, counted
from tests.servers import (
    Prometheus,
    Pushgateway,
    binary,
    eventually,
    get,
    prometheus,
    serving,
)
from tests.site import lines


def total(count: int) -> Counted:
    """Return what lines 0 to `count` of `tests.site` add up to."""
    return Counted({"200": count}, {"200": sum(range(count))})


def append(host: Host, begin: int, end: int) -> None:
    with host.access.open("ab") as file:
        file.write(lines(range(begin, end)))


def puts(gateway: StandIn) -> list[Seen]:
    return [seen for seen in gateway.seen if seen.method == "PUT"]


def put(url: str, body: bytes, headers: dict[str, str]) -> None:
    opener = build_opener(ProxyHandler({}))
    asked = Request(url, body, headers, method="PUT")  # noqa: S310 - our own
    opener.open(asked, timeout=10).close()


# Committed, not pushed


def test_r87_a_run_killed_between_commit_and_push_is_delivered_by_the_next(host: Host) -> None:
    """The gateway has the request and has not applied it when the run is killed."""
    with StandIn() as gateway:
        to = ("--gateway", gateway.url)
        append(host, 0, 10)
        host.push(host.access, *to)
        append(host, 10, 15)
        gateway.faults.append(Hang())
        with host.running("push", *to) as run:
            assert 2 == eventually(lambda: len(puts(gateway)), 2)
            assert -signal.SIGKILL == run.signal(signal.SIGKILL)
        committed = host.checkpoint.read_bytes()
        assert total(10) == counted(gateway.exposition().decode())
        host.push(*to)
        assert total(15) == counted(gateway.exposition().decode())
        assert committed == host.checkpoint.read_bytes()


def test_r87_every_run_pushes_also_one_that_finds_nothing_new(host: Host) -> None:
    with StandIn() as gateway:
        to = ("--gateway", gateway.url)
        append(host, 0, 10)
        host.push(host.access, *to)
        committed = host.checkpoint.read_bytes()
        for number in (2, 3):
            gateway.groups.clear()
            host.push(*to)
            assert number == len(puts(gateway))
            assert total(10) == counted(gateway.exposition().decode())
        assert committed == host.checkpoint.read_bytes()


# Pushed, and forgotten


@dataclass(frozen=True)
class Keeping:
    """A Pushgateway with persistence on one port, there only while a block lasts."""

    port: int
    kept: Path
    log: Path

    @property
    def address(self) -> str:
        """Where it is, whenever it is up."""
        return f"127.0.0.1:{self.port}"

    @contextmanager
    def up(self) -> Iterator[Pushgateway]:
        """Run it; when it ends it writes what it holds into its file."""
        program = binary("prometheus-pushgateway")

        def command(free: int) -> list[str]:
            listen = [f"--web.listen-address={at}" for at in (self.address, f"127.0.0.1:{free}")]
            return [program, *listen, f"--persistence.file={self.kept}"]

        with serving(command, self.log):
            yield Pushgateway(f"http://{self.address}")


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    return Keeping(port, tmp_path / "kept", tmp_path / "gateway.log")


def test_r89_values_that_fall_with_a_stale_persistence_are_right_after_the_next_run(
    host: Host, keeping: Keeping, tmp_path: Path
) -> None:
    """Prometheus takes the fall for a reset: that cannot be mended from here."""
    to = ("--gateway", f"http://{keeping.address}")
    with prometheus(tmp_path / "prometheus", keeping.address) as server:
        with keeping.up():
            append(host, 0, 50)
            host.push(host.access, *to)
        stale = keeping.kept.read_bytes()
        with keeping.up() as gateway:
            append(host, 50, 60)
            host.push(*to)
            assert total(60) == counted(gateway.metrics())
            assert shows(server, 60)
        keeping.kept.write_bytes(stale)
        with keeping.up() as gateway:
            assert total(50) == counted(gateway.metrics())
            assert shows(server, 50)
            host.push(*to)
            assert total(60) == counted(gateway.metrics())
            assert shows(server, 60)
        resets = 'resets(batchlog_http_requests_total{status="200"}[10m])'
        assert 1 == server.value(resets)


def shows(server: Prometheus, count: int) -> bool:
    """Wait until a Prometheus has scraped so many requests; return whether it has."""
    requests = 'batchlog_http_requests_total{status="200"}'
    return eventually(lambda: server.value(requests) == count, expected=True)


def test_r90_a_late_duplicate_of_an_older_push_heals_with_the_next_run(
    host: Host, gateway: Pushgateway
) -> None:
    with StandIn() as proxy:
        to = ("--gateway", gateway.url, "--gateway", proxy.url)
        append(host, 0, 10)
        host.push(host.access, *to)
        append(host, 10, 15)
        host.push(*to)
        assert total(15) == counted(gateway.metrics())
        older, _ = puts(proxy)
        headers = {n: v for n, v in older.headers.items() if n.lower().startswith("content-")}
        put(gateway.url + older.target, older.body, headers)
        assert total(10) == counted(gateway.metrics())
        host.push(*to)
        assert total(15) == counted(gateway.metrics())


# Not taken


def test_r93_a_name_that_another_group_has_as_another_type_costs_no_line(
    host: Host, gateway: Pushgateway
) -> None:
    other = f"{gateway.url}/metrics/job/other"
    text = b"# TYPE batchlog_http_requests_total gauge\nbatchlog_http_requests_total 1\n"
    put(other, text, {"Content-Type": "text/plain; version=0.0.4"})
    append(host, 0, 10)
    done = host.batchlog("push", host.access, "--gateway", gateway.url)
    get(other, "DELETE")
    assert 76 == done.exit
    for word in (gateway.url, "batchlog_http_requests_total", "gauge", "counter", "namespace"):
        assert word in done.err.lower()
    assert Counted({}, {}) == counted(gateway.metrics())
    host.push("--gateway", gateway.url)
    assert total(10) == counted(gateway.metrics())
