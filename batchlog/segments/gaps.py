"""What is gone: files that came and went between two runs leave a gap in the names (R7).

How much they held cannot be known; that there were some can be guessed, so this only warns. Of a
file that was seen it is known how much of it was not read.
"""

import os
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise

from batchlog.segments.discover import File
from batchlog.segments.known import Log, Segment
from batchlog.segments.names import Rotated, readings

_DAY = len("20261101")


def gap(log: Log, files: Sequence[File]) -> str | None:
    """Return the names that are missing between what `log` knew and what is there now."""
    if {s.key for one in log.segments for s in one.bearers} == {file.key for file in files}:
        return None  # nothing came or went
    known = {
        sight.place: _rotated(log.path, sight.path)
        for segment in log.segments
        for sight in segment.bearers
    }
    now = {file.place: _rotated(log.path, file.path) for file in files}
    return _missing_numbers(known, now) or _missing_days(known.values(), now.values())


def _rotated(base: str, path: str) -> Rotated | None:
    """Return how `path` is a rotated name of `base`, None for the active path."""
    if path == base:
        return None
    ways = readings(os.path.basename(path))
    return next((way for way in ways if way.base == os.path.basename(base)), None)


def _missing_numbers(
    known: dict[tuple[int, int], Rotated | None], now: dict[tuple[int, int], Rotated | None]
) -> str | None:
    """Compare where the newest file that was known stood with where it stands now."""
    moved = [(_number(known[place]), _number(now[place])) for place in known.keys() & now.keys()]
    before, after = min(moved, default=(0, 0))
    if after <= before:
        return None
    gone = sum(_number(way) < before for place, way in known.items() if place not in now)
    shifted = {hole + after - before for hole in _holes(known.values(), before)}
    missing = [number for number in _holes(now.values(), after) if number not in shifted]
    return f"number {', '.join(map(str, missing))}" if len(missing) > gone else None


def _holes(ways: Iterable[Rotated | None], below: int) -> list[int]:
    """Return the numbers that no file has."""
    there = {_number(way) for way in ways}
    return [number for number in range(1, below) if number not in there]


def _number(way: Rotated | None) -> int:
    return way.number if way is not None else 0


def _missing_days(known: Iterable[Rotated | None], now: Iterable[Rotated | None]) -> str | None:
    """Compare the days between rotations with the days since the newest one that was known."""
    before = {day for way in known if (day := _day(way)) is not None}
    days = sorted(before | {day for way in now if (day := _day(way)) is not None})
    if not before or len(days) <= 2:  # noqa: PLR2004 - no rhythm can be told from two
        return None
    rhythm = min((later - day).days for day, later in pairwise(days))
    for day, later in pairwise(days):
        if day == max(before) and (later - day).days > rhythm:
            return f"between {day} and {later}"
    return None


def _day(way: Rotated | None) -> date | None:
    if way is None or len(way.stamp) != _DAY:
        return None
    try:
        return date.fromisoformat(way.stamp)
    except ValueError:
        return None


def lost_bytes(segment: Segment) -> int:
    """Return how many bytes went with the last bearer unread: a lower bound, 0 where unknown.

    None below the origin: no push would have read it, and its mark covers but the head.
    """
    if segment.state == "old":
        return 0
    plain = [sight.size for sight in segment.bearers if sight.form == "plain"]
    return segment.unread(max(plain, default=0))
