"""The shape of the configuration: keys, types and defaults, as the README lists them.

Nothing is read or judged here: `check` says which values can be used, `load` brings file and
flags together. Every value is immutable, and a secret is never one: only the names of files that
hold it.
"""

from typing import Literal

import msgspec

OnMissing = Literal["refuse", "zero"]
Compression = Literal["gzip", "none"]
Label = Literal["status", "status_class", "method", "vhost", "protocol"]

DEFAULT_GATEWAY = "http://localhost:9091"
DEFAULT_EVERY = 300.0
"""Seconds between two runs where neither an interval nor a cron expression is given."""

# Go's default buckets (client_golang's DefBuckets); those of client_python differ.
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Duration(float):
    """Seconds; written in the file as a text such as `10s`, or 0."""

    __slots__ = ()


class Urls(tuple[str, ...]):
    """URLs; written in the file as one text or a list of them."""

    __slots__ = ()


class Gateway(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where totals are pushed, as which group, and how."""

    url: Urls = Urls()
    job: str = "batchlog"
    grouping: dict[str, str] | None = None
    timeout: Duration = Duration(10)
    retry_for: Duration = Duration(30)
    username: str | None = None
    password_file: str | None = None
    bearer_token_file: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    compression: Compression = "gzip"

    def group(self, host: str) -> dict[str, str]:
        """Return the grouping key besides `job`; by default the instance is `host`."""
        return {"instance": host} if self.grouping is None else self.grouping


class Textfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file for node_exporter's textfile collector."""

    path: str


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is measured."""

    namespace: str = "batchlog_http"
    by: tuple[Label, ...] = ("status",)
    duration_buckets: tuple[float, ...] = DEFAULT_BUCKETS
    max_series: int = 2000
    max_logs: int = 2000

    @property
    def bounds(self) -> tuple[int, ...]:
        """The buckets' upper bounds in nanoseconds, ascending."""
        return tuple(round(bucket * 1e9) for bucket in self.duration_buckets)


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When `run` runs: at most one of `every` and `cron` is given."""

    every: Duration | None = None
    cron: str | None = None
    timezone: str = "UTC"
    jitter: Duration = Duration(0)

    @property
    def interval(self) -> float:
        """Seconds between two runs, where no `cron` decides."""
        return DEFAULT_EVERY if self.every is None else self.every


class LogEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[log]]`: an active path or a glob of several."""

    path: str
    name: str | None = None
    format: str = "auto"
    labels_from_path: str | None = None
    labels: dict[str, str] = {}
    rotated: tuple[str, ...] = ()


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The configuration file."""

    checkpoint: str | None = None
    on_missing: OnMissing = "refuse"
    max_malformed: float = 0.10
    gateway: Gateway = Gateway()
    textfile: Textfile | None = None
    metrics: Metrics = Metrics()
    schedule: Schedule = Schedule()
    log: tuple[LogEntry, ...] = ()


class Settings(File, frozen=True):
    """What is in force: the file with the flags put over it, all values checked."""

    format: str = "auto"
    """For logs that no `[[log]]` entry covers; the flag has been put over the entries too."""
    source: str | None = None
    """The configuration file that was read, if one was."""

    def gateways(self, *, listen: bool = False) -> tuple[str, ...]:
        """Return the URLs that get every push; the default where no other sink is named.

        `listen` says that the metrics are served for scraping, which is a sink too.
        """
        if self.gateway.url or self.textfile is not None or listen:
            return self.gateway.url
        return (DEFAULT_GATEWAY,)


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """Options of the command line or the environment, as given; None or () where they were not.

    The field names are those of click's parameters, so that a command builds it with keywords.
    """

    checkpoint: str | None = None
    gateway: tuple[str, ...] = ()
    job: str | None = None
    grouping: tuple[str, ...] = ()
    """Each `KEY=VALUE`; together they replace the file's whole grouping."""
    format: str | None = None
    by: str | None = None
    """Label names with commas between; an empty text is no label at all."""
    textfile: str | None = None
    retry_for: str | None = None
    every: str | None = None
    """It replaces the file's `cron`, as `cron` does its `every`."""
    cron: str | None = None
