import socket
from collections.abc import Iterable
from urllib.request import urlopen

import pytest
from prometheus_client.core import CounterMetricFamily, Metric

from batchlog.errors import ConfigError, Exit, SinkUnreachable
from batchlog.scheduler.listen import Address, address, served


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (("127.0.0.1", 8000), "127.0.0.1"),
        (("localhost", 8000), "localhost"),
        (("web1", 9100), "web1:9100"),
        (("0.0.0.0", 9100), ":9100"),  # noqa: S104 - what is tested
        (("::1", 8000), "[::1]"),
        (("::1", 9100), "[::1]:9100"),
        (("::1", 8000), "::1"),
        (("::", 8000), "::"),
        (("fe80::1%eth0", 8000), "fe80::1%eth0"),
        (("127.0.0.1", 0), "127.0.0.1:0"),
    ],
)
def test_an_address_is_read(expected: tuple[str, int], text: str) -> None:
    assert expected == address(text)


@pytest.mark.parametrize(
    "text",
    ["", "9100", "web1:", "web1:http", "web1:65536", ":", "[::1", "[::1]9100", "a b", "[]:1"],
)
def test_what_is_no_address_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--listen: .* expected HOST, HOST:PORT, :PORT or"):
        address(text)


@pytest.mark.parametrize(
    ("expected", "at"), [("web1:80", Address("web1", 80)), ("[::1]:80", Address("::1", 80))]
)
def test_an_address_is_shown_as_it_is_written(expected: str, at: Address) -> None:
    assert expected == str(at)


def families() -> Iterable[Metric]:
    yield CounterMetricFamily("wanted", "One of two.", value=3)
    yield CounterMetricFamily("unwanted", "The other.", value=4)


def scraped(at: Address, query: str = "") -> str:
    with urlopen(f"http://{at}/metrics{query}") as answer:
        return str(answer.read().decode())


def test_families_are_served_as_they_are_at_the_scrape() -> None:
    value = 0

    def growing() -> Iterable[Metric]:
        nonlocal value
        value += 1
        yield CounterMetricFamily("scrapes", "How often it was asked.", value=value)

    with served(Address("127.0.0.1", 0), growing) as at:
        assert at.port
        assert "scrapes_total 1.0" in scraped(at)
        assert "scrapes_total 2.0" in scraped(at)


def test_a_scrape_may_choose_by_name() -> None:
    with served(Address("127.0.0.1", 0), families) as at:
        answer = scraped(at, "?name[]=wanted_total")
    assert "\nwanted_total 3.0\n" in answer
    assert "unwanted" not in answer


def test_an_ipv6_address_is_listened_on() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with served(Address("::1", 0), families) as at:
        assert "wanted_total 3.0" in scraped(at)


def test_the_port_is_free_again_afterwards() -> None:
    with served(Address("127.0.0.1", 0), families) as at:
        scraped(at)
    with served(at, families) as again:
        assert at == again


def test_a_port_in_use_is_one_clear_error_and_exit_69() -> None:
    with served(Address("127.0.0.1", 0), families) as at:
        with pytest.raises(SinkUnreachable) as error, served(at, families):
            pass
        assert f"cannot listen on {at}: Address already in use; give --listen another" in str(
            error.value
        )
    expected = Exit.UNAVAILABLE
    assert expected == error.value.exit


def test_a_host_that_is_unknown_is_one_clear_error() -> None:
    with (
        pytest.raises(SinkUnreachable, match=r"cannot listen on nowhere\.invalid:80: "),
        served(Address("nowhere.invalid", 80), families),
    ):
        pass
