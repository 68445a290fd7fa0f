"""A file that a tool has rewritten line by line, beside what it was made from (R30).

It has other bytes, and its original is still there: in an archive that was made before, under a
hard link, in a copy. By its bytes it is a content of its own; by how far its lines reach it is not.
"""

from collections.abc import Sequence
from typing import NamedTuple

from batchlog.formats import resolve
from batchlog.scan.count import stamper
from batchlog.segments.identity import HEADS, Content
from batchlog.segments.known import Segment, Sight

LASTING = 60
"""Seconds of lines from which on a content surely went on past the second of its first line."""

_BLOCK = 1 << 20
"""Bytes that are looked at in one go to count lines."""


class Extent(NamedTuple):
    """How far a content reaches."""

    lines: int
    """Lines that end in it."""
    newest: int | None
    """Newest stamp of its last lines, Unix seconds."""


def is_masked(content: Content, spec: str, first: int | None, other: Extent | None) -> bool:
    """Tell whether a content is another one rewritten, that begins in the same second.

    Of two contents of a log that begin in the same second the earlier one ended in it. So one that
    goes on for longer, and reaches no further, is the other one; however far that is if None.
    """
    own = extent(content, spec)
    if first is None or own.newest is None or own.newest < first + LASTING:
        return False
    if other is None:
        return True
    is_newer = other.newest is not None and own.newest > other.newest
    return own.lines <= other.lines and not is_newer


def is_masked_beside(
    segment: Segment, bearers: Sequence[Content], content: Content, first: int | None
) -> bool:
    """Tell whether a content is a segment rewritten, beside others that bear it.

    It takes their place when they are gone.
    """
    if segment.state == "old":
        return is_masked(content, segment.format, first, None)
    others = [extent(bearer, segment.format) for bearer in bearers]
    lines = max([segment.mark.lines, *(other.lines for other in others)])
    newest = max((other.newest for other in others if other.newest is not None), default=None)
    return is_masked(content, segment.format, first, Extent(lines, newest))


def extent(content: Content, spec: str) -> Extent:
    """Look through a content, in a format."""
    at, length, lines, end = content.start, _BLOCK, 0, b""
    while length:
        data = content.span(at, at + length)
        if data is None:
            length //= 2
        else:
            at, lines, end = at + length, lines + data.count(b"\n"), (end + data)[-HEADS[-1] :]
    stamps = map(stamper(resolve(spec)), end.split(b"\n"))
    return Extent(lines, max((stamp for stamp in stamps if stamp is not None), default=None))


def is_overwritten(segment: Segment, sight: Sight) -> bool:
    """Tell whether shred has been, or is, over the file that bore a segment (R31).

    It keeps inode and length and leaves nothing like a first line. What it has not reached yet
    was counted, as far as it ever can be.
    """
    look = sight.place, sight.size
    return segment.first is not None and look in [(s.place, s.size) for s in segment.bearers]
