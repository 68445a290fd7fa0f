"""Two contents side by side, as their files are on disk now: what marks alone cannot tell."""

from collections.abc import Iterable

from batchlog.errors import LogError
from batchlog.segments.content import OpenFile, open_file
from batchlog.segments.disk import is_elsewhere, whereabouts
from batchlog.segments.identity import HEADS, Likeness, Mark, compare
from batchlog.segments.known import Consumed, Sight
from batchlog.segments.masked import Masks

_LOOK = 1 << 20
"""Bytes that are compared."""

_SURE = 1024
"""Bytes that two logs do not begin with by chance, if those before the mark agree as well."""


def is_copy(content: OpenFile, mark: Mark, likeness: Likeness, bearers: Iterable[Sight]) -> bool:
    """Tell whether a content that comes up in another log is the one of `mark` (R100).

    It is where one of them is the beginning of the other. Logs may well begin alike, with the same
    health check in each: while a file still holds what `mark` claims, whatever its name, the bytes
    tell. Else what was read in full must have been enough, or all there is; of what is shorter the
    longest head must agree.
    """
    if likeness not in (Likeness.SAME, Likeness.SHORTER):
        return False
    for sight in bearers:
        if sight.place == content.sight.place:
            if likeness is Likeness.SAME:
                return True  # the file itself, under another name
            continue
        alike = _begin_alike(content, mark, sight)
        if alike is not None:
            return alike
    if likeness is Likeness.SHORTER:
        return content.span(content.start, content.start + HEADS[-1]) is not None
    enough = mark.offset - mark.start >= _SURE
    return enough or content.span(mark.offset, mark.offset + 1) is None


def _begin_alike(content: OpenFile, mark: Mark, sight: Sight) -> bool | None:
    """Compare with a file that holds a mark; None where there is no such file any more."""
    path = whereabouts(sight)
    if path is None:
        return None
    try:
        with open_file(path, [mark]) as other:
            if compare(mark, other) is not Likeness.SAME:
                return None
            ours, theirs = content.first_bytes(_LOOK), other.first_bytes(_LOOK)
    except (FileNotFoundError, LogError):
        return None
    length = min(len(ours), len(theirs))
    return ours[:length] == theirs[:length]


def stands_beside(content: OpenFile, first: int | None, entry: Consumed) -> bool:
    """Tell whether another file than this one still holds an entry, and this one is no masked copy.

    `first` is the first stamp of the content.
    """
    if not is_elsewhere(entry.bearer, content.sight.place):
        return False
    try:
        with open_file(entry.bearer.path) as other:
            return not Masks().is_masked(content, other, entry.format, first)
    except (FileNotFoundError, LogError):
        return False
