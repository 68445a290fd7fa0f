"""A file that a tool has rewritten line by line, beside what it was made from (R30).

It has other bytes, and its original is still there: in an archive that was made before, under a
hard link, in a copy. By its bytes it is a content of its own; by how far its lines reach it is not.
"""

import sys
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from batchlog.formats import pattern, resolve
from batchlog.scan.count import stamper
from batchlog.segments.identity import HEADS, Content
from batchlog.segments.known import Segment, Sight

LASTING = 60
"""Seconds of lines from which on a content surely went on past the second of its first line."""

_BLOCK = 1 << 20
"""Bytes that are looked at in one go to count lines."""


class _Extent(NamedTuple):
    """How far a content reaches."""

    lines: int
    """Lines that end in it."""
    newest: int | None
    """Newest stamp of its last lines, Unix seconds."""


_FirstLines = list[tuple[int | None, tuple[bytes, ...] | None]]
"""Of each line its time, and its status and bytes."""


class Masks:
    """Compares contents, each of which is gone through once.

    All that begin in one second are compared with each other, and whoever may write beside a log
    may make many that do.
    """

    def __init__(self) -> None:
        self._first_lines = cache(_first_lines)
        self._extent = cache(_extent)

    def is_masked(self, content: Content, original: Content, spec: str, first: int | None) -> bool:
        """Tell whether a content is another one rewritten line by line; `first` is its first stamp.

        What masks a line leaves time, status and bytes alone. So both begin with lines that say the
        same, this one goes on past the second of its first line, and it reaches no further: no more
        lines, no newer stamp.
        """
        if not self._begin_alike(content, original, spec):
            return False
        own = self._extent(content, spec)
        if first is None or own.newest is None or own.newest < first + LASTING:
            return False
        other = self._extent(original, spec)
        is_newer = other.newest is not None and own.newest > other.newest
        return own.lines <= other.lines and not is_newer

    def _begin_alike(self, one: Content, other: Content, spec: str) -> bool:
        """Tell whether first lines have the same times, statuses and bytes.

        Two hosts, or two boots of a host without a clock, may begin in the same second.
        """
        ours, theirs = self._first_lines(one, spec), self._first_lines(other, spec)
        length = min(len(ours), len(theirs))
        return length > 0 and ours[:length] == theirs[:length]


def _first_lines(content: Content, spec: str) -> _FirstLines:
    form = resolve(spec)
    head = b"".join(_pieces(content, content.start, content.start + HEADS[-1]))
    stamp, wanted = stamper(form), frozenset({pattern.STATUS, pattern.SIZE})
    counting = pattern.counting(form, wanted).regex
    found = []
    for line in head.split(b"\n")[:-1]:
        match = counting.match(line + b"\n")
        found.append((stamp(line), match.groups() if match else None))
    return found


def _extent(content: Content, spec: str) -> _Extent:
    """Look through all of a content, in a format: an archive is decompressed for it."""
    lines, end = 0, b""
    for data in _pieces(content, content.start, sys.maxsize):
        lines, end = lines + data.count(b"\n"), (end + data)[-HEADS[-1] :]
    stamps = map(stamper(resolve(spec)), end.split(b"\n"))
    return _Extent(lines, max((stamp for stamp in stamps if stamp is not None), default=None))


def _pieces(content: Content, begin: int, end: int) -> Iterator[bytes]:
    """Yield the bytes between two offsets, as far as there are any."""
    length = min(_BLOCK, end - begin)
    while length:
        data = content.span(begin, begin + length)  # None beyond the end, which is closed in on so
        if data is None:
            length //= 2
        else:
            yield data
            begin += length
            length = min(length, end - begin)


def is_overwritten(segment: Segment, sight: Sight) -> bool:
    """Tell whether shred has been, or is, over the file that bore a segment (R31).

    It keeps inode and length and leaves nothing like a first line. What it has not reached yet
    was counted, as far as it ever can be.
    """
    look = sight.place, sight.size
    return segment.first is not None and look in [(s.place, s.size) for s in segment.bearers]
