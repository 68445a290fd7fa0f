"""What a backfill does with one file: reads a part of it, or leaves it and says why."""

import os
from functools import partial
from typing import NamedTuple

from batchlog.backfill.below import Below, Origins
from batchlog.backfill.inputs import Input
from batchlog.config.schema import LogEntry, Settings
from batchlog.engines.task import Task
from batchlog.entries import Entries
from batchlog.errors import LogError, Stop
from batchlog.formats import resolve
from batchlog.job.survey import survey
from batchlog.scan import Timing
from batchlog.segments.beside import stands_beside
from batchlog.segments.content import OpenFile, open_file
from batchlog.segments.disk import is_elsewhere
from batchlog.segments.identity import HEADS, Likeness, Mark
from batchlog.segments.known import Sight
from batchlog.segments.ledger import Ledger, Match
from batchlog.segments.marks import is_complete
from batchlog.segments.names import readings
from batchlog.segments.ranges import is_inside, ranges, stamp_before
from batchlog.segments.read import unread_mark
from batchlog.segments.reopened import Open
from batchlog.segments.sample import first_stamp, format_of
from batchlog.segments.source import shown
from batchlog.segments.take import QUIET_ARCHIVE, QUIET_LINE
from batchlog.state.checkpoint import State

ALREADY = "already backfilled"
EMPTY = "empty"
NO_LINE = "holds no whole line yet"
UNFINISHED = "not complete yet: it waits for another backfill"
DAMAGED = "{} is damaged: nothing can be read of it"
LIVING = "its lines are in the living series (--into-live)"
REWRITTEN = "rewritten since it was backfilled: nothing of it is counted"


class Skipped(NamedTuple):
    """A file of which nothing is read."""

    file: Input
    reason: str
    is_error: bool = False


class Part(NamedTuple):
    """What is to be read of one file."""

    file: Input
    sight: Sight
    log: str
    """Path of the log that it belongs to."""
    entry: LogEntry
    seam: int | None
    """When live counting of that log began, Unix seconds; None where no push knows it."""
    first: int | None
    """Stamp of its first line that has one."""
    begin: Mark
    end: int | None
    """Where reading ends, decompressed bytes; None is its end."""
    number: int | None
    """The ledger's entry that it goes on from."""
    head: bytes
    """Its first bytes, `HEADS[0]` of them or fewer."""
    tasks: tuple[Task, ...]


class _Placed(NamedTuple):
    """A file that is open, and where it belongs."""

    file: Input
    content: OpenFile
    log: str
    entry: LogEntry
    spec: str
    first: int | None
    below: Below


class Planner:
    """Decides on files one after the other: the ledger moves on in between."""

    def __init__(
        self,
        state: State,
        settings: Settings,
        ledger: Ledger,
        now: float,
        timing: Timing | None = None,
        *,
        stop: Stop | None = None,
        opener: Open = open_file,
    ) -> None:
        self._stop = stop
        self._open = opener
        self._ledger = ledger
        self._settings = settings
        self._now = now
        self._timing = timing
        self._entries = Entries(settings.log)
        self._family = _family(state, settings)
        self._origins = Origins(state.logs, self._family.get, is_elsewhere, now)
        self._logs = {log.path: log for log in state.logs}
        # Totals have the ledger; history has one of its own, and leaves what living series hold.
        living = state.backfill.contents if timing is not None else ()
        self._living = Ledger(one for one in living if one.live)

    def plan(self, file: Input) -> Part | Skipped:
        """Decide what is to be read of a file; Interrupted where a stop is asked for."""
        seen = self._ledger.seen(file.key)
        if seen is not None and (seen.ended or seen.mark.offset == seen.bearer.size):
            return Skipped(file, ALREADY)
        try:
            with self._open(file.path, stop=self._stop) as content:
                return self._empty(file, content) if content.empty else self._into(file, content)
        except FileNotFoundError:
            return Skipped(file, "gone by now", is_error=True)
        except LogError as problem:
            return Skipped(file, str(problem), is_error=True)

    def _empty(self, file: Input, content: OpenFile) -> Skipped:
        """Say of a file without content whether it is empty, or an archive with a fault."""
        if content.plain or is_complete(content):
            return Skipped(file, EMPTY)
        if not content.sight.is_quiet(self._now, QUIET_ARCHIVE):
            return Skipped(file, UNFINISHED)
        return Skipped(file, DAMAGED.format(shown(file.path)), is_error=True)

    def _into(self, file: Input, content: OpenFile) -> Part | Skipped:
        owner = self._family.get(file.place)
        base = owner[0] if owner else active_path(file.path)
        entry = self._entry(base)
        log = self._logs.get(base)
        spec = format_of(content, entry.format, log.segments if log else ())
        if spec is None:
            return Skipped(file, NO_LINE)
        if self._timing is not None and not resolve(spec).has_stamp:
            raise LogError(
                f"the lines of {shown(file.path)} have no time stamps (format {spec}): "
                "history needs them, totals do not"
            )
        first = first_stamp(content, spec)
        below = self._origins.below(content, first)
        if below.log is not None and below.log.path != base:
            base, entry = below.log.path, self._entry(below.log.path)
        if below.reason:
            return Skipped(file, below.reason)
        if self._living.find(content, base, first) is not None:
            return Skipped(file, LIVING)
        match = self._ledger.find(content, base, first)
        if match is not None and match.likeness is Likeness.SHORTER:
            return Skipped(file, ALREADY)
        same = match if match is not None and match.likeness is Likeness.SAME else None
        is_another = partial(stands_beside, content, first)
        if same is None and self._ledger.rewritten(match, base, first, is_another) is not None:
            return Skipped(file, REWRITTEN)
        placed = _Placed(file, content, base, entry, spec, first, below)
        return self._part(placed, same)

    def _part(self, placed: _Placed, match: Match | None) -> Part | Skipped:
        content, below, spec = placed.content, placed.below, placed.spec
        begin = match.entry.mark if match else unread_mark(content)
        at_end = content.plain and begin.offset >= content.sight.size
        if at_end or (below.end is not None and begin.offset >= below.end):
            return Skipped(placed.file, ALREADY)
        context = match.entry.context if match and match.entry.format == spec else ""
        return Part(
            file=placed.file,
            sight=content.sight,
            log=placed.log,
            entry=placed.entry,
            seam=below.log.origin if below.log else None,
            first=placed.first,
            begin=begin,
            end=below.end,
            number=match.number if match else None,
            head=content.beginning[: HEADS[0]],
            tasks=self._tasks(content, spec, context, begin, below.end),
        )

    def _tasks(
        self, content: OpenFile, spec: str, context: str, begin: Mark, end: int | None
    ) -> tuple[Task, ...]:
        sight, metrics = content.sight, self._settings.metrics
        pieces = ranges(content, begin.offset, end)
        quiet = sight.is_quiet(self._now, QUIET_LINE)
        return tuple(
            Task(
                sight=sight,
                spec=spec,
                by=metrics.by,
                bounds=metrics.bounds,
                context=context if number == 0 else "",
                begin=start,
                inside=is_inside(content, start) if number else begin.inside,
                end=stop,
                final=end is None and (not content.plain or quiet) and number == len(pieces) - 1,
                salvage=not content.plain and sight.is_quiet(self._now, QUIET_ARCHIVE),
                timing=self._timing,
                before=stamp_before(content, start, spec) if self._timing else None,
            )
            for number, (start, stop) in enumerate(pieces)
        )

    def _entry(self, base: str) -> LogEntry:
        return self._entries.covering(base) or LogEntry(base, format=self._settings.format)


def active_path(path: str) -> str:
    """Return the path of the active file that a rotated one was, which need not be there."""
    directory, name = os.path.split(path)
    ways = readings(name)
    return os.path.join(directory, ways[0].base) if ways else path


def _family(state: State, settings: Settings) -> dict[tuple[int, int], tuple[str, bool]]:
    """Return of each file that the known logs have by name its log, and whether it is active.

    Also of logs that no entry names any more: what was counted of them stays counted.
    """
    entries = [*settings.log, *(LogEntry(one.path) for one in state.entries)]
    known = {log.path for log in state.logs}
    named = Entries(entries)
    entries += [LogEntry(log.path) for log in state.logs if named.of(log) is None]
    return {
        file.place: (place.found.path, file.active)
        for place in survey(entries, state.logs)
        if place.found.path in known
        for file in place.found.files
    }
