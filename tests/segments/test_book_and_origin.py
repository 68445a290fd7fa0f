"""What a run keeps of a log so far, and where counting of a log begins."""

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.errors import ConfigError
from batchlog.segments.book import Book
from batchlog.segments.discover import Found, Wanted, discover
from batchlog.segments.disk import Disk
from batchlog.segments.findings import decision, warning
from batchlog.segments.known import Log
from batchlog.segments.origin import Begin, begin
from batchlog.segments.steps import Step
from batchlog.tally import Tally
from tests.segments.contents import mark, segment
from tests.site import BEGINNING, Site, lines

ONE = lines(range(100))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.append(range(10))
    made.rotate()
    made.append(range(10, 20))
    made.rotate()
    made.append(range(20, 30))
    return made


def on_disk(site: Site) -> Found:
    (found,) = discover([Wanted(str(site.access))], Disk())
    return found


# --- book --------------------------------------------------------------------------------------


def test_a_step_moves_the_segment_and_adds_to_the_counters() -> None:
    book = Book(Log("/l", 0, (segment(ONE, 100),)))
    tally = Tally({(0, ("200",)): [5, 9]}, malformed=1, oversize=2, skipped=3, newest=77)
    book.advance(0, Step(mark(ONE), "context", tally, 500, "complete"))
    book.advance(0, Step(mark(ONE), "", Tally(newest=70), 0, "complete"))
    counters = book.log.counters
    assert (5, 1, 2, 3, 500, 77) == (
        counters.counted,
        counters.malformed,
        counters.oversize,
        counters.skipped,
        counters.read_bytes,
        counters.newest,
    )
    assert mark(ONE) == book.segment(0).mark


def test_bearers_seen_in_this_run_replace_those_of_before() -> None:
    book = Book(Log("/l", 0, (replace(segment(ONE), absent=True),)))
    one, two = segment(ONE, inode=8).bearers[0], segment(ONE, inode=9).bearers[0]
    book.bear(0, one)
    book.bear(0, two, first=False)
    book.bear(0, one)
    assert (one, two) == book.segment(0).bearers
    assert not book.segment(0).absent
    assert {0} == book.seen


def test_findings_are_told_once() -> None:
    book = Book(Log("/l", 0))
    book.say(decision("one"), warning("two"))
    assert 2 == len(book.progress().findings)
    assert () == book.progress().findings


def test_losses_add_up() -> None:
    book = Book(Log("/l", 0))
    book.lose(1, 10)
    book.lose(1, 5)
    assert (2, 15) == (book.log.counters.lost_segments, book.log.counters.lost_bytes)


# --- origin ------------------------------------------------------------------------------------


def marks(log: Log) -> list[tuple[str, int, int | None]]:
    """Return state, lines before counting, and begin of each segment."""
    return [(one.state, one.begin_lines, one.begin) for one in log.segments]


def test_the_first_line_of_the_active_file_leaves_the_rotated_ones_below(site: Site) -> None:
    begun = begin(on_disk(site), Begin.FIRST_LINE, 1000.5, "auto")
    assert 1000 == begun.log.origin
    assert [("old", 0, None), ("old", 0, None)] == marks(begun.log)
    assert [BEGINNING, BEGINNING + 10] == [one.first for one in begun.log.segments]


def test_the_present_end_is_after_the_last_newline(site: Site) -> None:
    with site.access.open("ab") as file:
        file.write(b"torn")
    log = begin(on_disk(site), Begin.END, 0, "auto").log
    whole = len(lines(range(20, 30)))
    assert [("old", 0, None), ("old", 0, None), ("open", 10, whole)] == marks(log)


def test_the_oldest_file_needs_no_segments(site: Site) -> None:
    assert () == begin(on_disk(site), Begin.OLDEST, 0, "auto").log.segments


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, [("open", 0, 0)]),
        (4, [("open", 4, len(lines(range(4))))]),
        (10, [("old", 0, None), ("open", 0, 0)]),
        (25, [("old", 0, None), ("old", 0, None), ("open", 5, len(lines(range(20, 25))))]),
        (999, [("old", 0, None), ("old", 0, None), ("open", 10, len(lines(range(20, 30))))]),
    ],
)
def test_a_moment_begins_at_the_first_line_stamped_then(
    site: Site, number: int, expected: list[tuple[str, int, int | None]]
) -> None:
    assert expected == marks(begin(on_disk(site), BEGINNING + number, 0, "auto").log)


def test_a_moment_is_looked_for_in_archives(site: Site) -> None:
    path = site.rotated(2)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    log = begin(on_disk(site), BEGINNING + 4, 0, "auto").log
    assert [("open", 4, len(lines(range(4))))] == marks(log)


def test_a_moment_needs_stamps(site: Site) -> None:
    site.access.write_text('1.2.3.4 "GET / HTTP/1.1" 200 5\n')
    spec = '%h "%r" %>s %b'
    with pytest.raises(ConfigError, match="time stamps"):
        begin(on_disk(site), BEGINNING, 0, spec)


def test_counted_takes_all_plain_files_at_their_end_and_archives_whole(site: Site) -> None:
    path = site.rotated(2)
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    log = begin(on_disk(site), Begin.COUNTED, 0, "auto").log
    assert ["old", "open", "open"] == [one.state for one in log.segments]
    assert [10, 10] == [one.mark.lines for one in log.segments[1:]]
