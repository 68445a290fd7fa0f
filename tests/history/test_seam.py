"""Where history ends: ceilings, the 0 behind it, and seams that are too young."""

import re

import pytest

from batchlog.history.seam import (
    LIMIT,
    Ceiling,
    Seams,
    ceiling,
    labelled,
    live_series,
    refusals,
    zero,
)
from batchlog.state.checkpoint import Series

NOW = 1_763_800_000
OLD = NOW - 10 * LIMIT
LABELS = (("instance", "web1"), ("status", "200"))
NOTHING = Seams(NOW, {}, {})


def test_a_series_that_nothing_live_follows_ends_four_hours_ago_and_newer_lines_wait() -> None:
    assert Ceiling(NOW - LIMIT - 1, clamps=False) == ceiling(NOTHING, "a", LABELS)


def test_lines_of_a_log_with_a_seam_end_two_seconds_before_it() -> None:
    seams = Seams(NOW, {}, {"a": OLD})
    assert Ceiling(OLD - 2, clamps=True) == ceiling(seams, "a", LABELS)
    assert Ceiling(NOW - LIMIT - 1, clamps=False) == ceiling(seams, "b", LABELS)


@pytest.mark.parametrize(("created", "expected"), [(OLD - 50, OLD - 52), (OLD + 50, OLD - 2)])
def test_the_earlier_of_seam_and_creation_of_the_live_series_counts(
    created: int, expected: int
) -> None:
    seams = Seams(NOW, {LABELS: created}, {"a": OLD})
    assert Ceiling(expected, clamps=True) == ceiling(seams, "a", LABELS)


def test_lines_of_a_log_that_no_push_knows_end_before_the_live_series_they_would_meet() -> None:
    seams = Seams(NOW, {LABELS: OLD}, {})
    assert Ceiling(OLD - 2, clamps=True) == ceiling(seams, "a", LABELS)
    assert Ceiling(NOW - LIMIT - 1, clamps=False) == ceiling(seams, "a", LABELS[:1])


def test_a_live_series_younger_than_the_limit_clamps_nothing() -> None:
    seams = Seams(NOW, {LABELS: NOW - LIMIT + 2}, {})
    assert Ceiling(NOW - LIMIT - 1, clamps=False) == ceiling(seams, "a", LABELS)
    assert Ceiling(NOW - LIMIT - 1, clamps=True) == ceiling(
        Seams(NOW, {LABELS: NOW - LIMIT + 1}, {}), "a", LABELS
    )


def test_the_0_stands_just_before_the_first_live_sample() -> None:
    seams = Seams(NOW, {LABELS: OLD}, {"a": OLD - 1000})
    assert OLD - 1 == zero(seams, LABELS, ["a"], OLD - 5000)
    assert OLD - 1 == zero(seams, LABELS, ["a"], OLD - 2)


def test_without_a_live_series_it_stands_before_the_last_seam() -> None:
    seams = Seams(NOW, {}, {"a": OLD, "b": OLD + 100, "c": OLD + 200})
    assert OLD + 99 == zero(seams, LABELS, ["a", "b", "d"], OLD - 5000)


def test_it_stands_right_after_the_last_sample_where_its_place_is_too_new_or_taken() -> None:
    young = Seams(NOW, {LABELS: NOW - 60}, {"a": OLD})
    assert OLD - 1 == zero(young, LABELS, ["a"], OLD - 2)
    assert OLD + 31 == zero(Seams(NOW, {}, {"a": OLD}), LABELS, ["a", "b"], OLD + 30)
    last = NOW - LIMIT - 1
    assert NOW - LIMIT == zero(young, LABELS, ["a"], last)


def test_no_0_where_nothing_live_can_follow() -> None:
    assert zero(NOTHING, LABELS, ["a"], OLD) is None


def test_a_seam_younger_than_four_hours_is_refused_with_the_time_from_which_it_works() -> None:
    origin = NOW - LIMIT + 1
    [sentence] = refusals({"/var/log/a.log": origin, "/var/log/b.log": NOW - LIMIT}, NOW)
    assert sentence.startswith("/var/log/a.log: ")
    [begun, works] = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", sentence)
    assert begun < works
    assert not refusals({"/var/log/a.log": origin}, origin + LIMIT)


def test_live_series_are_those_without_the_label_of_backfilled_ones_and_carry_the_group() -> None:
    totals = [
        Series((("status", "200"),), 1, 2, 77),
        Series((("backfill", "1"), ("status", "200")), 1, 2, 99),
        Series((("instance", "mine"), ("status", "404")), 1, 2, 80),
        Series((("instance", "yours"), ("status", "404")), 1, 2, 78),
    ]
    assert {
        (("instance", "web1"), ("status", "200")): 77,
        (("instance", "web1"), ("status", "404")): 78,
    } == live_series(totals, {"instance": "web1"})


def test_an_empty_value_is_no_label_as_prometheus_has_it() -> None:
    assert (("status", "200"),) == labelled({"status": "200", "tier": "x"}, {"tier": ""})
