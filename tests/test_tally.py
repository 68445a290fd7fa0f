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
