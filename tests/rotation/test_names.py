"""Names that rotators give (R8, R9, R10, R21, R22)."""

import gzip
import shutil
from pathlib import Path

import pytest

from batchlog.config.schema import LogEntry
from tests.site import Site, lines, total

NAMES = (
    "access.log.1",
    "access.log-20261119",
    "access.log-20261119.gz",
    "access.log-2026111910",
    "access.log.2026-11-19",
    "access.log.2026-11-19.gz",
    "access.log-20261119-1795000000",
    "access.log.1795000000",
    "access-20261119.log",
    "access-20261119.log.gz",
    "access-2026-11-19.log",
    "access_20261119.log",
    "access.1.log",
    "access.1.log.gz",
    "access.log.gz",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_rotated_file_is_found_whatever_its_name(site: Site, name: str) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    rotated = site.logs / name
    if name.endswith(".gz"):
        rotated.write_bytes(gzip.compress(site.access.read_bytes()))
        site.access.unlink()
    else:
        site.access.rename(rotated)
    site.append(range(15, 20))
    ran = site.run()
    assert total(range(20)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_the_names_of_another_log_are_not_taken(site: Site) -> None:
    site.append(range(10))
    site.append(range(100, 110), to=site.logs / "access.log2.1")
    site.append(range(200, 210), to=site.logs / "ssl-access.log.1")
    site.append(range(300, 310), to=site.logs / "access.logs")
    ran = site.run(since="start")
    assert total(range(10)) == ran.totals
    assert site.rests()


def test_r8_a_rotation_that_is_skipped_is_growth(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.access.rename(site.logs / "access.log-20261119")
    site.append(range(10, 20))
    site.run()
    site.append(range(20, 30))  # logrotate found access.log-20261119 there and let the file be
    ran = site.run()
    assert total(range(30)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize(
    "name",
    [
        "access.log.1.gz-2026111903.backup",
        "access.log.1.tmp",
        "access.log.bak",
        "access.log~",
        ".access.log.swp",
        "access.log.1.save",
    ],
)
def test_r9_what_is_left_aside_is_not_a_rotated_file(site: Site, name: str) -> None:
    site.append(range(10))
    site.append(range(100, 110), to=site.logs / name)
    ran = site.run(since="start")
    assert total(range(10)) == ran.totals
    assert ran.is_quiet


def test_r9_a_backup_that_a_pattern_matches_is_not_counted_again(site: Site) -> None:
    entries = (LogEntry(str(site.access), rotated=("{name}.*",)),)
    site.append(range(50))
    site.run(entries=entries)
    site.rotate()
    packed = site.compress(site.rotated(1))
    site.run(entries=entries)
    shutil.copy(packed, site.logs / "access.log.1.gz-2026111903.backup")
    ran = site.run(entries=entries)
    assert total(range(50)) == ran.totals
    assert ran.is_quiet
    assert site.rests(entries=entries)


def test_r10_an_olddir_is_searched_where_it_is_configured(site: Site) -> None:
    entries = (LogEntry(str(site.access), rotated=("archive/{name}-*",)),)
    (site.logs / "archive").mkdir()
    site.append(range(10))
    site.run(entries=entries)
    site.append(range(10, 15))
    moved = site.logs / "archive" / "access.log-20261119"
    shutil.copy(site.access, moved)  # another device: copied and deleted
    site.access.unlink()
    site.append(range(15, 20))
    ran = site.run(entries=entries)
    assert total(range(20)) == ran.totals
    assert ran.is_quiet
    site.compress(moved)
    assert total(range(20)) == site.run(entries=entries).totals
    assert site.rests(entries=entries)


def test_r10_a_restore_from_a_backup_is_known_by_its_content(site: Site) -> None:
    site.append(range(10))
    site.run()
    backup = shutil.copy(site.access, site.root / "backup")
    site.access.unlink()
    shutil.copy(backup, site.access)
    site.append(range(10, 15))
    ran = site.run()
    assert total(range(15)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


STAMPED = (
    ("access.*", "access.2026-11-{}"),
    ("access-*.log", "access-202611{}.log"),
    ("*access.log*", "access.log.2026-11-{}"),
    ("access_log.*", "access_log.17950{}000"),
)


@pytest.mark.parametrize(("pattern", "name"), STAMPED)
def test_r21_of_stamped_names_the_newest_is_the_active_one(
    site: Site, pattern: str, name: str
) -> None:
    log = site.logs / pattern
    for day in range(18, 21):
        at = (day - 18) * 20
        site.append(range(at, at + 5), to=site.logs / name.format(day))
        site.run(log)
        site.append(range(at + 5, at + 10), to=site.logs / name.format(day))
    site.append(range(60, 65), to=site.logs / name.format(21))
    ran = site.run(log)
    assert total(range(10), range(20, 30), range(40, 50), range(60, 65)) == ran.totals
    assert ran.is_quiet
    assert 1 == len(ran.state.logs)
    assert site.rests(log)


def test_r21_a_first_run_counts_the_newest_stamped_file_and_leaves_the_others(site: Site) -> None:
    for day in range(18, 21):
        site.append(range(day, day + 5), to=site.logs / f"access.2026-11-{day}")
    ran = site.run(site.logs / "access.*")
    assert total(range(20, 25)) == ran.totals
    assert ran.is_quiet
    assert site.rests(site.logs / "access.*")


def test_r21_stamped_files_are_compressed_and_removed_in_time(site: Site) -> None:
    log = site.logs / "access.2*"
    for day in range(10, 20):
        path = site.logs / f"access.2026-11-{day}"
        site.append(range(day * 10, day * 10 + 10), to=path)
        yesterday = path.with_name(f"access.2026-11-{day - 1}")
        if yesterday.exists():
            site.append(day * 10 - 1000 + 2000, to=yesterday)
            site.run(log)
            site.compress(yesterday)
        before = path.with_name(f"access.2026-11-{day - 3}.gz")
        before.unlink(missing_ok=True)
        ran = site.run(log)
        assert 0 == ran.exit
    expected = total(range(100, 200), (day * 10 + 1000 for day in range(11, 20)))
    for _ in range(2):
        ran = site.run(log)
    assert expected == ran.totals
    assert 0 == ran.log().counters.lost_segments
    assert site.rests(log)


def test_r22_circular_names_are_truncated_in_place(site: Site) -> None:
    files = [site.logs / "access.log", site.logs / "access.log.1", site.logs / "access.log.2"]
    for turn in range(9):
        path = files[turn % 3]
        path.write_bytes(lines(range(turn * 10, turn * 10 + 7)))
        ran = site.run()
        assert total(*(range(t * 10, t * 10 + 7) for t in range(turn + 1))) == ran.totals
        assert 0 == ran.exit
    site.run()
    assert site.rests()


def test_a_glob_argument_joins_the_rotated_names_that_a_shell_spelled_out(site: Site) -> None:
    site.append(range(10))
    site.append(range(100, 110), to=site.rotated(1))
    paths: list[Path] = sorted(site.logs.iterdir())
    ran = site.run(*paths, since="start")
    assert total(range(10), range(100, 110)) == ran.totals
    assert [str(site.access)] == [log.path for log in ran.state.logs]
    assert site.rests(*paths)
