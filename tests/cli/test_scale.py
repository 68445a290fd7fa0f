"""Many files: a directory is listed once, and what holds nothing new is looked at, not opened."""

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.servers import tracer
from tests.site import lines

LOGS, ARCHIVES = 20, 3
CALL = re.compile(r'^\d+ +(\w+)\([^"]*"([^"]*)"')


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def calls(program: Program, *words: str) -> Counter[tuple[str, str]]:
    """Run a command; return how often each call names each path."""
    log = program.root / "calls"
    strace = (tracer(), "-f", "-e", "trace=%file", "-o", str(log))
    assert 0 == program(*words, before=strace).exit
    found = map(CALL.match, log.read_text(errors="replace").splitlines())
    return Counter((one[1], one[2]) for one in found if one)


def test_an_idle_push_lists_a_directory_once_and_opens_no_log(program: Program) -> None:
    logs = program.root / "many"
    logs.mkdir()
    for site in range(LOGS):
        base, first = logs / f"site{site}.log", site * 100
        base.write_bytes(lines(range(first + 30, first + 40)))
        for age in range(1, ARCHIVES + 1):
            older = lines(range(first + 30 - 10 * age, first + 40 - 10 * age))
            Path(f"{base}.{age}.gz").write_bytes(gzip.compress(older))
    words = ("push", "--textfile", str(program.textfile), str(logs / "*.log"))
    assert 0 == program(*words, "--since", "start").exit
    assert LOGS * 10 * (1 + ARCHIVES) == program.requests()
    seen = calls(program, *words)
    assert 1 == seen["openat", str(logs)]
    inside = [(call, path) for call, path in seen if path.startswith(f"{logs}/")]
    assert not [call for call, _ in inside if "open" in call]
    rotated = {path: seen[call, path] for call, path in inside if path.endswith(".gz")}
    assert LOGS * ARCHIVES == len(rotated)
    assert {1} == set(rotated.values())


def test_a_first_push_of_more_archives_than_the_soft_limit_of_open_files(program: Program) -> None:
    """R125's kind: what a run needs of files does not depend on a low soft limit."""
    program.log(1)
    for age in range(1, 101):
        archived = lines(range(2000 - 10 * age, 2010 - 10 * age))
        Path(f"{program.access}.{age}.gz").write_bytes(gzip.compress(archived))
    program.access.write_bytes(lines(range(2000, 2003)))
    few = ("sh", "-c", 'ulimit -Sn 24; exec "$@"', "sh")
    done = program.push("--since", "start", program.access, before=few)
    assert 0 == done.exit, done.err
    assert 1003 == program.requests()
