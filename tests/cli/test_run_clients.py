"""`batchlog run --listen` among clients that hold on: runs count, and scrapes are answered."""

import signal
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.cli.program import Program, Running

FEW_FILES = ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")

HALF = b"GET /metrics HTTP/1.1\r\nHost: web1\r\n"
WHOLE = b"GET /metrics HTTP/1.1\r\nHost: web1\r\n\r\n"


@contextmanager
def running(
    program: Program, every: str = "100ms", before: Sequence[str] = ()
) -> Iterator[tuple[Running, str]]:
    """Run it; yield the process and the URL of its metrics."""
    words = ("run", "--every", every, "--listen", "127.0.0.1:0", program.access)
    with program.start(*words, before=before) as process:
        yield process, process.until("serving metrics on").split()[-1]


def connected(url: str, sent: bytes, **options: int) -> socket.socket:
    """Return a connection on which that was sent; `options` are of the socket."""
    parts = urlsplit(url)
    sock = socket.socket()
    for name, value in options.items():
        sock.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
    sock.settimeout(30)
    sock.connect((parts.hostname, parts.port))
    sock.sendall(sent)
    return sock


def scrape(url: str, method: str = "GET") -> str:
    """Return what a Prometheus would get."""
    request = Request(url, method=method)  # noqa: S310 - our own server
    with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
        return str(answer.read().decode())


def counts(program: Program, process: Running, url: str, begin: int, end: int) -> None:
    """Append lines, and assert that a run counts them and a scrape shows them."""
    program.site.append(range(begin, end))
    process.until(f"{end - begin} lines")
    wanted = f'batchlog_http_requests_total{{status="200"}} {end}.0'
    deadline = time.monotonic() + 30
    while wanted not in scrape(url).splitlines():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("sent", [b"", HALF, WHOLE], ids=["idle", "half", "unread"])
def test_r125_thousands_that_hold_on_keep_no_run_from_counting(
    program: Program, sent: bytes
) -> None:
    """With 64 files for all, where each of them would have one for as long as it likes."""
    program.log(3)
    with running(program, before=FEW_FILES) as (process, url), ExitStack() as stack:
        process.until("3 lines")
        held: deque[socket.socket] = deque()
        stack.callback(lambda: [*map(socket.socket.close, held)])
        for number in range(2000):
            held.append(connected(url, sent, SO_RCVBUF=1))
            if len(held) > 300:
                held.popleft().close()
            if number == 500:
                counts(program, process, url, 3, 10)
        counts(program, process, url, 10, 30)
        done = process.end(signal.SIGTERM)
    assert 0 == done.exit
    [warning] = [line for line in done.err.splitlines() if not line.startswith("INFO")]
    assert "there is no checkpoint" in warning


def test_r125_many_scrapes_at_once_keep_no_run_from_counting(program: Program) -> None:
    program.log(3)
    stopped = Event()

    def scrapes(url: str) -> int:
        done = 0
        while not stopped.is_set():
            done += "batchlog_info" in scrape(url)
        return done

    with running(program) as (process, url), ThreadPoolExecutor(16) as pool:
        process.until("3 lines")
        results = [pool.submit(scrapes, url) for _ in range(16)]
        try:
            for begin in range(3, 63, 20):
                counts(program, process, url, begin, begin + 20)
        finally:
            stopped.set()
        assert all(result.result() for result in results)
        assert 0 == process.end(signal.SIGTERM).exit


def test_what_is_served_where(program: Program) -> None:
    program.log(3)
    with running(program, "1h") as (process, url):
        process.until("3 lines")
        base = url.removesuffix("metrics")
        assert "/metrics" in scrape(base)
        assert "OK\n" == scrape(f"{base}-/healthy")
        assert "" == scrape(url, "HEAD")
        with pytest.raises(HTTPError, match="404"):
            scrape(f"{base}nothing")
        with pytest.raises(HTTPError, match="405"):
            scrape(url, "POST")
        assert 0 == process.end(signal.SIGTERM).exit
