"""The trigger against a second reading of crontab(5), written without the first."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.config.crontab import parse
from batchlog.errors import ConfigError
from batchlog.scheduler.cron import trigger

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2027, 12, 30, 22, 59, 30, tzinfo=UTC)


def fires(due: Any, start: datetime) -> Iterator[datetime]:  # noqa: ANN401 - APScheduler is untyped
    previous = None
    while (tick := due.get_next_fire_time(previous, start)) is not None:
        yield tick
        previous = start = tick


def means(text: str, value: int, low: int, high: int) -> bool:
    """Say whether a field matches, one value at a time, as a person with the manual would."""
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin, end = (low, high) if span == "*" else (int(first), int(last or first))
        if begin <= value <= end and (value - begin) % int(step or 1) == 0:
            return True
    return False


def comes(fields: list[str], day: date) -> bool:
    if not means(fields[3], day.month, 1, 12):
        return False
    by_date = means(fields[2], day.day, 1, 31)
    sunday_first = day.isoweekday() % 7
    by_weekday = means(fields[4], sunday_first, 0, 7) or (
        sunday_first == 0 and means(fields[4], 7, 0, 7)
    )
    if fields[2][0] == "*" or fields[4][0] == "*":
        return by_date and by_weekday
    return by_date or by_weekday


def by_the_manual(fields: list[str], start: datetime) -> Iterator[datetime]:
    """Yield the minutes of the next years that match, from `start` on."""
    for days in range(1500):
        day = start.date() + timedelta(days=days)
        if comes(fields, day):
            for minute in range(24 * 60):
                hour, rest = divmod(minute, 60)
                moment = datetime(day.year, day.month, day.day, hour, rest, tzinfo=UTC)
                if (
                    moment >= start
                    and means(fields[0], rest, 0, 59)
                    and means(fields[1], hour, 0, 23)
                ):
                    yield moment


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.tuples(st.one_of(span, st.just("*")), st.integers(1, high + 2))
    part = st.one_of(number.map(str), span, stepped.map(lambda pair: f"{pair[0]}/{pair[1]}"))
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)).map(list),
)
def test_ticks_are_those_that_the_manual_gives(fields: list[str]) -> None:
    expression = " ".join(fields)
    expected = list(islice(by_the_manual(fields, START), 8))
    try:
        due = trigger(expression, "UTC")
    except ConfigError:
        assert not expected
        return
    assert expected == list(islice(fires(due, START), len(expected)))


@pytest.mark.parametrize("weekday", ["0", "7", "sun", "Sun", "*/7"])
def test_weekdays_0_and_7_are_sunday(weekday: str) -> None:
    [tick] = islice(fires(trigger(f"30 6 * * {weekday}", "UTC"), START), 1)
    assert datetime(2028, 1, 2, 6, 30, tzinfo=UTC) == tick


def test_friday_the_thirteenth_is_every_friday_and_every_thirteenth() -> None:
    expected = [31, 7, 13, 14]
    ticks = islice(fires(trigger("0 0 13 * fri", "UTC"), START), len(expected))
    assert expected == [tick.day for tick in ticks]


def test_a_leap_day_that_is_a_sunday_is_found_a_generation_ahead() -> None:
    # Restricted by a step that counts as a star, so that both must match.
    [tick] = islice(fires(trigger("0 0 29 2 */7", "UTC"), START), 1)
    assert datetime(2032, 2, 29, tzinfo=UTC) == tick


def test_a_tick_stands_in_the_schedule_s_own_time_zone() -> None:
    [tick] = islice(fires(trigger("0 12 * * *", "Asia/Kolkata"), START), 1)
    assert datetime(2027, 12, 31, 6, 30, tzinfo=UTC) == tick


@pytest.mark.parametrize(
    ("expected", "start"),
    [
        (["01:30", "03:00", "03:30"], datetime(2026, 3, 29, 1, 10, tzinfo=BERLIN)),
        (["02:30", "02:00", "02:30", "03:00"], datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN)),
    ],
)
def test_every_half_hour_goes_on_through_a_change_of_the_clock(
    expected: list[str], start: datetime
) -> None:
    ticks = list(
        islice(
            fires(trigger("*/30 * * * *", "Europe/Berlin"), start),
            len(expected),
        )
    )
    assert expected == [f"{tick:%H:%M}" for tick in ticks]
    instants = [tick.timestamp() for tick in ticks]
    assert {1800.0} == {later - sooner for sooner, later in pairwise(instants)}


def test_an_expression_means_the_same_to_the_check_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="never comes"):
        parse("0 0 30 2 *")
    with pytest.raises(ConfigError, match="never comes"):
        trigger("0 0 30 2 *", "UTC")
