"""Files that begin alike, files out of order, files that wait: what an attacker would try."""

import logging
import os
import resource
import shutil
from typing import Any

import pytest

from batchlog.config.schema import LogEntry
from batchlog.config.times import Since
from batchlog.job import survey
from batchlog.segments.origin import Begun, begin
from tests.site import BEGINNING, At, Site, line, lines, total

LONG = b"a-very-long-subdomain.customer-name.production.example-company.internal:443 "


def wide(number: int) -> bytes:
    """Return a vhost_combined line whose host alone fills the first head."""
    return LONG + line(number)


def test_r72_a_slow_request_first_in_a_file_does_not_make_it_old(site: Site) -> None:
    site.append(range(10000, 10010))
    site.run()
    site.rotate()
    site.append(9990, range(10010, 10020))
    site.rotate()
    site.append(range(10020, 10030))
    assert total(range(10000, 10030), 9990) == site.run().totals
    assert site.rests()


def test_r72_a_clock_set_back_between_two_rotations_loses_no_line(site: Site) -> None:
    site.append(range(10000, 10010))
    site.run()
    site.rotate()
    site.append(range(5000, 5010))
    site.rotate()
    site.append(range(5010, 5013))
    assert total(range(10000, 10010), range(5000, 5013)) == site.run().totals


def test_r72_counting_that_began_by_a_clock_ahead_loses_no_line_once_it_is_right(
    site: Site,
) -> None:
    """The first run noted an origin that lies in the future by now."""
    site.clock += 5000
    site.append(range(10000, 10010))
    site.run()
    site.clock -= 5000
    site.rotate()
    site.append(range(5000, 5010))
    site.age(site.access, 10)
    site.rotate()
    site.append(range(5010, 5013))
    ran = site.run()
    assert total(range(10000, 10010), range(5000, 5013)) == ran.totals
    assert ran.is_quiet


def test_an_archive_from_long_before_that_is_put_back_is_left_alone_with_a_warning(
    site: Site,
) -> None:
    site.append(range(200_000, 200_010))
    site.run()
    site.append(range(10), to=site.rotated(3))
    ran = site.run()
    assert total(range(200_000, 200_010)) == ran.totals
    assert ran.said(r"access\.log\.3 is older than where counting began", logging.WARNING)


def test_r13_a_short_file_with_the_same_head_is_no_copy_in_the_making(site: Site) -> None:
    site.access.write_bytes(b"".join(map(wide, range(100))))
    site.run()
    site.rotate()
    site.access.write_bytes(wide(5000))
    site.rotate()
    site.access.write_bytes(b"".join(map(wide, range(6000, 6010))))
    assert total(range(100), 5000, range(6000, 6010)) == site.run().totals
    assert site.rests()


def test_r98_a_new_short_log_with_the_same_head_is_no_log_that_lost_its_end(site: Site) -> None:
    site.access.write_bytes(b"".join(map(wide, range(100))))
    site.run()
    site.access.unlink()
    site.access.write_bytes(wide(5000))
    assert total(range(100), 5000) == site.run().totals


def test_logs_with_a_number_before_their_extension_are_logs_of_their_own(site: Site) -> None:
    pattern = str(site.logs / "*.log")
    one, two = site.logs / "web.1.log", site.logs / "web.2.log"
    one.write_bytes(lines(range(10)))
    two.write_bytes(lines(range(100, 110)))
    assert total(range(10), range(100, 110)) == site.run(pattern).totals
    site.append(range(20, 30), to=one)
    assert total(range(10), range(20, 30), range(100, 110)) == site.run(pattern).totals


def test_a_quarantined_file_that_is_deleted_is_lost_and_said(site: Site) -> None:
    site.append(range(100))
    site.run()
    site.rotate()
    site.rotated(1).write_bytes(lines([0], range(500, 540)))
    assert 65 == site.run().exit
    site.rotated(1).unlink()
    site.run()
    ran = site.run()
    assert 65 == ran.exit
    assert ran.said(r"waited for a decision, it is lost", logging.ERROR)
    assert 1 == ran.log().counters.lost_segments
    assert all(segment.state != "quarantined" for segment in ran.log().segments)
    assert site.rests()


def test_a_log_that_is_copied_back_is_no_new_one(site: Site) -> None:
    site.append(range(100))
    site.run()
    site.rotate(create=False)
    shutil.copy2(site.rotated(1), site.access)
    site.append(range(100, 110))
    assert total(range(110)) == site.run().totals
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 9))
def test_r26_a_copy_read_by_a_run_that_is_stopped_is_counted_once(site: Site, moment: int) -> None:
    site.append(range(10, 110))
    shutil.copyfile(site.access, site.rotated(1))
    site.run(since="start", stop=At(moment, At.set))
    assert total(range(10, 110)) == site.run(since="start").totals


def test_an_archive_that_was_forgotten_is_not_counted_again_when_it_is_put_back(
    site: Site,
) -> None:
    kept = site.root / "kept"
    site.append(range(5))
    site.run()
    for hour in range(1, 60):
        site.rotate()
        if hour == 8:
            shutil.copy2(site.rotated(1), kept)
        site.append(range(hour * 3600, hour * 3600 + 5))
        site.run()
        site.rotated(2).unlink(missing_ok=True)
    site.run()
    before = site.run().totals
    shutil.copy2(kept, site.rotated(9))
    ran = site.run()
    assert before == ran.totals
    assert ran.said(r"access\.log\.9 is older", logging.WARNING)


@pytest.mark.parametrize("moment", range(1, 14))
def test_since_start_a_stopped_run_leaves_no_file_out_of_order_behind(
    site: Site, moment: int
) -> None:
    site.append(range(100, 110), to=site.rotated(3))
    site.append(95, range(110, 120), to=site.rotated(2))
    site.append(range(120, 125))
    for path in (site.rotated(3), site.rotated(2), site.access):
        site.age(path, 1000)
    site.run(since="start", stop=At(moment, At.set))
    assert total(range(100, 125), 95) == site.run(since="start").totals


def test_since_a_moment_a_file_above_it_may_begin_with_a_slow_request(site: Site) -> None:
    site.append(range(100, 110), to=site.rotated(3))
    site.append(95, range(110, 120), to=site.rotated(2))
    site.append(range(120, 125))
    for path in (site.rotated(3), site.rotated(2), site.access):
        site.age(path, 1000)
    assert total(range(104, 125), 95) == site.run(since=BEGINNING + 104).totals


def test_r30_a_file_whose_first_line_had_no_stamp_is_known_when_it_is_masked(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.rotate()
    site.access.write_bytes(b"garbage\n")
    site.run()
    site.append(range(200, 300))
    site.run()
    site.rotate()
    site.append(range(300, 305))
    site.run()
    site.mask(site.rotated(1))
    assert total(range(10), range(200, 305)) == site.run().totals


def test_a_format_that_is_named_later_is_tried_on_what_was_set_aside(site: Site) -> None:
    other = site.logs / "other.log"
    site.append(range(10))
    other.write_bytes(b"".join(b"%d|GET|/x|200|%d\n" % (n, n) for n in range(10)))
    assert 65 == site.run(site.access, other).exit
    entries = (
        LogEntry(str(site.access)),
        LogEntry(str(other), format="%{x}i|%m|%U|%s|%B"),
    )
    assert (20, 90) == site.run(entries=entries).totals


@pytest.mark.parametrize("moment", ["now", BEGINNING + 50])
def test_r4_a_rotation_just_while_counting_begins_counts_no_past(
    site: Site, moment: Since, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.append(range(100))
    turned: list[int] = []

    def rotated_meanwhile(*arguments: Any) -> Begun:  # noqa: ANN401 - those of `begin`
        if not turned:
            turned.append(1)
            site.rotate()
        return begin(*arguments)

    monkeypatch.setattr(survey, "begin", rotated_meanwhile)
    site.run(since=moment)
    site.append(range(100, 103))
    expected = total(range(100, 103)) if moment == "now" else total(range(50, 103))
    assert expected == site.run(since=moment).totals


def test_max_series_holds_a_flood_of_hosts_back(site: Site) -> None:
    flood = b"".join(b"h%d.example.org:443 " % n + line(n) for n in range(300))
    site.access.write_bytes(flood)
    ran = site.run(by="status,vhost", max_series=100)
    assert total(range(300)) == ran.totals
    assert 101 == len(ran.state.totals)
    assert 200 == ran.state.overflow
    assert ("vhost", "other") in {pair for one in ran.state.totals for pair in one.labels}


@pytest.mark.parametrize("count", [200])
def test_more_archives_than_descriptors_are_all_counted(site: Site, count: int) -> None:
    expected: list[int] = []
    for number in range(count):
        path = site.logs / f"access.log-2026{number // 28 + 1:02}{number % 28 + 1:02}"
        path.write_bytes(lines(range(number * 5, number * 5 + 5)))
        expected += range(number * 5, number * 5 + 5)
    site.append(range(90_000, 90_003))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    there = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (there + 60, limits[1]))
    try:
        ran = site.run(since="start")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert total(expected, range(90_000, 90_003)) == ran.totals
    assert 0 == ran.exit
    assert site.rests(since="start")


def test_an_entry_that_is_configured_twice_under_one_pattern_counts_once(site: Site) -> None:
    site.append(range(5))
    entries = (LogEntry(str(site.logs / "*.log")), LogEntry(str(site.access)))
    assert total(range(5)) == site.run(entries=entries).totals
