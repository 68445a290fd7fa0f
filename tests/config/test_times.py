from collections.abc import Iterator
from datetime import UTC, datetime
from time import tzset

import pytest

from batchlog.config.times import Since, duration, since
from batchlog.errors import ConfigError

NOW = datetime(2026, 11, 22, 17, 30, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One hour ahead of UTC in November, two in July."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    tzset()
    yield
    monkeypatch.undo()
    tzset()


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (0, "0"),
        (0, "0s"),
        (0.25, "250ms"),
        (10, "10s"),
        (300, "5m"),
        (5400, "1h30m"),
        (129_600, "36h"),
        (604_800, "7d"),
        (1_209_600, "2w"),
        (31_536_000, "1y"),
        (93_784.005, "1d2h3m4s5ms"),
    ],
)
def test_a_duration_is_read(expected: float, text: str) -> None:
    assert expected == duration(text)


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "1.5h", "5min", "5M", "30m1h", "1h1h", "\u0665m", "5m\n"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a duration; expected one such as 30s"):
        duration(text)


def test_a_duration_beyond_every_clock_is_refused() -> None:
    with pytest.raises(ConfigError, match="too long; durations end at 100y"):
        duration("999999999y")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("checkpoint", "checkpoint"),
        ("start", "start"),
        ("now", "now"),
        (at(2026, 11, 21, 5, 30), "36h"),
        (at(2026, 11, 15, 17, 30), "7d"),
        (at(2026, 11, 1, 9, 0), "2026-11-01 10:00"),
        (at(2026, 7, 1, 8, 0), "2026-07-01 10:00"),
        (at(2026, 11, 1, 10, 0), "2026-11-01T10:00:00Z"),
        (at(2026, 11, 1, 4, 30), "2026-11-01 10:00 +0530"),
        (at(2026, 11, 1, 9, 0), "1 Nov 2026 10am"),
        (at(2026, 10, 31, 23, 0), "2026-11-01"),
        (at(2026, 11, 22, 9, 0), "10:00"),
        (at(2000, 10, 10, 20, 55, 36), "10/Oct/2000:13:55:36 -0700"),
        (at(2000, 10, 10, 20, 55, 36), "[10/Oct/2000:13:55:36 -0700]"),
    ],
)
def test_a_beginning_is_read(expected: Since, text: str) -> None:
    assert expected == since(text, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "0",
        "-7d",
        "2026-02-30",
        "9" * 30,
        "0:" + "1" * 90,
        "2026-11-01T10:00+99:00",
        "\x00",
    ],
)
def test_what_is_no_time_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a time; expected checkpoint, start, now, an age"):
        since(text, NOW)


def test_a_text_longer_than_any_time_is_refused_and_not_shown_whole() -> None:
    with pytest.raises(ConfigError, match="is not a time") as error:
        since("0:" + "1" * 400, NOW)
    assert len(str(error.value)) < 300


def test_a_zone_that_would_be_taken_for_local_time_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"time zone that is not known here; write its offset"):
        since("2026-11-01 10:00 XKT", NOW)


def test_a_time_to_come_is_refused() -> None:
    with pytest.raises(ConfigError, match="lies in the future"):
        since("2026-11-22 18:31", NOW)
