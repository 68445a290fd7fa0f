"""Real clients that do what they should not; every wait is for something that happens (R125)."""

import resource
import select
import socket
import struct
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from itertools import count

import pytest
from prometheus_client.core import CounterMetricFamily, Metric

from batchlog.errors import SinkUnreachable
from batchlog.scheduler.connections import Limits, _network
from batchlog.scheduler.listen import Address, served

LOCAL = Address("127.0.0.1", 0)

LONG = 60.0
"""Seconds after which a test that hangs is ended by its own sockets."""

GET = b"GET /metrics HTTP/1.1\r\nHost: web1\r\n\r\n"
HALF = b"GET /metrics HTTP/1.1\r\nHost: web1\r\n"

LARGE: tuple[Metric, ...] = tuple(
    CounterMetricFamily(f"n{number}", "Of many. " * 1000, value=1) for number in range(500)
)
"""More than the system keeps for a client that does not read: 9 MB."""


def families() -> Iterable[Metric]:
    yield CounterMetricFamily("wanted", "What is served.", value=3)


def client(at: Address, sent: bytes = b"") -> socket.socket:
    sock = socket.create_connection((at.host, at.port), timeout=LONG)
    sock.sendall(sent)
    return sock


def rest(sock: socket.socket) -> bytes:
    """Return what comes until the server ends the connection, in whatever way."""
    found = b""
    try:
        while piece := sock.recv(1 << 16):
            found += piece
    except ConnectionError:
        pass
    return found


def answered(at: Address, sent: bytes = GET) -> bytes:
    with client(at, sent) as sock:
        return rest(sock)


def is_over(sock: socket.socket, within: float) -> bool:
    """Wait until the server has ended the connection, for so many seconds at the most."""
    return bool(select.select([sock], [], [], within)[0])


@contextmanager
def clients(at: Address, number: int, sent: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as held:
        yield [held.enter_context(client(at, sent)) for _ in range(number)]


def test_a_client_of_few_words_gets_an_answer() -> None:
    with served(LOCAL, families) as at:
        for request in (
            GET,
            GET.replace(b"1.1\r\nHost: web1", b"1.0"),
            GET.replace(b"\r\n", b"\n"),
        ):
            text = answered(at, request)
            assert text.startswith(b"HTTP/1.1 200 OK\r\n")
            assert text.endswith(b"\nwanted_total 3.0\n")


def test_head_has_the_same_head_and_no_body() -> None:
    with served(LOCAL, families) as at:
        whole, bare = answered(at), answered(at, GET.replace(b"GET", b"HEAD"))
        assert whole.partition(b"\r\n\r\n")[:2] == bare.partition(b"\r\n\r\n")[:2]
        assert bare.endswith(b"\r\n\r\n")


def test_a_request_may_come_byte_by_byte() -> None:
    with served(LOCAL, families) as at, client(at) as sock:
        for byte in GET:
            sock.sendall(bytes([byte]))
        assert rest(sock).endswith(b"\nwanted_total 3.0\n")


def test_a_client_that_says_no_more_is_answered() -> None:
    with served(LOCAL, families) as at, client(at, GET) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert b"wanted_total 3.0" in rest(sock)


def test_of_several_requests_at_once_the_first_is_answered() -> None:
    with served(LOCAL, families) as at:
        assert 1 == answered(at, GET * 50).count(b"HTTP/1.1 ")


def test_a_body_that_nobody_wants_does_not_keep_the_answer_from_its_client() -> None:
    post = b"POST /metrics HTTP/1.1\r\nContent-Length: 500000\r\n\r\n" + b"a" * 500_000
    with served(LOCAL, families) as at:
        assert answered(at, post).startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (HTTPStatus.BAD_REQUEST, b"\x16\x03\x01\x02\x00\x01\x00"),
        (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"GET /" + b"a" * 60_000),
        (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9000),
        (HTTPStatus.NOT_FOUND, b"GET /\xff\x80\xfe HTTP/1.1\r\n\r\n"),
    ],
)
def test_what_is_no_request_is_refused_without_a_word(
    status: HTTPStatus, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with served(LOCAL, families) as at:
        assert answered(at, sent).startswith(f"HTTP/1.1 {status.value} ".encode())
    assert not caplog.messages


@pytest.mark.parametrize(
    "sent", [b"GET /" + b"a" * 50_000_000, GET * 1_500_000, b"\n" * 50_000_000]
)
def test_a_flood_is_not_heard_to_its_end(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with served(LOCAL, families) as at:
        with client(at) as sock, pytest.raises(ConnectionError):
            sock.sendall(sent)
        assert b"wanted_total 3.0" in answered(at)
    assert not caplog.messages


@pytest.mark.parametrize("sent", [b"", HALF, GET])
def test_a_client_that_resets_the_connection_is_gone(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with served(LOCAL, lambda: LARGE) as at:
        for _ in range(50):
            with client(at, sent) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert b"n499_total 1.0" in answered(at)
    assert not caplog.messages


@pytest.mark.parametrize("sent", [b"", HALF, b"\r\n", GET], ids=["idle", "half", "blank", "slow"])
def test_a_connection_has_one_time_for_everything(sent: bytes) -> None:
    """A byte now and then does not lengthen it, nor does an answer that is not read."""
    with served(LOCAL, lambda: LARGE, Limits(8, 0.3)) as at, client(at, sent) as sock:
        began = time.monotonic()
        over = False
        while not over and time.monotonic() < began + LONG:
            try:
                sock.send(b"a")
            except ConnectionError:
                over = True
            if sent != GET:
                over = over or is_over(sock, 0.02)
        assert over
        assert time.monotonic() >= began + 0.25


def test_one_more_takes_the_place_of_the_oldest() -> None:
    with served(LOCAL, families, Limits(4)) as at, clients(at, 4, HALF) as halves:
        with client(at, GET) as scrape:
            assert b"wanted_total 3.0" in rest(scrape)
        assert is_over(halves[0], LONG)
        for half in halves[1:]:
            half.sendall(b"\r\n")
            assert b"wanted_total 3.0" in rest(half)


def test_a_burst_of_scrapes_is_answered_although_it_is_more_than_there_may_be() -> None:
    with served(LOCAL, families, Limits(2)) as at, clients(at, 60, GET) as scrapes:
        assert all(rest(scrape).endswith(b"\nwanted_total 3.0\n") for scrape in scrapes)


def test_scrapes_get_through_among_thousands_that_hold_on() -> None:
    """Half requests, idle connections, and answers that nobody reads."""
    with served(LOCAL, lambda: LARGE[:50], Limits(16)) as at, ExitStack() as held:
        for number in range(2000):
            held.enter_context(client(at, (b"", HALF, GET)[number % 3]))
            if number % 100 == 0:
                assert b"\nn49_total 1.0\n" in answered(at)
            if number % 300 == 0:
                held.pop_all().close()


def test_many_scrapes_at_once_get_the_same_bytes_of_one_rendering() -> None:
    numbers = count()

    def counted() -> tuple[Metric, ...]:
        next(numbers)
        return LARGE

    with served(LOCAL, counted, Limits(64)) as at, clients(at, 40, GET) as scrapes:
        found = {rest(scrape) for scrape in scrapes}
    [text] = found
    assert text.endswith(b"\nn499_total 1.0\n")
    assert 40 == next(numbers)


def test_slow_readers_share_one_rendering() -> None:
    """What waits to be sent is not copied for each: 40 of them wait for 9 MB each."""
    with served(LOCAL, lambda: LARGE, Limits(64)) as at:
        size = len(answered(at))
        tracemalloc.start()
        try:
            with clients(at, 40, GET) as slow:
                assert all(is_over(sock, LONG) for sock in slow)  # it has begun to come
                peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert size > 4_000_000
    assert peak < 5 * size


def test_who_holds_most_loses_first_whoever_came_first() -> None:
    """A host that floods takes no place of another's slow scrape."""
    with served(Address("0.0.0.0", 0), families, Limits(4)) as at:  # noqa: S104 - many addresses
        other = socket.create_connection(("127.0.0.1", at.port), LONG, ("127.0.0.2", 0))
        with other, clients(Address("127.0.0.1", at.port), 100, HALF):
            other.sendall(GET)
            assert b"wanted_total 3.0" in rest(other)


@pytest.mark.parametrize(
    ("expected", "host"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:0db8:0000:0001", "2001:db8:0:1:2::3"),
        ("fe80:0000:0000:0000", "fe80::1%eth0"),
    ],
)
def test_a_network_is_what_one_host_has_for_itself(expected: str, host: str) -> None:
    assert expected == _network(host)


@contextmanager
def no_more_than(files: int) -> Iterator[None]:
    """Let so many more files be open than there are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        room = probe.fileno() + files
    resource.setrlimit(resource.RLIMIT_NOFILE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_it_waits_says_so_once_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with served(LOCAL, families, Limits(1000)) as at, ExitStack() as held:
        halves = [held.enter_context(socket.socket()) for _ in range(20)]
        with no_more_than(3):
            for half in halves:
                half.settimeout(LONG)
                half.connect((at.host, at.port))
            assert is_over(halves[0], LONG)
            assert is_over(halves[1], LONG)
        assert b"wanted_total 3.0" in answered(at)
    [message] = caplog.messages
    assert "no connection can be accepted: Too many open files; see 'ulimit -n'" in message


def test_without_a_descriptor_to_listen_on_it_says_what_to_do() -> None:
    reason = r"cannot listen on .*: Too many open files; raise the limit .*\('ulimit -n' is \d+\)"
    with no_more_than(0), pytest.raises(SinkUnreachable, match=reason), served(LOCAL, families):
        pass


def test_a_mistake_of_ours_is_a_500_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Iterable[Metric]:
        raise ZeroDivisionError

    with served(LOCAL, broken) as at:
        for _ in range(3):
            assert answered(at).startswith(b"HTTP/1.1 500 ")
        assert b"\r\n\r\nOK\n" in answered(at, GET.replace(b"/metrics", b"/-/healthy"))
    assert ["a scrape failed, which should not be"] == caplog.messages


def test_it_ends_at_once_whatever_clients_hold() -> None:
    with served(LOCAL, lambda: LARGE) as at:
        held = [client(at, sent) for sent in (b"", HALF, GET)]
        assert is_over(held[2], LONG)
        began = time.monotonic()
    assert time.monotonic() < began + 20  # a connection has 30 s
    for sock in held:
        sock.close()
