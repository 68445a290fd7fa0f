"""The rhythm of runs: which trigger a schedule asks for, and how far apart its ticks are.

Clock and randomness are arguments.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from batchlog.config.schema import Schedule
from batchlog.scheduler import cron

_LOOK_AHEAD = 100


class Delayed(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Another trigger's ticks, all later by the same time.

    APScheduler's own jitter is drawn anew at each tick, and moves an interval's ticks further and
    further; the same delay throughout keeps runs evenly spaced, which `rate()` needs, and spreads
    hosts just as well (systemd calls it FixedRandomDelay).
    """

    def __init__(self, ticks: BaseTrigger, delay: float) -> None:
        self._ticks = ticks
        self._delay = timedelta(seconds=delay)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the next tick after `previous`, or from `now` on; APScheduler asks for it."""
        # In UTC, since adding to a local time steps over changes of the clock.
        before = None if previous is None else previous.astimezone(UTC) - self._delay
        tick = self._ticks.get_next_fire_time(before, now.astimezone(UTC) - self._delay)
        return None if tick is None else tick.astimezone(UTC) + self._delay


def ticks(schedule: Schedule, start: datetime, delay: float) -> BaseTrigger:
    """Return the trigger of a schedule that begins at `start`, `delay` seconds late throughout.

    An interval's first tick is one interval after `start`: the run at `start` needs none.
    """
    if schedule.cron is not None:
        return Delayed(cron.trigger(schedule.cron, schedule.timezone), delay)
    first = start + timedelta(seconds=schedule.interval)
    return Delayed(
        IntervalTrigger(seconds=schedule.interval, start_date=first, timezone=UTC), delay
    )


def interval(schedule: Schedule, now: datetime) -> float:
    """Return the seconds between two runs: for cron the shortest of the gaps ahead of `now`."""
    if schedule.cron is None:
        return schedule.interval
    due = ticks(schedule, now, 0)
    fires: list[datetime] = [due.get_next_fire_time(None, now)]
    for _ in range(_LOOK_AHEAD):
        fires.append(due.get_next_fire_time(fires[-1], fires[-1]))
    return min((later - sooner).total_seconds() for sooner, later in pairwise(fires))
