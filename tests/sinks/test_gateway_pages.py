"""What is no Pushgateway's own answer is not taken for an empty gateway (R65, R128)."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from batchlog.errors import BatchlogError, GatewayRefused, SinkUnreachable
from batchlog.sinks.gateway import Target, generation, holds_group
from tests import servers
from tests.cli.program import Program, fails
from tests.gateways import ITSELF, Drop, Fault, Raw, Reply, StandIn
from tests.servers import Pushgateway, get
from tests.sinks.deliveries import deliver, target

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}
UNTYPED = b"HTTP/1.1 200 OK\r\n\r\n"

NODE_EXPORTER = b"""# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.5
node_exporter_build_info{version="1.9.0"} 1
"""

PAGES: dict[str, Fault] = {
    "text": Reply(200, b"please log in\n"),
    "one word": Reply(200, b"OK\n"),
    "untyped": Raw(UNTYPED + b"please log in\n"),
    "html as text": Reply(200, b"<html>please log in</html>\n"),
    "html": Reply(200, ITSELF, HTML),
    "json": Reply(200, b'{"status":"success","data":[]}', JSON),
    "json as text": Reply(200, b'{"status":"success","data":[]}\n'),
    "nothing": Reply(200),
    "nothing untyped": Raw(UNTYPED),
    "blank lines": Reply(200, b"\n\n"),
    "comments": Reply(200, b"# pushgateway_build_info{} 1\n"),
    "201": Reply(201, ITSELF),
    "203": Reply(203, ITSELF),
    "204": Reply(204),
    "206": Reply(206, ITSELF),
    "301": Reply(301, ITSELF, {"Location": "/pushgateway/metrics"}),
    "304": Reply(304, ITSELF),
    "400": Reply(400, ITSELF),
    "401": Reply(401, ITSELF),
    "403": Reply(403, ITSELF, HTML),
    "404": Reply(404, ITSELF),
    "418": Reply(418),
    "another exporter's": Reply(200, NODE_EXPORTER),
    "a page that quotes one": Reply(200, b"It shows metrics:\n\n" + ITSELF),
    "a quotation in a list": Reply(200, b"- " + ITSELF),
    "one that was scraped and pushed": Reply(200, ITSELF.replace(b"{", b'{job="pushgateway",')),
    "one that a server federates": Reply(200, ITSELF.replace(b" 1\n", b" 1 1700000000000\n")),
    "one that is none": Reply(200, ITSELF.replace(b" 1\n", b" 0\n")),
    "groups behind the end": Reply(200, ITSELF + b'push_time_seconds{job="x"} 1\n'),
    "cut in the last line": Raw(UNTYPED + ITSELF.rstrip()),
    "cut before the last line": Reply(200, b'push_time_seconds{job="x"} 1\n'),
    "compressed": Reply(200, b"\x1f\x8b\x08\0\0\0\0\0\0\xff", {"Content-Encoding": "gzip"}),
    "utf-16": Reply(200, ITSELF.decode().encode("utf-16")),
    "old lines' ends": Reply(200, b"HELLO\r\n" + ITSELF),
}

every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


@every_page
@pytest.mark.parametrize("ask", [holds_group, generation])
def test_a_page_says_nothing_of_our_group_r128(
    page: Fault, ask: Callable[[Target], object]
) -> None:
    with StandIn() as gateway:
        gateway.faults.append(page)
        with pytest.raises(GatewayRefused, match=r"gateway\.url|answered 4"):
            ask(target(gateway.url))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_gateway_out_of_order_says_nothing_of_our_group_r128(status: int) -> None:
    with StandIn() as gateway:
        gateway.faults.append(Reply(status, ITSELF))
        with pytest.raises(SinkUnreachable, match=str(status)):
            holds_group(target(gateway.url))


# --- a real answer, cut ------------------------------------------------------------------------


def chunks(body: bytes) -> bytes:
    """Return `body` in chunks, as a real gateway sends it."""
    parts = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


FRAMES: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    "length": (b"Content-Length: %d\r\n", lambda body: body),
    "chunks": (b"Transfer-Encoding: chunked\r\n", chunks),
    "until the end": (b"", lambda body: body),
}


def cuts(body: bytes) -> Iterator[int]:
    """Yield where to cut: around each line that tells of groups, and here and there."""
    telling = (b"push_time_seconds", b"batchlog_info", b"batchlog_generation", b"pushgateway_bu")
    for name in telling:
        at = body.find(b"\n" + name)
        yield from range(at - 1, at + 4)
        yield body.find(b"\n", at + 1)
    yield from range(0, len(body), len(body) // 40)
    yield from range(len(body) - 4, len(body))


@pytest.fixture(
    scope="module", params=["stand-in", pytest.param("real", marks=pytest.mark.real_server)]
)
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return what a gateway shows that holds our group."""
    if request.param == "stand-in":
        with StandIn() as gateway:
            deliver(target(gateway.url))
            return gateway.exposition()
    with servers.pushgateway(tmp_path_factory.mktemp("real") / "log") as real:
        deliver(target(real.url, job="other"))
        deliver(target(real.url))
        return get(f"{real.url}/metrics").encode()


@pytest.mark.parametrize("frame", FRAMES)
def test_an_answer_cut_anywhere_is_never_an_empty_gateway_r128(shown: bytes, frame: str) -> None:
    header, framed = FRAMES[frame]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
    head += (header % len(shown) if b"%" in header else header) + b"\r\n"
    body = framed(shown)
    with StandIn() as gateway:
        gateway.faults.append(Raw(head + body))
        assert "a1b2" == holds_group(target(gateway.url))
        for at in cuts(body):
            gateway.faults.append(Raw(head + body[:at]))
            try:
                assert "a1b2" == holds_group(target(gateway.url)), at
            except BatchlogError:
                continue


# --- a run -------------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path: Path) -> Program:
    made = Program(tmp_path)
    made.log(3)
    return made


def lost(program: Program) -> None:
    """Lose the checkpoint."""
    for path in program.checkpoint.parent.iterdir():
        path.unlink()


def test_a_page_before_a_gateway_that_holds_our_group_ends_a_run_without_a_checkpoint_r128(
    program: Program,
) -> None:
    with StandIn() as gateway:
        program("push", "--gateway", gateway.url, program.access)
        lost(program)
        shown = gateway.exposition()
        gateway.faults.append(Reply(200, b"please log in\n"))
        done = program("push", "--gateway", gateway.url, program.access)
        fails(done, 76, gateway.url, "nothing was begun", "Pushgateway")
        assert not program.checkpoint.exists()
        fails(program("push", "--gateway", gateway.url, program.access), 74, "on_missing")
        assert shown == gateway.exposition()


@pytest.mark.parametrize("page_first", [True, False])
def test_of_two_gateways_a_page_is_enough_r128(program: Program, page_first: bool) -> None:
    with StandIn() as gateway, StandIn() as page:
        page.faults.append(Reply(200, b"Welcome\n"))
        urls = [page.url, gateway.url][:: 1 if page_first else -1]
        words = chain.from_iterable(("--gateway", url) for url in urls)
        fails(program("push", *words, program.access), 76, page.url, "nothing was begun")
        assert not program.checkpoint.exists()
        assert [] == [seen for seen in gateway.seen if seen.method != "GET"]


def test_a_gateway_that_answers_the_look_and_not_the_push_gets_it_with_the_next_run_r128(
    program: Program,
) -> None:
    with StandIn() as gateway:
        gateway.faults.extend([Reply(200, ITSELF), Drop()])
        fails(program("push", "--gateway", gateway.url, program.access), 69, gateway.url)
        assert 3 == program.requests()
        assert 0 == program("push", "--gateway", gateway.url).exit
        assert any(x.endswith(" 3.0") for x in gateway.lines("batchlog_http_requests_total"))


def test_a_gateway_that_would_take_the_push_and_answers_no_look_gets_none_r128(
    program: Program,
) -> None:
    with StandIn() as gateway:
        gateway.faults.append(Reply(405))
        fails(program("push", "--gateway", gateway.url, program.access), 76, "405")
        assert not program.checkpoint.exists()
        assert {} == gateway.groups


def test_zero_and_reset_begin_before_a_page_too_since_they_ask_nothing(program: Program) -> None:
    with StandIn() as gateway:
        assert 0 == program("reset", program.access).exit
        lost(program)
        program.config.write_text('on_missing = "zero"\n')
        assert 0 == program("push", "--gateway", gateway.url, program.access).exit
        assert ["PUT"] == [seen.method for seen in gateway.seen]


def test_check_and_forget_take_a_page_for_no_gateway_r128(program: Program) -> None:
    with StandIn() as gateway:
        gateway.faults.append(Reply(200, b"please log in\n"))
        done = program("check", "--gateway", gateway.url, program.access)
        assert 65 == done.exit
        assert f"gateway {gateway.url}: what stands at /metrics is not" in done.out + done.err
        gateway.faults.append(Reply(200, b"please log in\n"))
        fails(program("forget", "--gateway", gateway.url), 76, gateway.url)
        assert "DELETE" not in {seen.method for seen in gateway.seen}


@pytest.mark.real_server
def test_a_gateway_below_a_path_is_one_and_the_rest_of_its_host_is_not_r128(
    program: Program, tmp_path: Path
) -> None:
    with servers.pushgateway(tmp_path / "log", "--web.route-prefix=/push/gateway") as real:
        for beside in ("", "/push", "/push/gateway/api/v1"):
            done = program("push", "--gateway", real.url + beside, program.access)
            fails(done, 76, real.url + beside)
            assert not program.checkpoint.exists()
        below = f"{real.url}/push/gateway/"
        assert 0 == program("push", "--gateway", below, program.access).exit
        lost(program)
        fails(program("push", "--gateway", below, program.access), 74, "on_missing")


@pytest.mark.real_server
def test_prometheus_own_metrics_are_no_gateways_r128(
    pushgateway: Pushgateway, prometheus: Callable[..., servers.Prometheus]
) -> None:
    pushgateway.wipe()
    deliver(target(pushgateway.url))
    server = prometheus(pushgateway.url.removeprefix("http://"))
    for url in (server.url, f"{server.url}/federate?match[]={{__name__!=''}}&x="):
        with pytest.raises(GatewayRefused, match=r"is not (what a Pushgateway|in Prom)"):
            holds_group(target(url))
