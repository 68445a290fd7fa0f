"""Real servers write, real logrotate rotates: what was counted is what the client received."""

import gzip
import subprocess
from bisect import bisect_right
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from batchlog.formats.presets import VHOST_COMBINED
from tests.integration.host import Counted, Host, counted, values
from tests.integration.webservers import (
    APACHE_FORMAT,
    NGINX_FORMAT,
    WebServer,
    apache,
    nginx,
)
from tests.servers import Pushgateway, binary, eventually
from tests.site import line, lines

DURATION = "batchlog_http_request_duration_seconds"


@dataclass(frozen=True)
class Kind:
    """A server, and how it names its format."""

    start: Callable[..., AbstractContextManager[WebServer]]
    format: str
    per_second: int
    """Units of its durations in a second."""
    sent: str
    """A format whose bytes are those sent, headers and all."""


NGINX_SENT = '$host $remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent'

SERVERS = {
    "nginx": Kind(nginx, NGINX_FORMAT, 1_000, NGINX_SENT),
    "apache": Kind(apache, APACHE_FORMAT, 1_000_000, VHOST_COMBINED),
}

SIGNAL = """
    sharedscripts
    postrotate
        kill -USR1 $(cat {pid})
    endscript
"""

ROTATIONS = {
    "create-delaycompress": "create\n rotate 9\n compress\n delaycompress" + SIGNAL,
    "create": "create\n rotate 9\n nocompress" + SIGNAL,
    "copytruncate-compress": "copytruncate\n rotate 9\n compress",
    "copytruncate": "copytruncate\n rotate 9\n nocompress",
    "dateext": "create\n rotate 9\n dateext\n dateformat -%Y%m%d-%s\n compress\n delaycompress"
    + SIGNAL,
    "dateext-by-day": "create\n rotate 9\n dateext\n compress" + SIGNAL,
    "olddir": "create\n rotate 9\n olddir archive\n createolddir 0755\n compress\n delaycompress"
    + SIGNAL,
}
"""logrotate's configurations as people have them, each with its `create` or `copytruncate`."""

CONFIGURATION = """
[[log]]
path = "{log}"
format = '{format}'
rotated = ["archive/{{name}}.*"]
"""


class Rotator:
    """Real logrotate with a configuration and a state file of its own."""

    def __init__(self, host: Host, server: WebServer, how: str) -> None:
        self._program = binary("logrotate")
        self._config = host.root / "logrotate.conf"
        self._state = host.root / "logrotate.state"
        body = how.replace("{pid}", str(server.pid_file))
        self._config.write_text(f"{server.log} {{\n {body}\n}}\n")
        self._config.chmod(0o644)  # logrotate refuses one that others may write

    def rotate(self) -> None:
        """Rotate now, due or not."""
        words: list[str | Path] = [self._program, "--force", "--state", self._state, self._config]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if "already exists, skipping rotation" not in done.stderr:  # twice within a stamp (R8)
            assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("how", ROTATIONS)
@pytest.mark.parametrize("kind", SERVERS)
def test_what_was_received_is_what_is_counted_through_every_rotation(
    host: Host, gateway: Pushgateway, kind: str, how: str
) -> None:
    """R2, R5, R8, R10, R23, R39, R49: some rotations are two without a push between."""
    made = SERVERS[kind]
    with made.start(host.root, host.access) as server:
        host.configure(CONFIGURATION.format(log=host.access, format=made.format))
        rotator = Rotator(host, server, ROTATIONS[how])
        server.visit()
        for pushes in (1, 2):
            host.push("--gateway", gateway.url)
            assert server.received == counted(gateway.metrics())
            server.visit()
            rotator.rotate()
            for _ in range(pushes):
                host.push("--gateway", gateway.url)
                assert server.received == counted(gateway.metrics())
            server.visit()
            rotator.rotate()
            server.visit()
        host.push("--gateway", gateway.url)
        assert server.received == counted(gateway.metrics())


@pytest.mark.parametrize("kind", SERVERS)
def test_durations_are_those_of_the_log(host: Host, gateway: Pushgateway, kind: str) -> None:
    """Sum, count and buckets are found again by other means in the log that is never rotated."""
    made = SERVERS[kind]
    with made.start(host.root, host.access) as server:
        server.visit(3)
        host.push(host.access, "--format", made.format, "--gateway", gateway.url)
        last = [line.rsplit(b" ", 1)[1] for line in server.reference.read_bytes().splitlines()]
    units = [int(field.replace(b".", b"")) for field in last]
    text = gateway.metrics()
    assert {(): server.total} == values(text, f"{DURATION}_count")
    sums = values(text, f"{DURATION}_sum")
    assert sum(units) == round(sums[()] * made.per_second)
    buckets = values(text, f"{DURATION}_bucket", "le")
    assert 12 == len(buckets)
    ascending = sorted(units)
    for (edge,), observed in buckets.items():
        expected = bisect_right(ascending, float(edge) * made.per_second)
        assert expected == observed


@pytest.mark.parametrize("kind", SERVERS)
def test_bytes_are_those_sent_with_headers_where_the_format_has_only_them(
    host: Host, gateway: Pushgateway, kind: str
) -> None:
    """Apache's %O, found by `auto` in vhost_combined, and nginx's $bytes_sent."""
    made = SERVERS[kind]
    given = "auto" if kind == "apache" else made.sent
    with made.start(host.root, host.access, made.sent) as server:
        server.visit(2)
        by = ("--by", "status,vhost")
        host.push(host.access, "--format", given, *by, "--gateway", gateway.url)
    assert Counted(dict(server.requests), dict(server.raw)) == counted(gateway.metrics())
    vhosts = values(gateway.metrics(), "batchlog_http_requests_total", "vhost")
    assert server.total == vhosts[("site.example.org",)]


@pytest.mark.parametrize("kind", SERVERS)
def test_auto_counts_a_log_with_a_duration_at_its_end_as_combined(
    host: Host, gateway: Pushgateway, kind: str
) -> None:
    with SERVERS[kind].start(host.root, host.access) as server:
        server.visit()
        host.push(host.access, "--gateway", gateway.url)
    assert server.received == counted(gateway.metrics())


@pytest.mark.parametrize("kind", SERVERS)
def test_no_label_of_a_real_server_is_other_without_a_reason(
    host: Host, gateway: Pushgateway, kind: str
) -> None:
    """BREW is no method of RFC 9110, and one of two 400s was no HTTP at all."""
    made = SERVERS[kind]
    with made.start(host.root, host.access) as server:
        server.visit()
        by = ("--by", "method,protocol")
        host.push(host.access, "--format", made.format, *by, "--gateway", gateway.url)
    name = "batchlog_http_requests_total"
    assert {
        ("GET", "HTTP/1.1"): 14,
        ("HEAD", "HTTP/1.1"): 1,
        ("POST", "HTTP/1.1"): 1,
        ("other", "HTTP/1.1"): 1,
        ("other", "other"): 1,
    } == values(gateway.metrics(), name, "method", "protocol")


def test_a_live_gzip_log_of_nginx_grows_by_members_r40(host: Host, gateway: Pushgateway) -> None:
    log = host.logs / "access.log.gz"
    with nginx(host.root, log, options=" gzip=1 flush=20ms") as server:
        for _ in range(3):
            server.visit()
            assert server.total == eventually(lambda: lines_in(log), server.total)
            host.push(log, "--gateway", gateway.url)
            assert server.received == counted(gateway.metrics())


def lines_in(log: Path) -> int:
    """Return the lines of a gzip file that may still be written."""
    try:
        return gzip.decompress(log.read_bytes()).count(b"\n")
    except (EOFError, gzip.BadGzipFile):
        return -1


def test_circular_names_of_rotatelogs_are_read_as_they_come_round_r22(
    host: Host, gateway: Pushgateway
) -> None:
    """`rotatelogs -n 3` truncates access.log, access.log.1 and access.log.2 in turn."""
    program = binary("rotatelogs")
    words: list[str | Path] = [program, "-n", "3", host.access, "4K"]
    written = 0
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for end in range(20, 241, 20):
            process.stdin.write(lines(range(written, end)))
            process.stdin.flush()
            written = end
            last = line(end - 1)
            assert eventually(lambda last=last: is_written(host, last), expected=True)  # type: ignore[misc]
            host.push(host.access, "--gateway", gateway.url)
            expected = Counted({"200": end}, {"200": sum(range(end))})
            assert expected == counted(gateway.metrics())
        assert 3 == len(list(host.logs.iterdir()))


def is_written(host: Host, last: bytes) -> bool:
    return any(path.read_bytes().endswith(last) for path in host.logs.iterdir())
