"""Clocks that lie (R72, R73)."""

import gzip
import re

from tests.site import Site, line, lines, total, wide

DAY = 86_400


def test_r72_a_clock_that_goes_back_and_forth_counts_and_forgets_nothing(site: Site) -> None:
    for turn, leap in enumerate((0, -DAY, 400 * DAY, -800 * DAY, 3600, 400 * DAY)):
        site.clock += leap
        at = turn * 20
        site.append(range(at, at + 10))
        ran = site.run()
        site.rotate()
        if turn % 2:
            site.compress(site.rotated(1))
        site.append(range(at + 10, at + 20))
        ran = site.run()
        assert total(range(at + 20)) == ran.totals
        assert 0 == ran.exit
    site.run()
    assert site.rests()


def test_r72_files_from_the_future_are_counted(site: Site) -> None:
    site.append(range(10))
    site.age(site.access, -10 * DAY)
    site.run()
    site.append(range(10, 20))
    site.rotate()
    site.compress(site.rotated(1))
    site.age(site.rotated(1, ".gz"), -10 * DAY)
    ran = site.run()
    assert total(range(20)) == ran.totals
    assert site.rests()


def test_r72_a_last_line_from_far_in_the_future_is_not_waited_for_until_then(site: Site) -> None:
    """The clock was a year ahead when the line was written, and was set back."""
    _torn(site)
    site.age(site.rotated(1), -365 * DAY)
    assert total(range(10), 11) == site.run(since="start").totals
    assert total(range(12)) == site.run(since="start").totals
    assert site.rests(since="start")


def test_r72_a_last_line_from_the_near_future_waits_its_hour(site: Site) -> None:
    _torn(site)
    site.age(site.rotated(1), -3600)
    for _ in range(3):
        assert total(range(10), 11) == site.run(since="start").totals
    site.clock += 7200
    assert total(range(12)) == site.run(since="start").totals
    assert site.rests(since="start")


def _torn(site: Site) -> None:
    site.access.write_bytes(lines(range(10)) + line(10)[:-1])
    site.access.rename(site.rotated(1))
    site.append(11)


def test_r33_r72_a_truncated_archive_from_far_in_the_future_counts_its_whole_lines(
    site: Site,
) -> None:
    site.append(range(10))
    site.run()
    data = gzip.compress(site.access.read_bytes() + b"".join(map(wide, range(10, 500))))
    site.access.unlink()
    packed = site.rotated(1, ".gz")
    packed.write_bytes(data[: len(data) * 3 // 4])
    site.age(packed, -3600)
    assert total(range(10)) == site.run().totals
    site.age(packed, -365 * DAY)
    ran = site.run()
    assert 65 == ran.exit
    assert 10 < ran.requests < 500
    assert total(range(ran.requests)) == ran.totals
    assert site.rests()


def test_r72_dates_in_names_do_not_decide(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.access.rename(site.logs / "access.log-20991231")
    site.append(range(10, 20))
    site.run()
    site.append(range(20, 25))
    site.access.rename(site.logs / "access.log-19991231")
    site.append(range(25, 30))
    ran = site.run()
    assert total(range(30)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r73_a_line_with_a_stamp_that_cannot_be_read_counts(site: Site) -> None:
    site.append(range(10))
    with site.access.open("ab") as file:
        file.write(line(10).replace(b"/Nov/", b"/Xyz/") + line(11).replace(b"+0000", b"PM"))
        file.write(line(12).replace(b":", b":60:"))
        leap = re.sub(rb":\d\d:\d\d:\d\d ", b":23:59:60 ", line(13))
        file.write(leap)
    assert b":23:59:60 +0000]" in leap
    ran = site.run()
    assert total(range(14)) == ran.totals
    assert 0 == ran.log().counters.malformed
    site.rotate()
    assert total(range(14)) == site.run().totals
    assert site.rests()
