"""Carry out a read: from an open content and a mark to steps.

A step is one tally with the mark it leads to; whoever commits the mark commits the tally. What a
compressed file yields counts only as far as a checksum has vouched for it (R41).
"""

import sys
from collections.abc import Callable, Iterator, Sequence

from batchlog import codecs
from batchlog.errors import Interrupted, Stop
from batchlog.scan import MUCH, Scanner
from batchlog.segments.ahead import Ahead
from batchlog.segments.content import OpenFile
from batchlog.segments.cursor import Block
from batchlog.segments.identity import HEADS, TAIL, Mark, make_mark, tail_begin
from batchlog.segments.lines import Lines, Piece
from batchlog.segments.steps import End, Read, Step
from batchlog.tally import PACK, Tally

LIMIT = 256 << 20
"""Most bytes of a plain file in one step: what a kill may cost is minutes, not hours (R76)."""

PATIENCE = 1 << 30
"""Bytes without a newline that a run reads of one log, so that no other waits long for it (R112).
How many lines there are does not matter: each begins anew, and a backlog is read to its end."""


def unread_mark(content: OpenFile) -> Mark:
    """Return the mark of a content of which nothing was consumed."""
    return make_mark(content.start, content.start, b"", b"", 0)


def read(
    content: OpenFile,
    what: Read,
    scanner: Scanner,
    stop: Stop,
    report: Callable[[int], None] | None = None,
    *,
    cores: int = 1,
) -> Iterator[Step]:
    """Read `content` from a mark on and yield its steps in order, at least one.

    `report` is told after each block how far the file on disk was read, as `OpenFile.position`.
    As many `cores` are used where there is much to read; the steps do not depend on it.
    """
    much = cores > 1 and content.expected(what.mark.offset) >= MUCH
    with Ahead(scanner, cores if much else 0) as ahead:
        yield from _steps(content, what, _Reader(content, what, scanner, ahead), stop, report)


def _steps(
    content: OpenFile,
    what: Read,
    state: "_Reader",
    stop: Stop,
    report: Callable[[int], None] | None,
) -> Iterator[Step]:
    end: End = "complete"
    fault = ""
    try:
        for block in content.blocks(what.mark.offset):
            state.feed(block)
            if report:
                report(state.position)
            if state.is_done:
                break
            if stop or state.is_barren:
                end = "more"
                break
            if content.plain and state.pending_bytes >= LIMIT:
                yield state.step("more")
    except Interrupted:  # it was asked for since the last block
        end = "more"
    except codecs.Truncated:
        end, fault = "truncated", "it ends in the middle"
    except codecs.Corrupt as error:
        end, fault = "corrupt", str(error)
    state.end(what, end)
    yield state.step(end, fault)


class _Reader:
    """The tally in the making: `staged` is what no checksum has vouched for yet."""

    def __init__(self, content: OpenFile, what: Read, scanner: Scanner, ahead: Ahead) -> None:
        mark = what.mark
        self._end = sys.maxsize if what.end is None else what.end
        self.is_done = False  # all up to the end that was asked for, and sure
        self._content = content
        self._scanner = scanner
        self._ahead = ahead
        self._merged, self._sure = 0, 0  # chunks whose tally is in, and that are settled
        self._begin, self._passed = mark.offset, 0
        self._lines = mark.lines
        tail = content.span(tail_begin(mark), mark.offset) or b""
        self.lines = Lines(mark.offset, tail, TAIL, inside=mark.inside)
        self._patience = what.patience
        self._barren = 0  # bytes read since the last newline
        self._staged, self._solid = Tally(), Tally()
        self._settled = (mark.offset, tail, mark.inside, scanner.context)

    @property
    def position(self) -> int:
        """How far the file on disk was read; the block in which a range ends goes beyond it."""
        position = self._content.position
        return min(position, self._end) if self._content.plain else position

    def feed(self, block: Block) -> None:
        """Take in what lies before the end, and settle what is verified."""
        left = max(0, self._end - self.lines.offset - self.lines.waiting)
        self.lines.skip(min(block.nuls, left))
        self.take(self.lines.feed(block.data[:left]))
        newline = block.data.rfind(b"\n")
        self._barren = (self._barren if newline < 0 else 0) + len(block.data) - newline - 1
        at_end = len(block.data) + block.nuls >= left
        if at_end or self.is_barren:
            self.take(self.lines.take_nuls())
        if block.verified >= self.lines.offset:
            self.settle()
            self.is_done = at_end

    @property
    def is_barren(self) -> bool:
        """Whether so much was read without a newline that it is left for the next run."""
        return self._barren >= self._patience

    def take(self, pieces: Sequence[Piece]) -> None:
        if pieces:
            self._add(self._ahead.scan(pieces))

    def _add(self, tallies: Sequence[Tally]) -> None:
        """Merge what was scanned to what it belongs to."""
        for tally in tallies:
            self._merged += 1
            _merge(self._solid if self._merged <= self._sure else self._staged, tally)

    def end(self, what: Read, end: End) -> None:
        """Take what waits at the end as sure where nothing will follow it (R33, R50)."""
        ended = what.final and end == "complete"
        if ended:
            self.take(self.lines.finish())
        if ended or (what.salvage and end == "truncated"):
            self.settle()

    def settle(self) -> None:
        """Take what was read so far as sure."""
        _merge(self._solid, self._staged)
        self._staged = Tally()
        self._sure = self._ahead.put
        lines = self.lines
        self._settled = (lines.offset, lines.tail, lines.inside, self._scanner.context)

    @property
    def pending_bytes(self) -> int:
        return self._settled[0] - self._begin

    def step(self, end: End, fault: str = "") -> Step:
        """Close a step: what follows counts from its mark on."""
        self._add(self._ahead.rest())
        offset, tail, inside, context = self._settled
        head = self._content.beginning[: HEADS[-1]]
        self._lines += self._solid.lines  # to count newlines takes as long as to scan
        mark = make_mark(self._content.start, offset, head, tail, self._lines, inside)
        read_bytes = self.pending_bytes - (self.lines.passed - self._passed)
        waiting, nuls = self.lines.waiting, self.lines.nuls
        step = Step(mark, context, self._solid, read_bytes, end, waiting, fault, nuls)
        self._begin, self._passed = offset, self.lines.passed
        self._solid = Tally()
        return step


def _merge(tally: Tally, later: Tally) -> None:
    """Merge in bounded memory, however many rows there are."""
    tally.merge(later)
    if len(tally.rows) > PACK:
        tally.pack()
