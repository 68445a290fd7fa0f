import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.formats import PRESETS, resolve
from batchlog.scan.count import LIMIT, UNITS, duration_of, size_of, stamper

SECONDS, MILLIS, MICROS = UNITS["s"], UNITS["ms"], UNITS["us"]


@pytest.mark.parametrize(
    ("expected", "raw"),
    [
        (0, b"-"),
        (0, b""),
        (0, b"0"),
        (2326, b"2326"),
        (LIMIT, b"9007199254740992"),
        (5, b"0" * 30 + b"5"),
        (0, b"0" * 30),
    ],
)
def test_bytes_are_read_and_a_dash_is_none_sent_r57(expected: int, raw: bytes) -> None:
    assert expected == size_of(raw)


@pytest.mark.parametrize(
    "raw",
    [b"-1", b"--", b"+1", b"1.5", b"1e3", b"0x10", b" 1", b"1_0", b"9007199254740993", b"9" * 9999],
)
def test_bytes_that_are_negative_or_no_number_or_too_many_do_not_count_r57(raw: bytes) -> None:
    assert size_of(raw) is None


@pytest.mark.parametrize(
    ("expected", "raw", "unit"),
    [
        (0, b"0.000", SECONDS),
        (123_000_000, b"0.123", SECONDS),
        (1_500_000_000, b"1.5", SECONDS),
        (3_000_000_000, b"3", SECONDS),
        (1, b"0.0000000019", SECONDS),
        (7_000, b"7", MICROS),
        (7_500_000, b"7.5", MILLIS),
        (2_000_000_000, b"2.", SECONDS),
    ],
)
def test_a_duration_is_whole_nanoseconds(expected: int, raw: bytes, unit: int) -> None:
    assert expected == duration_of(raw, unit)


@pytest.mark.parametrize(
    "raw",
    [b"", b"-", b"-1", b".5", b"1,5", b"0.1, 0.2", b"1e3", b"nan", b"1" * 17, b"9007200", b"0.-1"],
)
def test_a_duration_that_cannot_be_read_is_none(raw: bytes) -> None:
    assert duration_of(raw, SECONDS) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6 - 1))
def test_a_duration_is_the_same_in_every_unit(seconds: int, micros: int) -> None:
    expected = seconds * SECONDS + micros * MICROS
    assert expected == duration_of(b"%d.%06d" % (seconds, micros), SECONDS)
    assert expected == duration_of(b"%d" % (seconds * 10**6 + micros), MICROS)


COMBINED = stamper(PRESETS["combined"])
STAMP = b"[10/Oct/2000:13:55:36 -0700]"


@pytest.mark.parametrize(
    "line",
    [
        b"192.0.2.1 - - " + STAMP + b' "GET / HTTP/1.0" 200 5 "-" "-"\n',
        b"192.0.2.1 - - " + STAMP + b' "GET / HT',
        b"192.0.2.1 - - " + STAMP + b' "GET / HTTP/1.0" - x\r\n',
        b"2001:db8::1 - anna smith " + STAMP + b' "" 200 -',
        b"192.0.2.1 - a [b " + STAMP + b' "" 200 -',
        b'192.0.2.1 - "" ' + STAMP + b' "" 200 -',
        b"- - - " + STAMP + b' "-" 200 -',
    ],
)
def test_the_stamp_of_a_line_is_read_whether_it_counts_or_not(line: bytes) -> None:
    assert COMBINED(line) == 971211336


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"\0" * 100, b"192.0.2.1 - - [10/Oct/2000:13:55:36 -07", b"a b c [x] " * 9]
)
def test_a_line_without_a_stamp_has_none(line: bytes) -> None:
    assert COMBINED(line) is None


def test_a_format_without_a_time_has_no_stamps() -> None:
    assert not resolve("%>s %b").has_stamp
    assert stamper(resolve("%>s %b"))(b"200 5") is None


def test_a_stamp_at_the_end_of_a_line_is_read() -> None:
    read = stamper(resolve("$status $msec"))
    for end in (b"", b"\n", b"\r\n", b" more\n"):
        assert read(b"200 971211336.123" + end) == 971211336
