"""Samples of a series, compared with a count of its lines one by one."""

from collections.abc import Iterable, Mapping, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchlog.history.seam import LIMIT, Seams
from batchlog.history.series import DAY, Course, Extent, Names, courses, limits, plus, runs
from batchlog.state.totals import Labels
from tests.history.histories import NOON, Expected, Line, expected, labelled

SERIES = labelled(status="200")


def extents(lines: Iterable[Line], width: int) -> dict[tuple[str, Labels], Extent]:
    """Return where the lines of each series in each source lie."""
    found: dict[tuple[str, Labels], Extent] = {}
    for line in lines:
        time = (line.stamp // width + 1) * width
        one = Extent(time, time, timed=False)
        key = line.source, labelled(status=line.status)
        found[key] = found[key].plus(one) if key in found else one
    return found


def samples(
    course: Course, width: int, added: Mapping[int, Sequence[int]]
) -> list[tuple[int, int]]:
    """Return all samples of a series, day by day: time and requests."""
    found = []
    before: Sequence[int] = [0, 0]
    last = max(course.last, course.zero or 0)
    for day in range(course.start // DAY, last // DAY + 1):
        span = day * DAY, (day + 1) * DAY
        today = {time: row for time, row in added.items() if span[0] <= time < span[1]}
        of_day = [
            (time, run.row[0])
            for run in runs(course, width, span, today, before)
            for time in run.times
        ]
        assert course.spans(*span) == bool(of_day)
        assert all(span[0] <= time < span[1] for time, _ in of_day)
        found += of_day
        for row in today.values():
            before = plus(before, row)
    return found


def added(lines: Iterable[Line], seams: Seams, width: int) -> dict[Labels, dict[int, list[int]]]:
    """Return what is added to each series at which time, as the journal tells it."""
    tops = limits(extents(lines, width), seams)
    found: dict[Labels, dict[int, list[int]]] = {}
    for line in lines:
        labels = labelled(status=line.status)
        time = (line.stamp // width + 1) * width
        top = tops.get((line.source, labels))
        if top is not None and time > top.time:
            if not top.clamps:
                continue
            time = top.time
        at = found.setdefault(labels, {})
        at[time] = plus(at.get(time, [0, 0]), [1, line.size])
    return found


def histories(
    lines: Sequence[Line], seams: Seams, width: int
) -> dict[Labels, tuple[Course, list[tuple[int, int]]]]:
    """Return the course and the samples of each series."""
    rows = added(lines, seams, width)
    made = courses(extents(lines, width), seams, width)
    return {
        labels: (course, samples(course, width, rows[labels])) for labels, course in made.items()
    }


NOW = NOON + 2 * DAY
MOMENTS = st.integers(NOON - DAY, NOW)
LINES = st.lists(
    st.builds(
        Line,
        source=st.sampled_from("abc"),
        status=st.sampled_from(("200", "404")),
        stamp=MOMENTS,
    ),
    min_size=1,
    max_size=12,
)
SEAMS = st.builds(
    Seams,
    now=st.just(NOW),
    live=st.dictionaries(
        st.sampled_from((SERIES, labelled(status="404"))), st.integers(NOON - DAY + 700, NOW)
    ),
    origins=st.dictionaries(st.sampled_from("ab"), st.integers(NOON - DAY + 700, NOW - LIMIT)),
)


@given(lines=LINES, seams=SEAMS, width=st.sampled_from((300, 60, 7)))
@example(
    lines=[Line("a", "200", NOON), Line("b", "200", NOON + 900)],
    seams=Seams(NOW, {}, {"a": NOON - 31, "b": NOON + 500}),
    width=60,
)
@example(  # clamped onto the grid, with lines there already
    lines=[Line("a", "200", NOON - 30), Line("a", "200", NOON + 90)],
    seams=Seams(NOW, {SERIES: NOON + 2}, {"a": NOON + 600}),
    width=60,
)
def test_history_is_what_a_count_of_the_lines_says(
    lines: list[Line], seams: Seams, width: int
) -> None:
    wanted, _ = expected(lines, seams, width)
    found = histories(lines, seams, width)
    assert sorted(wanted) == list(found)
    for labels, (course, has) in found.items():
        demand_right(wanted[labels], has, seams, width)
        demand_end(wanted[labels], has, labels in seams.live, seams.now)
        assert len(has) == course.times(width)


def demand_right(wanted: Expected, has: list[tuple[int, int]], seams: Seams, width: int) -> None:
    """Demand that each sample says the number of lines up to it, one every step."""
    times = [time for time, _ in has]
    assert sorted(set(times)) == times
    assert times[-1] <= seams.now - LIMIT
    assert (wanted.times[0] - width, 0) == has[0]
    body = has[:-1] if wanted.created is not None else has
    assert [(time, wanted.at(time)) for time in times[: len(body)]] == body
    assert len(wanted.times) == body[-1][1]
    begin = -(-wanted.times[0] // width) * width
    assert not set(range(begin, wanted.last_of_logs + 1, width)) - set(times)


def demand_end(wanted: Expected, has: list[tuple[int, int]], live: bool, now: int) -> None:
    """Demand a 0 at the end of what a live series follows, before it."""
    if wanted.created is None:
        return
    (before, _), (last, value) = has[-2:]
    assert value == 0
    assert last < wanted.created or not live
    assert last == (
        wanted.created - 1 if before < wanted.created - 1 <= now - LIMIT else before + 1
    )


def test_a_series_begins_with_0_one_step_before_its_first_lines_also_the_day_before() -> None:
    midnight = NOON + DAY // 2
    [(_, has)] = histories([Line("a", "200", midnight - 60)], Seams(NOW, {}, {}), 60).values()
    assert [(midnight - 60, 0), (midnight, 1)] == has


def test_a_series_goes_on_to_the_last_line_of_its_log_and_of_the_last_that_share_it() -> None:
    lines = [
        Line("a", "200", NOON),
        Line("a", "404", NOON + 180),
        Line("b", "404", NOON),
        Line("b", "500", NOON + 300),
    ]
    found = histories(lines, Seams(NOW, {}, {}), 60)
    ends = {dict(labels)["status"]: has[-1] for labels, (_, has) in found.items()}
    assert {"200": (NOON + 240, 1), "404": (NOON + 360, 2), "500": (NOON + 360, 1)} == ends


def test_lines_of_a_log_without_a_seam_that_are_too_new_make_no_series() -> None:
    assert {} == histories([Line("a", "200", NOW - LIMIT)], Seams(NOW, {}, {}), 60)


def test_a_gap_of_days_is_told_in_one_piece() -> None:
    lines = [Line("a", "200", NOON - 30 * DAY), Line("a", "200", NOON)]
    [course] = courses(extents(lines, 60), Seams(NOW, {}, {}), 60).values()
    day = (NOON // DAY - 10) * DAY
    [run] = runs(course, 60, (day, day + DAY), {}, [1, 10])
    assert (range(day, day + DAY, 60), [1, 10]) == run


def names(limit: int) -> Names:
    """Return names by status and vhost."""
    return Names(("status", "vhost"), {"job": "x"}, limit)


def test_label_sets_beyond_the_limit_give_way_in_their_open_labels() -> None:
    found = names(2).resolve(
        [("404", "b.example"), ("200", "c.example"), ("200", "a.example")], {}, {"vhost"}
    )
    assert {
        ("200", "a.example"): ("a.example", False),
        ("200", "c.example"): ("c.example", False),
        ("404", "b.example"): ("other", True),
    } == {values: (dict(labels)["vhost"], changed) for values, (labels, changed) in found.items()}


def test_label_sets_that_are_known_stay_beyond_the_limit() -> None:
    made = names(1)
    first = made.resolve([("200", "a.example")], {}, {"vhost"})
    assert first == made.resolve([("200", "a.example")], {}, {"vhost"})
    [(labels, changed)] = made.resolve([("404", "a.example")], {}, ()).values()
    assert (labels, changed) == (
        (("job", "x"), ("status", "404"), ("vhost", "a.example")),
        False,
    )


@pytest.mark.parametrize("static", [{"job": "mine"}, {}])
def test_the_groups_labels_win(static: dict[str, str]) -> None:
    [(labels, _)] = names(9).resolve([("200", "a.example")], static, ()).values()
    assert (("job", "x"), ("status", "200"), ("vhost", "a.example")) == labels
