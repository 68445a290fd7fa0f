from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.formats import stamps

BEGAN = 971211336  # 10 October 2000, 13:55:36 at -0700


@pytest.mark.parametrize(
    ("pattern", "raw"),
    [
        (stamps.CLF, b"10/Oct/2000:13:55:36 -0700"),
        (stamps.CLF, b"10/Oct/2000:20:55:36 +0000"),
        (stamps.CLF, b"11/Oct/2000:02:25:36 +0530"),
        (stamps.ISO, b"2000-10-10T13:55:36-07:00"),
        (stamps.ISO, b"2000-10-10T20:55:36Z"),
        ("%FT%T%z", b"2000-10-10T13:55:36-0700"),
        ("%d/%b/%Y %T.%f %z", b"10/Oct/2000 13:55:36.123456 -0700"),
        ("%a %h %e %H:%M:%S %Y %z", b"Tue Oct 10 13:55:36 2000 -0700"),
        ("%A, %D %R:%S %z", b"Tuesday, 10/10/00 13:55:36 -0700"),
        ("%%%s%%", b"%971211336%"),
        ("%s.%f", b"971211336.123"),
        ("%s", b"971211336"),
        ("msec", b"971211336999"),
        ("usec", b"971211336999999"),
    ],
)
def test_a_stamp_is_read_to_the_second(pattern: str, raw: bytes) -> None:
    assert stamps.readable(pattern)
    assert stamps.reader(pattern)(raw) == BEGAN


@given(st.integers(-62_000_000_000, 250_000_000_000), st.integers(-1439, 1439))
def test_any_time_is_read_as_the_calendar_has_it(seconds: int, ahead: int) -> None:
    local = datetime.fromtimestamp(seconds + ahead * 60, UTC)
    month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][
        local.month - 1
    ]
    zone = f"{'-' if ahead < 0 else '+'}{abs(ahead) // 60:02}{abs(ahead) % 60:02}"
    text = f"{local.day:02}/{month}/{local.year:04}:{local:%H:%M:%S} {zone}"
    assert seconds == stamps.reader(stamps.CLF)(text.encode())


def test_a_leap_second_is_the_first_of_the_next_minute() -> None:
    read = stamps.reader(stamps.CLF)
    after = read(b"01/Jan/2017:00:00:00 +0000")
    assert after == read(b"31/Dec/2016:23:59:60 +0000")


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"",
            b"-",
            b"10/Oct/2000:13:55:36",
            b"10/Oct/2000:13:55:36 -07",
            b"31/Feb/2000:00:00:00 +0000",
        ),
        *(
            b"10/Okt/2000:13:55:36 -0700",
            b"10/Oct/2000:24:00:00 +0000",
            b"00/Oct/2000:00:00:00 +0000",
        ),
        *(
            b"10/Oct/0000:00:00:00 +0000",
            b"10/Oct/2000:00:60:00 +0000",
            b"10/Oct/2000:00:00:61 +0000",
        ),
        *(
            b"x10/Oct/2000:13:55:36 -0700",
            b"10/Oct/2000:13:55:36 -0700x",
            b"\xff" * 26,
            b"[" * 65536,
        ),
    ],
)
def test_what_is_no_time_is_none(raw: bytes) -> None:
    assert stamps.reader(stamps.CLF)(raw) is None


def test_the_rest_of_a_user_name_before_the_stamp_is_left_out() -> None:
    assert BEGAN == stamps.reader(stamps.CLF)(b"smith [10/Oct/2000:13:55:36 -0700")


def test_a_doubled_code_is_read_once() -> None:
    assert BEGAN == stamps.reader("%s %s")(b"971211336 971211337")


@pytest.mark.parametrize("raw", [b"", b"-1", b"1.5", b"9" * 5000])
def test_a_count_that_is_none_is_not_read(raw: bytes) -> None:
    assert stamps.reader("msec")(raw) is None


@pytest.mark.parametrize(
    "pattern", ["", "%H:%M:%S", "%Y-%m-%d %T", "%F %T", "%Y %z", "%c", "%F %T %z %Q", "msec_frac"]
)
def test_a_pattern_that_says_no_instant_is_not_readable(pattern: str) -> None:
    assert not stamps.readable(pattern)


@given(st.sampled_from([stamps.CLF, stamps.ISO, "%s.%f", "msec", "usec"]), st.binary(max_size=64))
def test_no_text_is_too_odd_to_read(pattern: str, raw: bytes) -> None:
    seconds = stamps.reader(pattern)(raw)
    assert seconds is None or isinstance(seconds, int)


CLOCKS = ["%d/%b/%Y:%H:%M:%S %z", "%H:%M:%S.%f %e %b %y %z", "%z %F %T", "%M%H%d%m%Y%z%S"]


@given(
    st.sampled_from(CLOCKS),
    st.lists(
        st.tuples(
            st.integers(0, 200_000),
            st.sampled_from(["", "a [", "[", "]", "b" * 80 + " ["]),
            st.integers(0, 30),
            st.sampled_from(["", "", "", "6", "61", "x", "٣"]),
        ),
        max_size=20,
    ),
)
def test_what_a_text_says_does_not_depend_on_those_read_before(
    pattern: str, drawn: list[tuple[int, str, int, str]]
) -> None:
    read = stamps.reader(pattern)
    for seconds, ahead, at, piece in drawn:
        moment = datetime.fromtimestamp(BEGAN + seconds, UTC)
        text = moment.strftime(pattern)
        text = ahead + text[:at] + piece + text[at + len(piece) :]
        alone = stamps.reader.__wrapped__(pattern)
        assert alone(text.encode()) == read(text.encode())


@pytest.mark.parametrize("second", ["5", "+5", " 5", "5 ", "0x", "61", "", "007", "٣"])
@pytest.mark.parametrize("pattern", CLOCKS)
def test_a_second_that_is_none_is_not_read_in_a_minute_that_is_known(
    pattern: str, second: str
) -> None:
    moment = datetime(2000, 10, 10, 12, 34, 56, tzinfo=UTC)
    read = stamps.reader.__wrapped__(pattern)
    assert moment.timestamp() == read(moment.strftime(pattern).encode())
    assert (
        read(moment.strftime(pattern.replace("%T", "%H:%M:%S").replace("%S", second)).encode())
        is None
    )
