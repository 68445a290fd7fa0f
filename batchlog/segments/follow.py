"""Follow one log through one run: look at its files, decide, read what is new.

Files whose sight is known are left closed; the others are opened and decided on together, then
taken oldest first. Every step leaves a whole `Log` value behind, so a run may stop after any.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple, assert_never

from msgspec.structs import replace

from batchlog.errors import Interrupted, LogError
from batchlog.segments.book import Book, Progress
from batchlog.segments.discover import File, Found
from batchlog.segments.findings import decision, error, notice
from batchlog.segments.gaps import lost_bytes
from batchlog.segments.identity import Likeness, compare
from batchlog.segments.known import Condition, Log, Segment, Sight
from batchlog.segments.look import Look
from batchlog.segments.masked import Masks
from batchlog.segments.old import leave_old
from batchlog.segments.resume import MEANING, Decision, Nearby, Others, decide
from batchlog.segments.take import (
    QUIET_LINE,
    Opened,
    Tools,
    announce,
    keep_short,
    take,
    take_cut,
    take_new,
    take_rewritten,
)

REMEMBERED = 50
"""How many segments without a file are remembered of a log, the newest."""


class Seen(NamedTuple):
    """What following a log tells at its end."""

    log: Log
    missing: frozenset[int]
    """The segments without a file; none where a file could not be looked at, so that nothing is
    known to be gone (R70, R71)."""
    vanished: bool
    """A file was gone between listing and opening: the directory wants another look (R4)."""


def follow(log: Log, found: Found, tools: Tools) -> Iterator[Progress | Seen]:
    """Read what is new in the files of `found`: the log after each step, and last what was seen.

    Files are closed when the iterator ends.
    """
    with ExitStack() as files:
        following = _Follow(log, found, tools, files)
        try:
            yield from following.run()
        except LogError as problem:
            yield following.give_up(problem)
        except Interrupted:
            yield following.leave()


class _Follow:
    def __init__(self, log: Log, found: Found, tools: Tools, files: ExitStack) -> None:
        self._book = Book(_without_unconsumed(log, found))
        self._book.say(*(error(text) for text in found.problems), *found.notes)
        self._tools = tools
        marks = [segment.mark for segment in log.segments if segment.mark.start]
        self._look = Look(self._book, found, tools, files, marks)
        self._nearby = Nearby()
        self._others = Others(self._look.again, Masks())

    def run(self) -> Iterator[Progress | Seen]:
        look = self._look
        look.at_all()
        segments = self._book.log.segments
        decisions = decide(segments, look.known, look.opened, self._tools.past, self._others)
        for index, sights in look.known.items():
            self._bear_unchanged(index, sights)
        resumed = {what.segment for what in decisions if what.kind == "same"}
        both = list(zip(look.opened, decisions, strict=True))
        announce([file for file, what in both if what.kind == "new"], self._tools)
        for file, what in both:
            if not self._tools.stop:
                yield from self._carry_out(file, what)
            file.content.close()
        for index in sorted(set(look.known) - resumed):
            if not self._tools.stop:
                yield from self._due(index)
        yield self._book.progress()
        everything = not look.hidden and not self._tools.stop
        gone = set(range(len(self._book.log.segments))) - self._book.seen
        yield Seen(self._book.log, frozenset(gone if everything else ()), look.vanished)

    def leave(self) -> Progress:
        """Leave the log as far as it came: a stop was asked for while a file was looked at."""
        return self._book.progress()

    def give_up(self, problem: LogError) -> Progress:
        """Leave the log as far as it came: the disk does not give what is needed to decide."""
        self._book.say(error(str(problem)))
        return self._book.progress()

    def _carry_out(self, file: Opened, what: Decision) -> Iterator[Progress]:
        what = self._second_thought(file, what)
        book, tools, index = self._book, self._tools, what.segment
        book.say(decision(f"{file.sight.path}: {MEANING[what.kind]}"))
        match what.kind:
            case "same":
                book.bear(index, file.sight)
                yield from take(book, index, file, tools)
            case "twin":
                book.bear(index, file.sight, first=False)
            case "kept":
                keep_short(book, index, file)
            case "cut":
                yield from take_cut(book, index, file, tools)
            case "rewritten":
                yield from take_rewritten(book, index, file, tools)
            case "old":
                leave_old(book, index, file, tools)
            case "new":
                yield from take_new(book, file, tools)
            case "waits":
                pass  # it is looked at again in the next run
            case "masked":
                book.say(notice(f"{file.sight.path}: {MEANING['masked']}"))
            case _:
                assert_never(what.kind)

    def _second_thought(self, file: Opened, what: Decision) -> Decision:
        """Decide once more where the run itself may have changed the answer.

        A new file may be the same as one that was read before it; what looks rewritten may be
        another file, while names move and its own has not been seen.
        """
        if what.kind == "rewritten" and self._look.vanished:
            return Decision("waits", what.segment)
        if what.kind != "new":
            return what
        segments, seen = self._book.log.segments, self._book.seen
        near = self._nearby.of(file, segments)
        borne = {n: segments[index].bearers for n, index in enumerate(near) if index in seen}
        past, others = self._tools.past, self._others
        (again,) = decide([segments[index] for index in near], borne, [file], past, others)
        if again.kind not in ("same", "twin", "waits", "masked"):
            return what
        return again._replace(segment=near[again.segment])

    def _bear_unchanged(self, index: int, sights: list[Sight]) -> None:
        sights.sort(key=lambda sight: (sight.form != "plain", -sight.size))
        segment = self._book.segment(index)
        self._book.seen.add(index)
        self._book.say(*(decision(f"{sight.path}: unchanged") for sight in sights))
        if tuple(sights) != segment.bearers or segment.absent:
            self._book.put(index, replace(segment, bearers=tuple(sights), absent=False))

    def _due(self, index: int) -> Iterator[Progress]:
        """Look into an unchanged file where time alone may have finished it (R33, R36, R50)."""
        segment = self._book.segment(index)
        sight = segment.bearers[0]
        file = self._look.present.get(sight.key)
        if file is None or not _is_due(segment, sight, file, self._tools.now):
            return
        opened = self._look.again(sight)
        if opened is None:
            return
        likeness = compare(segment.mark, opened.content)
        if likeness is Likeness.SAME or segment.mark.offset == segment.mark.start:
            yield from take(self._book, index, opened, self._tools)
        elif likeness is Likeness.SHORTER:
            keep_short(self._book, index, opened)


def _without_unconsumed(log: Log, found: Found) -> Log:
    """Forget segments of which nothing was consumed and whose file has changed.

    No content is like an empty mark, so that the file is taken for new.
    """
    present = {file.key for file in found.files}
    kept = tuple(
        segment
        for segment in log.segments
        if segment.mark.offset > segment.mark.start
        or (not segment.behind and any(sight.key in present for sight in segment.bearers))
    )
    return log if len(kept) == len(log.segments) else replace(log, segments=kept)


def _is_due(segment: Segment, sight: Sight, file: File, now: float) -> bool:
    if segment.state != "open" or file.active:
        return False
    if sight.form != "plain":
        return True
    return segment.mark.offset < sight.size and sight.is_quiet(now, QUIET_LINE)


def settle_missing(seen: Seen) -> Progress:
    """Count as lost what was gone in the run before already, note what is gone now (R6).

    Of segments without a file only the newest are remembered.
    """
    book = Book(seen.log)
    for index in sorted(seen.missing):
        segment = book.segment(index)
        if segment.bearers and not segment.absent:
            book.put(index, replace(segment, absent=True))
        elif segment.bearers:
            _lose(book, index)
    bare = [i for i in sorted(seen.missing) if not book.segment(i).bearers]
    forgotten = set(bare[: max(0, len(bare) - REMEMBERED)])
    if forgotten:
        kept = tuple(s for i, s in enumerate(book.log.segments) if i not in forgotten)
        firsts = [book.segment(i).first for i in forgotten]
        newest = max((s for s in (*firsts, book.log.forgotten) if s is not None), default=None)
        live = [one.first for i in forgotten if (one := book.segment(i)).state != "old"]
        oldest = min((s for s in (*live, book.log.counted_from) if s is not None), default=None)
        book.log = replace(book.log, segments=kept, forgotten=newest, counted_from=oldest)
    return book.progress()


def _lose(book: Book, index: int) -> None:
    segment = book.segment(index)
    book.put(index, replace(segment, state=_ended(segment), bearers=(), absent=False))
    if segment.state == "quarantined":
        book.lose(1, 0)
        book.say(error(f"{segment.bearers[0].path} is gone: it waited for a decision, it is lost"))
        return
    length = lost_bytes(segment)
    unread = segment.state == "open" and segment.bearers[0].form != "plain" and segment.behind
    name = segment.bearers[0].path
    if length or unread:
        book.lose(1, length)
        book.say(
            error(f"what {name} held is gone with at least {length} bytes unread: they are lost")
        )
    elif segment.state == "open":
        book.say(notice(f"what {name} held is gone, all that was seen of it was counted"))


def _ended(segment: Segment) -> Condition:
    return "old" if segment.state == "old" else "sealed"
