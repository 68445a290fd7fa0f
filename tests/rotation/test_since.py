"""Where a log begins that the checkpoint does not know (DESIGN, `--since`)."""

import pytest

from batchlog.config.schema import LogEntry
from batchlog.config.times import Since
from batchlog.errors import ConfigError
from batchlog.segments.lines import CAP
from tests.site import BEGINNING, Site, lines, total


def _nights(site: Site) -> None:
    """Lay down an archive (0 to 99), a plain rotated file (to 199) and the active one (to 299)."""
    site.append(range(100))
    site.rotate()
    site.append(range(100, 200))
    site.rotate()
    site.compress(site.rotated(2))
    site.append(range(200, 300))


def test_checkpoint_counts_the_active_file_and_leaves_the_rotated_ones(site: Site) -> None:
    _nights(site)
    ran = site.run()
    assert total(range(200, 300)) == ran.totals
    assert 0 == ran.exit
    assert site.rests()


def test_what_lies_below_the_origin_is_never_counted_whatever_becomes_of_it(site: Site) -> None:
    _nights(site)
    site.run()
    site.append(range(300, 310))
    site.rotate()
    site.compress(site.rotated(2))
    site.mask(site.rotated(3, ".gz"))
    ran = site.run()
    assert total(range(200, 310)) == ran.totals
    site.rotate(create=False)
    site.mask(site.rotated(3, ".gz"))
    site.rotated(4, ".gz").unlink()
    ran = site.run()
    assert total(range(200, 310)) == ran.totals
    site.run()
    assert site.rests()


def test_an_older_file_that_appears_later_is_left_to_backfill_and_said_once(site: Site) -> None:
    site.append(range(100, 150))
    site.run()
    site.append(range(50), to=site.rotated(3))
    site.age(site.rotated(3), 3600)  # written to for the last time before the first run
    ran = site.run()
    assert total(range(100, 150)) == ran.totals
    assert ran.said(r"access\.log\.3.*backfill")
    assert 0 == ran.exit
    assert site.rests()


def test_checkpoint_leaves_the_past_of_a_log_that_joins_later(site: Site) -> None:
    site.append(range(10))
    site.run()
    other = site.logs / "other.log"
    site.append(range(100, 110), to=site.logs / "other.log.1")
    site.append(range(110, 120), to=other)
    ran = site.run(site.access, other)
    assert total(range(10)) == ran.totals
    site.append(range(120, 125), to=other)
    other.rename(site.logs / "other.log.2")
    site.append(range(125, 130), to=other)
    ran = site.run(site.access, other)
    assert total(range(10), range(120, 130)) == ran.totals
    assert 0 == ran.exit
    assert site.rests(site.access, other)


def test_the_half_line_of_a_log_that_joins_is_counted_when_it_is_whole(site: Site) -> None:
    site.append(range(10))
    site.run()
    other = site.logs / "other.log"
    other.write_bytes(lines(range(20, 25))[:-30])
    site.run(site.access, other)
    other.write_bytes(lines(range(20, 26)))
    ran = site.run(site.access, other)
    assert total(range(10), 24, 25) == ran.totals
    assert site.rests(site.access, other)


def test_r18_a_file_that_appears_under_a_known_entry_begins_at_its_first_line(site: Site) -> None:
    entries = (LogEntry(str(site.logs / "*.log")),)
    site.append(range(10), to=site.logs / "a.log")
    site.run(entries=entries)
    site.append(range(100, 110), to=site.logs / "b.log")
    ran = site.run(entries=entries)
    assert total(range(10), range(100, 110)) == ran.totals
    assert ran.is_quiet
    assert site.rests(entries=entries)


def test_start_counts_from_the_oldest_file(site: Site) -> None:
    _nights(site)
    ran = site.run(since="start")
    assert total(range(300)) == ran.totals
    assert ran.is_quiet
    assert site.rests(since="start")


def test_now_counts_what_comes_later(site: Site) -> None:
    _nights(site)
    with site.access.open("ab") as file:
        file.write(lines(300)[:20])
    ran = site.run(since="now")
    assert total() == ran.totals
    with site.access.open("ab") as file:
        file.write(lines(300)[20:])
    site.append(range(301, 310))
    site.rotate()
    ran = site.run(since="now")
    assert total(range(300, 310)) == ran.totals
    assert site.rests()


def test_late_lines_to_a_rotated_file_below_the_origin_stay_below_it(site: Site) -> None:
    _nights(site)
    site.run(since="now")
    site.append(range(400, 405), to=site.rotated(1))
    ran = site.run()
    assert total() == ran.totals
    assert site.rests()


@pytest.mark.parametrize("number", [0, 1, 50, 99, 100, 150, 199, 200, 250, 299])
def test_a_moment_counts_everything_after_its_first_line(site: Site, number: int) -> None:
    _nights(site)
    ran = site.run(since=BEGINNING + number)
    assert total(range(number, 300)) == ran.totals
    assert 0 == ran.exit
    assert site.rests(since=BEGINNING + number)
    site.append(range(300, 310))
    site.rotate()
    site.compress(site.rotated(2))
    assert total(range(number, 310)) == site.run().totals
    site.run()
    assert site.rests()


@pytest.mark.parametrize("number", [0, 5, 10, 15, 20, 29])
def test_a_moment_is_found_among_lines_that_are_too_long(site: Site, number: int) -> None:
    long = b"x" * (CAP + 1) + b"\n"
    parts = [lines(range(10)), lines(range(10, 20)), lines(range(20, 30))]
    site.access.write_bytes(parts[0] + long + parts[1] + long + long + parts[2])
    assert total(range(number, 30)) == site.run(since=BEGINNING + number).totals
    site.append(range(30, 35))
    assert total(range(number, 35)) == site.run().totals


def test_a_moment_before_everything_is_the_start(site: Site) -> None:
    _nights(site)
    assert total(range(300)) == site.run(since=BEGINNING - 10_000).totals


def test_a_moment_after_everything_is_now(site: Site) -> None:
    _nights(site)
    assert total() == site.run(since=BEGINNING + 5000).totals
    site.append(range(300, 305))
    assert total(range(300, 305)) == site.run().totals


def test_lines_out_of_order_count_when_they_stand_after_the_first_line_of_the_moment(
    site: Site,
) -> None:
    site.append([10, 11, 20, 12, 13, 21, 22])
    ran = site.run(since=BEGINNING + 20)
    assert total([20, 12, 13, 21, 22]) == ran.totals


def test_a_moment_in_an_archive_rewritten_later_goes_on_where_it_was(site: Site) -> None:
    _nights(site)
    site.run(since=BEGINNING + 50)
    site.mask(site.rotated(2, ".gz"))
    ran = site.run()
    assert total(range(50, 300)) == ran.totals
    assert site.rests()


def test_a_moment_needs_time_stamps(site: Site) -> None:
    site.access.write_bytes(b'192.0.2.1 "GET / HTTP/1.1" 200 5\n' * 10)
    with pytest.raises(ConfigError, match="stamps"):
        site.run(since=BEGINNING, format='%h "%r" %>s %b')
    assert not site.checkpoint.exists()


@pytest.mark.parametrize("since", ["checkpoint", "start", "now", BEGINNING])
def test_a_known_log_resumes_whatever_since_says(site: Site, since: Since) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 20))
    ran = site.run(since=since)
    assert total(range(20)) == ran.totals


def test_an_empty_log_begins_at_its_first_line_even_now(site: Site) -> None:
    site.access.touch()
    site.run(since="now")
    site.append(range(10))
    ran = site.run(since="now")
    assert total(range(10)) == ran.totals
    assert site.rests()


def test_now_in_the_middle_of_a_first_line_counts_it_when_it_is_whole(site: Site) -> None:
    site.access.write_bytes(lines(0)[:-20])
    site.run(since="now", format="combined")
    for _ in range(3):
        ran = site.run(format="combined")
        assert ran.is_quiet
    assert 0 == ran.log().counters.lost_segments
    site.access.write_bytes(lines(range(3)))
    assert total(range(3)) == site.run(format="combined").totals
    assert site.rests(format="combined")


def test_a_moment_at_the_first_line_of_the_active_file_is_no_loss(site: Site) -> None:
    _nights(site)
    ran = site.run(since=BEGINNING + 200)
    assert total(range(200, 300)) == ran.totals
    for _ in range(3):
        ran = site.run()
        assert ran.is_quiet
    assert 0 == ran.log().counters.lost_bytes
