"""When a log is gone, and for how long. Pure.

A log is gone while no file of it is there or awaited, and nothing waits for a person's decision.
Only batchlog's own metrics are bound to that (R119): its marks stay, so that a file that
comes back is not counted again, and so do the totals (R19).
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from batchlog.segments.known import Log

KEPT = 7 * 86_400
"""Seconds for which the own metrics of a log that is gone are still pushed."""


def looked_at(log: Log, now: float, *, there: bool) -> Log:
    """Return the log after a look for its files: since when it is gone, in Unix seconds.

    `there` says whether some are there, or may come back.
    """
    if there or any(one.state == "quarantined" for one in log.segments):
        return replace(log, gone=None, retired=False) if log.gone is not None else log
    # A clock that was ahead and is set back must not keep it for longer (R72).
    since = int(now) if log.gone is None else min(log.gone, int(now))
    return log if log.gone == since else replace(log, gone=since)


def is_long_gone(log: Log, now: float) -> bool:
    """Whether a log has been gone for so long that its place is free for another."""
    return log.retired or (log.gone is not None and now - log.gone >= KEPT)


def is_found(log: Log) -> bool:
    """Whether a pattern found the log, and nobody named it."""
    return log.entry not in ("", log.path)


def retire(logs: Iterable[Log], names: Mapping[str, str], now: float) -> list[Log]:
    """Return the logs whose own metrics are pushed no more from now on, with their counters.

    `names` gives the `log` label of a path. Logs that share one go together, as the sum that is
    pushed for them must not fall while one of them is there.
    """
    sharing: dict[str, list[Log]] = {}
    for log in logs:
        sharing.setdefault(names.get(log.path, log.path), []).append(log)
    gone = [all(is_long_gone(log, now) for log in ones) for ones in sharing.values()]
    return [
        log
        for ones, is_gone in zip(sharing.values(), gone, strict=True)
        for log in ones
        if is_gone and not log.retired
    ]


def beyond(logs: Iterable[Log], limit: int) -> list[Log]:
    """Return the logs to forget: of those that patterns found and that are retired the oldest."""
    retired = [log for log in logs if log.retired and is_found(log)]
    retired.sort(key=lambda log: (-(log.gone or 0), log.path))
    return retired[limit:]
