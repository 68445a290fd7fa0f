"""Decide what each file of a log is, from its content and what is remembered.

Functions from values to values. A wrong answer here counts a line twice or never, so every rule
says which scenario it is for. The inode only orders the attempts; content decides (R10, R11, R12).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from batchlog.segments.identity import HEADS, Content, Likeness, compare, digest, same_first
from batchlog.segments.known import Segment, Sight
from batchlog.segments.masked import is_masked, is_overwritten

Kind = Literal["same", "twin", "cut", "kept", "rewritten", "old", "new", "waits", "masked"]


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


DISORDER = 86_400
"""Seconds by which the lines of one log may be out of order: Apache stamps the start of a request,
nginx writes whole buffers late."""


class Decision(NamedTuple):
    """What a file is.

    same: it bears that segment and is the one to read. twin: it bears it too, another is read.
    cut: the live file lost its end; the mark moves back. kept: it bears a part of the segment,
    all of it counted. rewritten: it bears the segment with other bytes. old: below the origin, or
    older than all that is remembered. new: a segment of its own. waits: a copy in the making.
    masked: the segment with other bytes, while another file bears it.
    """

    kind: Kind
    segment: int = -1


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


def decide(
    segments: Sequence[Segment],
    known: Mapping[int, Sequence[Sight]],
    files: Sequence[Candidate],
    past: Past,
    into: Callable[[Sight], Candidate | None] = lambda _: None,
) -> list[Decision]:
    """Return what each of `files` is; `into` opens a file that has not changed, to compare with.

    `known` maps the index of a segment to those bearers of it that need no further look.
    """
    alike = [_likenesses(segments, file) for file in files]
    same = [_borne_by(file, segments, likes) for file, likes in zip(files, alike, strict=True)]
    borne: dict[int, list[Candidate]] = {index: [] for index, sights in known.items() if sights}
    others = {file.first for file, index in zip(files, same, strict=True) if index < 0}
    for index in borne:  # is one of those the same, masked, or does it begin in the same second?
        if segments[index].first in others - {None}:
            one = into(known[index][0])
            borne[index] = [] if one is None else [one]
    for file, index in zip(files, same, strict=True):
        if index >= 0:
            borne.setdefault(index, []).append(file)
    read = _read_first(known, files, same)
    decisions = []
    for number, file in enumerate(files):
        index = same[number]
        if index >= 0:
            decisions.append(Decision("same" if read[index] == number else "twin", index))
            continue
        decision = _unlike(segments, borne, file, alike[number], past)
        if decision.kind in ("cut", "kept", "rewritten"):
            borne[decision.segment] = [file]
        decisions.append(decision)
    return decisions


def oldest_first(segments: Sequence[Segment]) -> int | None:
    """Return the first stamp below which a file holds only what is below the origin."""
    live = [s.first for s in segments if s.state != "old" and s.first is not None]
    old = [s.first + 1 for s in segments if s.state == "old" and s.first is not None]
    return min(live) if live else max(old, default=None)


def _likenesses(segments: Sequence[Segment], file: Candidate) -> dict[int, Likeness]:
    """Compare with each segment, lowest offset first: an archive is read forward then."""
    head = file.content.span(file.content.start, file.content.start + HEADS[0])
    first = None if head is None else digest(head)
    order = [
        index
        for index, segment in enumerate(segments)
        if (not segment.mark.heads or segment.mark.heads[0] == first)
        and not _tells_nothing(segment, file)
    ]
    order.sort(key=lambda index: segments[index].mark.offset)
    alike = {index: compare(segments[index].mark, file.content) for index in order}
    return {index: like for index, like in alike.items() if like is not Likeness.OTHER}


def _borne_by(file: Candidate, segments: Sequence[Segment], alike: Mapping[int, Likeness]) -> int:
    """Return the segment that the file bears, -1 where it bears none.

    Of several it is the one that the file was seen with before, as two files of the same lines may
    both grow (R13), else the one consumed furthest.
    """
    same = [index for index, like in alike.items() if like is Likeness.SAME]

    def nearness(index: int) -> tuple[bool, int, bool]:
        segment = segments[index]
        return _on_inode(segment, file), segment.mark.offset, segment.state != "old"

    return max(same, key=nearness, default=-1)


def _read_first(
    known: Mapping[int, Sequence[Sight]], files: Sequence[Candidate], same: Sequence[int]
) -> dict[int, int]:
    """Return for each segment the number of the file to read, -1 where an unchanged one leads.

    Of several bearers the plain one is read, then the longer (R26, R32); while a plain one is
    there and has not changed, an archive of it tells nothing new.
    """
    chosen: dict[int, tuple[tuple[bool, int], int]] = {
        index: (max(_rank(sight) for sight in sights), -1)
        for index, sights in known.items()
        if sights
    }
    for number, index in enumerate(same):
        if index >= 0:
            rank = _rank(files[number].sight)
            if index not in chosen or rank > chosen[index][0]:
                chosen[index] = rank, number
    return {index: number for index, (_, number) in chosen.items()}


def _rank(sight: Sight) -> tuple[bool, int]:
    return sight.form == "plain", sight.size


def _unlike(
    segments: Sequence[Segment],
    borne: Mapping[int, Sequence[Candidate]],
    file: Candidate,
    alike: Mapping[int, Likeness],
    past: Past,
) -> Decision:
    """Return what a file is whose content is that of no segment as it was left."""
    nearest = sorted(alike, key=lambda index: not _on_inode(segments[index], file))
    for index in nearest:
        if not same_first(segments[index].first, file.first):
            continue
        if index in borne:
            if not file.active and alike[index] is Likeness.SHORTER:
                return Decision("waits", index)  # a copy in the making (R26)
        elif alike[index] is Likeness.SHORTER:  # never back to 0 (R37, R98)
            live = file.active and file.sight.form == "plain" and segments[index].state != "old"
            return Decision("cut" if live else "kept", index)
        else:
            return _rewritten(segments, index)
    return Decision("new") if file.active else _not_active(segments, borne, file, past)


def _not_active(
    segments: Sequence[Segment],
    borne: Mapping[int, Sequence[Candidate]],
    file: Candidate,
    past: Past,
) -> Decision:
    if file.first is None:
        shredded = [is_overwritten(segment, file.sight) for segment in segments]
        return Decision("kept", shredded.index(True)) if any(shredded) else Decision("new")
    if past.holds(file):
        return Decision("old")
    begun = [index for index, segment in enumerate(segments) if segment.first == file.first]
    begun.sort(key=lambda index: (index in borne, not _on_inode(segments[index], file)))
    for index in begun:
        if index not in borne:
            return _rewritten(segments, index)
        spec, first = segments[index].format, file.first
        if any(is_masked(file.content, one.content, spec, first) for one in borne[index]):
            return Decision("masked", index)
    return Decision("new")


def _rewritten(segments: Sequence[Segment], index: int) -> Decision:
    return Decision("old" if segments[index].state == "old" else "rewritten", index)


def _tells_nothing(segment: Segment, file: Candidate) -> bool:
    """Return whether a segment below the origin is but a header or fragment that others begin with.

    It never grows into a file with lines of its own: those of such a file were written later.
    """
    return segment.state == "old" and segment.first is None and file.first is not None


def _on_inode(segment: Segment, file: Candidate) -> bool:
    return any(sight.place == file.sight.place for sight in segment.bearers)
