"""Writes demo/logs, the sample logs of the demo: four thousand lines of a made-up web site.

Three days of one nginx log as logrotate leaves it (`compress`, `delaycompress`). The addresses are
from the ranges for documentation (RFC 5737, RFC 3849), the dates and all else come from a seed: the
same lines each time. Run it only to change the samples: `python demo/generate.py`.
"""
# ruff: noqa: INP001, S311 - a script in a folder of its own; seeded on purpose

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

LOGS = Path(__file__).parent / "logs"
SEED = 2026
FILES = {"access.log.2.gz": 2400, "access.log.1": 1000, "access.log": 600}
BEGIN = datetime(2026, 11, 19, 6, 25, tzinfo=UTC)
SECONDS_APART = 60

CLIENTS = ["192.0.2.7", "192.0.2.41", "198.51.100.23", "203.0.113.5", "2001:db8::7"]
PATHS = ["/", "/style.css", "/logo.svg", "/news", "/api/items?page=2", "/search?q=%22tea%22"]
AGENTS = ["Mozilla/5.0", "curl/8.5.0", "feedreader \\x22daily\\x22"]
REQUESTS = {  # what is asked for, what the server answers, and how often
    ("GET", 200): 70,
    ("GET", 304): 12,
    ("POST", 201): 5,
    ("GET", 404): 8,
    ("HEAD", 301): 2,
    ("GET", 503): 2,
    ("\\x16\\x03\\x01", 400): 1,  # a TLS greeting on a plain port, as nginx escapes it
}


def lines(seed: int, begin: datetime) -> Iterator[str]:
    """Yield lines in the combined format without end, one after another in time."""
    rng = random.Random(seed)
    at = begin
    while True:
        at += timedelta(seconds=rng.randrange(2 * SECONDS_APART))
        [(method, status)] = rng.choices(list(REQUESTS), weights=list(REQUESTS.values()))
        request = method if status == 400 else f"{method} {rng.choice(PATHS)} HTTP/1.1"  # noqa: PLR2004
        sent = 0 if status in {301, 304} else rng.randrange(150, 30_000)
        yield (
            f"{rng.choice(CLIENTS)} - - [{at:%d/%b/%Y:%H:%M:%S %z}] "
            f'"{request}" {status} {sent} "-" "{rng.choice(AGENTS)}"\n'
        )


def samples() -> dict[str, bytes]:
    """Return the name of each sample log with its content, not compressed, oldest first."""
    source = lines(SEED, BEGIN)
    return {name: "".join(next(source) for _ in range(n)).encode() for name, n in FILES.items()}


def main() -> None:
    """Write the samples."""
    LOGS.mkdir(exist_ok=True)
    for name, content in samples().items():
        packed = gzip.compress(content, 9, mtime=0) if name.endswith(".gz") else content
        (LOGS / name).write_bytes(packed)


if __name__ == "__main__":
    main()
