from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from batchlog.config.schema import Duration, Schedule
from batchlog.scheduler.ticks import interval, ticks

START = datetime(2026, 3, 28, 23, 50, tzinfo=UTC)


def seconds(schedule: Schedule, delay: float) -> Iterator[float]:
    """Yield how long after START each tick is."""
    due = ticks(schedule, START, delay)
    previous, now = None, START
    while True:
        tick = due.get_next_fire_time(previous, now)
        yield (tick - START).total_seconds()
        # What looks at the clock is always a little late.
        previous, now = tick, tick + timedelta(milliseconds=7)


def test_the_first_tick_of_an_interval_is_one_interval_after_the_first_run() -> None:
    expected = [300, 600, 900]
    assert expected == list(islice(seconds(Schedule(every=Duration(300)), 0), 3))


def test_runs_are_five_minutes_apart_unless_something_is_said() -> None:
    expected = [300, 600]
    assert expected == list(islice(seconds(Schedule(), 0), 2))


@pytest.mark.parametrize(
    ("expected", "schedule"),
    [
        ([320, 620, 920, 1220], Schedule(every=Duration(300))),
        ([20, 320, 620, 920], Schedule(cron="*/5 * * * *")),
        ([20, 320, 620, 920], Schedule(cron="*/5 * * * *", timezone="Europe/Berlin")),
    ],
)
def test_a_delay_moves_every_tick_by_the_same(expected: list[int], schedule: Schedule) -> None:
    assert expected == list(islice(seconds(schedule, 20), 4))


def test_a_delay_longer_than_the_gap_loses_no_tick() -> None:
    # Those of the minutes before are still to come when it begins.
    expected = [30, 90, 150, 210]
    assert expected == list(islice(seconds(Schedule(cron="* * * * *"), 150), 4))


def test_a_delay_goes_on_through_a_change_of_the_clock() -> None:
    schedule = Schedule(cron="*/30 * * * *", timezone="Europe/Berlin")
    assert [660 + 1800 * n for n in range(6)] == list(islice(seconds(schedule, 60), 6))


@pytest.mark.parametrize(
    ("expected", "schedule"),
    [
        (300, Schedule()),
        (90, Schedule(every=Duration(90))),
        (60, Schedule(cron="* * * * *")),
        (86_400, Schedule(cron="@daily")),
        (180, Schedule(cron="0,57 * * * *")),
    ],
)
def test_the_interval_is_the_shortest_time_between_two_runs(
    expected: float, schedule: Schedule
) -> None:
    assert expected == interval(schedule, START)
