"""What the first lines of a content tell: its format and its first stamp."""

from collections.abc import Sequence
from contextlib import suppress

from batchlog import codecs
from batchlog.detect import LOOKED_AT, detect
from batchlog.errors import LogError
from batchlog.formats import resolve
from batchlog.scan.count import stamper
from batchlog.segments.beginning import BEGINNING
from batchlog.segments.content import OpenFile
from batchlog.segments.known import Segment
from batchlog.segments.lines import Lines

FIRST_STAMP_WITHIN = 4096
"""Bytes from the start in which the first stamp is looked for."""

_FIRST_LINES_WITHIN = 16 << 20
"""Bytes that are read for lines to tell a format by, where the first one is longer than the cap."""


def format_of(content: OpenFile, asked: str, segments: Sequence[Segment]) -> str | None:
    """Return the format of a content: the one asked for, or the one its lines are in.

    A known log whose new segment tells nothing keeps its format. None where there is no whole line
    yet to tell by, LogError where nothing fits.
    """
    if asked != "auto":
        return asked
    lines = whole_lines(content.beginning)
    found = detect(lines or [content.beginning])
    if found is not None:
        return found.spec
    kept = next((s.format for s in reversed(segments) if s.format and s.state != "old"), "")
    if kept:
        return kept
    if not lines:
        lines = _behind_first_line(content)
        found = detect(lines)
        if found is not None or not lines:
            return None if found is None else found.spec
    raise LogError(
        f"{content.sight.path} is in no format that batchlog knows; "
        f"'batchlog detect {content.sight.path}' shows where it stops matching, "
        "and --format takes a LogFormat or log_format string"
    )


def first_stamp(content: OpenFile, spec: str) -> int | None:
    """Return the stamp of the first line that has one, Unix seconds."""
    stamp, head = stamper(resolve(spec)), content.beginning[:FIRST_STAMP_WITHIN]
    is_long = len(head) == FIRST_STAMP_WITHIN and b"\n" not in head
    for line in [head + b"\0"] if is_long else whole_lines(head):  # no stamp ends at a NUL
        seconds = stamp(line)
        if seconds is not None:
            return seconds
    return None


def _behind_first_line(content: OpenFile) -> list[bytes]:
    """Return the first line, of which only a beginning is at hand, and those behind it.

    None while it is not known how it ends, unless it is too long to wait for that.
    """
    lines = list[bytes]()
    if len(content.beginning) < BEGINNING:
        return lines
    cutter, read = Lines(content.start, b"", 1), 0
    with suppress(codecs.Truncated, codecs.Corrupt):
        for block in content.blocks(content.start):
            cutter.skip(block.nuls)
            lines += [one for piece in cutter.feed(block.data) for one in whole_lines(piece.text)]
            read += len(block.data)
            if len(lines) >= LOOKED_AT or read >= _FIRST_LINES_WITHIN:
                return lines
    return [] if len(lines) == 1 and cutter.inside else lines


def whole_lines(data: bytes) -> list[bytes]:
    """Return the lines of `data` that have their end, without it."""
    return data.split(b"\n")[:-1]
