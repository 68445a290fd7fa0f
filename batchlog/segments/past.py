"""What tells a file that holds only lines from before counting began."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from batchlog.segments.identity import Content
from batchlog.segments.known import Segment, Sight

DISORDER = 86_400
"""Seconds by which the lines of one log may be out of order: Apache stamps the start of a request,
nginx writes whole buffers late."""


class Candidate(Protocol):
    """A file that was opened because its sight is not known."""

    @property
    def sight(self) -> Sight:
        """How it looked when it was opened."""

    @property
    def active(self) -> bool:
        """Whether the writer is expected to write to it."""

    @property
    def content(self) -> Content:
        """Its bytes."""

    @property
    def first(self) -> int | None:
        """Stamp of its first line that has one."""


class Past(NamedTuple):
    """What tells files from before counting began, as it was known before the run."""

    oldest: int | None
    """`oldest_first` of the log."""
    origin: int
    """When counting of it began, Unix seconds."""
    above: int | None = None
    """`Log.above`."""
    forgotten: int | None = None
    """`Log.forgotten`."""

    def holds(self, file: Candidate) -> bool:
        """Return whether the file is from before counting began.

        Lines may be out of order, and a clock may be set back (R72): a first stamp somewhat older
        than all that is remembered says so only of a file that nobody has written to since.
        """
        if file.first is None:
            return False
        if self.forgotten is not None and file.first <= self.forgotten:
            return True
        if self.above is not None and file.first >= self.above:
            return False
        if self.oldest is None or file.first >= self.oldest:
            return False
        return file.first < self.oldest - DISORDER or file.sight.mtime < self.origin * 10**9


def oldest_first(segments: Sequence[Segment]) -> int | None:
    """Return the first stamp below which a file holds only what is below the origin."""
    live = [s.first for s in segments if s.state != "old" and s.first is not None]
    old = [s.first + 1 for s in segments if s.state == "old" and s.first is not None]
    return min(live) if live else max(old, default=None)
