"""What the first lines of a content tell: its format and its first stamp."""

from collections.abc import Sequence

from batchlog.detect import detect
from batchlog.errors import LogError
from batchlog.formats import resolve
from batchlog.scan.count import stamper
from batchlog.segments.content import OpenFile
from batchlog.segments.known import Segment

FIRST_STAMP_WITHIN = 4096
"""Bytes from the start in which the first stamp is looked for."""


def format_of(content: OpenFile, asked: str, segments: Sequence[Segment]) -> str | None:
    """Return the format of a content: the one asked for, or the one its lines are in.

    A known log whose new segment tells nothing keeps its format. None where there is no whole line
    yet to tell by, LogError where nothing fits.
    """
    if asked != "auto":
        return asked
    found = detect(whole_lines(content.beginning) or [content.beginning])
    if found is not None:
        return found.spec
    kept = next((s.format for s in reversed(segments) if s.format and s.state != "old"), "")
    if kept:
        return kept
    if not whole_lines(content.beginning):
        return None
    raise LogError(
        f"{content.sight.path} is in no format that batchlog knows; "
        f"'batchlog detect {content.sight.path}' shows where it stops matching, "
        "and --format takes a LogFormat or log_format string"
    )


def first_stamp(content: OpenFile, spec: str) -> int | None:
    """Return the stamp of the first line that has one, Unix seconds."""
    stamp = stamper(resolve(spec))
    for line in whole_lines(content.beginning[:FIRST_STAMP_WITHIN]):
        seconds = stamp(line)
        if seconds is not None:
            return seconds
    return None


def whole_lines(data: bytes) -> list[bytes]:
    """Return the lines of `data` that have their end, without it."""
    return data.split(b"\n")[:-1]
