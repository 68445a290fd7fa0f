"""`batchlog run`: the daemon beside real servers."""

import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.integration.host import Counted, Host, counted
from tests.servers import Prometheus, Pushgateway, eventually, get
from tests.site import lines

SECOND = ("--every", "1s")


def append(host: Host, begin: int, end: int) -> None:
    with host.access.open("ab") as file:
        file.write(lines(range(begin, end)))


def exact(count: int) -> tuple[float, float]:
    """Return requests and bytes of lines 0 to `count` of `tests.site`."""
    return count, sum(range(count))


def total(count: int) -> Counted:
    """Return what lines 0 to `count` of `tests.site` add up to."""
    return Counted({"200": count}, {"200": sum(range(count))})


@pytest.fixture
def address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def served(address: str) -> Counted:
    """Return what is served for scraping, nothing where nobody listens."""
    try:
        return counted(get(f"http://{address}/metrics"))
    except OSError:
        return Counted({}, {})


def test_a_prometheus_scrapes_what_run_serves_until_sigterm(
    host: Host, prometheus: Callable[..., Prometheus], address: str
) -> None:
    """A host without a Pushgateway has an exporter."""
    append(host, 0, 50)
    server = prometheus(address)
    with host.running("run", *SECOND, "--listen", address, host.access) as process:
        assert total(50) == eventually(lambda: served(address), total(50))
        assert exact(50) == eventually(lambda: scraped(server), exact(50))
        append(host, 50, 70)
        host.access.rename(host.logs / "access.log.1")
        append(host, 70, 75)
        assert exact(75) == eventually(lambda: scraped(server), exact(75))
        assert 0 == server.value("sum(resets(batchlog_http_requests_total[10m]))")
        assert 0 == process.signal(signal.SIGTERM)
        assert "Traceback" not in process.said()
    assert Counted({}, {}) == served(address)
    assert host.checkpoint.exists()


def test_r125_a_prometheus_scrapes_among_thousands_of_half_requests(
    host: Host, prometheus: Callable[..., Prometheus], address: str
) -> None:
    append(host, 0, 50)
    server = prometheus(address)
    with (
        host.running("run", *SECOND, "--listen", address, host.access) as process,
        ExitStack() as held,
    ):
        assert total(50) == eventually(lambda: served(address), total(50))
        for number in range(3000):
            half = held.enter_context(connected(address))
            half.sendall(b"GET /metrics HTTP/1.1\r\n")
            if number == 1000:
                append(host, 50, 70)
            if number % 500 == 0:
                held.pop_all().close()
        assert exact(70) == eventually(lambda: scraped(server), exact(70))
        assert 0 == process.signal(signal.SIGTERM)


def connected(address: str) -> socket.socket:
    """Return a connection to the program itself."""
    name, _, port = address.rpartition(":")
    return socket.create_connection((name, int(port)), timeout=30)


def scraped(server: Prometheus) -> tuple[float, float]:
    """Return all requests and bytes that Prometheus has so far."""
    return (
        server.value("sum(batchlog_http_requests_total)") or 0,
        server.value("sum(batchlog_http_response_bytes_total)") or 0,
    )


def test_run_serves_and_pushes_the_same(host: Host, gateway: Pushgateway, address: str) -> None:
    append(host, 0, 20)
    words = ("run", *SECOND, "--listen", address, "--gateway", gateway.url, host.access)
    with host.running(*words) as process:
        for end in (20, 40):
            append(host, 20, end)
            assert total(end) == eventually(lambda: counted(gateway.metrics()), total(end))
            assert total(end) == eventually(lambda: served(address), total(end))
        assert 0 == process.signal(signal.SIGINT)


def test_lines_written_while_run_was_down_are_pushed_when_it_is_back(
    host: Host, gateway: Pushgateway
) -> None:
    words = ("run", *SECOND, "--gateway", gateway.url, host.access)
    append(host, 0, 20)
    with host.running(*words) as process:
        assert total(20) == eventually(lambda: counted(gateway.metrics()), total(20))
        assert 0 == process.signal(signal.SIGTERM)
    append(host, 20, 30)
    with host.running(*words) as process:
        assert total(30) == eventually(lambda: counted(gateway.metrics()), total(30))
        assert 0 == process.signal(signal.SIGTERM)


def test_push_and_run_share_a_checkpoint_without_counting_twice_r67(
    host: Host, gateway: Pushgateway
) -> None:
    append(host, 0, 20)
    with host.running("run", *SECOND, "--gateway", gateway.url, host.access) as process:
        for end in (30, 40, 50):
            append(host, end - 10, end)
            host.push(host.access, "--gateway", gateway.url)
            assert total(end) == counted(gateway.metrics())
        assert 0 == process.signal(signal.SIGTERM)
    host.push(host.access, "--gateway", gateway.url)
    assert total(50) == counted(gateway.metrics())


def test_sighup_brings_the_new_configuration_into_force(host: Host, gateway: Pushgateway) -> None:
    """A log is added to the file; a bad file changes nothing."""
    append(host, 0, 20)
    other = host.logs / "other.log"
    entries = f'[gateway]\nurl = "{gateway.url}"\n[[log]]\npath = "{host.access}"\n'
    host.configure(entries)
    with host.running("run", *SECOND) as process:
        assert total(20) == eventually(lambda: counted(gateway.metrics()), total(20))
        host.configure("nonsense = 1\n")
        process.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: "nonsense" in process.said(), expected=True)
        other.touch()
        host.configure(f'{entries}[[log]]\npath = "{other}"\n')
        process.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: str(other) in gateway.metrics(), expected=True)
        other.write_bytes(lines(range(20, 25)))
        assert total(25) == eventually(lambda: counted(gateway.metrics()), total(25))
        assert 0 == process.signal(signal.SIGTERM)


def test_a_gateway_that_is_down_does_not_end_run(
    host: Host, gateway: Pushgateway, address: str
) -> None:
    """`address` is where nobody listens: the other gateway gets every push all the same."""
    append(host, 0, 20)
    host.push(host.access, "--gateway", gateway.url)
    to = ("--gateway", f"http://{address}", "--gateway", gateway.url, "--retry-for", "0")
    with host.running("run", *SECOND, *to, host.access) as process:
        for end in (30, 40):
            append(host, end - 10, end)
            assert total(end) == eventually(lambda: counted(gateway.metrics()), total(end))
        assert address in process.said()
        assert 0 == process.signal(signal.SIGTERM)
