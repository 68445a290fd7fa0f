"""Segments that are gone (R6, R7)."""

from batchlog.segments.cursor import BLOCK
from tests.site import At, Site, line, total, wide


def test_r6_unread_bytes_that_are_gone_are_lost_in_the_second_run_without_them(site: Site) -> None:
    site.append(range(10))
    with site.access.open("ab") as file:
        file.write(line(10)[:40])
    site.run()
    site.access.unlink()
    site.append(range(20, 25))
    first = site.run()
    assert (0, 0) == (first.exit, first.log().counters.lost_segments)
    second = site.run()
    assert 65 == second.exit
    assert second.said(r"access\.log held is gone with at least 40 bytes unread")
    assert (1, 40) == (second.log().counters.lost_segments, second.log().counters.lost_bytes)
    assert total(range(10), range(20, 25)) == second.totals
    assert site.rests()


def test_r6_the_unread_rest_of_a_read_that_was_stopped_is_lost_with_its_file(site: Site) -> None:
    lines_ = 4 * BLOCK // 4096
    site.access.write_bytes(b"".join(map(wide, range(lines_))))
    stopped = site.run(stop=At(4, At.set))
    assert 75 == stopped.exit
    assert 0 < stopped.requests < lines_
    site.access.unlink()
    site.run()
    ran = site.run()
    assert 65 == ran.exit
    assert 4096 * (lines_ - stopped.requests) == ran.log().counters.lost_bytes
    assert stopped.totals == ran.totals
    assert site.rests()


def test_r6_what_was_counted_whole_is_gone_without_a_loss(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.rotate()
    site.append(range(10, 20))
    site.run()
    site.rotated(1).unlink()
    assert [0, 0] == [site.run().exit for _ in range(2)]
    assert 0 == site.run().log().counters.lost_segments
    assert site.rests()


def test_r6_a_file_that_comes_back_before_the_second_run_is_not_lost(site: Site) -> None:
    site.append(range(10))
    with site.access.open("ab") as file:
        file.write(line(10)[:40])
    site.run()
    site.access.rename(site.root / "away")
    site.run()
    (site.root / "away").rename(site.access)
    with site.access.open("ab") as file:
        file.write(line(10)[40:])
    ran = site.run()
    assert total(range(11)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_of_segments_without_a_file_the_newest_fifty_are_remembered(site: Site) -> None:
    for night in range(60):
        site.append(night)
        site.run()
        site.access.unlink()
    for _ in range(3):
        ran = site.run()
    assert total(range(60)) == ran.totals
    assert 50 == len(ran.log().segments)
    assert site.rests()
