"""Gateways that refuse, are slow, lie or are not there: one clear error for each."""

import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchlog.errors import BatchlogError, GatewayRefused, SinkUnreachable, Stop
from batchlog.sinks import wire
from batchlog.sinks.gateway import Target, forget, generation, holds_group
from batchlog.sinks.response import LIMIT
from batchlog.state.checkpoint import Series, State
from tests.gateways import ITSELF, Drip, Drop, Fault, Hang, Raw, Reply, StandIn
from tests.servers import eventually
from tests.sinks.deliveries import Clock, deliver, metrics, target

ASK: list[Callable[[Target], object]] = [deliver, holds_group, generation, forget]

every_request = pytest.mark.parametrize("ask", ASK)


@pytest.fixture
def gateway() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(gateway: StandIn, *faults: Fault, **more: object) -> str:
    """Push once and return why that was refused."""
    gateway.faults.extend(faults)
    with pytest.raises(GatewayRefused) as refused:
        deliver(target(gateway.url, retry_for=30, **more), clock=Clock())
    assert len(gateway.seen) == 1
    return str(refused.value)


# --- refused -----------------------------------------------------------------------------------


def test_a_400_is_not_repeated_and_shows_the_gateways_own_words_r82(gateway: StandIn) -> None:
    reason = b"pushed metrics are invalid:\n\x1b[31mduplicate\x07 series\x00\xff\n"
    assert refusal(gateway, Reply(400, reason)).startswith(
        f"gateway {gateway.url} answered 400 Bad Request: "
        "pushed metrics are invalid: [31mduplicate series \N{REPLACEMENT CHARACTER}; "
    )


@pytest.mark.parametrize(
    "words",
    [
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port",
    ],
    ids=["go", "nginx"],
)
def test_a_400_for_http_where_https_is_spoken_advises_https(gateway: StandIn, words: bytes) -> None:
    text = refusal(gateway, Reply(400, words))
    assert text.endswith("; begin gateway.url with https://")
    assert "metrics.namespace" not in text


def test_a_long_text_is_cut(gateway: StandIn) -> None:
    text = refusal(gateway, Reply(400, b"x" * 10_000))
    assert "x" * 500 + "…" in text
    assert "x" * 501 not in text


def test_a_413_says_how_much_was_sent_and_what_to_lower_r83(gateway: StandIn) -> None:
    text = refusal(gateway, Reply(413, b"too big\n"), compression="none")
    sent = len(gateway.seen[0].body)
    assert f"the push had 15 series, {sent} bytes: " in text
    assert 'set gateway.compression = "gzip", lower metrics.max_series' in text


def test_a_413_is_heard_although_the_gateway_hangs_up_while_we_send_r83(gateway: StandIn) -> None:
    many = tuple(Series((("vhost", f"{n}.example"),), n, n, 0) for n in range(40_000))
    gateway.faults.append(Reply(413, b"too big\n", unread=True))
    with pytest.raises(GatewayRefused, match=r" 413 .*: too big; the push had 80006 series"):
        deliver(target(gateway.url, compression="none"), metrics(State("a1b2", totals=many)))


@every_request
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_shown_and_never_followed_r84(
    gateway: StandIn, status: int, ask: Callable[[Target], object]
) -> None:
    with StandIn() as other:
        place = other.url.replace("//", "//user:pw@") + "/login"
        gateway.faults.append(Reply(status, headers={"Location": place}))
        with pytest.raises(GatewayRefused) as refused:
            ask(target(gateway.url))
        assert f", to {other.url}/login, where nothing is sent; " in str(refused.value)
        assert "gateway.url" in str(refused.value)
        assert other.seen == []


@pytest.mark.parametrize(
    ("status", "settings", "advice"),
    [
        (401, {}, "set gateway.username and gateway.password_file, or gateway.bearer_token_file"),
        (
            401,
            {"username": "u", "password_file": "secret"},
            "the password in gateway.password_file",
        ),
        (401, {"bearer_token_file": "secret"}, "the token in gateway.bearer_token_file"),
        (403, {"bearer_token_file": "secret"}, "the token in gateway.bearer_token_file"),
        (403, {}, "set gateway.username and gateway.password_file, or gateway.bearer_token_file"),
        (404, {}, "gateway.url must lead to a Pushgateway, without /metrics at its end"),
        (405, {}, "gateway.url must lead to a Pushgateway, without /metrics at its end"),
        (407, {}, "http_proxy and https_proxy"),
        (415, {}, 'gateway.compression = "none"'),
        (418, {}, "see its own log"),
    ],
)
def test_a_refusal_names_the_setting_to_change_and_is_not_repeated_r85(
    gateway: StandIn, in_tmp_path: Path, status: int, settings: dict[str, object], advice: str
) -> None:
    (in_tmp_path / "secret").write_text("s3cret\n")
    text = refusal(gateway, Reply(status), **settings)
    assert f"gateway {gateway.url} answered {status} " in text
    assert advice in text


def test_a_200_with_a_page_is_no_pushgateway_r86(gateway: StandIn) -> None:
    page = b"<!DOCTYPE html><html><title>Welcome</title>\n<body>to <b>nginx</b></body></html>"
    text = refusal(gateway, Reply(200, page, {"Content-Type": "text/html; charset=utf-8"}))
    assert text.startswith(f"gateway {gateway.url} answered 200 OK: Welcome to nginx; ")
    assert "gateway.url must lead to a Pushgateway" in text


@pytest.mark.parametrize(
    ("status", "words"), [(202, "took the push unchecked"), (204, "where a Pushgateway says 200")]
)
def test_a_success_that_is_not_200_is_a_warning_r86(
    gateway: StandIn, status: int, words: str
) -> None:
    gateway.faults.append(Reply(status))
    delivery = deliver(target(gateway.url))
    assert delivery.warning is not None
    assert words in delivery.warning


@pytest.mark.parametrize("ask", [holds_group, generation])
@pytest.mark.parametrize(
    "page",
    [
        Reply(200, b"<html>Hi</html>", {"Content-Type": "text/html"}),
        Reply(200, b'batchlog_info{ "x\n'),
        Reply(200, b'batchlog_info{state_id="\xff"} 1\n'),
    ],
)
def test_what_is_not_an_exposition_is_not_taken_for_an_empty_gateway_r65(
    gateway: StandIn, page: Reply, ask: Callable[[Target], object]
) -> None:
    gateway.faults.append(page)
    with pytest.raises(GatewayRefused, match="is not in Prometheus' text format"):
        ask(target(gateway.url))


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_a_generation_that_is_no_number_counts_for_nothing(gateway: StandIn, value: str) -> None:
    labels = '{job="batchlog",instance="web1"}'
    page = f"push_time_seconds{labels} 1.6e9\nbatchlog_generation{labels} {value}\n"
    gateway.faults.extend([Reply(200, page.encode() + ITSELF)] * 2)
    assert generation(target(gateway.url)) is None
    assert holds_group(target(gateway.url)) == ""


@pytest.mark.parametrize("ask", [holds_group, generation])
def test_half_an_exposition_is_not_taken_for_an_empty_gateway_r65(
    gateway: StandIn, ask: Callable[[Target], object]
) -> None:
    gateway.faults.append(Reply(200, b"up 1\n", announced=100))
    with pytest.raises(SinkUnreachable, match="the connection was lost"):
        ask(target(gateway.url))


TEXT = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize("ask", [holds_group, generation])
@pytest.mark.parametrize("flood", [b'batchlog_info{state_id="x"} 1\n', b"batchlog_info{a=" * 99])
def test_more_groups_than_any_gateway_has_are_refused(
    gateway: StandIn, flood: bytes, ask: Callable[[Target], object]
) -> None:
    gateway.faults.append(Raw(TEXT + b"\r\n", flood * 999))
    with pytest.raises(GatewayRefused, match="tells more than 8 MiB about groups"):
        ask(target(gateway.url))


@every_request
@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n\r\n-1"])
def test_an_answer_without_an_end_takes_no_memory(
    gateway: StandIn, head: bytes, ask: Callable[[Target], object]
) -> None:
    gateway.faults.append(Raw(TEXT + head + b"\r\n", b"x" * (1 << 16)))
    tracemalloc.start()
    try:
        with pytest.raises(BatchlogError):
            ask(target(gateway.url, timeout=0.3))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_long_line_hides_neither_itself_nor_the_next(gateway: StandIn) -> None:
    other = b"up{a=" + b"batchlog_info{" * 9999 + b'} 1\nbatchlog_info{job="batchlog",instance="'
    ours = b'web1",state_id="' + b"x" * LIMIT + b'"} 1\n'
    gateway.faults.append(Reply(200, other + ours + ITSELF))
    assert "x" * LIMIT == holds_group(target(gateway.url))


# --- out of reach ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_push_is_tried_again_where_that_may_help_r81(gateway: StandIn, status: int) -> None:
    gateway.faults.extend([Reply(status), Reply(status)])
    clock = Clock()
    delivery = deliver(target(gateway.url, retry_for=30), clock=clock)
    assert delivery.tries == 3
    assert clock.now == pytest.approx(0.5 + 1.0)
    assert holds_group(target(gateway.url)) == "a1b2"


def test_pauses_double_up_to_ten_seconds_and_end_with_the_budget_r81(gateway: StandIn) -> None:
    gateway.faults.extend([Reply(503, b"later\n")] * 20)
    clock = Clock()
    with pytest.raises(SinkUnreachable) as unreachable:
        deliver(target(gateway.url, retry_for=30), clock=clock)
    assert clock.now == pytest.approx(0.5 + 1 + 2 + 4 + 8 + 10)
    assert f"gateway {gateway.url}: answered 503 Service Unavailable: later, 7 tries; " in str(
        unreachable.value
    )


def test_a_pause_loses_up_to_a_half_by_chance_r81(gateway: StandIn) -> None:
    gateway.faults.append(Reply(503))
    clock = Clock()
    deliver(target(gateway.url, retry_for=30), clock=clock, luck=1.0)
    assert clock.now == pytest.approx(0.25)


@every_request
def test_no_retries_asked_for_is_one_try(gateway: StandIn, ask: Callable[[Target], object]) -> None:
    gateway.faults.extend([Reply(503), Reply(503)])
    with pytest.raises(SinkUnreachable):
        ask(target(gateway.url, retry_for=0))
    assert len(gateway.seen) == 1


def test_a_push_that_was_applied_before_the_connection_broke_is_repeated_r80(
    gateway: StandIn,
) -> None:
    gateway.faults.append(Drop(applied=True))
    delivery = deliver(target(gateway.url, retry_for=30), clock=Clock())
    assert delivery.tries == 2
    first, second = (seen.body for seen in gateway.seen)
    assert len(first) == len(second)
    assert holds_group(target(gateway.url)) == "a1b2"


@every_request
@pytest.mark.parametrize("fault", [Hang(), Drip(headers=True), Drip()])
def test_the_deadline_is_for_the_whole_request_r80(
    gateway: StandIn, fault: Fault, ask: Callable[[Target], object]
) -> None:
    gateway.faults.append(fault)
    with pytest.raises(SinkUnreachable, match=r"no answer in time \(gateway\.timeout is 0\.2 s\)"):
        ask(target(gateway.url, timeout=0.2))
    assert eventually(waiting, expected=0) == 0


def waiting() -> int:
    """Return how many requests are still on their way."""
    return sum(thread.name == wire.THREAD for thread in threading.enumerate())


def test_the_deadline_is_for_looking_up_the_host_and_nothing_is_sent_after_it_r80_r90(
    gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, answered = socket.getaddrinfo, threading.Event()

    def slow(_host: str, *args: int, **more: int) -> object:
        answered.wait()
        return look_up("127.0.0.1", *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(SinkUnreachable, match="no answer in time"):
        deliver(target(gateway.url.replace("127.0.0.1", "push.example"), timeout=0.1))
    answered.set()
    assert eventually(waiting, expected=0) == 0
    assert gateway.seen == []


def test_nobody_listening_is_said_so_r79() -> None:
    with StandIn() as gone:
        url = gone.url
    clock = Clock()
    with pytest.raises(SinkUnreachable) as unreachable:
        deliver(target(url, retry_for=2), clock=clock)
    assert f"gateway {url}: connection refused, 3 tries; start it, or correct gateway.url" == str(
        unreachable.value
    )


@every_request
def test_an_unknown_host_is_said_so_r79(ask: Callable[[Target], object]) -> None:
    with pytest.raises(SinkUnreachable, match=r"its host name leads nowhere .*gateway\.url"):
        ask(target("http://no-such-host.invalid:9091"))


@pytest.mark.parametrize("url", ["http://a..b:9091", "http://push:x9", "http://[::1", "http://"])
@every_request
def test_a_url_that_is_none_is_not_tried_again(url: str, ask: Callable[[Target], object]) -> None:
    with pytest.raises(SinkUnreachable, match=r"gateway\.url"):
        ask(target(url))


@every_request
@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: five\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFFFFF\r\nx",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\nx",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx",
        b"X: y\r\n" * 200 + b"\r\n",
        b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
    ids=lambda answer: answer[:40].decode(),
)
def test_an_answer_against_the_rules_of_http_counts_for_nothing(
    gateway: StandIn, answer: bytes, ask: Callable[[Target], object]
) -> None:
    gateway.faults.append(Raw(TEXT + answer))
    with pytest.raises(SinkUnreachable, match=r"does not speak HTTP|connection was lost"):
        ask(target(gateway.url))


def test_something_else_than_http_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"220 mail.example ESMTP\r\n")
                connection.recv(1 << 16)

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(SinkUnreachable, match="does not speak HTTP"):
            deliver(target(url))
        thread.join()


# --- a stop ------------------------------------------------------------------------------------


def test_a_stop_during_a_pause_leaves_five_seconds_for_more_tries_r77(gateway: StandIn) -> None:
    gateway.faults.extend([Reply(503)] * 50)
    clock, stop = Clock(), Stop()
    clock.when_asleep = stop.set
    with pytest.raises(SinkUnreachable, match="503"):
        deliver(target(gateway.url, retry_for=300, timeout=300), clock=clock, stop=stop)
    assert len(gateway.seen) > 2
    assert clock.now <= 0.2 + wire.GRACE


def test_a_stop_cuts_short_a_request_that_hangs_r77(
    gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "GRACE", 0.1)
    gateway.faults.append(Hang())
    stop = Stop()
    stop.set()
    with pytest.raises(SinkUnreachable, match="no answer in time"):
        deliver(target(gateway.url, timeout=600, retry_for=600), stop=stop)


def test_a_push_that_goes_through_heeds_no_stop_r77(gateway: StandIn) -> None:
    stop = Stop()
    stop.set()
    assert deliver(target(gateway.url, retry_for=30), stop=stop).tries == 1


# --- the way there -----------------------------------------------------------------------------


@every_request
def test_http_proxy_is_honoured(
    gateway: StandIn, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Target], object]
) -> None:
    monkeypatch.setenv("http_proxy", gateway.url)
    ask(target("http://push.example:9091"))
    assert gateway.seen[0].target.startswith("http://push.example:9091/metrics")


@every_request
@pytest.mark.parametrize("scheme", ["socks5", "https", "ftp", "HTTPS"])
@pytest.mark.parametrize("url", ["http://push.example:9091", "https://push.example:9091"])
def test_a_proxy_of_another_scheme_gets_no_password_in_clear(
    gateway: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Target], object],
    scheme: str,
    url: str,
) -> None:
    proxy = gateway.url.replace("http://", f"{scheme}://user:s3cret@")
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    with pytest.raises(SinkUnreachable, match="the environment's proxy is none of http://") as bad:
        ask(target(url))
    assert "s3cret" not in str(bad.value)
    assert gateway.seen == []


def test_a_proxy_that_cannot_be_used_is_named_and_not_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for proxy in (f"http://u:s3cret@{'a' * 70}.x:1", "http://u:s3cret@a\x07b:1"):
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(
            SinkUnreachable, match=r"or that of the proxy, cannot.*see http_prox"
        ) as e:
            deliver(target("http://push.example:9091"))
        assert "s3cret" not in str(e.value)


def test_no_proxy_is_honoured(gateway: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    with StandIn() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        deliver(target(gateway.url))
        assert proxy.seen == []


def test_an_error_on_the_way_through_a_proxy_says_so(
    gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", gateway.url.replace("//", "//user:s3cret@"))
    gateway.faults.append(Reply(407))
    with pytest.raises(GatewayRefused) as refused:
        deliver(target("http://push.example:9091"))
    assert "through the environment's proxy" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_push_names_its_sender_and_the_format(gateway: StandIn) -> None:
    deliver(target(gateway.url))
    headers = {name.lower(): value for name, value in gateway.seen[0].headers.items()}
    assert headers["user-agent"] == "batchlog"
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["content-encoding"] == "gzip"
    assert "authorization" not in headers


def test_every_error_is_one_line() -> None:
    with pytest.raises(BatchlogError) as unreachable:
        deliver(target("http://127.0.0.1:1"))
    assert "\n" not in str(unreachable.value)
