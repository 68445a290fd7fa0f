"""A stand-in for the Pushgateway that can misbehave, for tests of faults.

What it does right is held to the same contract tests as the real one.
"""

import gzip
import io
import ssl
import threading
from base64 import urlsafe_b64decode
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

Group = frozenset[tuple[str, str]]

ITSELF = b'pushgateway_build_info{goos="linux",version="1.5.1"} 1\n'
"""What a gateway shows of itself, behind all that tells of groups."""


@dataclass(frozen=True)
class Reply:
    """Answer with this instead of doing anything."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    unread: bool = False
    """Answer before the request's body was read, and hang up."""
    announced: int | None = None
    """A Content-Length that is not the body's."""


@dataclass(frozen=True)
class Hang:
    """Read the request and never answer."""


@dataclass(frozen=True)
class Drip:
    """Answer a byte at a time, for ever: in the headers, else in the body."""

    headers: bool = False


@dataclass(frozen=True)
class Raw:
    """Answer with these bytes, HTTP or not, and hang up."""

    head: bytes
    flood: bytes = b""
    """Sent after them again and again, until the other side hangs up."""


@dataclass(frozen=True)
class Drop:
    """Hang up without an answer, after doing what was asked for or not."""

    applied: bool = False


Fault = Reply | Hang | Drip | Raw | Drop


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    """As in the request line: whole for a proxy."""
    headers: dict[str, str]
    body: bytes


class StandIn:
    """A gateway on a free port of 127.0.0.1; a context manager that stops it."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, authorization: str = "") -> None:
        self.authorization = authorization
        """The header that every request needs, where it is not empty."""
        self.faults: deque[Fault] = deque()
        """What goes wrong with the next requests, one each."""
        self.seen: list[Seen] = []
        self.groups: dict[Group, list[Metric] | None] = {}
        """None for a group whose only pushes were refused."""
        self.released = threading.Event()
        """Set when whoever hangs should stop."""
        handler = type("Handler", (_Handler,), {"gateway": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        if tls is not None:
            # The handshake belongs to the thread that serves the connection, not to the listener.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def serving(self) -> list[threading.Thread]:
        """The threads that are not done with a request."""
        return [thread for thread in self._server.serving if thread.is_alive()]

    def wipe(self) -> None:
        """Forget all groups and requests."""
        self.groups.clear()
        self.seen.clear()

    def lines(self, prefix: str) -> list[str]:
        """Return the sample lines that begin with `prefix`."""
        return [line for line in self.exposition().decode().splitlines() if line.startswith(prefix)]

    def put(self, group: Group, text: str, *, whole: bool = True) -> str:
        """Replace a group, or only its metrics of those names (a POST).

        Return what is wrong with it, empty where nothing is.
        """
        try:
            families = list(text_string_to_metric_families(text))
        except ValueError as error:
            self.groups.setdefault(group, None)
            return f"text format parsing error: {error}"
        for other in (metric for found in self.groups.values() for metric in found or ()):
            for family in families:
                if other.name == family.name and other.type != family.type:
                    self.groups.setdefault(group, None)
                    return (
                        f'collected metric "{family.name}" is a {family.type} where another group '
                        f"has a {other.type}"
                    )
        names = {family.name for family in families}
        kept = () if whole else self.groups.get(group) or ()
        self.groups[group] = [*(old for old in kept if old.name not in names), *families]
        return ""

    def exposition(self) -> bytes:
        """Return all groups as one text, with the labels and metrics that a gateway adds."""
        itself = Metric("pushgateway_build_info", "From what it was built.", "gauge")
        itself.add_sample(itself.name, {"goos": "linux", "version": "1.5.1"}, 1)
        merged = {itself.name: itself}
        for group, families in self.groups.items():
            labels = {"instance": "", **dict(group)}
            times = Metric("push_time_seconds", "Last push.", "gauge")
            times.add_sample(times.name, {}, 0 if families is None else 1.6e9)
            for family in [times, *(families or ())]:
                into = merged.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                into.samples += [
                    Sample(sample.name, {**sample.labels, **labels}, sample.value)
                    for sample in family.samples
                ]
        return generate_latest(_Ready([merged[name] for name in sorted(merged)]))


class _Server(ThreadingHTTPServer):
    """Knows the threads that serve its requests."""

    serving: tuple[threading.Thread, ...] = ()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as there
        work = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=work, daemon=True)
        self.serving = (*(one for one in self.serving if one.is_alive()), thread)
        thread.start()


class _Ready(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def group_of(target: str) -> Group:
    """Return the labels in a push's path, read as the Pushgateway reads them."""
    parts = urlsplit(target).path.split("/")
    pairs = parts[parts.index("metrics") + 1 :]
    labels = set()
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if name.endswith("@base64"):
            padded = value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4)
            labels.add((name.removesuffix("@base64"), urlsafe_b64decode(padded).decode()))
        else:
            labels.add((name, unquote(value)))
    return frozenset(labels)


class _Handler(BaseHTTPRequestHandler):
    gateway: StandIn
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the other side went away, or its TLS is none
            self.close_connection = True

    def do(self) -> None:
        fault = self.gateway.faults.popleft() if self.gateway.faults else None
        unread = isinstance(fault, Reply) and fault.unread
        length = 0 if unread else int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.gateway.seen.append(Seen(self.command, self.path, dict(self.headers), body))
        if fault is not None:
            self.fail(fault, body)
        elif self.gateway.authorization not in ("", self.headers.get("Authorization")):
            self.answer(401, b"Unauthorized\n")
        elif len(body) < length and (body or self.headers.get("Content-Encoding") == "gzip"):
            # As Pushgateway 1.5.1 does; headers alone are a push of nothing to it.
            self.answer(400, b"unexpected EOF\n")
        else:
            self.answer(*self.serve(body))

    do_GET = do_PUT = do_DELETE = do_POST = do_CONNECT = do  # noqa: N815 - http.server's names

    def serve(self, body: bytes) -> tuple[int, bytes]:
        """Do what is asked for; return status and body."""
        if self.command == "GET":
            return 200, self.gateway.exposition()
        group = group_of(self.path)
        if self.command == "DELETE":
            self.gateway.groups.pop(group, None)
            return 202, b""
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        wrong = self.gateway.put(group, body.decode(), whole=self.command == "PUT")
        return (400, wrong.encode() + b"\n") if wrong else (200, b"")

    def fail(self, fault: Fault, body: bytes) -> None:
        self.close_connection = True
        match fault:
            case Reply():
                self.answer(fault.status, fault.body, fault.headers, fault.announced)
            case Hang():
                self.gateway.released.wait()
            case Drip(headers=headers):
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                self.wfile.write(b"X-Slow: " if headers else b"Content-Length: 999\r\n\r\n")
                while not self.gateway.released.wait(0.02):
                    self.wfile.write(b".")
            case Raw(head=head, flood=flood):
                self.wfile.write(head)
                while flood and not self.gateway.released.is_set():
                    self.wfile.write(flood)
            case Drop(applied=True):
                self.serve(body)

    def answer(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        more = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", **(headers or {})}
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        # In one piece: whoever counts calls receives as many for it each time.
        self.wfile, connection = io.BytesIO(), self.wfile
        self.end_headers()
        head, self.wfile = self.wfile.getvalue(), connection
        self.wfile.write(head + body)

    def log_message(self, *_args: object) -> None:
        """Say nothing: pytest's output is for findings."""
