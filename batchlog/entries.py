"""Which logs a run is about: arguments, else the configuration's entries, else the remembered.

Paths are made absolute here.
"""

import fnmatch
import glob
import os
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from batchlog.config.schema import LogEntry, Settings
from batchlog.errors import ConfigError
from batchlog.segments.discover import is_glob
from batchlog.segments.known import Log
from batchlog.segments.names import readings
from batchlog.segments.walk import ANY
from batchlog.state.checkpoint import Entry


def select(
    settings: Settings, arguments: Sequence[str], remembered: Sequence[Entry]
) -> tuple[LogEntry, ...]:
    """Return the entries of a run; ConfigError where there are none."""
    if arguments:
        paths = _joined([_absolute(path) for path in arguments])
        configured = Entries(settings.log)
        found = [(path, configured.covering(path)) for path in paths]
        return tuple(
            replace(entry, path=path) if entry else LogEntry(path, format=settings.format)
            for path, entry in found
        )
    if settings.log:
        return tuple(replace(e, path=_absolute(e.path)) for e in settings.log)
    if remembered:
        chosen = settings.format
        return tuple(
            LogEntry(e.path, format=e.format if chosen == "auto" else chosen) for e in remembered
        )
    raise ConfigError(
        "no log is named: give one, such as /var/log/nginx/access.log, "
        "or [[log]] entries in a configuration file"
    )


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: the directory that this was called in is gone; give the whole path"
        ) from None


class Entries:
    """Entries with absolute paths, ready to be asked which of them a log belongs to."""

    def __init__(self, entries: Iterable[LogEntry]) -> None:
        self._entries = [replace(e, path=os.path.abspath(e.path)) for e in entries]
        self._named = {entry.path: n for n, entry in reversed(list(enumerate(self._entries)))}
        self._patterns = [
            (n, entry.path.split("/"))
            for n, entry in enumerate(self._entries)
            if glob.has_magic(entry.path)
        ]

    def covering(self, path: str) -> LogEntry | None:
        """Return the first entry whose path or pattern the path is or matches."""
        found = self._named.get(path, len(self._entries))
        parts = path.split("/")
        for number, pattern in self._patterns:
            if number < found and _matches(parts, pattern):
                found = number
        return self._entries[found] if found < len(self._entries) else None

    def of(self, log: Log) -> LogEntry | None:
        """Return the entry of a known log: the one that covers it, or that it began under."""
        covered = self.covering(log.path)
        if covered is not None:
            return covered
        number = self._named.get(log.entry)
        return None if number is None else self._entries[number]


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Match as glob does: part by part, so that `*` ends at a slash and only `**` does not."""
    *directories, name = path
    *parents, last = pattern
    return fnmatch.fnmatchcase(name, last) and _leads(directories, parents)


def _leads(directories: Sequence[str], pattern: Sequence[str]) -> bool:
    """Match directories one after the other, each `**` with as few as will do.

    A `**` may take more only until the next one is reached: from there on any choice is as good.
    """
    done = part = 0
    again: tuple[int, int] | None = None
    while done < len(directories):
        wanted = pattern[part] if part < len(pattern) else None
        if wanted == ANY:
            again = done, part
            part += 1
        elif wanted is not None and fnmatch.fnmatchcase(directories[done], wanted):
            done, part = done + 1, part + 1
        elif again is not None:
            again = again[0] + 1, again[1]
            done, part = again[0], again[1] + 1
        else:
            return False
    return all(wanted == ANY for wanted in pattern[part:])


def text_of(path: str) -> str:
    """Return a path as text that may be a label: what is not UTF-8 is replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _joined(paths: Sequence[str]) -> list[str]:
    """Leave out rotated names of other arguments, and repetitions (an unquoted `access.log*`)."""
    given = dict.fromkeys(paths)
    return [path for path in given if not _belongs_to_another(path, given)]


def _belongs_to_another(path: str, given: Mapping[str, None]) -> bool:
    directory, name = os.path.split(path)
    if is_glob(path):
        return False
    bases = [os.path.join(directory, reading.base) for reading in readings(name)]
    if any(base in given for base in bases):
        return True
    there = next((base for base in bases if os.path.isfile(base)), None)
    if there is not None and os.path.isfile(path):
        raise ConfigError(
            f"{path} is a rotated file of {there}: name {there}, its rotated files are found; "
            f"what lies before where counting began is for 'batchlog backfill {path}'"
        )
    return False
