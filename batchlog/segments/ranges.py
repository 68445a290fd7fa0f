"""Where a content can be cut, so that its pieces are read apart: after newlines of a plain one."""

from batchlog.formats import resolve
from batchlog.scan.count import stamper
from batchlog.segments.content import OpenFile
from batchlog.segments.lines import CAP
from batchlog.segments.read import LIMIT

_WINDOW = 1 << 16
"""Bytes in which a newline is looked for at a time."""


def ranges(
    content: OpenFile, begin: int, end: int | None, limit: int = LIMIT
) -> list[tuple[int, int | None]]:
    """Cut what lies from `begin` to `end` into pieces of at most `limit` bytes, each (begin, end).

    `end` is None for the end of the content, and the end of the last piece is `end` as given. A
    piece is longer where its one line is. An archive is one piece: it can only be read from its
    beginning.
    """
    pieces: list[tuple[int, int | None]] = []
    last = content.sight.size if end is None else end
    while content.plain and last - begin > limit:
        cut = _newline_before(content, begin, begin + limit)
        if cut is None:
            cut = _newline_after(content, begin + limit, last)
        if cut is None or cut >= last:
            break
        pieces.append((begin, cut))
        begin = cut
    return [*pieces, (begin, end)]


def stamp_before(content: OpenFile, offset: int, spec: str) -> int | None:
    """Return the stamp of the last line before `offset` of a plain content that has one.

    It is looked for in the 64 KiB before `offset`, in whole lines that are not oversize.
    """
    begin = max(content.start, offset - CAP - 1)
    lines = (content.span(begin, offset) or b"").split(b"\n")
    if begin > content.start:
        del lines[0]  # of which only the end is known
    stamp = stamper(resolve(spec))
    found = (stamp(line) for line in reversed(lines) if len(line) < CAP)
    return next((seconds for seconds in found if seconds is not None), None)


def _newline_before(content: OpenFile, begin: int, end: int) -> int | None:
    """Return the place after the last newline from `begin` to `end`."""
    while begin < end:
        window = max(begin, end - _WINDOW)
        found = (content.span(window, end) or b"").rfind(b"\n")
        if found >= 0:
            return window + found + 1
        end = window
    return None


def _newline_after(content: OpenFile, begin: int, end: int) -> int | None:
    """Return the place after the first newline from `begin` to `end`."""
    while begin < end:
        window = min(end, begin + _WINDOW)
        found = (content.span(begin, window) or b"").find(b"\n")
        if found >= 0:
            return begin + found + 1
        begin = window
    return None
