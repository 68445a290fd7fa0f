"""What a backfill's summary adds up: lines, labels, time."""

import pytest

from batchlog.backfill.summary import Activity, Share, Summary
from batchlog.segments.identity import Mark
from batchlog.segments.steps import Result
from batchlog.tally import UNTIMED, Key, Row, Tally

MINUTE, DAY = 60, 86_400


def counted(requests: int, newest: int | None = None, status: str = "200") -> Tally:
    """Return the tally of so many requests, of 10 bytes each."""
    return Tally(rows={(UNTIMED, (status,)): [requests, 10 * requests]}, newest=newest)


def summary(*tallies: Tally, first: int | None = None, slot: int = UNTIMED) -> Summary:
    """Return a summary of steps of one byte each."""
    found = Summary(("status",))
    for tally in tallies:
        found.add(tally, 1, first, slot)
    return found


def activity(found: Summary, bins: int = 48) -> Activity:
    """Return its requests over time, of which there must be some."""
    activity = found.activity(bins)
    assert activity is not None
    return activity


def test_lines_are_those_that_count_and_those_that_do_not() -> None:
    odd = Tally(malformed=2, oversize=3, skipped=4, undated=5)
    odd.add((UNTIMED, ("200",)), [6, 60])
    found = summary(odd, odd)
    assert 30 == found.lines
    assert (4, 6, 8, 10) == (found.malformed, found.oversize, found.skipped, found.undated)
    assert 2 == found.bytes


def test_files_are_those_read_and_those_left_out_by_reason() -> None:
    found = Summary(("status",))
    found.begin_file()
    for reason in ("already backfilled", "empty", "already backfilled"):
        found.leave(reason)
    assert 1 == found.files
    assert {"already backfilled": 2, "empty": 1} == found.left


def test_packed_rows_are_read_too() -> None:
    tally = counted(5, newest=DAY)
    tally.pack()
    tally.add((UNTIMED, ("404",)), [1, 10])
    found = summary(tally)
    assert 6 == found.lines
    assert [Share(("200",), 5, 50), Share(("404",), 1, 10)] == found.table()


def told(lines: int = 4) -> Result:
    """Return what is known of a step that was done before, of so many lines that count."""
    mark = Mark(0, 5, (), "", 10)
    return Result(mark, "", 5, "complete", 0, "", lines, 1, 2, 3, 4, None)


def test_a_step_of_which_only_the_counts_are_known_has_its_lines_and_time() -> None:
    found = summary()
    found.recall(told(), 0, 2 * MINUTE)
    assert 10 == found.lines
    assert (1, 2, 3, 4, 5) == (
        found.malformed,
        found.oversize,
        found.skipped,
        found.undated,
        found.bytes,
    )
    assert Activity(0, MINUTE, (2, 2)) == activity(found)
    found.recall(told(0), None, None)
    assert 16 == found.lines


def test_the_table_may_be_held_instead_of_added_up() -> None:
    found = summary(counted(3))
    found.hold([Share(("200",), 4, 40), Share(("404",), 5, 50), Share(("404",), 2, 20)])
    assert [Share(("404",), 7, 70), Share(("200",), 4, 40)] == found.table()
    assert 3 == found.lines


# --- labels ------------------------------------------------------------------------------------


def test_the_table_has_the_most_requests_first_and_equal_ones_in_order() -> None:
    found = summary(counted(1, status="500"), counted(3), counted(1, status="404"))
    assert [
        Share(("200",), 3, 30),
        Share(("404",), 1, 10),
        Share(("500",), 1, 10),
    ] == found.table()


def test_what_the_table_has_no_room_for_is_one_row() -> None:
    found = summary(*(counted(number, status=str(number)) for number in range(100, 110)))
    shares = found.table(limit=3)
    assert [("109",), ("108",), ("107",), None] == [share.labels for share in shares]
    assert found.lines == sum(share.requests for share in shares)
    assert found.lines * 10 == sum(share.bytes for share in shares)


def test_a_table_that_fits_has_no_others() -> None:
    found = summary(*(counted(1, status=str(number)) for number in range(12)))
    assert 12 == len(found.table())
    assert None not in [share.labels for share in found.table()]


def test_however_many_hosts_a_log_names_memory_is_bounded_and_nothing_is_dropped() -> None:
    found = Summary(("vhost",))
    tally = Tally(rows={(UNTIMED, (f"h{number}.example",)): [1, 1] for number in range(20_000)})
    found.add(tally, 1)
    shares = found.table(limit=100_000)
    assert 10_001 == len(shares)
    assert Share(None, 10_000, 10_000) == shares[-1]


def test_others_is_also_a_name_that_a_host_may_have() -> None:
    found = Summary(("vhost",))
    found.add(Tally(rows={(UNTIMED, ("others",)): [1, 1], (UNTIMED, ("a",)): [2, 2]}), 1)
    assert [Share(("a",), 2, 2), Share(None, 1, 1)] == found.table(limit=1)


# --- time --------------------------------------------------------------------------------------


def test_nothing_with_a_time_has_neither_span_nor_activity() -> None:
    found = summary(counted(3))
    assert found.span is None
    assert found.activity() is None


def test_requests_of_a_step_are_spread_evenly_over_its_time() -> None:
    found = summary(counted(40, newest=4 * MINUTE - 1), first=0)
    assert (0, 4 * MINUTE - 1) == found.span
    assert Activity(0, MINUTE, (10, 10, 10, 10)) == activity(found)


def test_of_a_step_whose_beginning_is_not_known_all_is_at_its_end() -> None:
    found = summary(counted(7, newest=90))
    assert (90, 90) == found.span
    assert Activity(MINUTE, MINUTE, (7,)) == activity(found)


def test_a_step_whose_lines_are_out_of_order_is_spread_all_the_same() -> None:
    found = summary(counted(4, newest=0), first=2 * MINUTE - 1)
    assert Activity(0, MINUTE, (2, 2)) == activity(found)


def test_requests_of_a_timed_step_stand_in_their_slots() -> None:
    tally = Tally(rows={(10, ("200",)): [3, 0], (12, ("200",)): [4, 0], (12, ("404",)): [1, 0]})
    found = summary(tally, slot=300)
    assert (3000, 13 * 300 - 1) == found.span
    assert Activity(3000, 300, (3, 0, 5)) == activity(found, bins=3)


def test_a_bar_is_as_wide_as_people_count_time() -> None:
    found = summary(counted(2880, newest=33 * DAY - 1), first=3 * DAY)
    assert Activity(3 * DAY, DAY, (96,) * 30) == activity(found)


@pytest.mark.parametrize("bins", [1, 2, 7, 48])
@pytest.mark.parametrize("seconds", [1, 59, 60, 61, 3600, 10 * DAY, 400 * DAY, 3000 * 365 * DAY])
def test_the_bars_are_few_and_hold_all_requests(seconds: int, bins: int) -> None:
    begin = 1_445_742_685
    found = summary(counted(12_345, newest=begin + seconds - 1), first=begin)
    shown = activity(found, bins)
    assert 1 <= len(shown.counts) <= bins
    assert 12_345 == sum(shown.counts)
    assert shown.begin <= begin
    assert shown.begin + shown.width * len(shown.counts) >= begin + seconds


def test_years_take_as_few_bins_as_days() -> None:
    found = Summary(("status",))
    for day in range(5000):
        found.add(counted(10, newest=day * DAY + 5), 1, day * DAY)
    assert len(found._timeline.counts) <= 4096  # noqa: SLF001 - memory shows nowhere else
    assert 50_000 == sum(activity(found).counts)


def test_a_stamp_far_off_that_comes_late_changes_no_number() -> None:
    steps = [(counted(100, newest=10 * MINUTE - 1), 0), (counted(1, newest=9000 * DAY), 9000 * DAY)]
    forth, back = Summary(("status",)), Summary(("status",))
    for tally, first in steps:
        forth.add(tally, 1, first)
    for tally, first in reversed(steps):
        back.add(tally, 1, first)
    assert activity(forth) == activity(back)


def test_where_steps_are_cut_changes_no_bar_when_slots_are_known() -> None:
    rows: dict[Key, Row] = {(s, ("200",)): [s % 7 + 1, 0] for s in range(20_000)}
    whole = summary(Tally(rows=dict(rows)), slot=MINUTE)
    parts = [dict(list(rows.items())[at : at + 999]) for at in range(0, len(rows), 999)]
    cut = summary(*(Tally(rows=part) for part in reversed(parts)), slot=MINUTE)
    assert activity(whole) == activity(cut)
