"""Totals only grow; seeds, limits and static labels are applied where tallies are merged."""

from hypothesis import given
from hypothesis import strategies as st

from batchlog.labels import SEED_CLASSES, SEED_STATUSES
from batchlog.state.checkpoint import Series
from batchlog.state.totals import Totals, fallen, without_durations
from batchlog.tally import Row, Tally

NONE: frozenset[str] = frozenset()


def tally(rows: dict[tuple[str, ...], Row]) -> Tally:
    return Tally({(0, values): row for values, row in rows.items()})


def counted(totals: Totals) -> dict[tuple[tuple[str, str], ...], tuple[int, int]]:
    return {one.labels: (one.requests, one.bytes) for one in totals.freeze()}


def test_rows_add_up_and_carry_their_label_names() -> None:
    totals = Totals((), ("status",), 100, 7.9)
    totals.add(tally({("200",): [2, 10]}), {}, NONE)
    totals.add(tally({("200",): [1, 5], ("404",): [1, 0]}), {}, NONE)
    assert (
        Series((("status", "200"),), 3, 15, 7),
        Series((("status", "404"),), 1, 0, 7),
    ) == totals.freeze()


def test_static_labels_are_put_on_every_series_sorted_by_name() -> None:
    totals = Totals((), ("status",), 100, 0)
    totals.add(tally({("200",): [1, 1]}), {"zone": "eu", "app": "shop"}, NONE)
    assert [(("app", "shop"), ("status", "200"), ("zone", "eu"))] == list(counted(totals))


def test_durations_add_up_and_a_row_without_them_keeps_them() -> None:
    totals = Totals((), ("status",), 100, 0)
    totals.add(tally({("200",): [1, 1, 30, 1, 0]}), {}, NONE)
    totals.add(tally({("200",): [1, 1, 40, 0, 1]}), {}, NONE)
    totals.add(tally({("200",): [1, 1]}), {}, NONE)
    assert (Series((("status", "200"),), 3, 3, 0, 70, (1, 1)),) == totals.freeze()


def test_a_series_keeps_the_time_of_its_creation() -> None:
    totals = Totals((Series((("status", "200"),), 1, 1, 5),), ("status",), 100, 9)
    totals.add(tally({("200",): [1, 1]}), {}, NONE)
    assert [5] == [one.created for one in totals.freeze()]


def test_r96_seeds_are_there_with_0_once_a_set_of_static_labels() -> None:
    totals = Totals((), ("status",), 100, 0)
    totals.seed({"tier": "a"})
    totals.seed({"tier": "b"})
    totals.seed({"tier": "b"})
    assert 2 * len(SEED_STATUSES) == len(totals.freeze())
    assert {(0, 0)} == set(counted(totals).values())


def test_r96_classes_have_seeds_and_other_choices_have_none() -> None:
    classes = Totals((), ("status_class",), 100, 0)
    classes.seed({})
    both = Totals((), ("status", "method"), 100, 0)
    both.seed({})
    assert len(SEED_CLASSES) == len(classes.freeze())
    assert () == both.freeze()


def test_seeds_never_overwrite_a_count() -> None:
    totals = Totals((Series((("status", "200"),), 4, 4, 0),), ("status",), 100, 0)
    totals.seed({})
    assert (4, 4) == counted(totals)[(("status", "200"),)]


def test_zeros_do_not_count_towards_the_limit_and_stop_where_it_is_reached() -> None:
    totals = Totals((), ("status",), 3, 0)
    totals.seed({})
    assert 3 == len(totals.freeze())
    totals.add(tally({(str(code),): [1, 1] for code in (418, 419, 420)}), {}, NONE)
    assert 3 == sum(requests > 0 for requests, _ in counted(totals).values())
    assert 0 == totals.overflow


def test_past_the_limit_open_labels_become_other_and_closed_ones_stay() -> None:
    totals = Totals((), ("status", "vhost"), 1, 0)
    open_ = frozenset({"vhost"})
    totals.add(tally({("200", "a"): [1, 1]}), {}, open_)
    totals.add(tally({("200", "b"): [2, 2]}), {}, open_)
    totals.add(tally({("404", "c"): [3, 3]}), {}, open_)
    assert {
        (("status", "200"), ("vhost", "a")): (1, 1),
        (("status", "200"), ("vhost", "other")): (2, 2),
        (("status", "404"), ("vhost", "other")): (3, 3),
    } == counted(totals)
    assert 5 == totals.overflow


def test_a_known_series_goes_on_past_the_limit() -> None:
    totals = Totals((Series((("vhost", "a"),), 1, 1, 0),), ("vhost",), 1, 0)
    totals.add(tally({("a",): [1, 1]}), {}, frozenset({"vhost"}))
    assert {(("vhost", "a"),): (2, 2)} == counted(totals)
    assert 0 == totals.overflow


def test_fallen_finds_what_is_less_or_gone() -> None:
    old = [Series((("s", "1"),), 2, 2, 0), Series((("s", "2"),), 2, 2, 0)]
    assert [] == fallen(old, old)
    assert ["{'s': '2'}"] == fallen(old, old[:1])
    assert ["{'s': '1'}"] == fallen(old, [Series((("s", "1"),), 1, 9, 0), old[1]])
    assert ["{'s': '1'}"] == fallen(old, [Series((("s", "1"),), 9, 1, 0), old[1]])


def test_without_durations_keeps_counts_and_creation() -> None:
    old = Series((("s", "1"),), 2, 3, 4, 5, (1, 1))
    assert (Series((("s", "1"),), 2, 3, 4),) == without_durations([old])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20), st.randoms())
def test_any_order_of_merging_gives_the_same(rows: list[tuple[str, int]], order: "object") -> None:
    shuffled = list(rows)
    getattr(order, "shuffle")(shuffled)  # noqa: B009 - Hypothesis's Random has no public type
    frozen = []
    for one in (rows, shuffled):
        totals = Totals((), ("method",), 100, 0)
        for value, count in one:
            totals.add(tally({(value,): [1, count]}), {}, NONE)
        frozen.append(totals.freeze())
    assert frozen[0] == frozen[1]


def test_which_open_labels_are_let_through_does_not_depend_on_the_order_of_rows() -> None:
    rows: dict[tuple[str, ...], Row] = {(host,): [1, 1] for host in "dbeac"}
    found = []
    for order in (sorted(rows), sorted(rows, reverse=True)):
        totals = Totals((), ("vhost",), 2, 0)
        totals.add(tally({values: rows[values] for values in order}), {}, frozenset({"vhost"}))
        found.append(counted(totals))
    assert found[0] == found[1]
    assert {"a", "b", "other"} == {dict(labels)["vhost"] for labels in found[0]}
