r"""Lines longer than the cap (R55), and lines without end that grow from run to run (R112)."""

import gzip
import os
from contextlib import suppress
from pathlib import Path

import pytest

from batchlog.config.times import Since
from batchlog.errors import ConfigError
from batchlog.segments.cursor import BLOCK
from batchlog.segments.lines import CAP
from tests.rotation.conftest import Meter
from tests.site import At, Killed, Site, die, line, lines, total

HOUR = 3600


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def begun(number: int, size: int) -> bytes:
    """Return the beginning of a line that says its number, so long and without end."""
    return line(number)[:-2] + b"x" * (size - len(line(number)) + 2)


# --- what counts -----------------------------------------------------------------------------


def test_r55_bytes_that_nginx_escapes_hide_no_request(site: Site) -> None:
    agent = b"\\x80" * 22_000
    long = line(7).replace(b'"-" "t"', b'"-" "' + agent + b'"')
    assert len(long) > 88_000
    write(site.access, line(6) + long + line(8))
    ran = site.run(by="status,method,protocol")
    assert total(range(6, 9)) == ran.totals
    assert {"GET": 3} == ran.by("method")
    assert {"HTTP/1.1": 3} == ran.by("protocol")
    assert 0 == ran.log().counters.oversize


@pytest.mark.parametrize("short", range(-6, 8))
def test_r55_a_number_that_is_cut_is_none(site: Site, short: int) -> None:
    """The line is cut somewhere around its size, which is 123456."""
    head, tail = (
        b'192.0.2.1 - - [18/Nov/2026:11:06:41 +0000] "GET /',
        b' HTTP/1.1" 200 123456 "-" "',
    )
    end = tail.index(b"123456") + 6  # of the size
    path = b"p" * (CAP - len(head) - end + short)
    long = head + path + tail + b'agent"\n'
    write(site.access, line(1) + long + b"x" * CAP + b"\n" + line(2))
    ran = site.run()
    over = len(long) > CAP
    counts = not over or short < 0
    assert (3, 3 + 123456) == ran.totals if counts else total(1, 2) == ran.totals
    assert 1 + (not counts) == ran.log().counters.oversize


def test_r55_what_stands_behind_the_cap_is_not_measured(site: Site) -> None:
    form = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i" %D %v'
    text = (
        '192.0.2.1 - - [18/Nov/2026:11:06:41 +0000] "GET / HTTP/1.1" 200 5 "-" "{}" 1500000 a.b\n'
    )
    write(site.access, text.format("t").encode() + text.format("t" * CAP).encode())
    ran = site.run(format=form, by="status,vhost")
    assert (2, 10) == ran.totals
    assert {"a.b": 1, "other": 1} == ran.by("vhost")
    assert 1 == sum(sum(one.buckets or ()) for one in ran.state.totals)


@pytest.mark.parametrize("compiled", [True, False])
def test_r55_much_text_with_long_lines_counts_the_same(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, compiled: bool
) -> None:
    if not compiled:
        monkeypatch.setattr("batchlog.scan.choice._library", lambda: None)
    for number in range(20):
        write(site.access, lines(range(number * 10_000, number * 10_000 + 9_999)))
        write(site.access, begun(number * 10_000 + 9_999, CAP + 7) + b"\n")
        write(site.access, b"y" * (CAP + number) + b"\n")
    ran = site.run()
    assert total(range(200_000)) == ran.totals
    assert 20 == ran.log().counters.oversize


# --- lines that grow -------------------------------------------------------------------------


@pytest.mark.parametrize("since", ["checkpoint", "now", "start"])
def test_r112_a_line_that_grows_from_run_to_run_is_read_once(
    site: Site, meter: Meter, since: Since
) -> None:
    write(site.access, line(0))
    site.run(since=since)
    counted = [] if since == "now" else [0]
    write(site.access, begun(1, CAP + 1))
    for _ in range(10):
        ran = site.run()
        assert total(counted, 1) == ran.totals
        mark = ran.log().segments[0].mark
        assert (site.access.stat().st_size, True) == (mark.offset, mark.inside)
        assert site.rests()
        write(site.access, b"x" * (3 * BLOCK))
    meter.since()
    write(site.access, b"\n" + line(2))
    ran = site.run()
    assert total(counted, 1, 2) == ran.totals
    assert meter.since() < 3 * BLOCK + 3 * BLOCK  # the beginning, what was written, and the tail
    assert not ran.log().segments[0].mark.inside
    assert 0 == ran.log().counters.oversize + ran.log().counters.malformed
    assert site.rests()
    assert 0 == meter.since()


def test_r112_a_line_without_end_keeps_no_other_log_waiting(
    site: Site, meter: Meter, impatient: int
) -> None:
    endless, other = site.logs / "a.log", site.logs / "b.log"
    pattern = str(site.logs / "*.log")
    write(endless, begun(0, 5 * impatient))
    for number in range(10, 18):
        write(other, line(number))
        ran = site.run(pattern)
        assert total(0, range(10, number + 1)) == ran.totals
        assert ran.is_quiet
    assert 9 * impatient > meter.since()
    write(endless, b"\n" + line(1))
    assert total(range(2), range(10, 18)) == site.run(pattern).totals


def test_r76_r112_a_backlog_of_long_lines_is_read_in_one_run(site: Site, impatient: int) -> None:
    for number in range(12):
        write(site.access, begun(number, impatient // 2 + number) + b"\n" + line(100 + number))
    assert total(range(12), range(100, 112)) == site.run().totals
    assert site.rests()


@pytest.mark.parametrize("fate", ["rotate", "compress", "copytruncate", "archive"])
@pytest.mark.parametrize("ended", [True, False])
def test_r112_what_becomes_of_a_file_whose_mark_stands_inside_a_line(
    site: Site, fate: str, *, ended: bool
) -> None:
    write(site.access, line(0) + begun(1, 3 * CAP))
    assert total(range(2)) == site.run().totals
    write(site.access, b"more" + (b"\n" + lines(range(2, 5)) if ended else b""))
    if fate == "copytruncate":
        site.copytruncate()
    else:
        site.rotate()
    if fate in ("compress", "archive"):
        site.compress(site.rotated(1), keep=fate == "archive")
    site.append(10)
    ran = site.run()
    expected = total(range(2), range(2, 5) if ended else [], 10)
    assert expected == ran.totals
    assert ran.is_quiet
    assert 0 == ran.log().counters.malformed + ran.log().counters.oversize
    assert site.rests()
    site.clock += 2 * HOUR
    site.run()
    if fate in ("rotate", "copytruncate") and not ended:  # it is written to after it was sealed
        write(site.rotated(1), b"even more\n" + line(2))
        assert total(range(3), 10) == site.run().totals
    site.run()
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 14))
def test_r60_r112_a_run_that_is_killed_inside_a_line_counts_it_once(
    site: Site, moment: int
) -> None:
    write(site.access, line(0) + begun(1, 4 * BLOCK))
    with suppress(Killed):
        site.run(stop=At(moment, die))
    write(site.access, b"x" * BLOCK)
    site.run(stop=At(moment, At.set))
    write(site.access, b"x" * BLOCK + b"\n" + line(2))
    assert total(range(3)) == site.run().totals
    assert site.rests()


def test_r30_r112_a_rewritten_file_goes_on_inside_the_line(site: Site) -> None:
    write(site.access, line(0) + begun(1, 2 * CAP))
    site.run()
    site.access.rename(site.rotated(1))
    site.mask(site.rotated(1))
    site.append(10)
    assert total(range(2), 10) == site.run().totals
    write(site.rotated(1), b"more of it\n" + line(2))
    assert total(range(3), 10) == site.run().totals
    site.mask(site.rotated(1))
    ran = site.run()
    assert total(range(3), 10) == ran.totals
    assert 0 == ran.log().counters.malformed
    assert site.rests()


def test_r30_r112_so_does_one_that_is_short_by_now(site: Site) -> None:
    write(site.access, line(0) + begun(1, 2 * CAP))
    site.run()
    site.access.rename(site.rotated(1))
    site.rotated(1).write_bytes(lines(range(2)).replace(b"192.0.2.", b"198.51.100.")[:-1])
    site.append(10)
    assert total(range(2), 10) == site.run().totals
    write(site.rotated(1), b"more of it\n" + line(2))
    ran = site.run()
    assert total(range(3), 10) == ran.totals
    assert 0 == ran.log().counters.malformed


@pytest.mark.parametrize("left", [CAP + 500, CAP // 2])
def test_r98_r112_a_log_that_lost_its_end_inside_a_line_counts_nothing_twice(
    site: Site, left: int
) -> None:
    write(site.access, lines(range(100)) + begun(100, 3 * CAP))
    site.run()
    os.truncate(site.access, len(lines(range(100))) + left)
    ran = site.run()
    assert ran.said("lost its last")
    assert total(range(101)) == ran.totals
    write(site.access, b"\n" + line(101))
    ran = site.run()
    twice = left <= CAP  # what is left of it is a line like any other by now
    assert total(range(102), 100 if twice else []) == ran.totals
    assert site.rests()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_r112_a_backfill_and_a_push_share_a_line(site: Site, workers: int, *, packed: bool) -> None:
    write(site.access, line(0) + begun(1, 2 * CAP))
    site.run(since="now")
    write(site.access, b"x" * CAP + b"\n" + line(2))
    ran = site.run()
    assert total(2) == ran.totals
    site.rotate()
    old = site.compress(site.rotated(1)) if packed else site.rotated(1)
    for _ in range(2):
        ran = site.backfill(old, workers=workers)
        assert total(range(2)) == ran.backfilled()
        assert 0 == ran.log().counters.oversize
    assert (3, 3) == site.run().totals


def test_r112_a_backfill_goes_on_inside_a_line(site: Site) -> None:
    old = site.rotated(1)
    write(old, line(0) + begun(1, 2 * CAP))
    assert total(range(2)) == site.backfill(old).backfilled()
    write(old, b"x" * CAP + b"\n" + line(2))
    ran = site.backfill(old)
    assert total(range(3)) == ran.backfilled()
    site.append(10)
    site.run(since="start")
    assert (4, 3 + 10) == site.run().totals


def test_r112_a_backfilled_line_goes_on_in_a_push(site: Site) -> None:
    write(site.access, line(0) + begun(1, 2 * CAP))
    assert total(range(2)) == site.backfill(site.access).backfilled()
    write(site.access, b"x" * CAP + b"\n" + line(2))
    site.run(since="start")
    ran = site.run()
    assert total(range(2)) == ran.backfilled()
    assert (3, 3) == ran.totals


def test_r112_since_a_moment_may_be_a_line_without_end(site: Site) -> None:
    write(site.access, lines(range(5)) + begun(5, 2 * CAP))
    site.run(since=1_795_000_005)
    ran = site.run()
    assert total(5) == ran.totals
    ran = site.backfill(site.access)
    assert total(range(5)) == ran.backfilled()


def test_r112_an_archive_that_ends_inside_a_line(site: Site) -> None:
    packed = gzip.compress(line(0) + begun(1, CAP + 9))
    site.rotated(1, ".gz").write_bytes(packed)
    site.append(10)
    assert total(range(2), 10) == site.run(since="start").totals
    site.rotated(1, ".gz").write_bytes(packed + gzip.compress(b"rest\n" + line(2)))
    ran = site.run()
    assert total(range(3), 10) == ran.totals
    assert 0 == ran.log().counters.malformed


@pytest.mark.parametrize("size", [CAP, 1 << 21])
def test_r112_a_first_line_without_end_that_is_no_request_hides_no_format(
    site: Site, size: int
) -> None:
    write(site.access, b"y" * size)
    assert site.run().is_quiet
    write(site.access, b"\n" + lines(range(3)))
    ran = site.run()
    assert total(range(3)) == ran.totals
    assert 1 == ran.log().counters.oversize


def test_r112_one_that_is_too_long_to_look_behind_it_is_said(site: Site) -> None:
    write(site.access, b"y" * (17 << 20) + b"\n" + lines(range(3)))
    with pytest.raises(ConfigError, match="no format that batchlog knows"):
        site.run()
    assert total(range(3)) == site.run(format="combined").totals
