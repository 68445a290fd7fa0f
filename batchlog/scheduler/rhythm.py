"""When the next run is due, from what two clocks show: decisions, no clock is read here.

The facts: the wall clock may be set to anything at any moment, by a person, by NTP after a boot
without a clock (1970), by a hypervisor. What a kernel calls boot time only goes on, through a
suspend too; NTP slews both alike, so their difference changes by steps alone (clock_gettime(2)).

The rules:

1. An interval goes by the steady clock: whatever the wall clock is set to, a run comes in time.
2. cron goes by the wall clock. A tick that it steps over has passed, and is run at once; where it
   is set back, the next tick is looked for anew from there, so that a tick may come twice, which
   costs nothing, and none is missed.
3. However many ticks have passed, one run makes them good.
4. A step is told once.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from apscheduler.triggers.base import BaseTrigger

from batchlog.config.schema import Schedule
from batchlog.scheduler.ticks import ticks

STEP = 2.0
"""Seconds from which on a difference is a step: a leap second is one, a reading takes time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MOMENT = timedelta(microseconds=1)

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))
_MANY = 100


class Moment(NamedTuple):
    """What the clocks show."""

    steady: float
    """Seconds since the machine was started, those included in which it was suspended."""
    wall: float
    """Unix seconds."""


class Rhythm(NamedTuple):
    """A schedule under way."""

    trigger: BaseTrigger
    by_wall: bool
    due: datetime | None
    """On the clock that it goes by; None where the schedule has come to its end."""
    ahead: float
    """Seconds from the steady clock to the wall clock."""

    @classmethod
    def begun(cls, schedule: Schedule, now: Moment, delay: float) -> Self:
        """Return a schedule that begins now, all of its ticks later by `delay` seconds."""
        by_wall = schedule.cron is not None
        trigger = ticks(schedule, _shown(now, by_wall=by_wall), delay)
        return cls(trigger, by_wall, None, now.wall - now.steady).next(now)

    def next(self, now: Moment) -> Self:
        """Return the same with the first tick after `now`."""
        # A tick of this very moment is over.
        after = _shown(now, by_wall=self.by_wall) + _MOMENT
        return self._replace(due=self.trigger.get_next_fire_time(None, after))

    def wait(self, now: Moment) -> float | None:
        """Return the seconds until a run is due, at least 0; None where none will be."""
        if self.due is None:
            return None
        return max(0.0, (self.due - _shown(now, by_wall=self.by_wall)).total_seconds())

    def look(self, now: Moment) -> "Look":
        """Return whether a run is due, and whether the clock was set since the last look."""
        ahead = now.wall - now.steady
        step = ahead - self.ahead if abs(ahead - self.ahead) >= STEP else 0.0
        after = self._replace(ahead=ahead) if step else self
        if self.by_wall and step < 0:
            after = after.next(now)
        is_due = after.wait(now) == 0
        return Look(after.next(now) if is_due else after, is_due, step)


class Look(NamedTuple):
    """What a look at the clocks found."""

    rhythm: Rhythm
    """The schedule from here on."""
    is_due: bool
    step: float
    """Seconds by which the wall clock was set, negative where it was set back; 0 where not."""


def _shown(now: Moment, *, by_wall: bool) -> datetime:
    """Return what a clock shows; the steady one as if it had begun in 1970."""
    return _EPOCH + timedelta(seconds=now.wall if by_wall else now.steady)


def spoken(seconds: float) -> str:
    """Return a span of time in one unit, to three digits or a whole number."""
    span = abs(seconds)
    size, unit = next((one for one in _UNITS if span >= one[0]), (1, "s"))
    count = span / size
    return f"{count:,.0f} {unit}" if count >= _MANY else f"{count:.3g} {unit}"
