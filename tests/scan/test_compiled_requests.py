"""The compiled part refuses what it is asked wrongly, and never goes by such a number.

`test_compiled.py` runs this again with a build that stops at the first byte out of bounds.
"""

import ctypes
import os
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.scan import library as c

LINE = b'1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 23 "-" "-"\n'
FAR = (-(1 << 63), -(1 << 31), -2, 1 << 28, 1 << 31, (1 << 63) - 1)
FAR_SMALL = (-(1 << 31), -2, 1 << 25, (1 << 31) - 1)

Steps = list[tuple[int, bytes, int, int, int]]
"""Kind, literal, text, behind, skipped."""

STEPS: Steps = [
    (c.SPAN_TO_QUOTE, b"", -1, 0, 0),
    (c.REST, b"", -1, 0, 0),
    (c.SPAN_TO_QUOTE, b"", -1, 0, 0),
    (c.REST, b"", -1, 0, 0),
    (c.SPAN_TO_QUOTE, b"", -1, 0, 0),
    (c.LITERAL, b" ", -1, 0, 0),
    (c.CODE, b" ", 0, 0, 0),
    (c.REST, b" ", 1, 0, 0),
    (c.SPAN_OF_REST, b"", -1, 0, 0),
]
NUMBERS = dict.fromkeys(("bounds", "escapes"), 1) | {"width": 5, "by_second": 0, "seed": 7}
NUMBERS |= {"unit": 1000, "largest": 1 << 40, "most": 1 << 40, "length": 26, "second": 18}
NUMBERS |= {"groups": 4, "others": 4, "slots": 8}
COLUMNS = [(c.STATUS, 0, 1), (c.SIZE, 1, 0)]


def compiled_part() -> ctypes.CDLL:
    """Return the compiled part, or the build that a test names."""
    path = os.environ.get("BATCHLOG_TEST_LIBRARY")
    found = c.load(path) if path else c.library()
    if found is None:
        pytest.skip("batchlog was installed without its compiled part")
    return found


def plan(
    steps: Steps | None = None,
    columns: list[tuple[int, int, int]] | None = None,
    changed: Mapping[str, int] | None = None,
) -> c.Plan:
    """Return what is asked for lines as `LINE` is, with some numbers changed."""
    made = [c.Step(kind, len(lit), lit, *rest) for kind, lit, *rest in steps or STEPS]
    shown = [c.Column(*column) for column in columns or COLUMNS]
    words = sum(is_word + 2 * (reading == c.STAMP) for reading, _, is_word in columns or COLUMNS)
    numbers = {
        "steps": len(made),
        "columns": len(shown),
        "words": words,
        **NUMBERS,
        **(changed or {}),
    }
    return c.Plan(
        **numbers,
        step=(c.Step * len(made))(*made),
        column=(c.Column * len(shown))(*shown),
        bound=(c.Integer * 1)(5),
    )


def room() -> c.Found:
    return c.room(4, 8, 5, 4, 8)


def count(
    asked: c.Plan, found: c.Found, data: bytes, begin: int = 0, end: int | None = None
) -> int:
    done: int = compiled_part().count_lines(
        asked, data, begin, len(data) if end is None else end, found
    )
    return done


def test_compiled_a_right_request_is_answered() -> None:
    found = room()
    assert 1 == count(plan(), found, LINE * 3)
    assert (3, 1, 0) == (found.lines, found.groups, found.others)
    assert [3, 69] == found.rows[:2]


@pytest.mark.parametrize(
    "name",
    [
        *("steps", "columns", "bounds", "words", "width", "unit", "largest", "most"),
        *("groups", "others", "slots"),
    ],
)
@pytest.mark.parametrize("number", FAR)
def test_compiled_a_number_that_cannot_be_is_refused(name: str, number: int) -> None:
    if name in ("largest", "most") and 0 <= number < 1 << 32:
        number = -number  # as a number that can be read it is a small one
    found = room()
    assert 0 == count(plan(changed={name: number}), found, LINE)
    assert (0, 0) == (found.lines, found.groups)


@pytest.mark.parametrize(
    "changed",
    [
        {"slots": 7},  # no power of two
        {"slots": 4},  # a search for a free one would not end
        {"groups": 0},
        {"unit": 0},
        {"words": 2},
        {"words": 0},
        {"width": 1},
        {"columns": 9},
    ],
)
def test_compiled_numbers_that_contradict_each_other_are_refused(changed: dict[str, int]) -> None:
    assert 0 == count(plan(changed=changed), room(), LINE)


@pytest.mark.parametrize("field", ["kind", "length", "text", "behind", "skipped"])
@pytest.mark.parametrize("number", FAR_SMALL)
@pytest.mark.parametrize("place", [0, 6, 8])
def test_compiled_a_step_that_cannot_be_is_refused(field: str, number: int, place: int) -> None:
    asked = plan()
    setattr(asked.step[place], field, number)
    assert 0 == count(asked, room(), LINE)


@pytest.mark.parametrize(
    ("place", "field", "number"),
    [(8, "text", 8), (8, "skipped", 1), (0, "skipped", 9), (5, "kind", 9), (6, "literal", None)],
)
def test_compiled_a_step_just_beyond_what_can_be_is_refused(
    place: int, field: str, number: int | None
) -> None:
    asked = plan()
    setattr(asked.step[place], field, number)
    assert 0 == count(asked, room(), LINE)


@pytest.mark.parametrize(
    "columns",
    [
        [(c.STATUS, 8, 1)],
        [(c.STATUS, -1, 1)],
        [(8, 0, 1)],
        [(-1, 0, 1)],
        [(c.STATUS, 0, 1)] * 9,
        [(c.STAMP, 0, 0), (c.STATUS, 0, 1)],  # its words stand last
        [(c.STAMP, 0, 1)],
        [(c.HOST, 0, 1)] * 7 + [(c.STAMP, 0, 0)],  # nine words
    ],
)
def test_compiled_a_column_that_cannot_be_is_refused(columns: list[tuple[int, int, int]]) -> None:
    assert 0 == count(plan(columns=columns), room(), LINE)


@pytest.mark.parametrize(
    ("length", "second"), [(0, 0), (1, 0), (26, 25), (26, -1), (26, 1 << 40), (-1, 0), (1 << 40, 1)]
)
def test_compiled_a_stamp_whose_second_lies_outside_is_refused(length: int, second: int) -> None:
    columns = [(c.STATUS, 0, 1), (c.STAMP, 1, 0)]
    assert 0 == count(
        plan(columns=columns, changed={"length": length, "second": second}), room(), LINE
    )


@pytest.mark.parametrize(("begin", "end"), [(-1, 5), (5, 4), (1 << 62, 3), (-(1 << 63), -1)])
def test_compiled_a_range_that_is_none_is_refused(begin: int, end: int) -> None:
    assert 0 == count(plan(), room(), LINE, begin, end)


@pytest.mark.parametrize("name", ["rows", "words", "lasts", "other", "slot"])
def test_compiled_no_room_is_refused(name: str) -> None:
    found = room()
    setattr(found, name, None)
    assert 0 == count(plan(), found, LINE)


@pytest.mark.parametrize("data", [b"", b"\n", b"no newline", b"\r\n", b'"' * 50 + b"\n"])
def test_compiled_any_data_may_be_looked_at(data: bytes) -> None:
    found = room()
    assert 1 == count(plan(), found, data)
    assert found.end <= len(data)


steps = st.lists(
    st.tuples(
        st.integers(c.SPAN_TO_QUOTE, c.REST),
        st.sampled_from([b" ", b"- ", b'" "', b"", b"0"]),
        st.integers(-1, 7),
        st.integers(0, 5),
        st.integers(0, 3),
    ),
    max_size=10,
)
readings = st.sampled_from([c.STATUS, c.HOST, c.FIRST, c.LAST, c.LAST_OF_REQUEST, c.SIZE])
texts = st.lists(
    st.sampled_from([b'"', b" ", b"-", b"2", b"GET", b"\\x", b"\r", LINE]), max_size=30
)


@given(
    program=steps,
    columns=st.lists(st.tuples(readings, st.integers(0, 7), st.integers(0, 1)), max_size=8),
    data=st.lists(texts.map(b"".join), max_size=6).map(b"\n".join),
)
def test_compiled_any_program_stays_in_bounds(
    program: Steps, columns: list[tuple[int, int, int]], data: bytes
) -> None:
    """It is refused, or it ends within the data with no more than there was room for."""
    found = room()
    data += b"\n"
    if count(plan(program or STEPS, columns or COLUMNS), found, data):
        assert 0 <= found.end <= len(data)
        assert 0 <= found.groups <= 4
        assert 0 <= found.others <= 4
        assert found.lines <= data.count(b"\n")
