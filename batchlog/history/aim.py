"""What history is asked for, and which labels its series have."""

import os
from typing import NamedTuple

from batchlog.config.schema import Metrics
from batchlog.errors import ConfigError
from batchlog.history.options import Options
from batchlog.scan import Timing
from batchlog.state.checkpoint import Group


class Aim(NamedTuple):
    """What history is asked for: files in one directory, blocks in another, or either."""

    openmetrics: str | None
    tsdb: str | None
    timing: Timing
    labels: dict[str, str]
    """Labels that the scrape adds, where they are not job and grouping."""
    force: bool
    asked: tuple[str, str] = ("", "")
    """Since and until as they were given."""

    @property
    def directory(self) -> str:
        """Where files are written; those for blocks alone are taken away once these are made."""
        directory = self.openmetrics or self.tsdb
        assert directory is not None  # without either there is no aim  # noqa: S101
        return directory

    @property
    def apart(self) -> str | None:
        """The directory of the blocks where that is not the one of the files."""
        if self.tsdb is None or os.path.realpath(self.tsdb) == os.path.realpath(self.directory):
            return None
        return self.tsdb

    def options(self, metrics: Metrics, group: Group | None) -> Options:
        """Return what shapes the history; ConfigError where nothing says which labels it has."""
        return Options(
            step=self.timing.step,
            by=metrics.by,
            bounds=metrics.bounds,
            namespace=metrics.namespace,
            labels=self.labels or _scraped(group),
            max_series=metrics.max_series,
            since=self.timing.since,
            until=self.timing.until,
            asked=self.asked,
        )


def _scraped(group: Group | None) -> dict[str, str]:
    """Return the labels that the gateway's group gives to what is scraped."""
    if group is None:
        raise ConfigError(
            "history must carry the labels of the scraped series, and no gateway is named that "
            "gives them: add --series-label job=… --series-label instance=… as your scrape has them"
        )
    return {"job": group.job, **group.grouping}
