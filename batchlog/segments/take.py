"""Take a file for what it was decided to be: read it, or only note that it is there."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from batchlog.errors import Stop
from batchlog.failpoints import reach
from batchlog.segments.book import Book, Progress
from batchlog.segments.content import OpenFile
from batchlog.segments.findings import decision, error, notice, resolving, warning
from batchlog.segments.identity import Mark
from batchlog.segments.known import Segment, Sight
from batchlog.segments.marks import is_complete, mark_after, mark_at_end
from batchlog.segments.past import Past
from batchlog.segments.read import PATIENCE, unread_mark
from batchlog.segments.steps import Read, Step

QUIET_ARCHIVE = 600
"""Seconds without a change after which an incomplete archive will not be completed (R33)."""

QUIET_LINE = 3600
"""Seconds after which an unterminated last line of a file no longer active has ended (R50)."""

LEAST_SALVAGE = 4096
"""Decodable bytes below which an incomplete archive is only surfaced."""


class Elsewhere(NamedTuple):
    """Where a content was consumed before it came up as new in a log."""

    segment: Segment
    by: str
    """Who consumed it, in words."""
    kind: Literal["moved", "backfilled", "shorter", "rewritten"]
    """moved, backfilled: it is read on from there. shorter: it holds a part of what was consumed.
    rewritten: it was consumed with other bytes (R30)."""


class Planned(NamedTuple):
    """What is to be read of a file, and in which format."""

    content: OpenFile
    what: Read
    format: str


class Tools(NamedTuple):
    """What following a log needs from outside."""

    now: float
    """Unix seconds."""
    format: str
    """The format that was asked for, or "auto"."""
    read: Callable[[OpenFile, Read, str, str], Iterator[Step]]
    """Read on from a mark, in a format and with a context (see `segments.read`)."""
    past: Past
    elsewhere: Callable[["Opened"], Elsewhere | None]
    """Return where a content was consumed already: in another log (R100), or by a backfill."""
    stop: Stop
    soon: Callable[[Sequence[Planned]], None] = lambda _planned: None
    """Told what will be asked of `read`, so that it may begin."""
    backfilled: Callable[["Opened"], Elsewhere | None] = lambda _opened: None
    """Return what a backfill has consumed of a content, and nothing else happens."""


class Opened(NamedTuple):
    """A file that is open (see `resume.Candidate`)."""

    content: OpenFile
    active: bool
    first: int | None
    format: str
    unchanged: bool = False
    """Whether the run before saw it as it is now."""

    @property
    def sight(self) -> Sight:
        """How it looked when it was opened."""
        return self.content.sight


def take_new(book: Book, file: Opened, tools: Tools) -> Iterator[Progress]:
    """Begin a segment, at its first line or where another log's reading of it left off."""
    other = tools.elsewhere(file)
    if other is not None:
        say = notice if other.kind == "backfilled" else warning
        book.say(say(f"{file.sight.path} {other.by}: resumed"))
    segment = Segment(
        mark=unread_mark(file.content),
        state="open",
        begin=file.content.start,
        begin_lines=0,
        first=file.first,
        format=file.format,
    )
    segment = other.segment if other else segment
    index = book.add(replace(segment, bearers=(file.sight,), absent=False))
    if other is not None and other.kind == "rewritten":
        yield from take_rewritten(book, index, file, tools)
    elif other is None or other.kind != "shorter":
        yield from take(book, index, file, tools)
    elif file.active and file.content.plain:
        yield from take_cut(book, index, file, tools)


def take(book: Book, index: int, file: Opened, tools: Tools) -> Iterator[Progress]:
    """Read on from a segment's mark, as far as the file goes."""
    segment = book.segment(index)
    if segment.state in ("old", "quarantined"):
        return
    what, spec = _planned(file, segment.mark, segment.format, tools)[1:]
    context = segment.context if spec == segment.format else ""
    first = file.first if segment.first is None else segment.first
    segment = replace(segment, state="open", format=spec, context=context, first=first)
    book.put(index, replace(segment, behind=True))
    for step in tools.read(file.content, what, spec, context):
        reach("run.step")
        if not file.content.still_holds(step.mark):
            book.say(warning(f"{file.sight.path} was changed while it was read: left for now"))
            return
        if what.salvage and step.end == "truncated" and _decoded(step) < LEAST_SALVAGE:
            _seal(book, index, file, "it ends in the middle and holds next to nothing: not counted")
            return
        if step.end != "more":
            book.put(index, replace(book.segment(index), behind=False, nuls=step.nuls))
        book.advance(index, step)
        if not file.content.plain and not file.active:
            _close(book, index, file, step, salvage=what.salvage)
        yield book.progress(step, file.sight.path)


def announce(files: Iterable[Opened], tools: Tools) -> None:
    """Tell of new archives that they will be read, each from its first line."""
    new = (file for file in files if not file.content.plain)
    tools.soon([_planned(file, unread_mark(file.content), "", tools) for file in new])


def _planned(file: Opened, mark: Mark, spec: str, tools: Tools) -> Planned:
    spec = spec or file.format
    if tools.format not in ("auto", spec):
        spec = tools.format  # a change of configuration is for lines that are not read yet (R59)
    ended, archive = _has_ended(file, tools.now), not file.content.plain and not file.active
    salvage = archive and file.sight.is_quiet(tools.now, QUIET_ARCHIVE)
    patience = PATIENCE if file.content.plain else sys.maxsize
    what = Read(mark, final=ended, salvage=salvage, patience=patience)
    return Planned(file.content, what, spec)


def _decoded(step: Step) -> int:
    return step.mark.offset - step.mark.start


def _has_ended(file: Opened, now: float) -> bool:
    """Return whether the last line is complete even without a newline (R50, R72)."""
    if file.active:
        return False
    return not file.content.plain or (file.unchanged and file.sight.is_quiet(now, QUIET_LINE))


def _close(book: Book, index: int, file: Opened, step: Step, *, salvage: bool) -> None:
    """Seal a segment whose archive was read to its end, or has none (R33, R36, R41)."""
    if step.end == "complete":
        _seal(book, index, file)
    elif step.end == "corrupt" or (step.end == "truncated" and salvage):
        _seal(book, index, file, f"{step.fault}; what could be read of it is counted")
    elif step.end == "truncated":
        book.say(decision(f"{file.sight.path}: not complete yet, waits"))


def _seal(book: Book, index: int, file: Opened, fault: str = "") -> None:
    """Take the end of a segment as known."""
    book.put(index, replace(book.segment(index), state="sealed", behind=False))
    if fault:
        book.lose(1, 0)
        book.say(error(f"{file.sight.path} is damaged: {fault}"))


def take_rewritten(book: Book, index: int, file: Opened, tools: Tools) -> Iterator[Progress]:
    """Go on after as many lines as were consumed; with fewer lines wait for a person (R30)."""
    segment, path = book.segment(index), file.sight.path
    mark = mark_after(file.content, segment.mark.lines, inside=segment.mark.inside)
    begin = mark_after(file.content, segment.begin_lines) if segment.begin_lines else None
    if mark is not None and segment.state != "quarantined":
        offset = segment.begin if segment.begin is None else file.content.start
        offset = begin.offset if begin is not None else offset
        book.put(index, replace(segment, mark=mark, begin=offset))
        book.bear(index, file.sight)
        book.say(
            warning(f"{path} was rewritten: goes on after the {mark.lines} lines already counted")
        )
        yield from take(book, index, file, tools)
        return
    if not file.content.plain and not file.sight.is_quiet(tools.now, QUIET_ARCHIVE):
        book.say(decision(f"{path}: rewritten and perhaps not complete yet, waits"))
        return
    book.put(index, replace(segment, bearers=(), absent=False))
    quarantined = replace(
        segment,
        mark=mark_at_end(file.content),
        state="quarantined",
        bearers=(file.sight,),
        absent=False,
    )
    book.add(quarantined)
    book.seen.add(index)
    book.say(
        error(
            f"{path} was rewritten and has fewer lines than the {segment.mark.lines} counted: "
            f"nothing of it is counted until {resolving(path)}"
        )
    )


def take_cut(book: Book, index: int, file: Opened, tools: Tools) -> Iterator[Progress]:
    """Follow a live log that lost its end, all of it counted (R98)."""
    segment, mark = book.segment(index), mark_at_end(file.content, nuls=True)
    book.put(index, replace(segment, mark=mark))
    book.bear(index, file.sight)
    lost = segment.mark.offset - mark.offset
    book.say(
        error(
            f"{file.sight.path} lost its last {lost} bytes, which were counted: "
            "goes on after its last whole line, nothing is counted twice"
        )
    )
    yield from take(book, index, file, tools)


def keep_short(book: Book, index: int, file: Opened) -> None:
    """Note a file that holds only a part of what was counted: the mark stays (R37)."""
    book.bear(index, file.sight)
    if book.segment(index).state == "open" and is_complete(file.content):
        _seal(book, index, file)
