"""Contents and files for tests: from bytes, or on disk."""

import os
from dataclasses import dataclass
from pathlib import Path

from batchlog.segments.content import OpenFile, open_file
from batchlog.segments.identity import Mark, make_mark
from batchlog.segments.known import Condition, Segment, Sight


@dataclass(frozen=True)
class Bytes:
    """A content that is given as bytes."""

    data: bytes

    @property
    def start(self) -> int:
        """First byte that is not NUL."""
        return len(self.data) - len(self.data.lstrip(b"\0"))

    def span(self, begin: int, end: int) -> bytes | None:
        """Return some bytes, None beyond the end."""
        return self.data[begin:end] if end <= len(self.data) else None


@dataclass
class Looked:
    """A file that was opened: what `decide` asks of it."""

    content: Bytes
    inode: int = 1
    active: bool = False
    first: int | None = None
    form: str = "plain"

    @property
    def sight(self) -> Sight:
        """How it looks on disk."""
        size = len(self.content.data)
        return Sight(f"/l/{self.inode}", 1, self.inode, size, 0, self.form)


def mark(data: bytes, upto: int | None = None) -> Mark:
    """Return the mark of `data` consumed up to `upto`, by default all of it."""
    end = len(data) if upto is None else upto
    start = Bytes(data).start
    return make_mark(start, end, data[start:], data[:end], data[:end].count(b"\n"))


def segment(
    data: bytes,
    upto: int | None = None,
    *,
    inode: int = 1,
    first: int | None = None,
    state: Condition = "open",
) -> Segment:
    """Return a segment consumed up to `upto`, last seen whole on an inode."""
    sight = Sight(f"/l/{inode}", 1, inode, len(data), 0, "plain")
    return Segment(mark(data, upto), state, 0, 0, first, "combined", bearers=(sight,))


def opened(path: Path) -> OpenFile:
    """Open a file as a run does."""
    return open_file(os.fspath(path))
