"""A host's crash costs a log its last lines (R98)."""

import logging
import os

import pytest

from tests.site import Site, line, lines, total


@pytest.mark.parametrize("kept", [90, 55, 20, 2, 1])
def test_r98_a_live_log_that_lost_its_end_goes_on_after_its_last_whole_line(
    site: Site, kept: int
) -> None:
    site.append(range(100))
    site.run()
    os.truncate(site.access, len(lines(range(kept))))
    ran = site.run()
    assert total(range(100)) == ran.totals
    assert 65 == ran.exit
    assert ran.said(r"access\.log lost its last \d+ bytes", logging.ERROR)
    assert site.rests()
    site.append(range(100, 110))
    ran = site.run()
    assert total(range(110)) == ran.totals
    assert ran.is_quiet
    site.rotate()
    site.compress(site.rotated(1))
    assert total(range(110)) == site.run().totals
    assert site.rests()


def test_r98_lines_written_after_the_crash_count_nothing_twice(site: Site) -> None:
    site.append(range(100))
    site.run()
    os.truncate(site.access, len(lines(range(80))))
    site.append(range(100, 110))
    ran = site.run()
    assert total(range(100)) == ran.totals  # the ten stand where counted lines stood
    assert 65 == ran.exit
    site.append(range(110, 120))
    assert total(range(100), range(110, 120)) == site.run().totals
    assert site.rests()


def test_r98_a_cut_in_the_middle_of_a_line(site: Site) -> None:
    site.append(range(100))
    site.run()
    os.truncate(site.access, len(lines(range(50))) + 30)
    ran = site.run()
    assert total(range(100)) == ran.totals
    assert site.rests()
    with site.access.open("ab") as file:
        file.write(line(100))
    site.append(range(101, 105))
    ran = site.run()
    assert 105 == ran.requests + ran.log().counters.malformed  # the torn line is one line
    assert site.rests()
