"""Which content is which: SAME, SHORTER, EDITED, OTHER."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.segments.identity import HEADS, TAIL, Likeness, compare
from tests.segments.contents import Bytes, mark
from tests.site import lines

SAME, SHORTER, EDITED, OTHER = Likeness
LONG = lines(range(200))


@pytest.mark.parametrize("length", [1, 63, 64, 65, 255, 256, 1023, 1024, 1025, 4096, 9000])
def test_what_was_consumed_is_same_and_stays_so_when_it_grows(length: int) -> None:
    claim = mark(LONG, length)
    assert SAME is compare(claim, Bytes(LONG[:length]))
    assert SAME is compare(claim, Bytes(LONG))


@pytest.mark.parametrize("length", [0, 1, 63])
def test_below_the_shortest_head_what_is_shorter_is_other(length: int) -> None:
    assert OTHER is compare(mark(LONG, 5000), Bytes(LONG[:length]))


@pytest.mark.parametrize("length", [64, 256, 1000, 4096, 4999])
def test_r98_what_lost_its_end_is_shorter(length: int) -> None:
    assert SHORTER is compare(mark(LONG, 5000), Bytes(LONG[:length]))


def test_r30_another_tail_behind_the_same_head_is_edited() -> None:
    edited = LONG[:4500].replace(b"192.0.2.50", b"192.0.2.xx") + LONG[4500:]
    edited = LONG[:4200] + b"x" * 800 + LONG[5000:]
    assert EDITED is compare(mark(LONG, 5000), Bytes(edited))


def test_another_head_is_other_whatever_the_tail() -> None:
    assert OTHER is compare(mark(LONG, 5000), Bytes(b"x" + LONG[1:]))


def test_a_change_between_head_and_tail_is_not_seen() -> None:
    changed = LONG[:5000] + b"x" + LONG[5001:]
    assert SAME is compare(mark(LONG, 9000), Bytes(changed))


def test_another_beginning_after_nuls_is_other() -> None:
    assert OTHER is compare(mark(LONG, 5000), Bytes(b"\0" * 10 + LONG))
    holed = b"\0" * 4096 + LONG
    assert SAME is compare(mark(holed, 4096 + 500), Bytes(holed))


def test_an_empty_mark_is_like_nothing() -> None:
    assert OTHER is compare(mark(LONG, 0), Bytes(LONG))
    assert OTHER is compare(mark(b"", 0), Bytes(b""))


def test_a_tiny_consumed_part_is_known_by_its_tail_alone() -> None:
    assert SAME is compare(mark(b"abc\n"), Bytes(b"abc\nmore"))
    assert OTHER is compare(mark(b"abc\n"), Bytes(b"abd\nmore"))


def test_heads_are_kept_as_far_as_consumed() -> None:
    counts = [len(mark(LONG, length).heads) for length in (63, 64, 256, 1024, 4095, 4096)]
    assert [0, 1, 2, 3, 3, 4] == counts


@given(
    st.binary(min_size=1, max_size=6000),
    st.integers(1, 6000),
    st.binary(max_size=200),
)
def test_growth_never_changes_who_it_is(data: bytes, upto: int, more: bytes) -> None:
    data = b"x" + data
    claim = mark(data, min(upto, len(data)))
    assert SAME is compare(claim, Bytes(data + more))


@given(st.integers(1, len(LONG) - 1), st.integers(0, len(LONG) - 1))
def test_a_change_in_head_or_tail_is_never_same(upto: int, at: int) -> None:
    at %= upto
    consumed = next((h for h in reversed(HEADS) if h <= upto), 0)
    changed = LONG[:at] + bytes([LONG[at] ^ 1]) + LONG[at + 1 :]
    if at < consumed or at >= upto - TAIL:
        assert SAME is not compare(mark(LONG, upto), Bytes(changed))
