"""Where a content can be cut, so that its pieces are read apart: after newlines of a plain one.

In a line so long that none is near, a cut is made inside of it, behind all that it counts by.
"""

from batchlog.formats import resolve
from batchlog.scan.count import stamper
from batchlog.segments.content import OpenFile
from batchlog.segments.lines import CAP, beginning
from batchlog.segments.read import LIMIT

_WINDOW = 1 << 16
"""Bytes in which a newline is looked for at a time."""

_NEAR = 1 << 20
"""Bytes on both sides of a cut in which one is looked for: more than a line counts by."""


def ranges(
    content: OpenFile, begin: int, end: int | None, limit: int = LIMIT
) -> list[tuple[int, int | None]]:
    """Cut what lies from `begin` to `end` into pieces of at most `limit` bytes, each (begin, end).

    `end` is None for the end of the content, and the end of the last piece is `end` as given. A
    piece is longer where its one line is, or a hole, which is not read. An archive is one piece: it
    can only be read from its beginning.
    """
    pieces: list[tuple[int, int | None]] = []
    last = content.sight.size if end is None else end
    while content.plain and last - begin > limit:
        cut = _cut(content, begin, begin + limit, last)
        if cut >= last:
            break
        pieces.append((begin, cut))
        begin = cut
    return [*pieces, (begin, end)]


def is_inside(content: OpenFile, cut: int) -> bool:
    """Tell whether a cut that `ranges` made stands inside a line (see `Mark`)."""
    return content.span(cut - 1, cut) != b"\n"


def stamp_before(content: OpenFile, offset: int, spec: str) -> int | None:
    """Return the stamp of the last line before `offset` of a plain content that has one.

    It is looked for in the MiB before `offset`, in lines of which the beginning is there.
    """
    begin = max(content.start, offset - _NEAR)
    lines = (content.span(begin, offset) or b"").split(b"\n")
    if begin > content.start:
        del lines[0]  # of which only the end is known
    stamp = stamper(resolve(spec))
    texts = (beginning(line) if len(line) >= CAP else line for line in reversed(lines))
    return next((seconds for text in texts if (seconds := stamp(text)) is not None), None)


def _cut(content: OpenFile, begin: int, at: int, last: int) -> int:
    """Return where to cut near a place: after a newline if there is one."""
    if content.passed(at) > at:
        return content.passed(at)
    far = min(last, at + _NEAR)
    cut = _newline_before(content, max(begin, at - _NEAR), at) or _newline_after(content, at, far)
    return cut or far


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
