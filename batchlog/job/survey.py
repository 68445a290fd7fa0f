"""From entries to logs: what is on disk, what is new, where the new ones begin."""

import fnmatch
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from batchlog.config.schema import LogEntry
from batchlog.config.times import Since
from batchlog.entries import Entries
from batchlog.errors import ConfigError, Interrupted, LogError, Stop
from batchlog.segments.content import OpenFile, open_file
from batchlog.segments.discover import Found, Wanted, discover, is_glob
from batchlog.segments.disk import Disk
from batchlog.segments.findings import Finding, error, notice
from batchlog.segments.identity import Likeness, Mark
from batchlog.segments.known import Log, Segment
from batchlog.segments.ledger import Ledger
from batchlog.segments.marks import mark_after, mark_at_end
from batchlog.segments.origin import Begin, Begun, Moved, begin
from batchlog.segments.read import PATIENCE
from batchlog.segments.sample import format_of

_TRIES = 3
"""Looks at a log that is rotated just while its origin is looked for."""


class Place(NamedTuple):
    """A log on disk with the entry that named it."""

    found: Found
    entry: LogEntry


def survey(entries: Sequence[LogEntry], known: Iterable[Log]) -> list[Place]:
    """Return the logs that the entries name, those among `known` that are gone included."""
    disk, named = Disk(), Entries(entries)
    there = discover([Wanted(entry.path, entry.rotated) for entry in entries], disk)
    paths = {found.path for found in there}
    gone = [(log.path, named.of(log)) for log in known if log.path not in paths]
    covered = [(path, entry) for path, entry in gone if entry is not None]
    missing = discover([Wanted(path, entry.rotated) for path, entry in covered], disk)
    places = [Place(found, entries[found.entry]) for found in there]
    return places + [Place(found, covered[found.entry][1]) for found in missing]


def remains(log: Log) -> str | None:
    """Return the path of a file of a known log that is there or cannot be looked for, else None."""
    sights = (sight.path for segment in log.segments for sight in segment.bearers)
    return next((path for path in (log.path, *sights) if _may_be_there(path)), None)


def _may_be_there(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it cannot be seen (R71)
        return True
    return True


def unusable(place: Place, stop: Stop | None = None) -> str | None:
    """Return why a log that is not known yet cannot be followed, None where it can."""
    found = place.found
    if found.problems:
        return found.problems[0]
    if not found.files and found.notes:
        return None  # what it names belongs to another log
    if not found.files:
        return f"{found.path}: there is no such file, nor a rotated one of it"
    try:
        with open_file(found.files[-1].path, patience=PATIENCE, stop=stop) as content:
            if not content.empty:
                format_of(content, place.entry.format, ())
    except (FileNotFoundError, Interrupted):
        return None
    except LogError as problem:
        return str(problem)
    return None


def unmatched(entries: Sequence[LogEntry], places: Sequence[Place]) -> list[str]:
    """Return for each pattern that names no log a sentence that says so."""
    there = [p.found.path for p in places] + [f.path for p in places for f in p.found.files]
    patterns = [entry.path for entry in entries if is_glob(entry.path)]
    return [f"no file matches {name}" for name in patterns if not fnmatch.filter(there, name)]


def after_backfill(log: Log, ledger: Ledger) -> Log:
    """Move the origin of a log behind what a backfill has read of the file that holds it."""
    segments = list(log.segments)
    for number, segment in enumerate(segments):
        if segment.begin is None or segment.state != "open":
            continue
        mark = _backfilled(log, segment, ledger)
        if mark is not None and mark.offset > segment.begin:
            segments[number] = replace(
                segment, mark=mark, begin=mark.offset, begin_lines=mark.lines
            )
    return replace(log, segments=tuple(segments))


def left_out(log: Log, ledger: Ledger) -> int:
    """Return how many files from before the origin of a log no backfill has read."""
    below = [one for one in log.segments if one.state == "old" and one.begin is None]
    if not ledger.contents:
        return len(below)
    return sum(_backfilled(log, segment, ledger) is None for segment in below)


def _backfilled(log: Log, segment: Segment, ledger: Ledger) -> Mark | None:
    """Return up to where a backfill has read the file that bears a segment, None if it has not."""
    if not segment.bearers:
        return None
    try:
        with open_file(segment.bearers[0].path, [segment.mark]) as content:
            return _consumed(content, log.path, segment, ledger)
    except (FileNotFoundError, LogError):
        return None  # it is said when it is read


def _consumed(content: OpenFile, path: str, segment: Segment, ledger: Ledger) -> Mark | None:
    """Return up to where a backfill has read a content, None where it has not."""
    match = ledger.find(content, path, segment.first)
    if match is not None and match.likeness is Likeness.SAME:
        return match.entry.mark
    entry = ledger.rewritten(match, path, segment.first, lambda _: False)
    if entry is None:
        return None
    return mark_after(content, entry.mark.lines) or mark_at_end(content)


class Newcomers(NamedTuple):
    """The logs that begin in this run, and what there is to say."""

    begun: tuple[Begun, ...]
    problems: tuple[Finding, ...]
    failed: frozenset[str]
    """Entries with a log that could not be given an origin: they are not known after this run."""


def begin_new(
    places: Sequence[Place],
    known: Mapping[str, Log],
    known_entries: frozenset[str],
    since: Since | Begin,
    now: float,
    *,
    stop: Stop | None = None,
) -> Newcomers:
    """Give an origin to each log that has none yet.

    ConfigError where not one log can be used and none is known. What takes long once a `stop` is
    asked for begins in the next run; Interrupted where there is nothing else to do in this one.
    """
    new = [place for place in places if place.found.path not in known]
    said = [error(text) for text in problems_of(new, places, stop)]
    begun, failed = list[Begun](), set[str]()
    for place in new:
        where = _where(place.entry, known, known_entries, since)
        if not place.found.files:
            continue
        try:
            begun.append(_begin_in_quiet(place, where, now, stop))
        except Interrupted:
            if not known:
                raise
            failed.update(one.entry.path for one in new)
            break
        except LogError as problem:
            failed.add(place.entry.path)
            said.append(error(str(problem)))
            continue
        if where is Begin.END:
            said.append(notice(f"{place.found.path} joins at its present end"))
    return Newcomers(tuple(begun), tuple(said), frozenset(failed))


def problems_of(
    new: Sequence[Place], places: Sequence[Place], stop: Stop | None = None
) -> list[str]:
    """Return why some of the `new` logs cannot be followed.

    ConfigError where that is so for every one of `places`: not one can be used, none is known.
    """
    problems = [reason for place in new if (reason := unusable(place, stop)) is not None]
    if len(problems) == len(places):
        raise ConfigError("; ".join(problems) or "nothing that was named is there")
    return problems


def _begin_in_quiet(place: Place, where: Begin | int, now: float, stop: Stop | None) -> Begun:
    """Give a log its origin, looking again where its names moved meanwhile."""
    for _ in range(_TRIES - 1):
        try:
            return begin_place(place, where, now, stop)
        except Moved:
            wanted = Wanted(place.entry.path, place.entry.rotated)
            found = {one.path: one for one in discover([wanted], Disk())}
            place = place._replace(found=found.get(place.found.path, place.found))
    return begin_place(place, where, now, stop)


def begin_place(place: Place, where: Begin | int, now: float, stop: Stop | None = None) -> Begun:
    """Give a log its origin, and let it remember the entry that named it."""
    begun = begin(place.found, where, now, place.entry.format, stop)
    return begun._replace(log=replace(begun.log, entry=place.entry.path))


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
