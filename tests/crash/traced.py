"""The program under strace: which calls to the system touch its files, and what goes wrong there.

A place is CALL:N, the N-th call of that name in a thread, where it touches what lies below the
program's directory or a socket; found by watching a run, as is whether a kill came in one.
"""

import random
import re
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cli.program import Done, Program
from tests.crash.killed import Words, run
from tests.servers import tracer

CHANGES = (
    *("write", "pwrite64", "fsync", "fdatasync", "openat", "mkdir", "mkdirat", "rmdir"),
    *("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat"),
)
"""What may change a file or a directory."""

LOOKS = ("read", "pread64", "getdents64", "flock", "close")
"""What only looks at one, or lets go of it."""

SOCKETS = ("connect", "sendto", "recvfrom")
"""What goes to a gateway."""


def trace(program: Program, words: Words, prelude: str = "") -> list[str]:
    """Run a command to its end, and return its places, in order."""
    strace = _strace(program, [*CHANGES, *LOOKS, *SOCKETS])
    done = run(program, words, "", prelude, strace)
    assert 0 == done.exit, done.err
    times: Counter[tuple[str, str]] = Counter()
    places: dict[str, None] = {}
    for call in _calls(program):
        times[call.thread, call.name] += 1
        if call.counts:
            places[f"{call.name}:{times[call.thread, call.name]}"] = None
    return list(places)


def kill(program: Program, words: Words, place: str, prelude: str = "") -> None:
    """Kill a command at a place, before the call is made."""
    _killed(program, run(program, words, "", prelude, _inject(program, place, "signal=KILL")))


def kill_itself(program: Program, words: Words, place: str, _prelude: str = "") -> None:
    """Start the program itself under strace, and kill it at a place."""
    _killed(program, program(*words, before=_inject(program, place, "signal=KILL")))


def fail(program: Program, words: Words, place: str, path: Path, error: str) -> Done:
    """Start the program itself, and let a call fail: the N-th of that name on one path."""
    where = ["--seccomp-bpf", "-P", str(path)]
    done = program(*words, before=[*_inject(program, place, f"error={error}"), *where])
    said = _said(program).read_text()
    assert 1 == said.count("(INJECTED)"), (place, path, said)
    return done


def among(places: Iterable[str], calls: Sequence[str]) -> list[str]:
    """Return the places of some calls."""
    return [place for place in places if call_of(place) in calls]


def call_of(place: str) -> str:
    """Return the name of a place's call."""
    return place.partition(":")[0]


def sample(places: Sequence[str], most: int, seed: int) -> list[str]:
    """Return so many of the places at the most: of each call one at least, the others by seed."""
    shuffled = random.Random(seed).sample(places, len(places))
    first = {call_of(place): place for place in reversed(shuffled)}
    others = [place for place in shuffled if place not in first.values()]
    return [*first.values(), *others][:most]


def _killed(program: Program, done: Done) -> None:
    """See that a command was killed, and in a call that is a place."""
    assert -signal.SIGKILL == done.exit, done
    *_, last = _calls(program)
    assert last.counts, last


def _inject(program: Program, place: str, what: str) -> list[str]:
    """Return the words of a strace that does something at a place."""
    call, _, times = place.partition(":")
    return [*_strace(program, [call]), "-e", f"inject={call}:{what}:when={times}"]


def _strace(program: Program, calls: Sequence[str]) -> list[str]:
    """Return the words that trace some calls, with the files that they touch but no data."""
    traced = "trace=" + ",".join(f"?{call}" for call in calls)  # a system may lack some
    return [tracer(), "-f", "-y", "-s", "0", "-o", str(_said(program)), "-e", traced]


def _said(program: Program) -> Path:
    """Return the file that takes what strace says."""
    return program.root / "strace"


class _Call(NamedTuple):
    thread: str
    name: str
    counts: bool
    """Whether it touches what lies below the program's directory, or a socket."""


def _calls(program: Program) -> Iterator[_Call]:
    """Yield the calls that strace saw."""
    said = re.escape(str(program.root / "said"))  # what the command says is no matter
    below = re.compile(rf'["<](?!{said}){re.escape(str(program.root))}[/">]')
    for line in _said(program).read_text().splitlines():
        call = re.match(r"(\d+) +(\w+)\((.*)", line)
        if call:
            touched = below.search(re.sub(r"AT_FDCWD<[^>]*>", "", call[3]))
            yield _Call(call[1], call[2], bool(touched) or call[2] in SOCKETS)
