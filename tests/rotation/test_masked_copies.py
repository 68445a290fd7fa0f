"""A rotated file that was masked while its unmasked copy is still there (R30): once, not twice."""

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from batchlog.config.schema import LogEntry
from batchlog.errors import Stop
from tests.site import At, Killed, Ran, Site, die, line, total

COPIES: dict[str, Callable[[Site], Path]] = {}
"""Ways to keep the unmasked bytes of access.log.1, each to the path of the copy."""

LAST = 240
"""Lines of the rotated file; they are a second apart."""


def _kept(function: Callable[[Site], Path]) -> Callable[[Site], Path]:
    COPIES[function.__name__.strip("_")] = function
    return function


@_kept
def _link(site: Site) -> Path:
    copy = site.logs / "archive" / "access.log.1"
    copy.hardlink_to(site.rotated(1))
    return copy


@_kept
def _gz_beside(site: Site) -> Path:
    return site.compress(site.rotated(1), keep=True)


@_kept
def _cp_beside(site: Site) -> Path:
    return Path(shutil.copy2(site.rotated(1), site.rotated(50)))


@_kept
def _cp_elsewhere(site: Site) -> Path:
    return Path(shutil.copy2(site.rotated(1), site.logs / "archive" / "access.log.1"))


def _mask(path: Path, mask: bytes) -> None:
    """Write a file anew with its addresses masked, as `sed -i` does: line by line."""
    other = path.with_name("sed-masks")
    other.write_bytes(re.sub(rb"(?m)^192\.0\.2\.\d+ ", mask + b" ", path.read_bytes()))
    other.rename(path)


def _push(site: Site, stop: Stop | None = None) -> Ran:
    entry = LogEntry(path=str(site.access), rotated=("archive/{name}*",))
    return site.run(entries=(entry,), stop=stop)


def _written(site: Site, when: str) -> None:
    """Let the log be written and rotated, pushed up to the moment of the masking."""
    (site.logs / "archive").mkdir()
    site.append(range(20))
    _push(site)
    site.rotate()
    site.rotated(1).rename(site.rotated(2))
    site.append(range(20, 120))
    if when != "before any push":
        _push(site)
    site.append(range(120, LAST))
    if when == "after all of it":
        _push(site)
    site.access.rename(site.rotated(1))
    site.append(range(LAST, LAST + 10))
    if when == "after the rotation":
        _push(site)


def _exact(site: Site, upto: int) -> Ran:
    """Push; fail where a line is missing or counted twice, or one is said to be lost."""
    ran = _push(site)
    assert total(range(upto)) == ran.totals
    assert (0, 0) == (ran.log().counters.lost_segments, ran.log().counters.lost_bytes)
    assert 0 == ran.exit
    return ran


@pytest.mark.parametrize("then", ["plain", "compressed", "compressed before a push"])
@pytest.mark.parametrize("mask", ["0", "xxx.xxx.xxx.xxx.masked"])
@pytest.mark.parametrize(
    "when", ["before any push", "between pushes", "after all of it", "after the rotation"]
)
@pytest.mark.parametrize("copy", COPIES)
def test_r30_lines_count_once_while_the_unmasked_copy_is_there(
    site: Site, copy: str, when: str, mask: str, then: str
) -> None:
    _written(site, when)
    unmasked = COPIES[copy](site)
    masked = site.rotated(1)
    _mask(masked, mask.encode())
    if then in {"plain", "compressed"}:
        _exact(site, LAST + 10)
    if then != "plain":
        masked = site.compress(masked.rename(site.rotated(3)))
    upto = LAST + 10
    for _ in range(2):
        _exact(site, upto)
        site.append(range(upto, upto + 5))
        upto += 5
    unmasked.unlink()
    _exact(site, upto)
    _exact(site, upto)
    masked.unlink()
    for _ in range(3):
        _exact(site, upto)


@pytest.mark.parametrize("copy", COPIES)
def test_r30_a_masked_copy_of_what_lies_below_the_origin_is_not_counted(
    site: Site, copy: str
) -> None:
    (site.logs / "archive").mkdir()
    site.append(range(1000, 1000 + LAST), to=site.rotated(1))
    site.append(range(2000, 2010))
    assert total(range(2000, 2010)) == _push(site).totals
    unmasked = COPIES[copy](site)
    _mask(site.rotated(1), b"0")
    site.age(site.rotated(1), -60)
    for gone in (False, True):
        if gone:
            unmasked.unlink()
        for _ in range(2):
            ran = _push(site)
            assert (total(range(2000, 2010)), 0) == (ran.totals, ran.exit)


def test_r30_late_lines_to_the_copy_that_the_server_still_writes_count(site: Site) -> None:
    _written(site, "after all of it")
    server = _link(site)
    _mask(site.rotated(1), b"xxx.xxx.xxx.xxx.masked")
    for late in range(LAST + 10, LAST + 40, 10):
        _exact(site, late)
        site.append(range(late, late + 10), to=server)
        _exact(site, late + 10)


def test_r30_the_unmasked_archive_that_is_put_back_beside_the_masked_file_waits(site: Site) -> None:
    _written(site, "after all of it")
    kept = site.compress(site.rotated(1), keep=True).rename(site.root / "kept.gz")
    _mask(site.rotated(1), b"0")
    _exact(site, LAST + 10)
    kept.rename(site.rotated(1, ".gz"))
    for _ in range(3):
        _exact(site, LAST + 10)
    site.rotated(1).unlink()
    for _ in range(3):
        _exact(site, LAST + 10)


@pytest.mark.parametrize("moment", range(1, 12))
@pytest.mark.parametrize("copy", COPIES)
def test_r30_a_run_killed_between_the_copies_counts_once(
    site: Site, copy: str, moment: int
) -> None:
    _written(site, "between pushes")
    COPIES[copy](site)
    _mask(site.rotated(1), b"0")
    with suppress(Killed):
        _push(site, At(moment, die))
    _exact(site, LAST + 10)
    _exact(site, LAST + 10)


@pytest.mark.parametrize("pushed", ["never", "between", "after"])
@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [(30, 30, 1), (30, 20, 20), (30, 31, 300), (1, 1, 1), (300, 301, 120)],
)
def test_r13_two_files_that_begin_in_the_same_second_both_count(
    site: Site, first: int, second: int, seconds: int, pushed: str
) -> None:
    """The earlier one ended in that second; the later one goes on for some seconds."""
    site.append(range(5))
    _push(site)
    site.rotate()
    site.access.write_bytes(b"".join(_stamped(number, 5) for number in range(5, 5 + first)))
    if pushed == "between":
        _push(site)
    site.rotate()
    end = 5 + first + second
    later = [_stamped(n, 5 + (n == end - 1) * seconds) for n in range(5 + first, end)]
    later[0] = _stamped(5 + first, 5)
    site.access.write_bytes(b"".join(later))
    if pushed == "after":
        _push(site)
    site.rotate()
    site.append(range(end, end + 5))
    _exact(site, end + 5)
    assert site.rests()


def _stamped(number: int, second: int) -> bytes:
    """Return a line with the stamp of another."""
    own, other = line(number).split(b"["), line(second).split(b"[")
    return own[0] + b"[" + other[1].split(b"]")[0] + b"]" + own[1].split(b"]", 1)[1]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("masked_first", [True, False])
@pytest.mark.parametrize("name", sorted(COPIES))
def test_r30_a_backfill_of_a_masked_file_and_its_copy_counts_once(
    site: Site, name: str, masked_first: bool, workers: int
) -> None:
    (site.logs / "archive").mkdir()
    site.append(range(LAST), to=site.rotated(1))
    site.append(range(LAST, LAST + 10))
    site.run()
    copy = COPIES[name](site)
    _mask(site.rotated(1), b"0")
    for path in (copy, site.rotated(1)):
        site.age(path, 86_400)
    files = (site.rotated(1), copy) if masked_first else (copy, site.rotated(1))
    entry = (LogEntry(path=str(site.access), rotated=("archive/{name}*",)),)
    ran = site.backfill(*files, entries=entry, workers=workers)
    assert total(range(LAST)) == ran.backfilled()


def test_r31_the_rest_of_a_file_that_was_half_shredded_does_not_count_again(site: Site) -> None:
    site.append(range(2_000))
    site.rotate()
    site.append(range(2_000, 2_010))
    before = site.run(since="start").totals
    size = site.rotated(1).stat().st_size
    with site.rotated(1).open("r+b") as file:
        file.write(b"\xe5" + b"\xa7\x81\n\x99" * (size // 8))
    for _ in range(2):
        ran = site.run()
        assert (before, 0) == (ran.totals, ran.log().counters.malformed)


# --- contents of their own that begin in the same second -----------------------------------------


def _at(second: int, *numbers: int, step: int = 0) -> bytes:
    """Return lines with the stamp of one, or of one after the other."""
    return b"".join(_stamped(number, second + i * step) for i, number in enumerate(numbers))


@pytest.mark.parametrize("seen", [False, True])
def test_r13_a_calm_file_after_one_that_a_burst_filled_in_that_second_counts(
    site: Site, seen: bool
) -> None:
    site.append(range(5))
    site.run()
    site.rotate(create=False)
    burst, calm = range(100, 600), range(600, 900)
    site.access.write_bytes(_at(100, *burst))
    if seen:
        site.run()
    site.rotate(create=False)
    site.access.write_bytes(_at(100, *calm, step=10))
    site.rotate()
    site.append(range(5_000, 5_010))
    assert total(range(5), burst, calm, range(5_000, 5_010)) == site.run().totals
    assert site.rests()


def test_r72_boots_of_a_host_without_a_clock_begin_in_the_same_second_and_count(
    site: Site,
) -> None:
    site.append(range(5))
    site.run()
    for boot in range(1, 5):
        site.rotate(create=False)
        first = 1_000 * boot
        site.access.write_bytes(_at(0, *range(first, first + 100 - 10 * boot), step=5))
    assert 5 + 90 + 80 + 70 + 60 == site.run().requests


def test_two_hosts_whose_files_one_pattern_matches_begin_at_midnight_and_count(site: Site) -> None:
    site.append(range(5))
    _push(site)
    archive = site.logs / "archive"
    archive.mkdir()
    one, two = archive / "access.log-web1.1", archive / "access.log-web2.1"
    one.write_bytes(_at(100, *range(300), step=1))
    two.write_bytes(_at(100, *range(1_000, 1_100), step=2))
    ran = _push(site)
    assert 5 + 300 + 100 == ran.requests
    for path in (one, two):
        site.age(path, 86_400)
    assert 405 == site.backfill(one, two).requests


def test_two_hosts_archives_under_one_base_both_count_in_a_backfill(site: Site) -> None:
    for number, lines_ in ((1, range(300)), (2, range(1_000, 1_100))):
        site.rotated(number).write_bytes(_at(100, *lines_, step=2))
        site.age(site.rotated(number), 86_400)
    assert 400 == site.backfill(site.rotated(1), site.rotated(2)).requests


def test_a_masked_copy_that_waits_is_named(site: Site) -> None:
    (site.logs / "archive").mkdir()
    site.append(range(LAST))
    site.rotate()
    _push(site)
    COPIES["gz_beside"](site)
    _mask(site.rotated(1), b"0")
    assert _push(site).said(r"access\.log\.1: a masked copy of what another file holds, waits")
