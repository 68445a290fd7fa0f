"""Marks at places other than where a read left off: an end, a beginning, a number of lines."""

from contextlib import suppress

from batchlog import codecs
from batchlog.segments.content import OpenFile
from batchlog.segments.cursor import Block
from batchlog.segments.identity import HEADS, TAIL, Mark, make_mark
from batchlog.segments.lines import Lines


def mark_at_end(content: OpenFile, *, nuls: bool = False) -> Mark:
    """Return the mark after the last newline, as far as the content can be decoded.

    Behind the cap of a longer line without end it stands at the end of that; with `nuls` behind
    those that end the content too.
    """
    cutter, lines = Lines(content.start, b"", TAIL), 0
    with suppress(codecs.Truncated, codecs.Corrupt):
        for block in content.blocks(content.start):
            _feed(cutter, block)
            lines += block.data.count(b"\n")
    if nuls:
        cutter.take_nuls()
    return _mark(content, cutter, lines + cutter.inside)


def mark_of_head(content: OpenFile) -> Mark:
    """Return a mark by which a content is known again without reading it whole."""
    head = content.beginning[: HEADS[-1]]
    return make_mark(content.start, content.start + len(head), head, head, 0)


def mark_after(content: OpenFile, lines: int, *, inside: bool = False) -> Mark | None:
    """Return the mark after that many lines, None where the content has fewer.

    An unterminated last line counts as the last of them: it may have been sealed, or it counted by
    its beginning and has not ended yet (`inside`).
    """
    cutter, seen = Lines(content.start, b"", TAIL), 0
    with suppress(codecs.Truncated, codecs.Corrupt):
        for block in content.blocks(content.start):
            data = block.data
            newlines = data.count(b"\n")
            if seen + newlines >= lines:
                cutter.feed(data[: _after(data, lines - seen)])
                return _mark(content, cutter, lines)
            _feed(cutter, block)
            seen += newlines
    if not (cutter.inside or cutter.waiting) or seen + 1 != lines:
        return None
    cutter.finish()
    cutter.inside |= inside
    return _mark(content, cutter, lines)


def _feed(cutter: Lines, block: Block) -> None:
    cutter.skip(block.nuls)
    cutter.feed(block.data)


def is_complete(content: OpenFile) -> bool:
    """Return whether it is an archive that decodes to its end."""
    try:
        for _ in content.blocks(content.start):
            pass
    except (codecs.Truncated, codecs.Corrupt):
        return False
    return not content.plain


def _after(data: bytes, lines: int) -> int:
    """Return the position in `data` after that many newlines."""
    at = 0
    for _ in range(lines):
        at = data.index(b"\n", at) + 1
    return at


def _mark(content: OpenFile, cutter: Lines, lines: int) -> Mark:
    head = content.beginning[: HEADS[-1]]
    return make_mark(content.start, cutter.offset, head, cutter.tail, lines, cutter.inside)
