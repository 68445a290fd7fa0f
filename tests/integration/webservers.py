"""Real nginx and Apache with a configuration of their own, and a client that counts what it gets.

Each server writes two logs: one that is rotated, and after it a reference that never is, so that
whoever has seen a line in the reference knows that the other log has it too.
"""

import os
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse
from io import BytesIO
from pathlib import Path
from typing import cast

from tests.integration.host import Counted
from tests.servers import binary, eventually, serving

DOCUMENTS = {"empty": 0, "one": 1, "small": 613, "page": 20_011, "large": 400_009}
"""Names and sizes of what both servers serve."""

SINCE = {"If-Modified-Since": "Fri, 01 Jan 2038 00:00:00 GMT"}

VISITS: Sequence[tuple[str, str, dict[str, str]]] = (
    *(("GET", f"/{name}", {}) for name in DOCUMENTS),
    ("HEAD", "/page", {}),
    ("GET", "/page", {"Range": "bytes=100-299"}),
    ("GET", "/page", {"Range": "bytes=90000-"}),
    ("GET", "/page", SINCE),
    ("GET", "/missing%22quoted%22", {"User-Agent": 'a "quoted" agent \\ \x80'}),
    ("GET", "/moved", {"Referer": "https://example.org/\t"}),
    ("GET", "/gone", {}),
    ("POST", "/gone", {"Content-Length": "0"}),
    ("GET", "/broken", {}),
    ("GET", "/closed", {}),
    ("BREW", "/one", {}),
)

GARBAGE: Sequence[bytes] = (b"\x16\x03\x01\x02garbage\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n")
"""Not HTTP, and HTTP without a host: both servers answer 400."""


@dataclass
class WebServer:
    """A server, its logs, and what a client received from it."""

    port: int
    pid_file: Path
    log: Path
    reference: Path
    requests: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] = field(default_factory=Counter)
    raw: Counter[str] = field(default_factory=Counter)
    """Bytes with status lines and headers."""

    @property
    def received(self) -> Counted:
        """What the client received so far; bytes are those of bodies."""
        return Counted(dict(self.requests), {s: size for s, size in self.sizes.items() if size})

    @property
    def total(self) -> int:
        """How many answers the client received so far."""
        return self.requests.total()

    def visit(self, times: int = 1) -> None:
        """Make every request, each on a connection of its own; wait until all are logged.

        Each request has a number, else what is logged within a second may be the same bytes twice.
        """
        for _ in range(times):
            for method, path, headers in VISITS:
                self._ask(method, f"{path}?{self.total}", headers)
            for request in GARBAGE:
                self._send(request)
        assert self.total == eventually(self._logged, self.total)

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> None:
        given = {"Host": "site.example.org", "Connection": "close", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items()), "", ""]
        self._send("\r\n".join(lines).encode("latin-1"), method)

    def _send(self, request: bytes, method: str = "GET") -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                received = stream.read()
        answer = HTTPResponse(cast("socket.socket", _Received(received)), method=method)
        answer.begin()
        status = str(answer.status)
        self.requests[status] += 1
        self.sizes[status] += len(answer.read())
        self.raw[status] += len(received)

    def _logged(self) -> int:
        return self.reference.read_bytes().count(b"\n")


@dataclass(frozen=True)
class _Received:
    """Bytes in the shape of the socket that they came from."""

    content: bytes

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self.content)


NGINX = """
{user}
daemon off;
worker_processes 2;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 64; }}
http {{
    log_format timed '{format}';
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        server_name site.example.org;
        root {documents};
        access_log {log} timed{options};
        access_log {reference} timed;
        location /moved {{ return 301 /one; }}
        location /gone {{ return 410; }}
        location /broken {{ return 500; }}
        location /closed {{ return 403 "go away"; }}
    }}
}}
"""

NGINX_FORMAT = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_referer" "$http_user_agent" $request_time'
)

APACHE = """
ServerRoot {root}
ServerName site.example.org
Listen 127.0.0.1:{port}
PidFile {root}/apache.pid
Mutex file:{root} default
{user}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
StartServers 1
ServerLimit 4
ThreadsPerChild 4
MaxRequestWorkers 16
DocumentRoot {documents}
ErrorLog {root}/error.log
LogFormat "{format}" timed
CustomLog {log} timed
CustomLog {reference} timed
<Directory {documents}>
    Require all granted
</Directory>
<Location /closed>
    Require all denied
</Location>
Redirect 301 /moved /one
Redirect 410 /gone
Redirect 500 /broken
"""

APACHE_FORMAT = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D'

APACHE_MODULES = Path("/usr/lib/apache2/modules")


@contextmanager
def nginx(
    root: Path, log: Path, form: str = NGINX_FORMAT, options: str = ""
) -> Iterator[WebServer]:
    """Run nginx with a `log_format`; `options` are those of its `access_log`."""
    program = binary("nginx")
    user = "user root;" if os.geteuid() == 0 else ""  # else its workers may not enter `root`
    text = NGINX.replace("{user}", user).replace("{options}", options)

    def command(path: Path) -> list[str]:
        return [program, "-p", str(root), "-c", str(path), "-e", str(root / "error.log")]

    with _web(root, log, text, form, command) as server:
        yield server


@contextmanager
def apache(root: Path, log: Path, form: str = APACHE_FORMAT) -> Iterator[WebServer]:
    """Run Apache with a `LogFormat`."""
    program = binary("apache2")
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    text = APACHE.replace("{user}", user).replace("{modules}", str(APACHE_MODULES))

    def command(path: Path) -> list[str]:
        return [program, "-d", str(root), "-f", str(path), "-D", "FOREGROUND"]

    with _web(root, log, text, form.replace('"', '\\"'), command) as server:
        yield server


@contextmanager
def _web(
    root: Path, log: Path, text: str, form: str, command: Callable[[Path], list[str]]
) -> Iterator[WebServer]:
    reference = root / "reference.log"
    config = root / "server.conf"

    def start(port: int) -> list[str]:
        places = {"root": root, "log": log, "reference": reference, "documents": documents}
        config.write_text(text.format(port=port, format=form, **places))
        return command(config)

    with _documents() as documents, serving(start, root / "server.log") as port:
        name = "nginx.pid" if "daemon off" in text else "apache.pid"
        yield WebServer(port, root / name, log, reference)


@contextmanager
def _documents() -> Iterator[Path]:
    """Make the documents where Apache's own user can read them, which a test's folder is not."""
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder)
        documents.chmod(0o755)
        for name, size in DOCUMENTS.items():
            (documents / name).write_bytes(b"x" * size)
        yield documents
