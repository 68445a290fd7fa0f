"""Realistic access logs from a seed: the same bytes on every machine.

The mix is that of a public web server: few clients send most requests, most answers are 200, sizes
spread over orders of magnitude, one line in some hundreds was sent by a scanner and has escapes.
What the lines hold is counted here while they are made, apart from every program that reads them.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from typing import NamedTuple

SEED = 20_261
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
LINES_PER_SECOND = 23

LEVEL = 6
"""The level at which gzip, and so logrotate, compresses."""

_BLOCK = 20_000

_AGENTS = (
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/124.0.0.0 Safari/537.36"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (compatible; Examplebot/2.1; +https://bot.example/about)",
    "curl/8.5.0",
    "-",
)
_AGENT_WEIGHTS = (38, 14, 20, 16, 9, 3)
_METHODS = (("GET", 88), ("POST", 8), ("HEAD", 2), ("OPTIONS", 1), ("PUT", 1))
_PROTOCOLS = (("HTTP/1.1", 60), ("HTTP/2.0", 38), ("HTTP/1.0", 2))
_STATUSES = (
    *(("200", 830), ("304", 60), ("301", 30), ("404", 45), ("302", 15), ("206", 6)),
    *(("403", 5), ("500", 3), ("499", 3), ("502", 1), ("400", 2)),
)
_WORDS = (
    *("static", "assets", "img", "css", "js", "api", "v1", "users"),
    *("orders", "search", "blog", "tag", "feed", "login", "cart", "item"),
)
_SCAN_EVERY = 700
_SCAN = r"\x16\x03\x01\x00\xEE\x01\x00\x00\xEA\x03\x03"


class Visit(NamedTuple):
    """What one request leaves in a log, whatever its format."""

    host: str
    user: str
    at: datetime
    request: str
    status: str
    size: int
    referer: str
    agent: str
    microseconds: int


Line = Callable[[Visit], str]
"""From a request to its line in a log of some format."""

Counts = dict[str, tuple[int, int]]
"""By status: requests, and bytes sent."""


def visits(number: int, seed: int = SEED) -> Iterator[Visit]:
    """Yield so many requests in the order of their time."""
    random = Random(seed)
    hosts = [".".join(str(random.randrange(1, 255)) for _ in range(4)) for _ in range(3_000)]
    paths = ["/" + "/".join(random.choices(_WORDS, k=random.randint(1, 5))) for _ in range(4_000)]
    paths = [
        f"{path}?id={random.randrange(10**6)}" if i % 5 == 0 else path
        for i, path in enumerate(paths)
    ]
    zipf = [*accumulate(1 / (rank + 1) for rank in range(3_000))]
    popular = [*accumulate(1 / (rank + 1) for rank in range(4_000))]
    done = 0
    while done < number:
        length = min(_BLOCK, number - done)
        columns = (
            random.choices(hosts, cum_weights=zipf, k=length),
            _drawn(random, _METHODS, length),
            random.choices(paths, cum_weights=popular, k=length),
            _drawn(random, _PROTOCOLS, length),
            _drawn(random, _STATUSES, length),
            random.choices(_AGENTS, weights=_AGENT_WEIGHTS, k=length),
        )
        for i, row in enumerate(zip(*columns, strict=True), done):
            host, method, path, protocol, status, agent = row
            scan = i % _SCAN_EVERY == _SCAN_EVERY - 1
            size = 0 if status == "304" else int(random.lognormvariate(8.3, 1.7))
            yield Visit(
                host,
                "-" if i % 50 else "alice",
                BEGIN + timedelta(seconds=i // LINES_PER_SECOND),
                _SCAN if scan else f"{method} {path} {protocol}",
                "400" if scan else status,
                size,
                "-" if i % 4 else f"https://www.example.org{path}",
                agent,
                int(random.lognormvariate(9.6, 1.4)),
            )
        done += length


def _drawn(random: Random, choices: tuple[tuple[str, int], ...], number: int) -> list[str]:
    values, weights = zip(*choices, strict=True)
    return random.choices(values, weights=weights, k=number)


def combined(visit: Visit) -> str:
    """Return a line of Apache's and nginx' `combined`."""
    at = visit.at.strftime("%d/%b/%Y:%H:%M:%S +0000")
    return (
        f'{visit.host} - {visit.user} [{at}] "{visit.request}" {visit.status} {visit.size}'
        f' "{visit.referer}" "{visit.agent}"\n'
    )


def timed(visit: Visit) -> str:
    """Return a line of `combined` with nginx' `$request_time` behind it."""
    return f"{combined(visit)[:-1]} {visit.microseconds / 1e6:.3f}\n"


def as_json(visit: Visit) -> str:
    """Return an object as nginx writes it with `escape=json`."""
    fields = {
        "time": visit.at.isoformat(),
        "host": visit.host,
        "request": visit.request.replace("\\x", "\\u00"),
        "status": visit.status,
        "bytes": str(visit.size),
        "agent": visit.agent,
        "seconds": f"{visit.microseconds / 1e6:.3f}",
    }
    return "{" + ",".join(f'{json.dumps(name)}:"{value}"' for name, value in fields.items()) + "}\n"


def write(path: Path, number: int, line: Line = combined, seed: int = SEED) -> None:
    """Write a log of so many lines."""
    with path.open("w", buffering=1 << 20) as log:
        log.writelines(map(line, visits(number, seed)))


def write_all(paths: Mapping[Path, Line], number: int, seed: int = SEED) -> Counts:
    """Write the same requests into a log of each format, and return what they add up to."""
    with ExitStack() as opened:
        logs = [
            (opened.enter_context(path.open("w", buffering=1 << 20)), line)
            for path, line in paths.items()
        ]
        requests, sizes = dict[str, int](), dict[str, int]()
        for visit in visits(number, seed):
            requests[visit.status] = requests.get(visit.status, 0) + 1
            sizes[visit.status] = sizes.get(visit.status, 0) + visit.size
            for log, line in logs:
                log.write(line(visit))
    return {status: (requests[status], sizes[status]) for status in sorted(requests)}


def compress(lines: Iterable[bytes], path: Path) -> None:
    """Write lines as one gzip file, as logrotate leaves it."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as archive:
        lines = iter(lines)
        while text := b"".join(islice(lines, 10_000)):
            archive.write(text)


def split(log: Path, parts: int, directory: Path) -> list[Path]:
    """Compress a log in so many parts of equal length, the newest as `access.log.1.gz`."""
    with log.open("rb") as lines:
        length = -(-sum(1 for _ in lines) // parts)
    archives = [directory / f"access.log.{age}.gz" for age in range(parts, 0, -1)]
    with log.open("rb") as lines:
        for archive in archives:
            compress(islice(lines, length), archive)
    return archives


def turn(archives: Sequence[Path]) -> None:
    """Let each of some archives hold all of them as its members, in an order of its own."""
    members = [archive.read_bytes() for archive in archives]
    for number, archive in enumerate(archives):
        archive.write_bytes(b"".join([*members[number:], *members[:number]]))


def sites(directory: Path, logs: int, archives: int, lines: int, seed: int = SEED) -> None:
    """Write so many logs with so many archives each, a few lines a file, into one directory."""
    source = map(combined, visits(logs * (archives + 1) * lines, seed))
    for log in range(logs):
        path = directory / f"site{log:04}-access.log"
        for age in range(archives, -1, -1):
            text = "".join(islice(source, lines)).encode()
            if age:
                compress([text], path.with_name(f"{path.name}.{age}.gz"))
            else:
                path.write_bytes(text)
