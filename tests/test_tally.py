from hypothesis import given
from hypothesis import strategies as st

from batchlog.tally import UNTIMED, Key, Row, Tally


def test_each_line_is_in_exactly_one_count() -> None:
    tally = Tally({(UNTIMED, ("200",)): [3, 10]}, malformed=2, oversize=1, skipped=4)
    assert (3, 10) == (tally.counted, tally.lines)


def test_adding_a_row_keeps_the_one_that_was_given() -> None:
    given = [1, 10]
    tally = Tally()
    tally.add((UNTIMED, ("200",)), given)
    tally.add((UNTIMED, ("200",)), [2, 5])
    assert {(UNTIMED, ("200",)): [3, 15]} == tally.rows
    assert [1, 10] == given


def test_merging_adds_element_by_element() -> None:
    first = Tally({(UNTIMED, ("200",)): [1, 2, 3, 4]}, malformed=1, oversize=2, skipped=3)
    later = Tally(
        {(UNTIMED, ("200",)): [1, 1, 1, 1], (UNTIMED, ("404",)): [1, 0, 0, 0]},
        malformed=1,
        oversize=1,
        skipped=1,
        undated=5,
    )
    first.merge(later)
    rows: dict[Key, Row] = {(UNTIMED, ("200",)): [2, 3, 4, 5], (UNTIMED, ("404",)): [1, 0, 0, 0]}
    assert Tally(rows, malformed=2, oversize=3, skipped=4, undated=5) == first


def test_the_newest_stamp_is_that_of_the_later_lines_where_they_have_one() -> None:
    tally = Tally(newest=20)
    tally.merge(Tally(newest=None))
    assert tally.newest == 20
    tally.merge(Tally(newest=10))
    assert tally.newest == 10


def totals(tally: Tally) -> dict[Key, Row]:
    """Return the sums of all rows, packed or not."""
    found = Tally()
    for key, row in tally.all_rows():
        found.add(key, row)
    return found.rows


def test_packed_rows_are_the_same_rows_and_count_as_before() -> None:
    rows: dict[Key, Row] = {(7, ("200", "GET")): [2, 10, 5, 1, 1], (8, ()): [1, 0]}
    tally = Tally(dict(rows), malformed=1)
    tally.pack()
    assert ({}, 1) == (tally.rows, len(tally.packed))
    assert rows == totals(tally)
    assert (3, 4) == (tally.counted, tally.lines)


def test_packing_nothing_gives_no_packet() -> None:
    tally = Tally()
    tally.pack()
    assert Tally() == tally


def test_packed_rows_take_few_bytes() -> None:
    tally = Tally({(28_000_000 + i, ("200",)): [3, 70_000] for i in range(1000)})
    tally.pack()
    assert len(tally.packed[0].rows) < 25 * 1000


def test_merging_takes_packets_over_and_leaves_the_other_tally_as_it_was() -> None:
    first, later = Tally({(7, ()): [1, 1]}), Tally({(7, ()): [2, 2]})
    first.pack()
    later.pack()
    later.add((7, ()), [4, 4])
    first.merge(later)
    first.add((7, ()), [8, 8])
    first.pack()
    assert {(7, ()): [15, 15]} == totals(first)
    assert (15, 6) == (first.counted, later.counted)


numbers = st.integers(0, 1 << 70) | st.integers((1 << 63) - 2, (1 << 63) + 2)
keys = st.tuples(st.integers(0, 3), st.tuples(st.sampled_from(["200", "\u00e9", ""])))
rows_of_any = st.dictionaries(keys, st.tuples(numbers, numbers).map(list))


@given(st.lists(st.tuples(rows_of_any, st.booleans(), st.booleans())))
def test_packing_at_any_time_changes_no_sum_however_large(
    parts: list[tuple[dict[Key, Row], bool, bool]],
) -> None:
    expected, tally = Tally(), Tally()
    for rows, pack_before, pack_after in parts:
        expected.merge(Tally(rows))
        later = Tally(rows)
        if pack_before:
            later.pack()
        tally.merge(later)
        if pack_after:
            tally.pack()
    assert expected.rows == totals(tally)
    assert expected.counted == tally.counted
