"""An HTTP server on loopback that answers as badly as servers do: its path says how."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.site import lines

LINES = lines(range(1000))
PIECE = b"x" * (1 << 16)


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer a question for size and version."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer as the first part of the path says."""
        self.server.asked.append(f"{self.command} {self.path}")
        name = self.path.split("/")[1].partition("?")[0]
        with suppress(OSError):
            getattr(self, f"say_{name}", self.say_file)()

    def answer(self, status: int, length: int | None, **headers: str) -> None:
        """Send the head of an answer."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    @property
    def asked_for(self) -> tuple[int, int] | None:
        """The range that is asked for, its end behind the last byte."""
        found = self.headers.get("Range", "").removeprefix("bytes=")
        begin, _, end = found.partition("-")
        return (int(begin), int(end) + 1) if end else None

    def say_file(self) -> None:
        """Answer as a server should."""
        begin, end = self.asked_for or (0, len(LINES))
        data = LINES[begin:end]
        self.answer(206 if self.asked_for else 200, len(data), Accept_Ranges="bytes")
        if self.command == "GET":
            self.wfile.write(data)

    def say_whole(self) -> None:
        """Ignore that a range was asked for."""
        self.answer(200, len(LINES))
        if self.command == "GET":
            self.wfile.write(LINES)

    def say_endless(self) -> None:
        """Say a size, and send without end whatever range is asked for."""
        if self.command == "HEAD":
            self.answer(200, 10 << 30, Accept_Ranges="bytes")
            return
        self.answer(206, None, Connection="close")
        while not self.server.ended.is_set():
            self.wfile.write(PIECE)

    say_pages = say_endless
    """The same, for a directory."""

    def say_long(self) -> None:
        """Send more than was asked for, but not without end."""
        if self.command == "HEAD":
            self.answer(200, 1000, Accept_Ranges="bytes")
            return
        self.answer(206, 2000)
        self.wfile.write(LINES[:2000])

    def say_short(self) -> None:
        """Send fewer bytes than the size says."""
        if self.command == "HEAD":
            self.answer(200, 1000, Accept_Ranges="bytes")
            return
        self.answer(206, 10)
        self.wfile.write(LINES[:10])

    def say_broken(self) -> None:
        """Break off in the middle."""
        self.answer(206 if self.asked_for else 200, 1000)
        if self.command == "GET":
            self.wfile.write(LINES[:10])
            self.close_connection = True

    def say_silent(self) -> None:
        """Say nothing."""
        self.server.ended.wait()

    def say_silentbody(self) -> None:
        """Say nothing once a range is asked for."""
        if self.command == "HEAD":
            self.answer(200, 1000, Accept_Ranges="bytes")
        else:
            self.answer(206, 1000)
            self.wfile.write(LINES[:10])
            self.server.ended.wait()

    def say_headers(self) -> None:
        """Send headers without end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.server.ended.is_set():
            self.wfile.write(b"X-More: and more\r\n" * 100)

    def say_within(self) -> None:
        """Say that a directory holds itself, and a file."""
        page = b'<a href="d/">d</a> <a href="access.log.1">a</a>'
        data = page if self.path.endswith("/") else LINES
        begin, end = self.asked_for or (0, len(data))
        self.answer(206 if self.asked_for else 200, len(data[begin:end]), Accept_Ranges="bytes")
        if self.command == "GET":
            self.wfile.write(data[begin:end])

    def say_astray(self) -> None:
        """Redirect to a file of this host."""
        self.answer(302, 0, Location="file:///etc/passwd")

    def say_loop(self) -> None:
        """Redirect to itself."""
        self.answer(302, 0, Location=self.path)

    def say_status(self) -> None:
        """Answer with the status that the path says."""
        self.answer(int(self.path.split("/")[2].partition(".")[0]), 0)

    def say_dir(self) -> None:
        """List a directory of which some parts cannot be had."""
        if self.path.startswith("/dir/denied"):
            self.answer(403, 0)
            return
        if self.path == "/dir/gone.log":
            self.answer(404, 0)
            return
        if not self.path.endswith("/"):
            self.say_file()
            return
        links = ["a.log", "b%20c.log", "./x::y.log", "gone.log", "../up/", "/other", "?C=N"]
        links += ["denied/", "denied.log", "http://192.0.2.1/z.log", "sub/", "a&#46;b.log"]
        page = "<html>" + "".join(f'<A class="x" hReF="{one}">{one}</a>' for one in links)
        page = page if self.path == "/dir/" else '<a href="a.log">' + "<a" + " " * 100_000
        self.answer(200, len(page), Content_Type="text/html")
        self.wfile.write(page.encode())

    def say_deep(self) -> None:
        """List a directory that is in itself."""
        page = b'<a href="deep/">'
        self.answer(200, len(page), Content_Type="text/html")
        self.wfile.write(page)


class Server(ThreadingHTTPServer):
    """The server, and what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *given: Any) -> None:  # noqa: ANN401 - its own
        super().__init__(*given)
        self.asked: list[str] = []
        self.ended = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has gone."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def hostile() -> Iterator[Server]:
    """Run the server for as long as the block lasts."""
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
