"""Kill a worker process of a backfill in one of its calls to the system, from within.

Python runs a module `sitecustomize` of ours in the process that forks the workers. In one worker
it counts what is called of the system, tells of it, and ends the process at one of these calls.
"""

from collections import Counter

from tests.cli.program import REPOSITORY, Done, Program, fails
from tests.crash.killed import Words, run

_HOOK = """
import os, signal, sys

name, which, times = os.environ["WORKER"].split(":")
heard = os.open(os.environ["WORKER_HEARD"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
forked = reached = 0

def count():
    global forked
    forked += 1

def begin():
    if forked == int(which):
        sys.setprofile(look)

def look(frame, event, called):
    global reached
    if event == "c_call" and called.__module__ == "posix":
        os.write(heard, f"{called.__name__}\\n".encode())
        reached += called.__name__ == name
        if called.__name__ == name and reached == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

os.register_at_fork(before=count, after_in_child=begin)
"""

CALLS = ("open", "fstat", "read", "pread", "write", "close")
"""What a worker asks for its file and its client; what Python asks for itself varies."""

CLEAR = "ERROR a worker process was killed, perhaps for want of memory: run again with fewer "


def listen(program: Program, words: Words, which: int, prelude: str = "") -> list[str]:
    """Run a command to its end, and return what a worker calls, as NAME:WHICH:N.

    Up to the first time that it tells the client of what it reads.
    """
    done = _run(program, words, f":{which}:0", prelude)
    assert 0 == done.exit, done.err
    times: Counter[str] = Counter()
    places = []
    for name in filter(CALLS.__contains__, _heard(program)):
        times[name] += 1
        places.append(f"{name}:{which}:{times[name]}")
        if name == "write":
            return places
    raise AssertionError(places)


def kill(program: Program, words: Words, place: str, prelude: str = "") -> None:
    """Run a command of which a worker is killed before a call: one clear line, and a 69."""
    name, _, times = place.split(":")
    done = _run(program, words, place, prelude)
    heard = _heard(program)
    assert (name, int(times)) == (heard[-1], heard.count(name)), "the worker was not killed"
    fails(done, 69)
    [error] = [one for one in done.err.splitlines() if not one.startswith(("INFO ", "WARNING "))]
    assert error.startswith(CLEAR)


def _run(program: Program, words: Words, worker: str, prelude: str) -> Done:
    hooks = program.root / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(_HOOK)
    before = program.env
    program.env = {
        **before,
        "PYTHONPATH": f"{hooks}:{REPOSITORY}",
        "WORKER": worker,
        "WORKER_HEARD": str(program.root / "heard"),
    }
    try:
        return run(program, words, prelude=prelude)
    finally:
        program.env = before


def _heard(program: Program) -> list[str]:
    return (program.root / "heard").read_text().split()
