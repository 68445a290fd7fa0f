"""Which configurations can be used: every value by its rule, and values beside each other.

`check` raises Wrong with the key path of the first value that cannot be used and the reason. It
reads no file and asks no network.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os.path import normpath

from batchlog.config import crontab, rules
from batchlog.config.schema import File, Gateway, LogEntry, Metrics, Schedule
from batchlog.errors import ConfigError

# A series' label of such a name would be overwritten by the group, by Prometheus or by ourselves.
_TAKEN = frozenset({"job", "instance", "log", "le", "backfill"})

# Labels of our own metrics: the gateway writes the group's labels over those of the body.
_OWN = frozenset({"job", "log", "le", "backfill", "outcome", "stage", "version", "state_id"})


class Wrong(Exception):  # noqa: N818 - a finding; `load` makes it an error that names the source
    """A value that cannot be used: its key path and why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason


@contextmanager
def under(key: str) -> Iterator[None]:
    """Give the ConfigError of a value the key path that the value stands under."""
    try:
        yield
    except ConfigError as error:
        raise Wrong(key, str(error)) from None


def check(file: File) -> None:
    """Raise Wrong for the first value of `file` that cannot be used."""
    _paths(file)
    if not 0 <= file.max_malformed <= 1:
        raise Wrong("max_malformed", f"expected a share from 0 to 1, got {file.max_malformed}")
    _gateway(file.gateway)
    _credentials(file.gateway)
    _metrics(file.metrics)
    _schedule(file.schedule)
    for number, entry in enumerate(file.log):
        _log(f"log[{number}]", entry, _TAKEN.union(file.metrics.by))
    _twice(file.log)
    _group(file)


def _paths(file: File) -> None:
    gateway = file.gateway
    named = {
        "checkpoint": file.checkpoint,
        "textfile.path": None if file.textfile is None else file.textfile.path,
        "gateway.password_file": gateway.password_file,
        "gateway.bearer_token_file": gateway.bearer_token_file,
        "gateway.ca_file": gateway.ca_file,
        "gateway.cert_file": gateway.cert_file,
        "gateway.key_file": gateway.key_file,
    }
    for key, path in named.items():
        if path is not None:
            with under(key):
                rules.path(path)


def _gateway(gateway: Gateway) -> None:
    with under("gateway.url"):
        for url in gateway.url:
            rules.url(url)
            if gateway.url.count(url) > 1:
                raise ConfigError(f"{url} is given twice; remove one")
    with under("gateway.job"):
        rules.group_value(gateway.job)
    for name, value in (gateway.grouping or {}).items():
        with under(f"gateway.grouping.{name}"):
            rules.label(name, _OWN)
            rules.group_value(value)
    if gateway.timeout <= 0:
        raise Wrong("gateway.timeout", "expected more than 0, such as 10s")


def _credentials(gateway: Gateway) -> None:
    for one, other in (("username", "password_file"), ("cert_file", "key_file")):
        given = [name for name in (one, other) if getattr(gateway, name) is not None]
        if len(given) == 1:
            missing = other if given == [one] else one
            raise Wrong(f"gateway.{given[0]}", f"needs gateway.{missing} beside it")
    if gateway.username is None:
        return
    with under("gateway.username"):
        rules.username(gateway.username)
    if gateway.bearer_token_file is not None:
        raise Wrong("gateway.bearer_token_file", "excludes gateway.username; remove one")


def _metrics(metrics: Metrics) -> None:
    with under("metrics.namespace"):
        rules.namespace(metrics.namespace)
    if len(set(metrics.by)) < len(metrics.by):
        raise Wrong("metrics.by", f"{', '.join(metrics.by)} has a label twice; remove one")
    with under("metrics.duration_buckets"):
        rules.buckets(metrics.duration_buckets)
    for name in ("max_series", "max_logs"):
        if getattr(metrics, name) < 1:
            raise Wrong(f"metrics.{name}", f"expected at least 1, got {getattr(metrics, name)}")


def _schedule(schedule: Schedule) -> None:
    if schedule.every is not None and schedule.cron is not None:
        raise Wrong("schedule.every", "excludes schedule.cron; remove one")
    if schedule.every is not None and schedule.every <= 0:
        raise Wrong("schedule.every", "expected more than 0, such as 5m")
    if schedule.cron is not None:
        with under("schedule.cron"):
            crontab.parse(schedule.cron)
    with under("schedule.timezone"):
        rules.timezone(schedule.timezone)


def _log(key: str, entry: LogEntry, taken: frozenset[str]) -> None:
    with under(f"{key}.path"):
        rules.path(entry.path)
    if entry.name == "":
        raise Wrong(f"{key}.name", "expected a name; leave the key out to use the path")
    with under(f"{key}.format"):
        rules.log_format(entry.format)
    for name, value in entry.labels.items():
        with under(f"{key}.labels.{name}"):
            rules.label(name, taken)
            rules.label_value(value)
    with under(f"{key}.labels_from_path"):
        for name in _path_labels(entry):
            rules.label(name, taken.union(entry.labels))
    with under(f"{key}.rotated"):
        for pattern in entry.rotated:
            rules.rotated(pattern)


def _path_labels(entry: LogEntry) -> tuple[str, ...]:
    return () if entry.labels_from_path is None else rules.path_labels(entry.labels_from_path)


def _twice(entries: Iterable[LogEntry]) -> None:
    """Refuse an entry that stands twice (R17): only one of them could be meant."""
    first: dict[str, int] = {}
    for number, entry in enumerate(entries):
        other = first.setdefault(normpath(entry.path), number)
        if other != number:
            raise Wrong(
                f"log[{number}].path", f"{entry.path!r} stands in log[{other}] too; remove one"
            )


def _group(file: File) -> None:
    """Refuse a grouping key that is a label of the series too: the gateway would overwrite it."""
    used: set[str] = set(file.metrics.by)
    for entry in file.log:
        used.update(entry.labels, _path_labels(entry))
    for name in file.gateway.grouping or {}:
        if name in used:
            raise Wrong(f"gateway.grouping.{name}", "is a label of the series too; rename one")
