"""What a server's logs say of numbered requests, and how far a gateway may differ from it."""

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.integration.host import Counted, values
from tests.integration.load import Load
from tests.integration.logrotate import open_elsewhere
from tests.integration.webservers import WebServer
from tests.servers import eventually

LINE = re.compile(rb'"[A-Z]+ /[^" ]*\?(\d+) HTTP/1\.1" (\d{3}) (\d+|-) ')


class Line(NamedTuple):
    """A line of a log."""

    status: str
    sent: int
    """Bytes of the body."""
    length: int
    """Bytes of the line itself."""


@dataclass
class Site:
    """A server, the load on it, and the requests whose lines a rotation may have destroyed."""

    server: WebServer
    load: Load
    doubtful: set[int] = field(default_factory=set)

    def flow(self, more: int) -> None:
        """Wait until the server has answered some more requests."""
        until = self.load.answered() + more
        assert eventually(lambda: self.load.answered() >= until, expected=True)

    def settle(self) -> None:
        """Let held requests end, and wait until the server has rotated files open no longer."""
        self.load.release()
        assert eventually(lambda: not open_elsewhere(self.server), expected=True)

    def rest(self) -> None:
        """End the load; wait until all that was answered is logged."""
        self.load.stop()
        assert 0 == eventually(lambda: self.load.missing_in(self.truth()), 0)

    def truth(self) -> dict[int, Line]:
        """Return the lines of the log that is never rotated."""
        return numbered(self.server.reference.read_bytes())

    def on_disk(self) -> dict[int, Line]:
        """Return the lines that stand in the log, its rotated files and its whole archives."""
        found: dict[int, Line] = {}
        for path in self.server.log.parent.rglob(f"{self.server.log.name}*"):
            content = path.read_bytes()
            if content.startswith(b"\x1f\x8b"):
                try:
                    content = gzip.decompress(content)
                except (EOFError, zlib.error):  # its compressor was killed
                    continue
            found |= numbered(content)
        return found

    def judge(self, shown: Counted, lost: int) -> None:
        """Fail if what a gateway shows, or the bytes called lost, cannot be the truth.

        A line counts once; it may be missing only if it is doubtful and on no disk any more.
        """
        truth, disk = self.truth(), self.on_disk()
        assert disk.keys() <= truth.keys(), sorted(disk.keys() - truth.keys())
        gone = self.doubtful - disk.keys()
        least = added(line for number, line in truth.items() if number not in gone)
        most = added(truth.values())
        assert lost <= sum(truth[number].length for number in gone & truth.keys()), lost
        for what, low, seen, high in zip(("requests", "bytes"), least, shown, most, strict=True):
            for status in low | seen | high:
                observed = seen.get(status, 0)
                right = low.get(status, 0) <= observed <= high.get(status, 0)
                expected = f"{low.get(status, 0)} to {high.get(status, 0)}"
                assert right, f"{what} of {status}: expected {expected}, observed {observed}"


def numbered(text: bytes) -> dict[int, Line]:
    """Return the lines of a log by the numbers of their requests."""
    found = {}
    for line in text.splitlines(keepends=True):
        match = LINE.search(line)
        assert match is not None, line
        number, status, size = match.groups()
        found[int(number)] = Line(status.decode(), int(size.replace(b"-", b"0")), len(line))
    return found


def added(lines: Iterable[Line]) -> Counted:
    """Return what lines add up to."""
    requests: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for line in lines:
        requests[line.status] += 1
        sizes[line.status] += line.sent
    return Counted(dict(requests), {status: size for status, size in sizes.items() if size})


def shown(text: str, server: str) -> Counted:
    """Return what an exposition says of one server's requests and bytes."""
    found = []
    for name in ("batchlog_http_requests_total", "batchlog_http_response_bytes_total"):
        series = values(text, name, "server", "status")
        found.append({code: int(size) for (at, code), size in series.items() if at == server})
    return Counted(*found)
