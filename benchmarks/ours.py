"""batchlog as users run it: the installed command, a textfile, a checkpoint.

Each run begins with an empty state directory, but for the idle pushes, whose first push
is made beforehand.
"""

import shutil
from pathlib import Path

from benchmarks.generate import Counts
from benchmarks.measure import Program, Reading, nothing, run
from benchmarks.peers import SAME, samples

STATE = "state"
"""The state directory of a run, made anew for each."""

TIMED = (
    "$remote_addr - $remote_user [$time_local] "
    '"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time'
)
"""The log_format of `generate.timed`."""

JSON = (
    '{"time":"$time_iso8601","host":"$remote_addr","request":"$request","status":"$status",'
    '"bytes":"$body_bytes_sent","agent":"$http_user_agent","seconds":"$request_time"}'
)
"""The log_format of `generate.as_json`, but for `escape=json`."""

_SERIES = ("--series-label", "job=batchlog", "--series-label", "instance=web1")


def push(log: str, *options: str, computes: str = SAME, name: str = "batchlog push") -> Program:
    """Return a first push that counts all there is."""
    words = ("batchlog", "push", log, "--since", "start", *options, *_places(STATE))
    return Program(name, [words], _textfile, computes, _anew, is_ours=True)


def backfill(name: str, *words: str) -> Program:
    """Return a backfill into totals."""
    command = ("batchlog", "backfill", *words, *_places(STATE))
    return Program(name, [command], _textfile, SAME, _anew, is_ours=True)


def history(name: str, *words: str) -> Program:
    """Return a backfill into history."""
    places = ("--openmetrics", f"{STATE}/history", *_SERIES, *_state(STATE))
    command = ("batchlog", "backfill", *words, *places)
    return Program(name, [command], _history, f"{SAME}, by minute", _anew, is_ours=True)


def idle(log: str, state: str, directory: Path) -> Program:
    """Return a push that finds nothing new; the push before it is made here."""
    shutil.rmtree(directory / state, ignore_errors=True)
    (directory / state).mkdir()
    words = ("batchlog", "push", log, *_places(state))
    first = Program("first push", [(*words, "--since", "start")], nothing, "", is_ours=True)
    run(first, directory, None)
    return Program("batchlog push", [words], nothing, "nothing new", is_ours=True)


def _state(state: str) -> tuple[str, ...]:
    return ("--checkpoint", f"{state}/checkpoint.json", "--config", "/dev/null")


def _places(state: str) -> tuple[str, ...]:
    return ("--textfile", f"{state}/batchlog.prom", *_state(state))


def _anew(directory: Path) -> None:
    shutil.rmtree(directory / STATE, ignore_errors=True)
    (directory / STATE).mkdir()


def _textfile(_out: str, directory: Path) -> Reading:
    return _read(directory / STATE / "batchlog.prom")


def _history(_out: str, directory: Path) -> Reading:
    days = sorted((directory / STATE / "history").glob("*.om.txt"))
    each = [_read(day) for day in days]
    return {
        status: max(day.get(status, (0, 0)) for day in each)
        for status in sorted({status for day in each for status in day})
    }


def _read(path: Path) -> Counts:
    return samples(path.read_text(), path, "batchlog_http_")
