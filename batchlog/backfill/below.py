"""How much of a content lies below the origin of its log: that much is for a backfill.

A file belongs to a log by its content, else by its name. The same rules as those of a push decide
(`segments.resume`), so that what one counts the other leaves.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from batchlog.segments.beside import is_copy
from batchlog.segments.content import OpenFile
from batchlog.segments.identity import HEADS, Likeness, compare, digest, same_first
from batchlog.segments.known import Log, Segment, Sight
from batchlog.segments.marks import mark_after
from batchlog.segments.past import Past, oldest_first
from batchlog.segments.take import Opened

COUNTED = "above the origin: counted by a push"
FORGOTTEN = "above the origin: counted by a push so long ago that only its time is remembered"
NEXT_PUSH = "above the origin: the next push counts it"
QUARANTINED = "quarantined: 'batchlog resolve' decides on it first"


class Below(NamedTuple):
    """What of a content lies below the origin: all before `end`, None meaning all of it."""

    log: Log | None
    """The log that it belongs to; None where no push knows it."""
    end: int | None
    reason: str = ""
    """Why none of it is to be read, where that is so."""


class Origins:
    """The logs that pushes count.

    `owner` is the log that a file belongs to by its name, and whether it is the active file; it
    is asked with device and inode. `is_elsewhere` tells whether another file than the one there
    still looks like a sight. `now` is Unix seconds.
    """

    def __init__(
        self,
        logs: Iterable[Log],
        owner: Callable[[tuple[int, int]], tuple[str, bool] | None],
        is_elsewhere: Callable[[Sight, tuple[int, int]], bool],
        now: float,
    ) -> None:
        self._now = now
        self._logs = {log.path: log for log in logs}
        self._owner = owner
        self._is_elsewhere = is_elsewhere
        self._by_head: dict[str, list[tuple[Log, Segment]]] = {}
        for log in self._logs.values():
            for segment in log.segments:
                if segment.mark.offset > segment.mark.start:
                    heads = segment.mark.heads
                    self._by_head.setdefault(heads[0] if heads else "", []).append((log, segment))

    def below(self, content: OpenFile, first: int | None) -> Below:
        """Return what of a content lies below an origin; `first` is its first stamp."""
        path, active = self._owner(content.sight.place) or ("", False)
        found = self._by_content(content, first, path)
        if found is not None:
            return _bounded(content, *found)
        log = self._logs.get(path)
        if log is None:
            return Below(None, None)
        gone = [
            segment
            for segment in log.segments
            if segment.first == first is not None and not self._has_bearer(segment, content)
        ]
        if gone and not active:
            return _bounded(content, log, gone[0], Likeness.EDITED)
        file = Opened(content, active, first, "")
        begun = log.begun(self._now)
        past = Past(oldest_first(log.segments), begun, log.above, log.forgotten)
        if active or not past.holds(file):
            return Below(log, content.start, NEXT_PUSH)
        if _was_counted(log, first):
            return Below(log, content.start, FORGOTTEN)
        return Below(log, None)

    def _by_content(
        self, content: OpenFile, first: int | None, path: str
    ) -> tuple[Log, Segment, Likeness] | None:
        """Return the segment that the content is most like, of its own log if it can be."""
        head = content.span(content.start, content.start + HEADS[0])
        names = [""] if head is None else ["", digest(head)]
        alike = []
        for log, segment in (one for name in names for one in self._by_head.get(name, ())):
            likeness = compare(segment.mark, content)
            if likeness is Likeness.EDITED and self._is_another(segment, content, first):
                continue
            if likeness is Likeness.SHORTER and not same_first(first, segment.first):
                continue
            if log.path != path and not is_copy(content, segment.mark, likeness, segment.bearers):
                continue
            if likeness is not Likeness.OTHER:
                rank = likeness, log.path != path, -segment.mark.offset, segment.state == "old"
                alike.append((rank, (log, segment, likeness)))
        return min(alike, key=lambda one: one[0])[1] if alike else None

    def _is_another(self, segment: Segment, content: OpenFile, first: int | None) -> bool:
        """Tell whether a content only begins like a segment (R13)."""
        known = segment.first is not None and first is not None
        return (known and segment.first != first) or self._has_bearer(segment, content)

    def _has_bearer(self, segment: Segment, content: OpenFile) -> bool:
        """Tell whether another file than this one bears the segment still."""
        return any(self._is_elsewhere(sight, content.sight.place) for sight in segment.bearers)


def _bounded(content: OpenFile, log: Log, segment: Segment, likeness: Likeness) -> Below:
    if segment.state == "quarantined":
        return Below(log, content.start, QUARANTINED)
    if segment.begin is None:
        return Below(log, None)
    end = segment.begin
    if likeness is Likeness.EDITED:  # rewritten: by lines, as a push goes on in it (R30)
        mark = mark_after(content, segment.begin_lines) if segment.begin_lines else None
        end = content.start if mark is None else mark.offset
    return Below(log, end, COUNTED if end <= content.start else "")


def _was_counted(log: Log, first: int | None) -> bool:
    """Tell whether a file older than what is remembered may have been counted and forgotten."""
    if log.counted_from is None or first is None or log.forgotten is None:
        return False
    return log.counted_from <= first <= log.forgotten
