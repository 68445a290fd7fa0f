"""Rotated files that came and went between two runs (R7)."""

import logging

from tests.site import Site, total

GAP = r"came and went between two runs"


def test_r7_a_gap_in_numbers_is_a_warning_once(site: Site) -> None:
    site.append(range(10))
    site.run()
    for at in (10, 20, 30):
        site.rotate()
        site.append(range(at, at + 10))
    site.rotated(2).unlink()  # 10 to 19, which no run saw
    ran = site.run()
    assert total(range(10), range(20, 40)) == ran.totals
    assert ran.said(rf"{GAP} \(number 2\)", logging.WARNING)
    assert 0 == ran.exit
    assert not site.run().said(GAP)


def test_r7_a_gap_in_days_is_a_warning(site: Site) -> None:
    for day in (16, 17, 18):
        site.append(range(day * 10, day * 10 + 10))
        site.access.rename(site.logs / f"access.log-202611{day}")
        site.access.touch()
    site.run(since="start")
    for day in (19, 20):
        site.append(range(day * 10, day * 10 + 10))
        site.access.rename(site.logs / f"access.log-202611{day}")
        site.access.touch()
    (site.logs / "access.log-20261119").unlink()
    ran = site.run()
    assert ran.said(rf"{GAP} \(between 2026-11-18 and 2026-11-20\)", logging.WARNING)


def test_rotations_without_a_gap_are_quiet(site: Site) -> None:
    site.append(range(10))
    site.run()
    for at in range(10, 60, 10):
        site.rotate()
        site.append(range(at, at + 10))
        if at % 20 == 0:
            assert site.run().is_quiet
    assert site.run().is_quiet


def test_a_rotated_file_that_was_counted_and_is_deleted_is_no_gap(site: Site) -> None:
    for at in (0, 10, 20):
        site.append(range(at, at + 10))
        site.run()
        site.rotate()
    site.rotated(1).unlink()
    for _ in range(3):
        assert not site.run().said(GAP)
    site.append(range(30, 40))
    site.rotate()
    assert not site.run().said(GAP)


def test_a_shorter_rotation_than_the_known_rhythm_is_quiet(site: Site) -> None:
    for day in ("20261101", "20261108"):
        site.append(range(int(day[-2:]) * 10, int(day[-2:]) * 10 + 5))
        site.access.rename(site.logs / f"access.log-{day}")
        site.access.touch()
    site.run(since="start")
    site.append(range(200, 205))
    site.access.rename(site.logs / "access.log-20261115")
    site.access.touch()
    assert site.run().is_quiet
