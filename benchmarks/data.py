"""The logs that are measured: made once, kept, and made anew when the generator changes."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from benchmarks import generate
from benchmarks.measure import ROOT, Truth

FOLDER = ROOT / ".bench"
LINES = 2_000_000
LOGS, ARCHIVES, LINES_A_FILE = 1_000, 10, 10

COMBINED, TIMED, JSON = "combined/access.log", "timed/access.log", "json/access.log"
GZIP = "gzip/access.log.1.gz"
EIGHT = tuple(f"eight/access.log.{age}.gz" for age in range(8, 0, -1))
"""Each holds all lines."""
BACKLOG = "eight/access.log"
"""The active log beside the eight, which has no line yet."""

SITES = "sites/*-access.log"
_TRUTH = "truth.json"
_MADE_FROM = ("generate.py", "data.py", "http.mtail")


def folder(lines: int, parent: Path = FOLDER) -> Path:
    """Return the directory of logs of so many lines, as today's generator makes them."""
    here = Path(__file__).parent
    sources = b"".join((here / name).read_bytes() for name in _MADE_FROM)
    return parent / f"{lines}-{hashlib.sha256(sources).hexdigest()[:8]}"


def prepare(
    lines: int,
    parent: Path = FOLDER,
    say: Callable[[str], None] = lambda _text: None,
    logs: int = LOGS,
) -> tuple[Path, Truth]:
    """Return the directory of the logs and what they hold; make them where they are not there.

    `logs` is the number of sites, of which each has archives.
    """
    directory = folder(lines, parent)
    if not (directory / _TRUTH).exists():
        shutil.rmtree(directory, ignore_errors=True)
        make(directory, lines, say, logs)
    counts, number, size = json.loads((directory / _TRUTH).read_text())
    return directory, Truth({status: tuple(pair) for status, pair in counts.items()}, number, size)


def make(directory: Path, lines: int, say: Callable[[str], None], logs: int) -> None:
    """Write all logs; the file that says what they hold comes last."""
    say(f"making logs of {lines:,} lines; they are kept for the next time")
    formats = {COMBINED: generate.combined, TIMED: generate.timed, JSON: generate.as_json}
    for name in (*formats, GZIP, EIGHT[0], SITES):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
    paths = {directory / name: line for name, line in formats.items()}
    counts = generate.write_all(paths, lines)
    log = directory / COMBINED
    say("compressing")
    with log.open("rb") as text:
        generate.compress(text, directory / GZIP)
    generate.turn(generate.split(log, len(EIGHT), directory / "eight"))
    (directory / BACKLOG).touch()
    generate.sites((directory / SITES).parent, logs, ARCHIVES, LINES_A_FILE)
    shutil.copy(Path(__file__).parent / "http.mtail", directory)
    (directory / _TRUTH).write_text(json.dumps((counts, lines, log.stat().st_size)))
