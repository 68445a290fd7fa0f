"""Where a content begins: behind the NULs that a file may begin with (R27), as far as is kept."""

from batchlog import codecs
from batchlog.segments.cursor import ArchiveCursor, PlainCursor

BEGINNING = 1 << 16
"""Bytes that are kept of a content's beginning: for its heads, its format and its first stamp."""


def beginning_of(
    cursor: PlainCursor | ArchiveCursor, start: int, patience: int
) -> tuple[int, bytes, bool]:
    """Return where the first byte stands that is not NUL, and up to `BEGINNING` bytes from there.

    The bytes before `start` are known to be NUL. The last value is false where after `patience`
    bytes more there was none that is not.
    """
    beginning, read = b"", 0
    try:
        for block in cursor.blocks(start):
            if beginning:
                beginning += block.data or bytes(min(block.nuls, BEGINNING))
            else:
                beginning = _without_nuls(block.data)
                start += len(block.data) + block.nuls - len(beginning)
            read += len(block.data)
            if len(beginning) >= BEGINNING:
                break
            if read >= patience and not beginning:
                return start, b"", False
    except (codecs.Truncated, codecs.Corrupt):
        pass
    return start, beginning[:BEGINNING], True


def _without_nuls(data: bytes) -> bytes:
    """Return what does not begin with NULs; to compare is quicker than to strip them all."""
    is_blank = data.startswith(b"\0") and data == bytes(len(data))
    return b"" if is_blank else data.lstrip(b"\0")
