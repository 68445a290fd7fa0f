"""What shapes a history. A history that was begun goes on only with the same."""

import msgspec

from batchlog.scan import Timing


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
    asked: tuple[str, str] = ("", "")
    """The bounds as they were given: an age is another second in each run."""

    @property
    def timing(self) -> Timing:
        """Which lines are read, and into which slots they go."""
        return Timing(self.step, self.since, self.until)

    def as_begun(self, held: "Options") -> "Options":
        """Return them with the bounds of `held` where these were given in the same words."""
        pairs = zip(self.asked, held.asked, strict=True)
        since, until = (bool(word) and word == old for word, old in pairs)
        return msgspec.structs.replace(
            self,
            since=held.since if since else self.since,
            until=held.until if until else self.until,
        )
