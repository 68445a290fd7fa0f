"""From entries to logs: what is on disk, what is new, where the new ones begin."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from batchlog.config.schema import LogEntry
from batchlog.config.times import Since
from batchlog.entries import covering
from batchlog.errors import ConfigError, LogError
from batchlog.segments.content import open_file
from batchlog.segments.discover import Found, Wanted, discover, is_glob
from batchlog.segments.findings import Finding, error
from batchlog.segments.known import Log
from batchlog.segments.origin import Begin, Begun, begin
from batchlog.segments.sample import format_of


class Place(NamedTuple):
    """A log on disk with the entry that named it."""

    found: Found
    entry: LogEntry


def survey(entries: Sequence[LogEntry], known: Iterable[str]) -> list[Place]:
    """Return the logs that the entries name, those among `known` that are gone included."""
    found = discover([Wanted(entry.path, entry.rotated) for entry in entries])
    paths = {log.path for log in found}
    gone = [path for path in known if path not in paths]
    covered = [(path, entry) for path in gone if (entry := covering(entries, path)) is not None]
    there = [Place(log, entries[log.entry]) for log in found]
    wanted = [Wanted(path, entry.rotated) for path, entry in covered]
    missing = [Place(log, covered[log.entry][1]) for log in discover(wanted)]
    return there + missing


def unusable(place: Place) -> str | None:
    """Return why a log that is not known yet cannot be followed, None where it can."""
    found = place.found
    if found.problems:
        return found.problems[0]
    if not found.files and found.notes:
        return None  # what it names belongs to another log
    if not found.files:
        return f"{found.path}: there is no such file, nor a rotated one of it"
    try:
        with open_file(found.files[-1]) as content:
            if not content.empty:
                format_of(content, place.entry.format, ())
    except FileNotFoundError:
        return None
    except LogError as problem:
        return str(problem)
    return None


def unmatched(entries: Sequence[LogEntry], places: Sequence[Place]) -> list[str]:
    """Return the patterns that name no log."""
    there = [p.found.path for p in places] + [f.path for p in places for f in p.found.files]
    patterns = [entry.path for entry in entries if is_glob(entry.path)]
    return [pattern for pattern in patterns if not fnmatch.filter(there, pattern)]


class Newcomers(NamedTuple):
    """The logs that begin in this run, and what there is to say."""

    begun: tuple[Begun, ...]
    problems: tuple[Finding, ...]


def begin_new(
    places: Sequence[Place],
    known: Mapping[str, Log],
    known_entries: frozenset[str],
    since: Since | Begin,
    now: float,
) -> Newcomers:
    """Give an origin to each log that has none yet.

    ConfigError where not one log can be used and none is known.
    """
    new = [place for place in places if place.found.path not in known]
    reasons = {place.found.path: unusable(place) for place in new}
    problems = [reason for reason in reasons.values() if reason is not None]
    if len(problems) == len(places):
        raise ConfigError("; ".join(problems) or "nothing that was named is there")
    begun = tuple(
        begin(
            place.found,
            _where(place.entry, known, known_entries, since),
            now,
            place.entry.format,
        )
        for place in new
        if place.found.files
    )
    return Newcomers(begun, tuple(error(text) for text in problems))


def _where(
    entry: LogEntry, known: Mapping[str, Log], known_entries: frozenset[str], since: Since | Begin
) -> Begin | int:
    """Return where a log begins: a file that appears under a known entry is new (R18)."""
    if entry.path in known_entries:
        return Begin.OLDEST
    if isinstance(since, int | Begin):
        return since
    if since == "checkpoint":
        return Begin.END if known else Begin.FIRST_LINE
    return Begin.OLDEST if since == "start" else Begin.END
