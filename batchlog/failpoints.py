"""Where a test may kill the program: named places, each reached by a line of the module it is in.

Nothing happens there unless the environment variable BATCHLOG_FAILPOINT, read once, names the
place; then the process ends as by `kill -9`, with no `finally` and no buffer written. All names
stand here, each at one place in the program.
"""

import os
import signal
import sys
from typing import NamedTuple

VARIABLE = "BATCHLOG_FAILPOINT"
"""NAME, or NAME:N for the N-th time that the place is reached."""

STORE = (
    "lock.before",
    "lock.held",
    "store.created",
    "store.written",
    "store.synced",
    "store.linked",
    "store.kept",
    "store.renamed",
    "store.durable",
)
"""The lock, and a commit: the checkpoint's own file, and the generation before it."""

RUN = (
    "run.loaded",
    "run.discovered",
    "run.origins",
    "run.begun",
    "run.step",
    "run.merge",
    "run.merged",
    "run.read",
    "run.committed",
    "run.delivered",
    "lastrun.written",
    "lastrun.renamed",
)
"""A run, from its beginning to its end."""

SINKS = (
    "textfile.begin",
    "textfile.written",
    "textfile.renamed",
    "gateway.before",
    "gateway.after",
)
"""What a push brings the totals to."""

BACKFILL = (
    "backfill.loaded",
    "backfill.planned",
    "backfill.taken",
    "backfill.merged",
    "backfill.committed",
    "backfill.read",
    "backfill.pushed",
)
"""A backfill into totals."""

HISTORY = (
    "files.written",
    "files.renamed",
    "history.cleared",
    "history.begun",
    "journal.created",
    "journal.rows",
    "journal.written",
    "journal.renamed",
    "journal.durable",
    "day.begin",
    "day.written",
    "day.renamed",
    "history.written",
    "history.complete",
    "history.done",
)
"""A backfill into history."""

BLOCKS = (
    "blocks.emptied",
    "blocks.converted",
    "blocks.waiting",
    "blocks.named",
    "blocks.moved",
    "blocks.complete",
    "blocks.done",
)
"""Blocks of a history."""

NAMES = frozenset(STORE + RUN + SINKS + BACKFILL + HISTORY + BLOCKS)


class _Asked(NamedTuple):
    name: str
    """Empty where nothing is asked for: no place is called that."""
    times: int


def _asked(text: str) -> _Asked:
    """Return what the variable asks for; the program ends where that is no place."""
    name, _, number = text.partition(":")
    times = int(number) if number.isdecimal() else 0 if number else 1
    if text and (name not in NAMES or not times):
        sys.exit(f"{VARIABLE}={text!r} names no place where the program can be killed")
    return _Asked(name, times)


_NAME, _TIMES = _asked(os.environ.get(VARIABLE, ""))
_reached = 0


def reach(name: str) -> None:
    """Be at a place."""
    if name == _NAME:
        _arrive()


def _arrive() -> None:
    global _reached  # noqa: PLW0603 - one count a process, which is about to end
    _reached += 1
    if _reached == _TIMES:
        os.kill(os.getpid(), signal.SIGKILL)
