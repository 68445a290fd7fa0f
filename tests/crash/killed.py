"""Kill the program at a named place, and learn which places a command reaches, how often.

Starting an interpreter takes longer than all that a test is about: a nursery has the program
loaded, and each command is a process that it forks. Some tests start the program itself too.
"""

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from batchlog.failpoints import VARIABLE
from tests.cli.program import PATIENCE, REPOSITORY, Done, Program

_MAIN = "from batchlog.cli import main\nmain()\n"

_LISTEN = """
import atexit, json
from batchlog import failpoints

class Everything:
    def __init__(self):
        self.heard = []

    def __eq__(self, name):
        self.heard.append(name)
        return False

failpoints._NAME = everything = Everything()
atexit.register(lambda: json.dump(everything.heard, open("reached", "w")))
"""

_NURSERY = """
import atexit, ctypes, json, os, signal, subprocess, sys, traceback
import rich.console, rich.progress, rich.table
import batchlog.cli.backfill, batchlog.cli.push
from batchlog import failpoints
from batchlog.cli import main

for text in sys.stdin:
    order = json.loads(text)
    child = os.fork()
    if not child:
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["root"])
        said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        failpoints._NAME, failpoints._TIMES = failpoints._asked(order["at"])
        exec(order["prelude"])
        sys.argv = ["batchlog", *order["words"]]
        if order["strace"]:
            # PR_SET_PTRACER: some systems let a process be traced only by whom it names, here all.
            ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
        try:
            main()
        except SystemExit as end:
            # What an interpreter does besides, at its end, takes longer than the command.
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code or 0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    if order["strace"]:
        os.waitpid(child, os.WUNTRACED)
        strace = subprocess.Popen([*order["strace"], "-p", str(child)], stderr=subprocess.PIPE)
        attached = any(b"attached" in line for line in strace.stderr)
        os.kill(child, signal.SIGCONT if attached else signal.SIGTERM)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if order["strace"]:
        strace.communicate()
    print(status, flush=True)
"""

Words = Sequence[str | Path]


class Nursery:
    """A process that has the program loaded, and forks one for each command."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=PATIENCE)

    def run(
        self, program: Program, words: Words, at: str, prelude: str, strace: Sequence[str] = ()
    ) -> Done:
        """Run a command to its end, or to a place; under strace where its words are given."""
        said = program.root / "said"
        order = {
            "words": [str(word) for word in words],
            "env": program.environment(),
            "root": str(program.root),
            "said": str(said),
            "at": at,
            "prelude": prelude,
            "strace": list(strace),
        }
        assert self._process.stdin is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        assert self._process.stdout is not None
        return Done(int(self._process.stdout.readline()), b"", said.read_bytes())


_here = threading.local()
"""The nursery of a thread of `at_each`."""


def run(
    program: Program,
    words: Words,
    at: str = "",
    prelude: str = "",
    strace: Sequence[str] = (),
) -> Done:
    """Run a command, killed at a place where one is given; `prelude` is run before it.

    With the words of strace's command it is watched, from the first line of the program on.
    """
    nursery: Nursery = _here.nursery
    return nursery.run(program, words, at, prelude, strace)


def kill(program: Program, words: Words, at: str, prelude: str = "") -> None:
    """Run a command that is killed at a place."""
    done = run(program, words, at, prelude)
    assert -signal.SIGKILL == done.exit, (at, done)


def kill_itself(program: Program, words: Words, at: str, _prelude: str = "") -> None:
    """Start the program itself, as a person does, and let it be killed at a place."""
    done = program(*words, env={VARIABLE: at})
    assert -signal.SIGKILL == done.exit, (at, done)


def listen(program: Program, words: Words, prelude: str = "") -> list[str]:
    """Run a command to its end, and return the places it reaches, as NAME:N in order."""
    done = subprocess.run(
        [sys.executable, "-c", _LISTEN + prelude + _MAIN, *words],
        env=program.environment(),
        cwd=program.root,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert 0 == done.returncode, done.stderr
    return _heard(program)


def listen_quickly(program: Program, words: Words, prelude: str = "") -> list[str]:
    """Do the same with a process of the nursery."""
    done = run(program, words, prelude=_LISTEN + prelude)
    assert 0 == done.exit, done.err
    return _heard(program)


def _heard(program: Program) -> list[str]:
    times: Counter[str] = Counter()
    places = []
    for name in json.loads((program.root / "reached").read_text()):
        times[name] += 1
        places.append(f"{name}:{times[name]}")
    return places


def at_each(places: Iterable[str], check: Callable[[str], None]) -> None:
    """Do a check for each place, two at a time; say for which of them it fails."""

    def judged(place: str) -> str:
        try:
            check(place)
        except AssertionError as wrong:
            return f"{place}: {wrong}"
        return ""

    nurseries: list[Nursery] = []

    def settle() -> None:
        _here.nursery = Nursery()
        nurseries.append(_here.nursery)

    try:
        with ThreadPoolExecutor(2, initializer=settle) as pool:
            wrong = [text for text in pool.map(judged, places) if text]
    finally:
        for nursery in nurseries:
            nursery.close()
    assert not wrong, "\n".join(wrong)
