"""Where everything happens: a site whose runs wait for nothing, and how its files look."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from batchlog.config.schema import Duration, LogEntry
from batchlog.job.request import Request
from tests.site import Site

QUIET = 3600
"""Seconds after which a line without end has ended (R50)."""

Key = tuple[int, int, int, int]


def key_of(path: Path) -> Key:
    """Return what makes two looks at a file the same."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@dataclass
class Place(Site):
    """A site whose runs wait for nothing."""

    patience: float = 10.0
    """Seconds for a gateway."""

    def request(
        self,
        entries: tuple[LogEntry, ...] = (),
        max_series: int = 2000,
        max_logs: int = 2000,
        **flags: Any,  # noqa: ANN401 - the fields of Flags
    ) -> Request:
        """Return what a command is asked, with as little patience as the model has."""
        request = super().request(entries, max_series, max_logs, retry_for="0s", **flags)
        gateway = replace(request.settings.gateway, timeout=Duration(self.patience))
        settings = replace(request.settings, gateway=gateway)
        return replace(request, settings=settings, lock_wait=0.0)
