"""A cron expression as a trigger of APScheduler.

What the expression means is `config.crontab`'s to say; here it only takes APScheduler's form.
"""

from datetime import UTC
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from batchlog.config import crontab

# APScheduler 3 takes weekday 0 as Monday: names leave no doubt.
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def trigger(expression: str, timezone: str) -> BaseTrigger:
    """Return a trigger that is due whenever cron would be; ConfigError for a bad expression.

    Where the clock is set back an hour comes twice and is run twice; what falls into an hour that
    the clock leaves out is run an hour later. Neither costs or repeats a count.
    """
    due = crontab.parse(expression)
    times = {
        "minute": _listed(due.minutes),
        "hour": _listed(due.hours),
        "month": _listed(due.months),
        "timezone": UTC if timezone == "UTC" else ZoneInfo(timezone),
    }
    days = {"day": _listed(due.days)}
    weekdays = {"day_of_week": ",".join(_WEEKDAYS[day] for day in due.weekdays)}
    if due.either:
        return OrTrigger([CronTrigger(**times, **days), CronTrigger(**times, **weekdays)])
    return CronTrigger(**times, **days, **weekdays)


def _listed(values: tuple[int, ...]) -> str:
    return ",".join(map(str, values))
