"""What people use today, each as its manual has it, and how to read what it found.

Files are named relative to the directory of the data, where all of this runs.
"""

import json
import re
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.generate import Counts
from benchmarks.measure import Program, environment, nothing

SAME = "status, bytes"

_PRINT = 'END { for (s in n) printf "%s %.0f %.0f\\n", s, n[s], b[s] }'
QUOTES = f'{{ split($3, f, " "); n[f[1]]++; b[f[1]] += f[2] }} {_PRINT}'
"""With -F'"': right for every line of `combined`, and quicker than fields between blanks."""

BLANKS = f"{{ n[$9]++; b[$9] += $10 }} {_PRINT}"
"""What most people type; wrong where a request has no two blanks, as a scanner's."""

JSON_QUOTES = f"{{ n[$16]++; b[$16] += $20 }} {_PRINT}"
"""With -F'"', for the one order of fields that `generate.as_json` writes."""

SQL = (
    "SELECT column6, count(*), sum(TRY_CAST(column7 AS BIGINT)) FROM read_csv('LOG', delim=' ', "
    "quote='\"', escape='', header=false, all_varchar=true) GROUP BY ALL"
)
"""Over `combined` as a file of columns between blanks; the time stamp has two of them."""

_DUCKDB = (
    "import duckdb, sys; "
    'print(*(",".join(map(str, row)) for row in duckdb.sql(sys.argv[1]).fetchall()), sep="\\n")'
)
_ISAL = "isal.igzip"


def awk(name: str, program: str = QUOTES, separator: str = '"') -> tuple[str, ...]:
    """Return the words of an awk, without its files."""
    return (name, "-F", separator, program)


def plain(log: str) -> list[Program]:
    """Return all that read a plain log in `combined`."""
    return [
        Program("mawk", [(*awk("mawk"), log)], columns, SAME),
        Program(
            "mawk, $9 and $10",
            [("mawk", BLANKS, log)],
            nothing,
            "not the same: wrong for requests without blanks",
        ),
        Program("gawk", [(*awk("gawk"), log)], columns, SAME),
        mtail(log),
        goaccess(log),
        *duckdb(log),
        Program("wc -l (limit)", [("wc", "-l", log)], words, "lines only"),
    ]


def timed(log: str) -> list[Program]:
    """Return all that read a log with durations."""
    return [
        Program("mawk", [(*awk("mawk"), log)], columns, f"{SAME}; no durations"),
        Program("gawk", [(*awk("gawk"), log)], columns, f"{SAME}; no durations"),
    ]


def as_json(log: str) -> list[Program]:
    """Return all that read a log of JSON objects."""
    note = f"{SAME}; no durations; by the order of the fields"
    words = awk("mawk", JSON_QUOTES)
    return [Program("mawk", [(*words, log)], columns, note)]


def compressed(*archives: str) -> list[Program]:
    """Return pipelines that decompress and count."""
    return [
        Program(f"{tool[0]} | mawk", [(*tool, *archives), awk("mawk")], columns, SAME)
        for tool in (("zcat",), ("pigz", "-dc"), ("igzip", "-dc"))
    ]


def decompression(archive: str) -> list[Program]:
    """Return what decompresses and does nothing else: the limits."""
    note = "nothing: decompresses to /dev/null"
    python = ("python", "-m", _ISAL, "-dc", archive)
    return [
        Program("igzip -dc (limit)", [("igzip", "-dc", archive)], nothing, note),
        Program("python-isal (limit)", [python], nothing, note, module=_ISAL),
    ]


def mtail(log: str) -> Program:
    """Return mtail with a program that counts the same."""
    flags = ("--address", "127.0.0.1", "--port", "0", "--logtostderr")
    once = ("--one_shot", "--one_shot_format", "prometheus", "--progs", "http.mtail")
    return Program("mtail", [("mtail", *once, *flags, "--logs", log)], samples, SAME)


def goaccess(log: str) -> Program:
    """Return GoAccess with its JSON report as the output."""
    flags = ("--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", "report.json")
    note = f"{SAME}; and visitors, pages, browsers, ..."
    return Program("goaccess", [("goaccess", log, *flags)], report, note)


def duckdb(log: str) -> list[Program]:
    """Return DuckDB's own program, or else its Python module, where there is one."""
    sql = SQL.replace("LOG", log)
    command: tuple[str, ...] = ("duckdb", "-csv", "-noheader", "-c", sql)
    module = ""
    if not shutil.which("duckdb"):
        command, module = ("python", "-c", _DUCKDB, sql), "duckdb"
    return [Program("duckdb", [command], columns, f"{SAME}; on all cores", module=module)]


def missing(program: Program) -> list[str]:
    """Return what a program needs that is not on this machine."""
    path = environment()["PATH"]
    commands = {words[0] for words in program.commands}
    lacking = sorted(word for word in commands if not shutil.which(word, path=path))
    return lacking or ([program.module] if program.module and not known(program.module) else [])


def known(module: str) -> bool:
    """Tell whether this Python has a module."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def present(programs: Sequence[Program]) -> list[Program]:
    """Return those that can run here."""
    return [program for program in programs if not missing(program)]


def columns(out: str, _directory: Path) -> Counts:
    """Read lines of status, requests and bytes, with blanks or commas between them."""
    rows = (re.split(r"[ ,]", line) for line in out.splitlines() if line)
    return {status: (int(requests), int(sent)) for status, requests, sent in rows}


def words(out: str, _directory: Path) -> int:
    """Read the number with which `wc` begins."""
    return int(out.split(maxsplit=1)[0])


def samples(out: str, _directory: Path, prefix: str = "") -> Counts:
    """Read counters by status in Prometheus' text format, without those at zero.

    A name may come several times, with other labels or time stamps: the largest is the last.
    """
    found: dict[str, dict[str, int]] = {"requests_total": {}, "response_bytes_total": {}}
    pattern = rf'^{prefix}(\w+)\{{[^}}]*\bstatus="(\w+)"[^}}]*\}} (\S+)'
    for name, status, value in re.findall(pattern, out, re.MULTILINE):
        if name in found:
            found[name][status] = max(int(float(value)), found[name].get(status, 0))
    requests, sent = found.values()
    return {status: (count, sent.get(status, 0)) for status, count in requests.items() if count}


def report(_out: str, directory: Path) -> Counts:
    """Read GoAccess' report; its statuses stand under their classes, as "200 - OK: ..."."""
    panels = json.loads((directory / "report.json").read_text())
    items = [item for group in panels["status_codes"]["data"] for item in group["items"]]
    return {
        item["data"].split()[0]: (item["hits"]["count"], item["bytes"]["count"]) for item in items
    }


_VERSION = {"mawk": ("-W", "version"), "batchlog": ("--version",)}


def version_command(word: str) -> tuple[str, ...]:
    """Return how a program is asked for its version."""
    return (word, *_VERSION.get(word, ("--version",)))
