"""What shapes a history. A history that was begun goes on only with the same."""

import msgspec


class Options(msgspec.Struct, frozen=True):
    """How lines become series and samples."""

    step: int
    """Seconds between two samples."""
    by: tuple[str, ...]
    """The labels that tallies carry, in their order."""
    bounds: tuple[int, ...]
    """Upper bounds of the duration buckets, nanoseconds, ascending."""
    namespace: str
    labels: dict[str, str]
    """On every series, as the scraped ones have them: job, instance and others. They win over
    labels of the same names, as the gateway's group does."""
    max_series: int
    """Number of label sets above which open labels become `other`."""
    since: int | None = None
    until: int | None = None
    """Bounds of the lines' stamps, Unix seconds."""
