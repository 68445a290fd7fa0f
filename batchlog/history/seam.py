"""Where the history of a series ends, and live counting takes over. Values only, no clock.

History holds the lines below a log's origin, whatever their stamps; live series hold those above.
So that raw values, added up with their resets, are right over the seam: every sample of history
stands before the live series was created, stamps beyond that are clamped to just before it, and a
0 follows. And never a sample newer than `LIMIT` before now: a Prometheus that is restarted on a
block which ends after the begin of its head drops newer data of *all* series (tried with 2.42).

With `LIMIT` and an origin that is older, nothing that a push creates from now on is in the way.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from batchlog.state.checkpoint import Series
from batchlog.state.totals import Labels, is_backfilled

LIMIT = 4 * 3600
"""Seconds before now after which history has no sample: a head spans up to three hours, and more
on a server that has not compacted yet."""


class Seams(NamedTuple):
    """What the checkpoint says about the end of history, when the reads were planned."""

    now: int
    """Unix seconds."""
    live: Mapping[Labels, int]
    """Labels of each live series, the group's among them, to the time of its creation."""
    origins: Mapping[str, int]
    """Source to the time at which live counting of its log began; one that no push knows is not
    among them."""


class Ceiling(NamedTuple):
    """The latest time of a sample of some series, for lines of some source."""

    time: int
    clamps: bool
    """Whether lines above it are moved down to it; else they are only new, and left out."""


def live_series(totals: Iterable[Series], labels: Mapping[str, str]) -> dict[Labels, int]:
    """Return the creation time of the live series among totals; `labels` are the group's."""
    found: dict[Labels, int] = {}
    for series in totals:
        if not is_backfilled(series):
            final = labelled(dict(series.labels), labels)
            found[final] = min(series.created, found.get(final, series.created))
    return found


def labelled(named: Mapping[str, str], labels: Mapping[str, str]) -> Labels:
    """Return a series' labels as Prometheus will have them: an empty value is no label."""
    return tuple(sorted((name, value) for name, value in {**named, **labels}.items() if value))


def refusals(origins: Mapping[str, int], now: int) -> list[str]:
    """Return a sentence for each source whose seam is too young for any history before it."""
    return [
        f"{source}: counting it began at {_local(origin)}, and history must end {LIMIT // 3600} "
        f"hours before now; run this again from {_local(origin + LIMIT)} on"
        for source, origin in origins.items()
        if now < origin + LIMIT
    ]


def _local(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).astimezone().isoformat(sep=" ")


def ceiling(seams: Seams, source: str, labels: Labels) -> Ceiling:
    """Return where lines of a source in a series must end."""
    latest = seams.now - LIMIT - 1
    begun = (seams.live.get(labels), seams.origins.get(source))
    seam = min((at - 2 for at in begun if at is not None), default=latest + 1)
    return Ceiling(min(seam, latest), clamps=seam <= latest)


def zero(seams: Seams, labels: Labels, sources: Collection[str], last: int) -> int | None:
    """Return when the 0 that ends a series stands, None where nothing live can follow it.

    `last` is the time of the last sample, and `sources` are those that have lines in the series.
    The 0 stands just before the first live sample, where `increase()` needs it, if that is not too
    new; else right after the last sample.
    """
    begun = seams.live.get(labels)
    if begun is None:
        begun = max(
            (seams.origins[name] for name in sources if name in seams.origins), default=None
        )
    if begun is None:
        return None
    return begun - 1 if last < begun - 1 <= seams.now - LIMIT else last + 1
