"""A log moved or copied under another name of the same entry (R100)."""

import logging
import shutil

import pytest

from batchlog.config.schema import LogEntry
from tests.site import Site, total


def _entries(site: Site) -> tuple[LogEntry, ...]:
    return (LogEntry(str(site.logs / "*.log")),)


@pytest.mark.parametrize("grown", [0, 10])
def test_r100_a_moved_log_goes_on_under_its_new_name(site: Site, grown: int) -> None:
    entries = _entries(site)
    old, new = site.logs / "old.log", site.logs / "new.log"
    site.append(range(100), to=old)
    site.run(entries=entries)
    old.rename(new)
    site.append(range(100, 100 + grown), to=new)
    ran = site.run(entries=entries)
    assert total(range(100 + grown)) == ran.totals
    assert ran.said(r"new\.log was moved or copied", logging.WARNING)
    assert 0 == ran.exit
    for _ in range(2):
        ran = site.run(entries=entries)
    assert 0 == ran.log(old).counters.lost_segments
    site.append(range(200, 210), to=new)
    assert total(range(100 + grown), range(200, 210)) == site.run(entries=entries).totals
    assert site.rests(entries=entries)


def test_r100_a_copied_log_counts_what_each_gets_from_then_on(site: Site) -> None:
    entries = _entries(site)
    old, new = site.logs / "old.log", site.logs / "new.log"
    site.append(range(100), to=old)
    site.run(entries=entries)
    shutil.copy(old, new)
    site.append(range(100, 110), to=old)
    site.append(range(200, 220), to=new)
    ran = site.run(entries=entries)
    assert total(range(110), range(200, 220)) == ran.totals
    assert 0 == ran.exit
    assert site.rests(entries=entries)


def test_r100_a_moved_log_with_its_rotated_files(site: Site) -> None:
    entries = _entries(site)
    old, new = site.logs / "old.log", site.logs / "new.log"
    site.append(range(100), to=old)
    site.run(entries=entries)
    old.rename(site.logs / "old.log.1")
    site.append(range(100, 200), to=old)
    site.run(entries=entries)
    site.append(range(200, 205), to=old)
    old.rename(new)
    (site.logs / "old.log.1").rename(site.logs / "new.log.1")
    site.compress(site.logs / "new.log.1")
    ran = site.run(entries=entries)
    assert total(range(205)) == ran.totals
    assert 0 == ran.exit
    for _ in range(2):
        site.run(entries=entries)
    assert site.rests(entries=entries)


def test_r100_a_new_file_under_the_old_name_is_new(site: Site) -> None:
    entries = _entries(site)
    old, new = site.logs / "old.log", site.logs / "new.log"
    site.append(range(100), to=old)
    site.run(entries=entries)
    old.rename(new)
    site.append(range(100, 105), to=new)
    site.append(range(300, 350), to=old)
    ran = site.run(entries=entries)
    assert total(range(105), range(300, 350)) == ran.totals
    assert 0 == ran.exit
    assert site.rests(entries=entries)
