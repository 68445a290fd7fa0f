"""Chunks with more in them than is counted in one go, and several threads at the same scanner."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from batchlog import labels
from batchlog.formats import resolve
from batchlog.scan import Timing
from batchlog.scan.rows import Rows
from batchlog.scan.timed import TimedRows
from tests.scan.quicker import COLUMNS, Quicker, shape_for

LARGEST = 2**53
LOGS = {
    "groups": b"".join(b"host%d.example 200 5\n" % (n // 5) for n in range(100_000)),
    "lines that are left": b"a.example 200 5\n" * 80_000 + b"a.example 2x0 5\n" * 10_000,
    "bytes": b"a.example 200 %d\n" % LARGEST * 1200,
}


@pytest.mark.parametrize("much", LOGS)
def test_more_than_there_is_room_for_is_counted_in_several_goes(
    quicker: Quicker, much: str
) -> None:
    form, by, data = resolve("%v %>s %b"), ("vhost", "status"), LOGS[much]
    rows = Rows(form, by, (), "")
    shape = shape_for(form, by)
    if quicker is not COLUMNS:
        read = quicker.read(rows.wanted, shape, data, False)
        assert read is not None
        assert read.end < len(data)
    assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)


def test_a_sum_of_durations_may_be_larger_than_one_go_adds_up(quicker: Quicker) -> None:
    form = resolve("%>s %b %D")
    data = b"200 5 %d\n" % (LARGEST // 1000) * 1200
    rows = Rows(form, (), (1, LARGEST), "")
    shape = shape_for(form, ())
    assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)


def test_more_minutes_than_there_is_room_for(quicker: Quicker) -> None:
    form = resolve("%t %>s %b")
    line = "[10/Oct/2000:{:02}:{:02}:{:02} -0700] 20{} 5\n"
    data = "".join(
        line.format(n // 3600 % 24, n // 60 % 60, n % 60, n % 7) for n in range(0, 86_400, 7)
    ).encode()
    shape = shape_for(form, ("status",), timed=True)
    for step in (7, 60):
        one, other = (
            TimedRows(form, ("status",), (), "", timing=Timing(step), before=1) for _ in "ab"
        )
        assert one.scan(data) == quicker.timed(other, shape).scan(data)
        assert one.before == other.before


def test_threads_may_share_a_scanner(quicker: Quicker) -> None:
    form, by = resolve("%v %>s %b"), ("vhost", "status")
    chunks = [
        b"".join(b"w%d.example %d %d\n" % (n % (k + 3), 200 + k, n * k) for n in range(4000))
        + b"w 2x0 5\n" * k
        for k in range(40)
    ]
    rows = Rows(form, by, (), "")
    shape = shape_for(form, by)
    scanner = quicker.untimed(rows, shape)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(scanner.scan, chunks))
    assert list(map(rows.scan, chunks)) == found


def test_nothing_is_nothing(quicker: Quicker) -> None:
    form = resolve("common")
    shape = shape_for(form, (), timed=True)
    rows = TimedRows(form, (), (), "", timing=Timing(60), before=None)
    assert rows.scan(b"") == quicker.timed(rows, shape).scan(b"")


def test_no_method_and_no_protocol_is_longer_than_a_word_that_is_read() -> None:
    longest = 8  # LONGEST of lines.c
    assert longest >= max(map(len, [*labels.METHODS, *labels.PROTOCOLS]))


def test_as_many_groups_as_lines_are_left_to_rows(quicker: Quicker) -> None:
    form, by = resolve("%v %>s %b"), ("vhost",)
    data = b"".join(b"host%d.example 200 5\n" % n for n in range(3000))
    rows = Rows(form, by, (), "")
    shape = shape_for(form, by)
    if quicker is not COLUMNS:
        assert quicker.read(rows.wanted, shape, data, False) is None
    assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)
