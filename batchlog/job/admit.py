"""How many logs patterns may find: no more than `max_logs`, whatever names files are given (R119).

Paths that are named do not count, nor do logs that are gone for long. Logs that are known come
first, then those that come back, then new ones in the order of their names. What is left alone is
neither opened nor known, and begins whole as soon as there is room.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from batchlog.job.survey import Place
from batchlog.segments.gone import is_found, is_long_gone
from batchlog.segments.known import Log


class Admitted(NamedTuple):
    """The logs of a run."""

    places: list[Place]
    left: int
    """How many more are left alone."""


def admit(places: Sequence[Place], known: Mapping[str, Log], limit: int, now: float) -> Admitted:
    """Leave out the logs for which there is no room."""
    room = limit - sum(is_found(log) and not is_long_gone(log, now) for log in known.values())
    asking = [place for place in places if _asks(place, known, now)]
    if len(asking) <= room:
        return Admitted(list(places), 0)
    asking.sort(key=lambda place: place.found.path not in known)
    left = {place.found.path for place in asking[max(0, room) :]}
    return Admitted([place for place in places if place.found.path not in left], len(left))


def _asks(place: Place, known: Mapping[str, Log], now: float) -> bool:
    """Whether a log needs room: a pattern found it, its files are there, and it has none yet."""
    path = place.found.path
    found = place.entry.path != path and bool(place.found.files)
    return found and (path not in known or is_long_gone(known[path], now))


def told(left: int, limit: int) -> str:
    """Return what there is to say of so many logs that are left alone."""
    logs = "1 log is" if left == 1 else f"{left:,} logs are"
    return (
        f"{logs} left alone, since patterns have found {limit:,} (metrics.max_logs): raise it, or "
        "let the patterns match fewer; nothing of them is counted until there is room"
    )
