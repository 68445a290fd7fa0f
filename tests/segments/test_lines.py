"""Cutting blocks at newlines with bounded memory."""

from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchlog.segments.lines import CAP, Lines, Piece, beginning

KEEP = 1024


class Found(NamedTuple):
    """What is handed out of some content, and where that leaves off."""

    lines: list[bytes]
    cut: list[bytes]
    offset: int
    inside: bool
    tail: bytes


def found(pieces: Iterable[Piece], cutter: Lines) -> Found:
    """Take apart what was handed out."""
    lines, cut = list[bytes](), list[bytes]()
    for piece in pieces:
        (cut if piece.is_cut else lines).extend(piece.text.splitlines(keepends=True))
    return Found(lines, cut, cutter.offset, cutter.inside, cutter.tail[-KEEP:])


def feed(cutter: Lines, data: bytes, *, hole: bool = False) -> list[Piece]:
    """Feed some bytes, or pass over them where they are a hole."""
    if not hole or data.strip(b"\0"):
        return cutter.feed(data)
    cutter.skip(len(data))
    return []


def cut(blocks: list[bytes], *, finish: bool = False) -> tuple[Found, Lines]:
    """Feed all blocks."""
    cutter, pieces = Lines(0, b"", KEEP), list[Piece]()
    for block in blocks:
        pieces += cutter.feed(block)
    if finish:
        pieces += cutter.finish()
    return found(pieces, cutter), cutter


def naive(data: bytes, *, finish: bool) -> Found:
    """Cut all of a content at once, as it is said: a line a time."""
    *whole, rest = data.split(b"\n")
    held = rest if finish else rest.rstrip(b"\0")
    is_long = len(held) > CAP
    last = [held] if is_long or (finish and held) else []
    lines = [*(line + b"\n" for line in whole), *last]
    kept = [line for line in lines if len(line) <= CAP]
    longer = [beginning(line) for line in lines if len(line) > CAP]
    offset = sum(map(len, lines))
    return Found(kept, longer, offset, is_long, data[:offset][-KEEP:])


def test_r47_a_partial_line_waits() -> None:
    kept, cutter = cut([b"one\ntwo"])
    assert ([b"one\n"], 4, 3) == (kept.lines, cutter.offset, cutter.waiting)


def test_r50_the_last_line_is_handed_out_when_the_content_has_ended() -> None:
    kept, cutter = cut([b"one\ntwo"], finish=True)
    assert ([b"one\n", b"two"], 7, 0) == (kept.lines, cutter.offset, cutter.waiting)


def test_r55_a_line_of_the_cap_is_whole_and_a_longer_one_is_cut() -> None:
    fits, over = b"a" * (CAP - 1) + b"\n", b"b" * CAP + b"\n"
    assert ([fits], []) == cut([fits])[0][:2]
    assert ([], [beginning(over)]) == cut([over])[0][:2]
    kept, cutter = cut([b"x\n" + over + b"y\n" + fits])
    assert ([b"x\n", b"y\n", fits], [beginning(over)]) == kept[:2]
    assert len(over) + len(fits) + 4 == cutter.offset


def test_r55_what_is_cut_ends_at_what_ends_no_number() -> None:
    assert b"b" * CAP + b"\0\n" == beginning(b"b" * CAP + b"12\n")


def test_r112_a_line_without_end_is_handed_out_once_and_takes_no_memory() -> None:
    cutter = Lines(0, b"", KEEP)
    assert [] == cutter.feed(b"x" * CAP)
    assert (0, False) == (cutter.offset, cutter.inside)
    assert [beginning(b"x" * CAP)] == [piece.text for piece in cutter.feed(b"x")]
    for _ in range(100):
        assert [] == cutter.feed(b"x" * CAP)
        assert (0, True) == (cutter.waiting, cutter.inside)
    assert 101 * CAP + 1 == cutter.offset
    assert [b"y\n"] == [piece.text for piece in cutter.feed(b"\ny\n")]
    assert (101 * CAP + 4, False) == (cutter.offset, cutter.inside)


@pytest.mark.parametrize("begun", [b"", b"torn", b"x" * (CAP + 9)])
def test_r111_nuls_at_the_end_wait_at_no_cost(begun: bytes) -> None:
    cutter = Lines(0, b"", KEEP)
    cutter.feed(begun)
    before = cutter.offset
    cutter.skip(1 << 40)
    assert (before, (1 << 40) + len(begun) - before) == (cutter.offset, cutter.waiting)
    pieces = cutter.feed(b"more\nline\n")
    line = (begun + bytes(CAP))[:CAP]
    assert ([] if before else [beginning(line)], [b"line\n"]) == (
        [piece.text for piece in pieces if piece.is_cut],
        [piece.text for piece in pieces if not piece.is_cut],
    )
    assert len(begun) + (1 << 40) + 10 == cutter.offset
    assert (bytes(KEEP) + b"more\nline\n")[-KEEP:] == cutter.tail


def test_r111_nuls_that_were_read_wait_too() -> None:
    for begun in (b"", b"torn", b"x" * (CAP + 9)):
        kept, cutter = cut([begun + bytes(CAP), bytes(2 * CAP)])
        assert (3 * CAP, []) == (cutter.nuls, kept.lines)
        assert (len(begun) if kept.inside else 0) == kept.offset


def test_r111_a_few_nuls_in_a_line_are_part_of_it() -> None:
    for blocks in ([b"a\0\0b\n"], [b"a\0", b"\0b\n"], [b"a", b"\0\0", b"b\n"], [b"a\0\0b", b"\n"]):
        assert [b"a\0\0b\n"] == cut(blocks)[0].lines


def test_r111_nuls_at_the_end_are_consumed_where_no_more_is_waited_for() -> None:
    for begun, offset, texts in (
        (b"torn", 4 + CAP, [beginning(b"torn" + bytes(CAP))]),
        (b"x" * (CAP + 9), 2 * CAP + 9, []),
    ):
        cutter = Lines(0, b"", KEEP)
        cutter.feed(begun)
        cutter.skip(CAP)
        assert texts == [piece.text for piece in cutter.take_nuls()]
        assert (offset, True, bytes(KEEP)) == (cutter.offset, cutter.inside, cutter.tail)
    cutter = Lines(0, b"", KEEP)
    cutter.feed(b"torn\0\0")
    assert ([], 0) == (cutter.take_nuls(), cutter.offset)


runs = st.tuples(
    st.sampled_from([b"z", b"\0", b"\n", b"ab\n"]),
    st.sampled_from([0, 1, 5, 1000, CAP - 2, CAP - 1, CAP, CAP + 1, 3 * CAP]),
)
contents = st.lists(runs, max_size=8).map(
    lambda parts: b"".join(text * (n // len(text) if n > 99 else n) for text, n in parts)
)


@settings(max_examples=300)
@given(contents, st.lists(st.integers(1, 3 * CAP), min_size=1, max_size=9), st.data())
def test_r112_any_blocks_holes_stops_and_resumptions_give_the_same_lines(
    data: bytes, sizes: list[int], choices: st.DataObject
) -> None:
    cutter, pieces, at = Lines(0, b"", KEEP), list[Piece](), 0
    hole, finish = choices.draw(st.booleans()), choices.draw(st.booleans())
    for size in [*sizes, *sizes, len(data), len(data)]:
        pieces += feed(cutter, data[at : at + size], hole=hole)
        at += size
        if size < len(data) and choices.draw(st.booleans()):  # a run ends, and the next goes on
            at, tail = cutter.offset, data[: cutter.offset][-KEEP:]
            assert tail == cutter.tail[-KEEP:]
            cutter = Lines(at, tail, KEEP, inside=cutter.inside)
    pieces += cutter.finish() if finish else []
    assert naive(data, finish=finish) == found(pieces, cutter)
