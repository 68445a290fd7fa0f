"""Opening, marking and reading real files."""

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batchlog.errors import LogError, Stop
from batchlog.formats import resolve
from batchlog.scan import Scanner, Timing, scanner
from batchlog.segments.content import OpenFile
from batchlog.segments.cursor import BLOCK
from batchlog.segments.identity import Likeness, compare
from batchlog.segments.marks import is_complete, mark_after, mark_at_end, mark_of_head
from batchlog.segments.read import read, unread_mark
from batchlog.segments.steps import Read, Step
from batchlog.tally import PACK
from tests.segments.contents import mark, opened
from tests.site import line, lines, total

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
WHOLE = lines(range(300))
MANY = 2 * BLOCK // len(line(0))
"""Lines of more than one block."""


def combined() -> Scanner:
    return scanner(resolve("combined"), ("status",), ())


def steps(content: OpenFile, end: int | None = None, **what: bool) -> list[Step]:
    return list(read(content, Read(unread_mark(content), **what, end=end), combined(), Stop()))


def counts(found: list[Step]) -> tuple[int, int]:
    rows = [row for step in found for _, row in step.tally.all_rows()]
    return sum(row[0] for row in rows), sum(row[1] for row in rows)


@pytest.mark.parametrize("form", PACKERS)
def test_a_file_is_read_to_its_end_in_every_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(PACKERS[form](WHOLE))
    with opened(path) as content:
        (step,) = steps(content)
        assert form == content.sight.form
        assert total(range(300)) == counts([step])
        assert ("complete", len(WHOLE)) == (step.end, step.read_bytes)
        assert mark(WHOLE) == step.mark == mark_at_end(content)
        assert Likeness.SAME is compare(step.mark, content)


@pytest.mark.parametrize("form", PACKERS)
@pytest.mark.parametrize("count", [1, 7, 299])
def test_reading_goes_on_from_a_mark(tmp_path: Path, form: str, count: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(PACKERS[form](WHOLE))
    with opened(path) as content:
        begin = mark_after(content, count)
        assert begin == mark(WHOLE, len(lines(range(count))))
        assert begin is not None
        found = list(read(content, Read(begin), combined(), Stop()))
        assert total(range(count, 300)) == counts(found)
        assert mark(WHOLE) == found[-1].mark


def test_mark_after_more_lines_than_there_are_is_none(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE)
    with opened(path) as content:
        assert mark_after(content, 301) is None


def test_mark_after_takes_an_unterminated_last_line_as_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE[:-1])
    with opened(path) as content:
        found = mark_after(content, 300)
        assert found is not None
        assert len(WHOLE) - 1 == found.offset


def test_mark_of_head_knows_a_file_again_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE)
    with opened(path) as content:
        assert Likeness.SAME is compare(mark_of_head(content), content)


def test_r27_a_hole_at_the_beginning_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.seek(1 << 30)
        file.write(WHOLE)
    with opened(path) as content:
        assert 1 << 30 == content.start
        assert total(range(300)) == counts(steps(content))


def test_r52_what_is_written_after_opening_is_left_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE)
    with opened(path) as content:
        with path.open("ab") as file:
            file.write(lines(range(300, 400)))
        assert total(range(300)) == counts(steps(content))


def test_r3_a_rename_under_the_reader_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE)
    with opened(path) as content:
        path.rename(tmp_path / "log.1")
        path.write_bytes(b"other\n")
        (step,) = steps(content)
        assert total(range(300)) == counts([step])
        assert content.still_holds(step.mark)


def test_r31_what_was_cut_while_it_was_read_no_longer_holds(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE)
    with opened(path) as content:
        (step,) = steps(content)
        with path.open("r+b") as file:
            file.truncate(0)
        assert not content.still_holds(step.mark)


def test_r50_a_final_read_counts_the_unterminated_last_line_once(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE[:-1])
    with opened(path) as content:
        assert total(range(299)) == counts(steps(content))
        (step,) = steps(content, final=True)
        assert total(range(300)) == counts([step])
        again = list(read(content, Read(step.mark, final=True), combined(), Stop()))
        assert (0, 0) == counts(again)


def test_a_stop_ends_a_read_after_a_chunk_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(lines(range(MANY)))
    stop = Stop()
    stop.set()
    with opened(path) as content:
        (first,) = list(read(content, Read(unread_mark(content)), combined(), stop))
        assert "more" == first.end
        assert 0 < first.mark.offset < content.sight.size
        rest = list(read(content, Read(first.mark), combined(), Stop()))
        assert total(range(MANY)) == counts([first, *rest])


@pytest.mark.parametrize("form", ["gzip", "bzip2", "xz"])
def test_r33_a_cut_archive_counts_only_what_a_checksum_vouches_for(
    tmp_path: Path, form: str
) -> None:
    pack = PACKERS[form]
    second = pack(lines(range(300, 600)))
    path = tmp_path / "log.z"
    path.write_bytes(pack(WHOLE) + second[: len(second) // 2])
    with opened(path) as content:
        (step,) = steps(content)
        assert ("truncated", len(WHOLE)) == (step.end, step.mark.offset)
        assert total(range(300)) == counts([step])
        assert not is_complete(content)
        (salvaged,) = steps(content, salvage=True)
        assert 300 <= counts([salvaged])[0] < 600


def test_r41_a_member_with_a_wrong_checksum_does_not_count(tmp_path: Path) -> None:
    bad = bytearray(gzip.compress(lines(range(300, 600))))
    bad[-6] ^= 0xFF
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(WHOLE) + bytes(bad))
    with opened(path) as content:
        for salvage in (False, True):
            (step,) = steps(content, salvage=salvage)
            assert ("corrupt", total(range(300))) == (step.end, counts([step]))


LONG = lines(range(MANY))
"""More than two blocks, and more than one when it is read from its middle."""


@pytest.mark.parametrize("form", PACKERS)
@pytest.mark.parametrize("count", [0, 1, 150, 299, 300])
def test_a_read_ends_at_the_end_that_is_asked_for(tmp_path: Path, form: str, count: int) -> None:
    path, end = tmp_path / "log", len(lines(range(count)))
    path.write_bytes(PACKERS[form](WHOLE))
    with opened(path) as content:
        (step,) = steps(content, end)
        assert total(range(count)) == counts([step])
        assert ("complete", 0, end) == (step.end, step.waiting, step.read_bytes)
        assert mark(WHOLE, end) == step.mark
        rest = list(read(content, Read(step.mark), combined(), Stop()))
        assert total(range(count, 300)) == counts(rest)


@pytest.mark.parametrize("form", PACKERS)
def test_a_read_from_the_middle_to_the_middle(tmp_path: Path, form: str) -> None:
    path, upto = tmp_path / "log", [len(lines(range(n))) for n in (10_000, 30_000)]
    path.write_bytes(PACKERS[form](LONG))
    with opened(path) as content:
        begin = mark_after(content, 10_000)
        assert begin is not None
        (step,) = read(content, Read(begin, end=upto[1]), combined(), Stop())
        assert total(range(10_000, 30_000)) == counts([step])
        assert mark(LONG, upto[1]) == step.mark
        assert upto[1] - upto[0] == step.read_bytes


@pytest.mark.parametrize("final", [False, True])
def test_an_end_beyond_the_content_is_the_end_of_the_content(tmp_path: Path, final: bool) -> None:
    path = tmp_path / "log"
    path.write_bytes(WHOLE[:-1])
    with opened(path) as content:
        (step,) = steps(content, len(WHOLE) + 1000, final=final)
        assert total(range(299 + final)) == counts([step])
        assert "complete" == step.end


@pytest.mark.parametrize("form", ["gzip", "bzip2", "xz"])
def test_what_is_wrong_in_a_member_beyond_the_end_is_never_met(tmp_path: Path, form: str) -> None:
    pack, path = PACKERS[form], tmp_path / "log.z"
    end = len(lines(range(200)))
    path.write_bytes(pack(WHOLE) + pack(LONG)[:-20] + b"x" * 20)
    with opened(path) as content:
        (step,) = steps(content, end)
        assert ("complete", end) == (step.end, step.mark.offset)
        assert total(range(200)) == counts([step])


@pytest.mark.parametrize("form", ["gzip", "bzip2", "xz"])
@pytest.mark.parametrize(("wrong", "expected"), [(b"", "truncated"), (b"\0" * 8, "corrupt")])
def test_r41_what_lies_before_the_end_counts_only_if_the_checksum_of_its_member_is_right(
    tmp_path: Path, form: str, wrong: bytes, expected: str
) -> None:
    packed, path = PACKERS[form](LONG), tmp_path / "log.z"
    path.write_bytes(packed[:-8] + wrong)
    end = len(lines(range(10)))
    with opened(path) as content:
        (step,) = steps(content, end)
        assert (expected, 0, (0, 0)) == (step.end, step.mark.offset, counts([step]))
        if expected == "truncated":
            (salvaged,) = steps(content, end, salvage=True)
            assert (end, total(range(10))) == (salvaged.mark.offset, counts([salvaged]))


def test_a_stop_between_the_end_and_its_checksum_counts_nothing(tmp_path: Path) -> None:
    path, stop = tmp_path / "log.gz", Stop()
    path.write_bytes(gzip.compress(LONG))
    stop.set()
    with opened(path) as content:
        what = Read(unread_mark(content), end=len(lines(range(10))))
        (step,) = read(content, what, combined(), stop)
        assert ("more", 0, (0, 0)) == (step.end, step.mark.offset, counts([step]))


@pytest.mark.parametrize("form", PACKERS)
def test_progress_is_told_in_bytes_of_the_file_on_disk(tmp_path: Path, form: str) -> None:
    path, told = tmp_path / "log", list[int]()
    path.write_bytes(PACKERS[form](LONG))
    with opened(path) as content:
        what = Read(unread_mark(content))
        assert total(range(MANY)) == counts(
            list(read(content, what, combined(), Stop(), told.append))
        )
        assert sorted(told) == told
        assert len(told) > 1
        assert content.sight.size == told[-1] == content.position


def test_progress_in_a_range_of_a_plain_file_ends_with_the_range(tmp_path: Path) -> None:
    path, told = tmp_path / "log", list[int]()
    path.write_bytes(LONG)
    end = len(lines(range(100)))
    with opened(path) as content:
        list(read(content, Read(unread_mark(content), end=end), combined(), Stop(), told.append))
    assert [end] == told


def test_a_tally_of_many_rows_is_packed_on_the_way(tmp_path: Path) -> None:
    path, number = tmp_path / "log", PACK + 60_000
    path.write_bytes(b"".join(b"%d 200\n" % (60 * i) for i in range(1, number + 1)))
    for compress in (bytes, gzip.compress):
        path.write_bytes(compress(path.read_bytes()))
        with opened(path) as content:
            timed = scanner(resolve("%{sec}t %>s"), (), (), "", Timing(60))
            (step,) = read(content, Read(unread_mark(content)), timed, Stop())
        slots = [slot for (slot, _), _ in step.tally.all_rows()]
        assert list(range(1, number + 1)) == sorted(slots)
        assert number == step.tally.counted
        assert len(step.tally.rows) <= PACK


def test_r40_members_that_follow_each_other_are_one_content(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    half = len(WHOLE) // 2
    path.write_bytes(gzip.compress(WHOLE[:half]) + gzip.compress(WHOLE[half:]))
    with opened(path) as content:
        (step,) = steps(content)
        assert total(range(300)) == counts([step])
        assert is_complete(content)


def test_r46_magic_bytes_decide_and_not_the_name(tmp_path: Path) -> None:
    misnamed = tmp_path / "log.gz"
    misnamed.write_bytes(WHOLE)
    unnamed = tmp_path / "log"
    unnamed.write_bytes(gzip.compress(WHOLE))
    with opened(misnamed) as one, opened(unnamed) as other:
        assert ("plain", "gzip") == (one.sight.form, other.sight.form)


@pytest.mark.parametrize("begin", [0, 10, 70_000, 200_000])
def test_spans_of_an_archive_are_those_of_its_content_in_any_order(
    tmp_path: Path, begin: int
) -> None:
    data = lines(range(5000))
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(data))
    with opened(path) as content:
        for at in (begin, 0, begin + 5, begin):
            assert data[at : at + 1000] == content.span(at, at + 1000)
        assert content.span(len(data) - 5, len(data) + 1) is None
        assert data[-5:] == content.span(len(data) - 5, len(data))


def test_r20_what_is_no_regular_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(LogError, match="not a regular file"):
            opened(path)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(WHOLE))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\x7fELF")
    before = len(os.listdir("/proc/self/fd"))
    with opened(path) as content:
        steps(content)
    with pytest.raises(LogError):
        opened(binary)
    assert before == len(os.listdir("/proc/self/fd"))
