"""Marks at places other than where a read left off: an end, a beginning, a number of lines."""

from batchlog import codecs
from batchlog.segments.content import OpenFile
from batchlog.segments.identity import HEADS, TAIL, Mark, make_mark
from batchlog.segments.lines import Lines


def mark_at_end(content: OpenFile) -> Mark:
    """Return the mark after the last newline, as far as the content can be decoded."""
    found = mark_after(content, None)
    assert found is not None  # without a number of lines there is always an end  # noqa: S101
    return found


def mark_of_head(content: OpenFile) -> Mark:
    """Return a mark by which a content is known again without reading it whole."""
    head = content.beginning[: HEADS[-1]]
    return make_mark(content.start, content.start + len(head), head, head, 0)


def mark_after(content: OpenFile, lines: int | None) -> Mark | None:
    """Return the mark after that many lines, None where the content has fewer.

    An unterminated last line counts as the last of them: it may have been sealed.
    """
    cutter, seen = Lines(content.start, b"", TAIL), 0
    try:
        for block in content.blocks(content.start):
            data = block.data
            if lines is not None and seen + data.count(b"\n") >= lines:
                cutter.feed(data[: _after(data, lines - seen)])
                return _mark(content, cutter, lines)
            pieces, oversize = cutter.feed(data)
            seen += sum(piece.lines for piece in pieces) + oversize
    except (codecs.Truncated, codecs.Corrupt):
        pass
    if lines is None:
        return _mark(content, cutter, seen)
    rest, oversize = cutter.finish()
    seen += bool(rest) + oversize
    return _mark(content, cutter, seen) if seen == lines else None


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
    return make_mark(content.start, cutter.offset, head, cutter.tail, lines)
