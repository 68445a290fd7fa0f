"""Decide what each file of a log is, from its content and what is remembered.

Functions from values to values. A wrong answer here counts a line twice or never, so every rule
says which scenario it is for. The inode only orders the attempts; content decides (R10, R11, R12).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from batchlog.segments.identity import HEADS, Content, Likeness, compare, digest, same_first
from batchlog.segments.known import Segment, Sight
from batchlog.segments.masked import Masks, is_overwritten
from batchlog.segments.past import Candidate, Past

Kind = Literal["same", "twin", "cut", "kept", "rewritten", "old", "new", "waits", "masked"]


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


MEANING: dict[Kind, str] = {
    "same": "resumed",
    "twin": "twin of a file that is read",
    "cut": "lost its end",
    "kept": "holds a part of what was counted",
    "rewritten": "rewritten",
    "old": "from before counting began",
    "new": "new",
    "waits": "a copy in the making, waits",
    "masked": "a masked copy of what another file holds, waits while that is there",
}
"""How each is told of."""


class Others(NamedTuple):
    """The other files of a log, to compare with."""

    into: Callable[[Sight], Candidate | None]
    """Opens a file that has not changed."""
    masks: Masks
    """Remembers what it has seen from one decision to the next."""


class _Remembered(NamedTuple):
    """What a file is held against."""

    segments: Sequence[Segment]
    borne: Mapping[int, Sequence[Candidate]]
    """By segment, the files that are it."""
    past: Past
    masks: Masks


def decide(
    segments: Sequence[Segment],
    known: Mapping[int, Sequence[Sight]],
    files: Sequence[Candidate],
    past: Past,
    others: Others | None = None,
) -> list[Decision]:
    """Return what each of `files` is.

    `known` maps the index of a segment to those bearers of it that need no further look.
    """
    into, masks = others or Others(lambda _: None, Masks())
    alike = [_likenesses(segments, file) for file in files]
    same = [_borne_by(file, segments, likes) for file, likes in zip(files, alike, strict=True)]
    borne: dict[int, list[Candidate]] = {index: [] for index, sights in known.items() if sights}
    unlike = {file.first for file, index in zip(files, same, strict=True) if index < 0}
    for index in borne:  # is one of those the same, masked, or does it begin in the same second?
        if segments[index].first in unlike - {None}:
            one = into(known[index][0])
            borne[index] = [] if one is None else [one]
    for file, index in zip(files, same, strict=True):
        if index >= 0:
            borne.setdefault(index, []).append(file)
    read = _read_first(known, files, same)
    remembered = _Remembered(segments, borne, past, masks)
    decisions = []
    for number, file in enumerate(files):
        index = same[number]
        if index >= 0:
            decisions.append(Decision("same" if read[index] == number else "twin", index))
            continue
        decision = _unlike(remembered, file, alike[number])
        if decision.kind in ("cut", "kept", "rewritten"):
            borne[decision.segment] = [file]
        decisions.append(decision)
    return decisions


class Nearby:
    """Finds the segments that a decision about one file depends on, however many there are.

    They begin alike, or in the same second. Segments may be added from one question to the next.
    """

    def __init__(self) -> None:
        self._indexed = 0
        self._by: dict[int | str | None, list[int]] = {}

    def of(self, file: Candidate, segments: Sequence[Segment]) -> Sequence[int]:
        """Return their numbers, in order; of a file without a stamp all are."""
        for index in range(self._indexed, len(segments)):
            for key in (segments[index].first, *(segments[index].mark.heads[:1] or (_HEADLESS,))):
                self._by.setdefault(key, []).append(index)
        self._indexed = len(segments)
        if file.first is None:
            return range(len(segments))
        keys = (file.first, _head(file.content), _HEADLESS)
        return sorted({index for key in keys for index in self._by.get(key, ())})


_HEADLESS = ""
"""Key of segments too short to have a head."""


def _head(content: Content) -> str | None:
    head = content.span(content.start, content.start + HEADS[0])
    return None if head is None else digest(head)


def _likenesses(segments: Sequence[Segment], file: Candidate) -> dict[int, Likeness]:
    """Compare with each segment, lowest offset first: an archive is read forward then."""
    first = _head(file.content)
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


def _unlike(remembered: _Remembered, file: Candidate, alike: Mapping[int, Likeness]) -> Decision:
    """Return what a file is whose content is that of no segment as it was left."""
    segments, borne = remembered.segments, remembered.borne
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
    return Decision("new") if file.active else _not_active(remembered, file)


def _not_active(remembered: _Remembered, file: Candidate) -> Decision:
    segments, borne, past, masks = remembered
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
        if any(masks.is_masked(file.content, one.content, spec, first) for one in borne[index]):
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
