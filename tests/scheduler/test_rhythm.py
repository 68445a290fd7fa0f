"""What is due when clocks are set, stand still or come to an end: readings are arguments (R129)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.config.schema import Duration, Schedule
from batchlog.scheduler.rhythm import STEP, Moment, Rhythm, spoken

EVERY = Schedule(every=Duration(300))
CRON = Schedule(cron="*/5 * * * *")
DAILY = Schedule(cron="0 3 * * *")

BOOTED = 1000.0
"""What the steady clock shows at first."""

HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400


def wall(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOON = wall("2026-11-18 12:01:00")


class Played:
    """A schedule as `serve` follows it, on clocks that a test moves."""

    def __init__(self, schedule: Schedule, at: float = NOON, delay: float = 0) -> None:
        self.now = Moment(BOOTED, at)
        self.rhythm = Rhythm.begun(schedule, self.now, delay)
        self.step = 0.0
        """What the last look said of the clock."""

    def look(self) -> bool:
        """Tell whether a run is due, and go on from there."""
        self.rhythm, is_due, self.step = self.rhythm.look(self.now)
        return is_due

    def passes(self, seconds: float, every: float = 0.5) -> Iterator[float]:
        """Let time pass, with a look at every so many seconds; yield when runs were due."""
        for number in range(1, int(seconds / every) + 1):
            passed = number * every
            at = self.now
            self.now = Moment(at.steady + every, at.wall + every)
            if self.look():
                yield passed

    def set(self, by: float) -> None:
        """Set the clock on the wall."""
        self.now = self.now._replace(wall=self.now.wall + by)


@pytest.mark.parametrize("by", [-1, -HOUR, -DAY, -50 * YEAR, 1, HOUR, DAY, 200 * YEAR])
@pytest.mark.parametrize("delay", [0, 7])
def test_an_interval_comes_as_if_nobody_had_set_the_clock(by: float, delay: float) -> None:
    played = Played(EVERY, delay=delay)
    first = list(played.passes(450))
    played.set(by)
    assert [300 + delay] == first
    assert [150 + delay, 450 + delay] == list(played.passes(600))


@pytest.mark.parametrize("by", [-HOUR, -DAY, -50 * YEAR])
def test_cron_set_back_runs_at_the_ticks_of_the_new_time(by: float) -> None:
    played = Played(CRON)
    assert [240, 540] == list(played.passes(550))
    played.set(by)
    assert not played.look()
    # 12:10:10 it was, and it is ten past again: the next tick is at a quarter past.
    assert [290, 590] == list(played.passes(600))


@pytest.mark.parametrize("by", [DAY, 50 * YEAR, 200 * YEAR])
def test_cron_set_forward_runs_once_for_all_ticks_that_it_stepped_over(by: float) -> None:
    played = Played(DAILY)
    assert [] == list(played.passes(60))
    played.set(by)
    assert played.look()
    assert [] == list(played.passes(HOUR, 10))


def test_cron_set_forward_to_before_the_tick_waits_for_it() -> None:
    played = Played(DAILY, wall("2026-11-18 01:00:00"))
    played.set(HOUR)
    assert [HOUR] == list(played.passes(2 * HOUR, 10))


def test_a_clock_that_is_slow_to_know_the_year_makes_one_run_and_goes_on() -> None:
    """A board without a clock of its own starts in 1970, and asks NTP a minute later."""
    played = Played(CRON, 30.0)
    assert [] == list(played.passes(60))
    played.set(NOON)
    assert played.look()
    assert [150, 450] == list(played.passes(600))


def test_a_second_is_no_step_and_makes_no_tick_come_twice() -> None:
    """A leap second, or NTP's correction just after a tick."""
    played = Played(CRON)
    assert [240] == list(played.passes(240))
    played.set(-1)
    assert [301] == list(played.passes(400))
    assert 0 == played.step


def test_seconds_that_add_up_are_told_once() -> None:
    played = Played(EVERY)
    told = []
    for by in (-1.5, -1.5, 0):
        played.set(by)
        played.look()
        told.append(played.step)
    assert [0, -3, 0] == told


def test_a_suspended_host_runs_once_when_it_is_awake() -> None:
    for schedule in (EVERY, CRON):
        played = Played(schedule)
        at = played.now
        played.now = Moment(at.steady + 8 * HOUR, at.wall + 8 * HOUR)
        assert played.look()
        assert 0 == played.step
        assert not played.look()


@pytest.mark.parametrize(
    "at", ["2038-01-19 03:13:00", "2106-02-07 06:27:00", "2262-04-11 23:46:00"]
)
@pytest.mark.parametrize("schedule", [EVERY, CRON])
def test_the_ends_of_counters_pass(at: str, schedule: Schedule) -> None:
    found = list(Played(schedule, wall(at)).passes(1000))
    assert {300} == {later - sooner for sooner, later in pairwise(found)}
    assert 3 <= len(found)


def test_the_longest_interval_there_is_can_be_waited_for() -> None:
    for at in (NOON, wall("2231-12-31 00:00:00")):
        played = Played(Schedule(every=Duration(100 * YEAR)), at)
        assert 100 * YEAR == played.rhythm.wait(played.now)


def test_where_no_tick_is_left_nothing_is_waited_for() -> None:
    played = Played(Schedule(cron="0 0 1 1 *"), wall("9999-06-01 00:00:00"))
    assert played.rhythm.wait(played.now) is None
    assert not played.look()


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(-1e9, 1e9)), max_size=20))
def test_whatever_happens_to_the_clock_an_interval_is_never_longer(
    happenings: list[tuple[float, float]],
) -> None:
    played = Played(EVERY)
    due = BOOTED + 300
    for passes, by in happenings:
        at = played.now
        played.now = Moment(at.steady + passes, max(0.0, at.wall + passes + by))
        expected = played.now.steady >= due
        assert expected is played.look()
        if expected:
            due += 300 * ((played.now.steady - due) // 300 + 1)


@given(st.lists(st.floats(0, 4e9), max_size=20))
def test_wherever_the_clock_is_set_cron_s_next_tick_is_near(walls: list[float]) -> None:
    played = Played(CRON)
    for at in walls:
        played.now = Moment(played.now.steady + 0.5, at)
        played.look()
        wait = played.rhythm.wait(played.now)
        assert wait is not None
        assert wait <= 300 + STEP


@pytest.mark.parametrize(
    ("expected", "seconds"),
    [
        ("1 h", -3600),
        ("1 d", 86_400),
        ("20,454 d", 56 * timedelta(days=365.25).total_seconds()),
        ("1.5 min", 90),
        ("2.5 s", -2.5),
        ("0 s", 0),
    ],
)
def test_a_span_of_time_is_told_in_one_unit(expected: str, seconds: float) -> None:
    assert expected == spoken(seconds)
