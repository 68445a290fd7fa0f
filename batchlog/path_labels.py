"""The labels that every line of a log carries: those of its entry, and those from its path.

Whoever may make files beside a log chooses names, and a regular expression can go back over a name
for longer than anybody waits. So each search is given up after a moment.
"""

import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from threading import current_thread, main_thread
from types import FrameType, MappingProxyType

from batchlog.config.schema import LogEntry
from batchlog.entries import text_of
from batchlog.labels import OTHER

LONGEST = 0.02
"""How many seconds of CPU a search may take; a usual one takes some millionths."""


def static_labels(entry: LogEntry, path: str) -> dict[str, str]:
    """Return the labels that every line of the log at `path` carries.

    A group that matched nothing, or whose search was given up, is `other`.
    """
    labels = dict(entry.labels)
    if entry.labels_from_path is not None:
        found = _search(entry.labels_from_path, path) or {}
        for name in sorted(path_label_names(entry)):
            value = found.get(name)
            labels[name] = text_of(value) if value else OTHER
    return labels


def path_label_names(entry: LogEntry) -> frozenset[str]:
    """Return the labels whose values come from paths and so have no bounds."""
    if entry.labels_from_path is None:
        return frozenset()
    return frozenset(re.compile(entry.labels_from_path).groupindex)


def given_up(entry: LogEntry, path: str) -> tuple[str, ...]:
    """Return what to say where the search for the path's labels took too long, else nothing."""
    pattern = entry.labels_from_path
    if pattern is None or _search(pattern, path) is not None:
        return ()
    said = f"{path}: its labels are {OTHER!r}: labels_from_path {pattern!r} takes too long on this"
    return (f"{said} name; repeat nothing in it that repeats itself, such as (a+)+",)


@lru_cache(maxsize=4096)
def _search(pattern: str, path: str) -> Mapping[str, str | None] | None:
    """Return what each group holds, nothing where nothing matched, None where it took too long.

    Remembered, as a log is asked for with every step that it takes.
    """
    expression = re.compile(pattern)
    try:
        with _limit():
            found = expression.search(path)
    except _TooLongError:
        return None
    return MappingProxyType(found.groupdict() if found else {})


class _TooLongError(Exception):
    """A search took more than its moment."""


@contextmanager
def _limit() -> Iterator[None]:
    """End what goes on for more than `LONGEST`, where signals can: in the main thread.

    `re` looks for signals every 4,096 steps (Modules/_sre), and an exception of their handlers
    ends it.
    """
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGVTALRM, _too_long)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST)
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise _TooLongError
