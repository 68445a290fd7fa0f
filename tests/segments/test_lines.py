"""Cutting blocks at newlines with bounded memory."""

from hypothesis import given, settings
from hypothesis import strategies as st

from batchlog.segments.lines import CAP, Lines, Piece


def text(pieces: list[Piece]) -> bytes:
    """Return the lines of some pieces."""
    return b"".join(piece.text for piece in pieces)


def cut(blocks: list[bytes], *, finish: bool = False) -> tuple[bytes, int, Lines]:
    """Feed all blocks; return the lines handed out, the oversize ones, and the cutter."""
    cutter, kept, oversize = Lines(0, b"", 1024), b"", 0
    for block in blocks:
        pieces, over = cutter.feed(block)
        kept, oversize = kept + text(pieces), oversize + over
    if finish:
        pieces, over = cutter.finish()
        kept, oversize = kept + text(pieces), oversize + over
    return kept, oversize, cutter


def test_r47_a_partial_line_waits() -> None:
    kept, _, cutter = cut([b"one\ntwo"])
    assert (b"one\n", 4, 3) == (kept, cutter.offset, cutter.waiting)


def test_r50_the_last_line_is_handed_out_when_the_content_has_ended() -> None:
    kept, _, cutter = cut([b"one\ntwo"], finish=True)
    assert (b"one\ntwo", 7, 0) == (kept, cutter.offset, cutter.waiting)


def test_r55_a_line_of_the_cap_is_kept_and_a_longer_one_is_oversize() -> None:
    fits, over = b"a" * (CAP - 1) + b"\n", b"b" * CAP + b"\n"
    assert (fits, 0) == cut([fits])[:2]
    assert (b"", 1) == cut([over])[:2]
    kept, oversize, cutter = cut([b"x\n" + over + b"y\n" + fits])
    assert (b"x\ny\n" + fits, 1) == (kept, oversize)
    assert len(over) + len(fits) + 4 == cutter.offset


def test_r55_a_line_without_end_takes_bounded_memory() -> None:
    cutter = Lines(0, b"", 1024)
    for _ in range(100):
        assert ([], 0) == cutter.feed(b"x" * CAP)
        assert len(cutter._carry) <= 2 * CAP  # noqa: SLF001 - the bound is what is tested
    pieces, oversize = cutter.feed(b"\ny\n")
    assert (b"y\n", 1) == (text(pieces), oversize)
    assert 100 * CAP + 3 == cutter.offset


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 5, 1000, CAP - 2, CAP - 1, CAP, CAP + 1]), max_size=6),
    st.integers(1000, 3 * CAP),
    st.booleans(),
)
def test_any_blocks_give_the_same_lines(lengths: list[int], size: int, finish: bool) -> None:
    data = b"".join(b"z" * length + b"\n" for length in lengths) + b"end"
    whole = cut([data], finish=finish)
    pieces = cut([data[at : at + size] for at in range(0, len(data), size)], finish=finish)
    assert whole[:2] == pieces[:2]
    for one, other in [(whole[2], pieces[2])]:
        assert (one.offset, one.tail[-1024:]) == (other.offset, other.tail)
    assert sum(length > CAP - 1 for length in lengths) == whole[1]
