"""Cutting a plain file into ranges: read one by one they are what one read of it all is."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchlog.errors import Stop
from batchlog.formats import resolve
from batchlog.scan import Timing, scanner
from batchlog.segments.content import OpenFile
from batchlog.segments.identity import Mark
from batchlog.segments.lines import CAP
from batchlog.segments.marks import mark_after, mark_at_end
from batchlog.segments.ranges import is_inside, ranges, stamp_before
from batchlog.segments.read import read, unread_mark
from batchlog.segments.steps import Read
from batchlog.tally import Tally
from tests.segments.contents import opened
from tests.site import BEGINNING, line, lines

WHOLE = lines(range(300))
UNDATED = b'192.0.2.1 - - [-] "GET / HTTP/1.1" 500 7 "-" "-"\n'

Pieces = list[tuple[int, int | None]]


def written(path: Path, data: bytes) -> OpenFile:
    path.write_bytes(data)
    return opened(path)


def one_read(content: OpenFile, begin: int, end: int | None, before: int | None) -> list[Tally]:
    """Read a range by time, and return its tallies."""
    timed = scanner(resolve("combined"), ("status",), (), "", Timing(60), before=before)
    start = Mark(content.start, begin, (), "", 0)
    steps = list(read(content, Read(start, end=end), timed, Stop()))
    assert (end or steps[-1].mark.offset, "complete") == (steps[-1].mark.offset, steps[-1].end)
    return [step.tally for step in steps]


def joined(content: OpenFile, pieces: Pieces) -> Tally:
    """Read pieces one by one, each knowing only the stamp before it."""
    found = Tally()
    for begin, end in pieces:
        for tally in one_read(content, begin, end, stamp_before(content, begin, "combined")):
            found.merge(tally)
    return found


@pytest.mark.parametrize("limit", [1, 100, 1000, 5000, 1 << 20])
def test_pieces_end_after_newlines_and_follow_each_other(tmp_path: Path, limit: int) -> None:
    with written(tmp_path / "log", WHOLE) as content:
        pieces = ranges(content, 0, None, limit)
    assert [begin for begin, _ in pieces[1:]] == [end for _, end in pieces[:-1]]
    assert (0, None) == (pieces[0][0], pieces[-1][1])
    longest = max(len(line(number)) for number in range(300))
    for begin, end in pieces:
        assert b"\n" == WHOLE[:end][-1:]
        assert 0 < len(WHOLE[begin:end]) <= max(limit, longest)
    assert len(pieces) == 300 if limit == 1 else len(pieces) <= 2 * len(WHOLE) // limit + 1


def test_a_range_that_fits_is_one_piece(tmp_path: Path) -> None:
    with written(tmp_path / "log", WHOLE) as content:
        assert [(0, None)] == ranges(content, 0, None, len(WHOLE))
        assert [(100, 200)] == ranges(content, 100, 200)
        assert [(len(WHOLE), None)] == ranges(content, len(WHOLE), None, 10)


def test_pieces_of_a_part_stay_in_it(tmp_path: Path) -> None:
    begin, end = len(lines(range(10))), len(lines(range(20)))
    with written(tmp_path / "log", WHOLE) as content:
        pieces = ranges(content, begin, end, len(line(10)))
    assert 10 == len(pieces)
    assert (begin, end) == (pieces[0][0], pieces[-1][1])


def test_a_line_that_is_longer_than_a_piece_is_a_piece_of_its_own(tmp_path: Path) -> None:
    long = b"x" * (3 * CAP) + b"\n"
    with written(tmp_path / "log", b"a\n" + long + b"b\nc\n") as content:
        after = 2 + len(long)
        assert [(0, 2), (2, after), (after, None)] == ranges(content, 0, None, 4)


def test_without_a_newline_there_is_one_piece(tmp_path: Path) -> None:
    with written(tmp_path / "log", b"x" * 300_000) as content:
        assert [(0, None)] == ranges(content, 0, None, 1000)


def test_an_unterminated_last_line_is_in_the_last_piece(tmp_path: Path) -> None:
    with written(tmp_path / "log", b"a\nb\n" + b"x" * 100) as content:
        assert [(0, 4), (4, None)] == ranges(content, 0, None, 10)


def test_an_archive_is_one_piece(tmp_path: Path) -> None:
    with written(tmp_path / "log.gz", gzip.compress(WHOLE)) as content:
        assert [(5, 500)] == ranges(content, 5, 500, 10)


kinds = st.sampled_from([b"\n", UNDATED, b"torn\n", b"x" * 300 + b"\n", b"\r\n"])
some = st.lists(kinds | st.integers(0, 300).map(line), max_size=12).map(b"".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(some, st.integers(1, 700), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_the_pieces_joined_are_one_read(
    tmp_path: Path, data: bytes, limit: int, end: bytes, torn: bool
) -> None:
    data = (line(0) + data).replace(b"\r\n", b"\n").replace(b"\n", end) + b"torn" * torn
    with written(tmp_path / "log", data) as content:
        expected = Tally()
        for tally in one_read(content, 0, None, None):
            expected.merge(tally)
        assert expected == joined(content, ranges(content, 0, None, limit))


def test_the_mark_after_the_last_piece_is_that_of_one_read(tmp_path: Path) -> None:
    with written(tmp_path / "log", WHOLE) as content:
        scan = scanner(resolve("combined"), (), ())
        found = unread_mark(content)
        for _, end in ranges(content, 0, None, 2000):
            *_, step = read(content, Read(found, end=end), scan, Stop())
            found = step.mark
        assert mark_after(content, 300) == found


def test_the_stamp_before_is_that_of_the_last_line_with_one(tmp_path: Path) -> None:
    data = line(1) + line(2) + UNDATED + b"torn\n" + line(3)
    at = [len(line(1)), len(data) - len(line(3)), len(data)]
    with written(tmp_path / "log", data) as content:
        expected = [None, *(BEGINNING + number for number in (1, 2, 3))]
        assert expected == [stamp_before(content, place, "combined") for place in [0, *at]]


def test_r55_the_stamp_before_is_that_of_a_long_line_too(tmp_path: Path) -> None:
    def padded(size: int) -> bytes:
        return line(2)[:-2] + b"x" * (size - len(line(2))) + b'"\n'

    for expected, data in (
        (2, line(1) + padded(CAP)),
        (2, line(1) + padded(CAP + 1)),
        (2, line(1) + padded(4 * CAP)),
        (2, padded(CAP)),
        (1, line(1) + b"x" * CAP + b"\n"),
        (1, line(1) + b"x" * CAP + line(2)),
        (None, line(1) + padded(1 << 21)),
        (1, line(1) + b"x\n" * ((CAP - len(line(1))) // 2)),
    ):
        with written(tmp_path / "log", data) as content:
            seconds = None if expected is None else BEGINNING + expected
            assert seconds == stamp_before(content, len(data), "combined")


def test_the_stamp_before_knows_no_nuls_at_the_beginning(tmp_path: Path) -> None:
    with written(tmp_path / "log", b"\0" * 5000 + line(1)) as content:
        assert BEGINNING + 1 == stamp_before(content, 5000 + len(line(1)), "combined")
        assert stamp_before(content, 5000, "combined") is None


# --- lines longer than a piece (R112) --------------------------------------------------------


def padded(number: int, size: int) -> bytes:
    """Return a line that says its number, so long."""
    return line(number)[:-2] + b"x" * (size - len(line(number))) + b'"\n'


def read_apart(content: OpenFile, pieces: Pieces) -> tuple[Tally, Mark]:
    """Read pieces one by one, as tasks do."""
    found, mark = Tally(), unread_mark(content)
    for begin, end in pieces:
        inside = begin > content.start and is_inside(content, begin)
        start = Mark(content.start, begin, (), "", 0, inside)
        scan = scanner(resolve("combined"), ("status",), ())
        for step in read(content, Read(start, end=end), scan, Stop()):
            found.merge(step.tally)
            mark = step.mark
        assert end in (None, mark.offset)
    return found, mark


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("limit", [1 << 19, 1 << 20, 3_333_333])
def test_r112_a_line_longer_than_any_piece_is_cut_inside(
    tmp_path: Path, limit: int, *, ended: bool
) -> None:
    data = line(0) + padded(1, 9 << 20) + b"y" * (5 << 20) + b"\n" + line(2) + padded(3, 4 << 20)
    with written(tmp_path / "log", data if ended else data[:-1]) as content:
        pieces = ranges(content, 0, None, limit)
        assert len(pieces) >= 5
        assert all((end or 0) - begin <= limit + (2 << 20) for begin, end in pieces)
        tally, mark = read_apart(content, pieces)
        assert (4, 1) == (tally.counted, tally.oversize)
        at_end = mark_at_end(content)
        assert (at_end.offset, at_end.inside) == (mark.offset, mark.inside)
        assert (content.sight.size, not ended) == (mark.offset, mark.inside)


def test_r111_a_hole_is_in_one_piece_and_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        for number in range(3):
            file.write(lines(range(number * 100, number * 100 + 100)))
            file.truncate(file.tell() + (1 << 40))
            file.seek(0, 2)
            file.write(b"\n")
    with opened(path) as content:
        pieces = ranges(content, 0, None, 1000)
        assert len(pieces) < 3 * 20
        assert 300 == read_apart(content, pieces)[0].counted


lengths = st.sampled_from([0, 1, CAP - 1, CAP, CAP + 1, 3 * CAP, 1 << 20, (1 << 20) + 7, 3 << 20])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(st.tuples(st.booleans(), lengths, st.sampled_from([b"x", b"\0"])), max_size=5),
    st.integers(1 << 16, 2 << 20),
    st.booleans(),
)
def test_r112_pieces_of_any_lines_joined_are_one_read(
    tmp_path: Path, parts: list[tuple[bool, int, bytes]], limit: int, ended: bool
) -> None:
    data = b"".join(
        (line(number)[:-2] if counts else b"torn") + fill * size + b"\n"
        for number, (counts, size, fill) in enumerate(parts)
    )
    data = line(9) + (data if ended else data[:-1] + b"z")  # NULs at the end may be cut
    with written(tmp_path / "log", data) as content:
        scan = scanner(resolve("combined"), ("status",), ())
        (step,) = read(content, Read(unread_mark(content)), scan, Stop())
        tally, mark = read_apart(content, ranges(content, 0, None, limit))
        assert step.tally == tally
        assert (step.mark.offset, step.mark.inside) == (mark.offset, mark.inside)
        if ended:
            assert 1 + sum(counts for counts, _, _ in parts) == tally.counted
