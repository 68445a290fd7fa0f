"""Counting by time: the same lines count, each in the slot of its stamp."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.formats import PRESETS, Format, resolve
from batchlog.scan import Timing, scanner
from batchlog.scan.count import stamper
from batchlog.tally import UNTIMED, Key, Row, Tally
from tests.scan.test_any_bytes import BOUNDS, choices, chunks, formats

MOMENT = 971_211_336  # [10/Oct/2000:13:55:36 -0700]
MINUTE = MOMENT // 60

Chosen = tuple[str, ...]


def line(stamp: str, status: int = 200) -> bytes:
    return f'192.0.2.1 - - [{stamp}] "GET / HTTP/1.1" {status} 5 "-" "-"\n'.encode()


GOOD = line("10/Oct/2000:13:55:36 -0700")
NEXT = line("10/Oct/2000:13:56:36 -0700", 404)
UNDATED = line("some day", 500)
MALFORMED = b"no request\n"


def scan(lines: bytes, before: int | None = None, spec: str = "combined", **timing: int) -> Tally:
    found = Timing(**{"step": 60, **timing})
    return scanner(resolve(spec), ("status",), (), "", found, before=before).scan(lines)


def slots(tally: Tally) -> dict[tuple[int, str], int]:
    """Return requests by slot, counted from that of `MOMENT`, and status."""
    return {(slot - MINUTE, status): row[0] for (slot, (status,)), row in tally.rows.items()}


def summed(tally: Tally) -> dict[Key, Row]:
    """Return the rows without their slots."""
    found = Tally()
    for (_, values), row in tally.rows.items():
        found.add((UNTIMED, values), row)
    return found.rows


def test_the_line_that_it_all_began_with_has_a_minute() -> None:
    spec = "common"
    beginning = b'127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326'
    assert Tally({(MINUTE, ("200",)): [1, 2326]}, newest=MOMENT) == scan(beginning, spec=spec)


def test_nothing_gives_nothing() -> None:
    assert Tally() == scan(b"")


def one_by_one(form: Format, data: bytes, timing: Timing, before: int | None) -> Tally:
    """Count line by line, with the untimed scanner and the reader of stamps: slow and plain."""
    untimed, stamp = scanner(form, (), BOUNDS), stamper(form)
    lines = [one + b"\n" for one in data.split(b"\n")]
    own = [stamp(one) for one in lines]
    last = next((s for s in [before, *own] if s is not None), None)
    tally = Tally()
    for one, seconds in zip(lines, own, strict=True):
        last = last if seconds is None else seconds
        counted = untimed.scan(one)
        is_in = last is not None and (timing.since or 0) <= last < (timing.until or 1 << 60)
        for (_, values), row in counted.rows.items():
            if last is not None and is_in:
                tally.add((max(1, last // timing.step), values), row)
                tally.undated += seconds is None
                tally.newest = tally.newest if seconds is None else seconds
            else:
                tally.skipped += 1
        tally.malformed += counted.malformed
    return tally


moments = st.none() | st.integers(MOMENT - 2, MOMENT + 4)
timings = st.builds(Timing, st.sampled_from([1, 60, 300]), moments, moments)


@given(formats, chunks | st.binary(), timings, moments)
def test_it_is_what_counting_line_by_line_gives(
    form: Format, data: bytes, timing: Timing, before: int | None
) -> None:
    tally = scanner(form, (), BOUNDS, "", timing, before=before).scan(data + b"\n")
    assert one_by_one(form, data, timing, before) == tally


@given(formats, choices, chunks, st.integers(0, 2**31), st.data())
def test_timed_rows_summed_over_their_slots_are_the_untimed_ones(
    form: Format, by: Chosen, data: bytes, before: int, more: st.DataObject
) -> None:
    lines = [one + b"\n" for one in data.split(b"\n")]
    cuts = more.draw(st.lists(st.integers(0, len(lines)), max_size=4).map(sorted))
    expected = scanner(form, by, BOUNDS).scan(b"".join(lines))
    timed, tally = scanner(form, by, BOUNDS, "", Timing(60), before=before), Tally()
    for begin, end in pairwise([0, *cuts, len(lines)]):
        tally.merge(timed.scan(b"".join(lines[begin:end])))
    assert expected.rows == summed(tally)
    assert (expected.malformed, 0) == (tally.malformed, tally.skipped)
    assert expected.newest == tally.newest
    assert all(slot > UNTIMED for slot, _ in tally.rows)


@given(formats, chunks, timings, st.integers(0, 2**31), st.data())
def test_cutting_a_chunk_changes_nothing_where_the_stamp_before_it_is_known(
    form: Format, data: bytes, timing: Timing, before: int, more: st.DataObject
) -> None:
    lines = [one + b"\n" for one in data.split(b"\n")]
    cut = more.draw(st.integers(0, len(lines)))
    whole = scanner(form, (), BOUNDS, "", timing, before=before).scan(b"".join(lines))
    timed, tally = scanner(form, (), BOUNDS, "", timing, before=before), Tally()
    for part in (lines[:cut], lines[cut:]):
        tally.merge(timed.scan(b"".join(part)))
    assert whole == tally


@given(formats, choices, chunks | st.binary(), timings, moments)
def test_a_line_is_malformed_whatever_its_time(
    form: Format, by: Chosen, data: bytes, timing: Timing, before: int | None
) -> None:
    untimed = scanner(form, by, BOUNDS).scan(data)
    timed = scanner(form, by, BOUNDS, "", timing, before=before).scan(data)
    assert (untimed.malformed, untimed.lines) == (timed.malformed, timed.lines)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_counted_by_its_stamp(preset: str) -> None:
    ahead = b"example.com:80 " if preset.startswith("vhost") else b""
    behind = b" 1 5" if preset == "combinedio" else b""
    lines = [ahead + one[:-1] + behind + b"\n" for one in (GOOD, NEXT)]
    tally = scan(b"".join(lines), spec=preset)
    assert {(0, "200"): 1, (1, "404"): 1} == slots(tally)
    assert [5, 5] == [row[1] for row in tally.rows.values()]
    assert 0 == tally.undated


@pytest.mark.parametrize(
    ("spec", "one"),
    [
        ("%>s %b %t", b"200 5 [10/Oct/2000:13:55:36 -0700]"),
        ("%>s %t %b", b"200 [10/Oct/2000:13:55:36 -0700] 5"),
        ('%>s %b "%r" %D %{%s}t', b'200 5 "GET /" 7 971211336'),
        ("%{sec}t %>s", b"971211336 200"),
        ("%{msec}t %>s", b"971211336999 200"),
        ("%>s %{usec}t", b"200 971211336999999"),
        ("$msec $status", b"971211336.999 200"),
        ('{"s":$status,"t":"$time_iso8601"}', b'{"s":200,"t":"2000-10-10T13:55:36-07:00"}'),
        ("$status $body_bytes_sent $time_local|", b"200 5 10/Oct/2000:13:55:36 -0700|"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\r"])
def test_a_stamp_is_read_wherever_and_however_it_stands(spec: str, one: bytes, end: bytes) -> None:
    tally = scan(one + end, spec=spec, step=1)
    assert [(MOMENT, ("200",))] == list(tally.rows)
    assert (0, MOMENT) == (tally.undated, tally.newest)


def test_an_undated_line_takes_the_stamp_of_the_line_before() -> None:
    tally = scan(GOOD + UNDATED + NEXT + UNDATED + UNDATED)
    assert {(0, "200"): 1, (0, "500"): 1, (1, "404"): 1, (1, "500"): 2} == slots(tally)
    assert (3, 0, MOMENT + 60) == (tally.undated, tally.skipped, tally.newest)


def test_the_line_before_gives_its_stamp_whether_it_counts_or_not() -> None:
    torn = NEXT[:60] + b"\n"
    tally = scan(GOOD + torn + UNDATED)
    assert {(0, "200"): 1, (1, "500"): 1} == slots(tally)
    assert (1, 1) == (tally.malformed, tally.undated)


def test_an_undated_line_takes_the_stamp_that_an_earlier_chunk_ended_with() -> None:
    timed = scanner(resolve("combined"), ("status",), (), "", Timing(60))
    timed.scan(GOOD + NEXT + MALFORMED)
    assert Tally(malformed=1) == timed.scan(MALFORMED)
    for _ in range(2):
        assert {(1, "500"): 2} == slots(timed.scan(UNDATED + UNDATED + MALFORMED))


def test_undated_lines_before_the_first_stamp_take_it_and_without_any_are_skipped() -> None:
    assert {(0, "500"): 2, (0, "200"): 1} == slots(scan(MALFORMED + UNDATED + UNDATED + GOOD))
    assert Tally(skipped=2, malformed=1) == scan(UNDATED + MALFORMED + UNDATED)
    assert {(-1, "500"): 1, (0, "200"): 1} == slots(scan(UNDATED + GOOD, before=MOMENT - 60))


def test_an_undated_line_that_does_not_count_is_malformed_and_nothing_else() -> None:
    tally = scan(GOOD + UNDATED.replace(b" 5 ", b" 99999999999999999999 "))
    assert (1, 1, 0) == (tally.counted, tally.malformed, tally.undated)


def test_lines_out_of_bounds_are_skipped_to_the_second() -> None:
    stamps = [f"10/Oct/2000:13:55:{second} -0700" for second in range(34, 40)]
    data = b"".join(map(line, stamps))
    tally = scan(data, step=1, since=MOMENT - 1, until=MOMENT + 2)
    assert [MOMENT - 1, MOMENT, MOMENT + 1] == [slot for slot, _ in tally.rows]
    assert (3, MOMENT + 1) == (tally.skipped, tally.newest)


def test_undated_lines_go_where_the_line_before_goes() -> None:
    tally = scan(GOOD + UNDATED + NEXT + UNDATED, until=MOMENT + 60)
    assert {(0, "200"): 1, (0, "500"): 1} == slots(tally)
    assert (2, 1) == (tally.skipped, tally.undated)
    assert Tally(skipped=1) == scan(UNDATED, before=MOMENT - 1, since=MOMENT)


def test_a_malformed_line_out_of_bounds_is_malformed() -> None:
    torn = GOOD.replace(b" 5 ", b" 5x ")
    assert Tally(malformed=1) == scan(torn, since=MOMENT + 1)


@pytest.mark.parametrize(
    ("expected", "stamp"),
    [
        (0, "10/Oct/2000:20:55:36 +0000"),
        (0, "11/Oct/2000:02:25:36 +0530"),
        (0, "10/Oct/2000:13:55:36 -0700"),
        (60, "10/Oct/2000:13:55:36 -0800"),
    ],
)
def test_offsets_from_utc_may_be_mixed(expected: int, stamp: str) -> None:
    assert [MINUTE + expected] == [slot for slot, _ in scan(line(stamp)).rows]


def test_the_hour_that_comes_twice_when_summer_ends_is_two_hours() -> None:
    summer, winter = "29/Oct/2000:02:30:00 +0200", "29/Oct/2000:02:30:00 +0100"
    [(first, _), (second, _)] = scan(line(summer) + line(winter)).rows
    assert 60 == second - first


def test_a_leap_second_belongs_to_the_minute_that_follows() -> None:
    leap, next_one = "31/Dec/2016:23:59:60 +0000", "01/Jan/2017:00:00:00 +0000"
    assert 1 == len(scan(line(leap) + line(next_one)).rows)


def test_lines_out_of_order_are_in_the_slots_of_their_own_stamps() -> None:
    assert {(0, "200"): 2, (1, "404"): 2} == slots(scan(NEXT + GOOD + NEXT + GOOD))


@pytest.mark.parametrize("step", [1, 15, 60, 300])
def test_a_slot_is_as_long_as_it_is_asked_to_be(step: int) -> None:
    assert [MOMENT // step] == [slot for slot, _ in scan(GOOD, step=step).rows]


@pytest.mark.parametrize(
    "stamp",
    ["01/Jan/1970:00:00:59 +0000", "31/Dec/1969:23:00:00 +0000", "01/Jan/0001:00:00:00 +0000"],
)
def test_what_is_stamped_before_there_were_slots_is_in_the_first(stamp: str) -> None:
    assert [(1, ("200",))] == list(scan(line(stamp)).rows)


def test_a_format_without_a_time_is_undated_altogether() -> None:
    for spec, data in (("%>s", b"200\n404\n"), ("%>s %b", b"200 5\n404 5\n")):
        assert Tally(skipped=2) == scan(data, spec=spec)
        tally = scan(data, before=MOMENT, spec=spec)
        assert {(0, "200"): 1, (0, "404"): 1} == slots(tally)
        assert 2 == tally.undated


def test_durations_are_kept_by_time() -> None:
    form = resolve("%>s %{sec}t %D")
    timed = scanner(form, (), (8_000,), "", Timing(60))
    tally = timed.scan(b"200 %d 7\n200 %d 9\n200 %d -\n" % (MOMENT, MOMENT + 60, MOMENT + 60))
    expected = {(MINUTE, ()): [1, 0, 7_000, 1, 0], (MINUTE + 1, ()): [2, 0, 9_000, 0, 1]}
    assert expected == tally.rows
