"""Old logs into totals of their own: each content once ever, whoever saw it first."""

import bz2
import gzip
import logging
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.config.schema import LogEntry
from batchlog.errors import Busy, CheckpointError, ConfigError, Exit, LogError, Stop
from batchlog.segments.known import Counters
from batchlog.segments.read import LIMIT
from batchlog.state.store import Store
from tests.site import BEGINNING, At, Killed, Ran, Site, die, line, lines, total, wide


def rotated(site: Site, number: int, *numbers: range, suffix: str = "") -> Path:
    """Write a rotated file, last changed a day ago."""
    path = site.rotated(number, suffix)
    data = b"".join(lines(numbers_) for numbers_ in numbers)
    path.write_bytes(gzip.compress(data) if suffix == ".gz" else data)
    site.age(path, 86_400)
    return path


def archives(site: Site) -> str:
    """Return the pattern of all rotated files."""
    return str(site.logs / "access.log.*")


def test_old_logs_go_into_series_of_their_own_and_are_pushed(site: Site) -> None:
    rotated(site, 2, range(100), suffix=".gz")
    rotated(site, 1, range(100, 200))
    ran = site.backfill(archives(site))
    assert total(range(200)) == ran.totals == ran.backfilled()
    assert 'requests_total{backfill="1",status="200"} 200.0' in site.textfile.read_text()
    assert 'outcome="counted"} 200.0' in site.textfile.read_text()
    assert ran.is_quiet


def test_a_second_backfill_counts_nothing_again_and_names_what_it_skips(site: Site) -> None:
    rotated(site, 2, range(100), suffix=".gz")
    rotated(site, 1, range(100, 200))
    site.backfill(archives(site))
    before = site.checkpoint.read_bytes()
    ran = site.backfill(archives(site))
    assert total(range(200)) == ran.totals
    assert ran.said(r"access\.log\.2\.gz: skipped, already backfilled", logging.INFO)
    assert ran.said(r"access\.log\.1: skipped, already backfilled", logging.INFO)
    assert before == site.checkpoint.read_bytes()


@pytest.mark.parametrize("name", ["copy.log", "access.log.7", "elsewhere/access.log.1.bz2"])
def test_a_content_counts_once_whatever_it_is_called_and_however_compressed(
    site: Site, name: str
) -> None:
    first = rotated(site, 1, range(200))
    site.backfill(first)
    other = site.logs / name
    other.parent.mkdir(exist_ok=True)
    data = first.read_bytes()
    other.write_bytes(bz2.compress(data) if name.endswith("bz2") else data)
    site.age(other, 86_400)
    ran = site.backfill(first, other)
    assert total(range(200)) == ran.totals
    assert total(range(200)) == site.backfill(other).totals


def test_twins_named_together_count_once(site: Site) -> None:
    plain = rotated(site, 1, range(200))
    packed = site.compress(plain, keep=True)
    ran = site.backfill(plain, packed)
    assert total(range(200)) == ran.totals
    assert total(range(200)) == site.backfill(packed, plain).totals


def test_twins_count_once_although_two_processes_read(site: Site) -> None:
    plain = rotated(site, 1, range(200))
    packed = site.compress(plain, keep=True)
    assert total(range(200)) == site.backfill(plain, packed, workers=2).totals


def test_a_file_of_several_steps_counts_once_from_several_processes(site: Site) -> None:
    """More than the 256 MB of one step, so that two processes read the two parts of one file."""
    count = LIMIT // 4096 + 500
    with site.rotated(1).open("wb") as file:
        for number in range(count):
            file.write(wide(number))
    site.age(site.rotated(1), 86_400)
    ran = site.backfill(site.rotated(1), workers=2)
    assert total(range(count)) == ran.totals
    (entry,) = ran.state.backfill.contents
    assert (count * 4096, count) == (entry.mark.offset, entry.mark.lines)
    assert ran.said("skipped, already") is False
    assert site.backfill(site.rotated(1)).said("skipped, already backfilled")


def test_a_file_that_has_grown_goes_on_where_it_was(site: Site) -> None:
    site.append(range(100))
    site.backfill(site.access)
    site.append(range(100, 130))
    ran = site.backfill(site.access)
    assert total(range(130)) == ran.totals
    (entry,) = ran.state.backfill.contents
    assert 130 == entry.mark.lines


def test_a_shorter_copy_and_what_it_lacks_count_once_in_any_order(site: Site) -> None:
    long, short = rotated(site, 1, range(200)), rotated(site, 2, range(50))
    assert total(range(200)) == site.backfill(short, long).totals
    other = Site(site.root / "other")
    other.root.mkdir()
    assert total(range(200)) == other.backfill(long, short).totals


def test_what_a_push_has_counted_is_left_and_named(site: Site) -> None:
    site.append(range(100))
    site.run()
    site.rotate()
    site.append(range(100, 150))
    site.run()
    site.compress(site.rotated(1))
    ran = site.backfill(archives(site), site.access)
    assert total(range(150)) == ran.totals
    assert (0, 0) == ran.backfilled()
    assert ran.said(r"access\.log\.1\.gz: skipped, above the origin: counted by a push")
    assert ran.said(r"access\.log: skipped, above the origin")


def test_what_lies_below_the_origin_is_for_the_backfill_alone(site: Site) -> None:
    rotated(site, 2, range(100), suffix=".gz")
    rotated(site, 1, range(100, 200))
    site.append(range(200, 250))
    site.run()
    ran = site.backfill(archives(site))
    assert total(range(200)) == ran.backfilled()
    assert total(range(250)) == ran.totals
    for _ in range(2):
        assert total(range(250)) == site.run().totals


def test_the_file_that_holds_an_origin_is_read_up_to_it(site: Site) -> None:
    site.append(range(100))
    site.run(since="now")
    site.append(range(100, 130))
    site.run()
    ran = site.backfill(site.access)
    assert total(range(100)) == ran.backfilled()
    assert total(range(130)) == ran.totals
    site.rotate()
    site.compress(site.rotated(1))
    site.run()
    assert total(range(130)) == site.backfill(archives(site)).totals


def test_an_archive_that_holds_an_origin_is_read_up_to_it(site: Site) -> None:
    site.append(range(300))
    site.run(since="now")
    site.append(range(300, 330))
    site.rotate()
    site.run()
    site.compress(site.rotated(1))
    site.age(site.rotated(1, ".gz"), 86_400)
    site.run()
    assert total(range(330)) == site.backfill(archives(site)).totals


def test_the_file_of_an_origin_that_was_masked_is_read_up_to_it_by_lines(site: Site) -> None:
    site.append(range(300))
    site.run(since="now")
    site.append(range(300, 330))
    site.rotate()
    site.run()
    site.mask(site.rotated(1))
    ran = site.backfill(site.rotated(1))
    assert total(range(330)) == ran.totals


def test_a_push_begins_after_what_a_backfill_has_consumed(site: Site) -> None:
    site.append(range(100))
    rotated(site, 1, range(50_000, 50_010))
    site.backfill(str(site.logs / "access.log*"))
    site.append(range(100, 120))
    ran = site.run()
    assert total(range(120), range(50_000, 50_010)) == ran.totals
    assert total(range(100), range(50_000, 50_010)) == ran.backfilled()
    assert ran.said("was backfilled for 100 lines: resumed", logging.INFO)
    site.rotate()
    site.append(range(120, 130))
    assert total(range(130), range(50_000, 50_010)) == site.run().totals
    assert site.rests()


def test_a_push_leaves_a_backfilled_archive_that_comes_up_as_new(site: Site) -> None:
    old = rotated(site, 1, range(1000, 1100))
    site.append(range(2000, 2010))
    site.backfill(old)
    old.rename(site.root / "away")
    site.run(since="start")
    assert total(range(1000, 1100), range(2000, 2010)) == site.run(since="start").totals
    (site.root / "away").rename(old)
    ran = site.run()
    assert total(range(1000, 1100), range(2000, 2010)) == ran.totals
    assert 0 == ran.exit


def test_a_rotated_file_that_no_run_has_seen_is_left_to_the_next_push(site: Site) -> None:
    site.append(range(100))
    site.run()
    site.append(range(100, 110))
    site.rotate()
    site.append(range(110, 120))
    site.rotate()
    site.append(range(120, 130))
    ran = site.backfill(archives(site), site.access)
    assert (0, 0) == ran.backfilled()
    assert ran.said(r"access\.log\.1: skipped, above the origin: the next push counts it")
    assert total(range(130)) == site.run().totals


def test_a_log_that_no_entry_names_any_more_keeps_its_origin(site: Site) -> None:
    other = site.logs / "other.log"
    site.append(range(100))
    site.append(range(500, 600), to=other)
    site.run(entries=(LogEntry(str(site.logs / "*.log")),))
    site.append(range(100, 110))
    site.rotate()
    site.append(range(110, 120))
    site.rotate()
    named = (LogEntry(str(other)),)
    ran = site.backfill(archives(site), entries=named)
    assert (0, 0) == ran.backfilled()
    assert ran.said("the next push counts it")


@pytest.mark.parametrize("moment", [0, 50, 120])
def test_a_push_since_a_moment_begins_after_what_was_backfilled(site: Site, moment: int) -> None:
    site.append(range(100))
    site.backfill(site.access)
    site.append(range(100, 150))
    counted = range(150) if moment <= 100 else [*range(100), *range(moment, 150)]
    assert total(counted) == site.run(since=BEGINNING + moment).totals
    assert site.rests()


@pytest.mark.parametrize("masked", [(b"192.0.2.", b"10.9.8."), (b"192.0.2.99 ", b"192.0.2.11 ")])
def test_a_push_goes_on_by_lines_in_a_backfilled_file_that_was_masked(
    site: Site, masked: tuple[bytes, bytes]
) -> None:
    old = rotated(site, 1, range(100))
    site.append(range(100, 110))
    site.backfill(old)
    old.write_bytes(old.read_bytes().replace(*masked))
    site.age(old, 86_400)
    ran = site.run(since="start")
    assert total(range(110)) == ran.totals
    assert ran.said("was backfilled and rewritten since", logging.WARNING)
    assert site.rests()


def check(number: int) -> bytes:
    """Return the line of a health check, which is the same in the log of every host."""
    return line(number % 60, size=7)


@pytest.mark.parametrize("alike", [2, 60])
def test_logs_that_begin_alike_are_different_contents(site: Site, alike: int) -> None:
    one, two = site.logs / "a.log.1", site.logs / "b.log.1"
    same = b"".join(check(number) for number in range(alike))
    one.write_bytes(same + lines(range(1000, 1200)))
    two.write_bytes(same + lines([2000]))
    for path in (one, two):
        site.age(path, 86_400)
    ran = site.backfill(one, two)
    assert 2 * alike + 201 == ran.requests
    assert 2 * alike + 201 == site.backfill(two, one).requests


@pytest.mark.parametrize("alike", [2, 60])
def test_a_log_that_begins_like_a_counted_one_is_read(site: Site, alike: int) -> None:
    live, other = site.logs / "a.log", site.logs / "b.log.1"
    same = b"".join(check(number) for number in range(alike))
    live.write_bytes(same + lines(range(1000, 1200)))
    other.write_bytes(same + lines([2000]))
    site.run(live)
    assert 2 * alike + 201 == site.backfill(other).requests


@pytest.mark.parametrize("taken", [3, 150])
@pytest.mark.parametrize("copy_first", [False, True])
def test_a_copy_made_elsewhere_before_the_log_grew_counts_once(
    site: Site, taken: int, copy_first: bool
) -> None:
    site.access.write_bytes(lines(range(taken)))
    copy = site.root / "kept" / "monday.gz"
    copy.parent.mkdir()
    copy.write_bytes(gzip.compress(site.access.read_bytes()))
    site.age(copy, 86_400)
    with site.access.open("ab") as file:
        file.write(lines(range(taken, 200)))
    files = (copy, site.access) if copy_first else (site.access, copy)
    for path in files:
        ran = site.backfill(path)
    assert 200 == ran.requests


@pytest.mark.parametrize("taken", [3, 150])
def test_a_copy_made_elsewhere_of_what_is_counted_now_is_left(site: Site, taken: int) -> None:
    site.access.write_bytes(lines(range(taken)))
    copy = site.root / "monday"
    shutil.copy2(site.access, copy)
    with site.access.open("ab") as file:
        file.write(lines(range(taken, 200)))
    site.run(site.access, since="start")
    ran = site.backfill(copy)
    assert (200, 0) == (ran.requests, ran.backfilled()[0])
    site.rotate()
    copy.write_bytes(site.rotated(1).read_bytes()[: -len(lines([199]))])
    assert 200 == site.backfill(copy).requests


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_log_that_was_backfilled_under_the_name_of_a_link_goes_on_where_it_was(
    site: Site, link: Callable[[Path, Path], None]
) -> None:
    site.append(range(2))
    name = site.root / "today"
    link(site.access, name)
    assert 2 == site.backfill(name).requests
    site.append(range(2, 3))
    assert total(range(3)) == site.run().totals
    assert total(range(3)) == site.backfill(name, site.access).totals
    copy = site.root / "kept"
    shutil.copy2(site.access, copy)
    site.rotate()
    assert total(range(3)) == site.backfill(copy).totals


def test_a_push_says_nothing_of_an_old_file_that_was_backfilled(site: Site) -> None:
    site.append(range(100_000, 100_010))
    site.run()
    old = rotated(site, 2, range(50), suffix=".gz")
    site.backfill(old)
    assert not site.run().said("is older than where counting began")
    late = rotated(site, 3, range(60, 90), suffix=".gz")
    assert site.run().said(f"{late}.* is older than where counting began")


def test_a_short_log_that_begins_like_a_backfilled_one_counts_though_that_was_renamed(
    site: Site,
) -> None:
    one, two = site.logs / "a.log", site.logs / "b.log"
    old = site.logs / "a.log.1"
    old.write_bytes(check(0) + lines(range(100)))
    site.age(old, 86_400)
    one.touch()
    assert 101 == site.backfill(old).requests
    old.rename(site.logs / "a.log.2")
    two.write_bytes(check(0) + lines([7]))
    ran = site.run(one, two)
    assert (103, 0) == (ran.requests, ran.exit)
    third = site.root / "c.log.1"
    third.write_bytes(check(0) + lines([8]))
    assert 105 == site.backfill(third).requests


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_push_of_a_log_that_begins_like_another_is_noticed(site: Site, moment: int) -> None:
    one, two = site.logs / "a.log", site.logs / "b.log"
    same = b"".join(check(number) for number in range(60))
    one.write_bytes(same + lines(range(1000, 1100)))
    two.write_bytes(same + lines(range(2000, 2300)))
    site.run(one)

    def push(_: At) -> None:
        site.run(one, two, since="start")

    with suppress(LogError):
        site.backfill(two, stop=At(moment, push))
    site.run(one, two)
    assert 2 * 60 + 400 == site.backfill(two).requests


@pytest.mark.parametrize("moment", range(1, 9))
def test_a_push_of_a_file_of_one_short_line_is_noticed(site: Site, moment: int) -> None:
    stamp = b"[18/Nov/2026:00:00:%02d +0000]"
    short = [b"::1 - - " + stamp % n + b' "GET /" 200 %d\n' % n for n in range(12)]
    site.access.write_bytes(short[1])

    def push(_: At) -> None:
        with site.access.open("ab") as file:
            file.write(b"".join(short[2:]))
        site.run()

    stop = At(moment, push)
    with suppress(LogError):
        site.backfill(site.access, stop=stop)
    site.run()
    expected = (11, sum(range(12))) if stop.happened else (1, 1)
    assert expected == site.backfill(site.access).totals


def test_what_a_run_began_to_count_ends_it_with_65_and_the_rest_is_pushed(site: Site) -> None:
    old = rotated(site, 1, range(100))
    site.append(range(1000, 1050))
    after = rotated(site, 3, range(200, 240))

    def push(_: At) -> None:
        site.run()

    ran = site.backfill(old, site.access, after, stop=At(10, push))
    assert Exit.DATA == ran.exit
    assert ran.said(r"access\.log: a run began to count it meanwhile", logging.ERROR)
    assert total(range(100), range(1000, 1050)) == ran.totals
    assert 'backfill="1",status="200"} 100.0' in site.textfile.read_text()
    ran = site.backfill(old, site.access, after)
    assert total(range(100), range(1000, 1050), range(200, 240)) == ran.totals
    assert 2 == len(ran.state.backfill.contents)


def test_other_duration_buckets_are_refused(site: Site) -> None:
    form = '%h %l %u %t "%r" %>s %b %D'
    timed = b"".join(line(n)[:-9].rstrip() + b" 1500\n" for n in range(100))
    site.access.write_bytes(timed)
    entries = (LogEntry(str(site.access), format=form),)
    site.run(entries=entries)
    old = site.rotated(1)
    old.write_bytes(timed.replace(b"192.0.2", b"10.9.8"))
    store = Store(str(site.checkpoint))
    state = store.load()
    assert state is not None
    store.commit(replace(state, bounds=(1, 2)))
    before = site.checkpoint.read_bytes()
    with pytest.raises(ConfigError, match="duration buckets"):
        site.backfill(old, entries=entries)
    assert before == site.checkpoint.read_bytes()


def test_a_log_that_lost_its_backfilled_end_goes_on_after_its_last_line(site: Site) -> None:
    site.append(range(100))
    site.backfill(site.access)
    os.truncate(site.access, len(lines(range(90))))
    ran = site.run()
    assert total(range(100)) == ran.totals
    site.append(range(100, 130))
    assert total(range(130)) == site.run().totals


def test_what_is_read_is_committed_now_and_then(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchlog.backfill.commit.OFTEN", 0)
    paths = [rotated(site, n, range(n * 1000, n * 1000 + 40)) for n in range(1, 6)]
    with pytest.raises(Killed):
        site.backfill(*paths, stop=At(20, die))
    requests, _ = _now(site)
    assert 0 < requests < 200


def test_a_quarantined_file_is_left_and_named(site: Site) -> None:
    site.append(range(100))
    site.run()
    site.rotate()
    site.run()
    site.rotated(1).write_bytes(lines(range(50)).replace(b"192.0.2", b"10.9.8"))
    assert Exit.DATA == site.run().exit
    ran = site.backfill(site.rotated(1))
    assert (0, 0) == ran.backfilled()
    assert ran.said("skipped, quarantined")


def test_a_file_that_was_masked_since_it_was_backfilled_is_left_and_named(site: Site) -> None:
    old = rotated(site, 1, range(200))
    site.backfill(old)
    site.mask(old)
    ran = site.backfill(old)
    assert total(range(200)) == ran.totals
    assert ran.said("rewritten since it was backfilled")


def test_two_archives_that_begin_in_the_same_second_both_count(site: Site) -> None:
    one, two = rotated(site, 1, range(1, 200)), site.rotated(2)
    two.write_bytes(line(1, 404) + lines(range(300, 400)))
    site.age(two, 86_400)
    expected = total(range(1, 200), range(300, 400), 1)
    assert expected == site.backfill(one, two).totals


def test_an_unfinished_last_line_waits_and_is_counted_later(site: Site) -> None:
    site.append(range(10))
    with site.access.open("ab") as file:
        file.write(line(10)[:-5])
    ran = site.backfill(site.access)
    assert total(range(10)) == ran.totals
    assert ran.said("its last line has no end yet")
    with site.access.open("ab") as file:
        file.write(line(10)[-5:] + line(11))
    assert total(range(12)) == site.backfill(site.access).totals


def test_a_damaged_archive_counts_as_far_as_its_checksums_vouch_and_is_said_once(
    site: Site,
) -> None:
    good, bad = gzip.compress(lines(range(100))), bytearray(gzip.compress(lines(range(100, 200))))
    bad[-6] ^= 0xFF
    path = site.rotated(1, ".gz")
    path.write_bytes(good + bad)
    site.age(path, 86_400)
    ran = site.backfill(path)
    assert total(range(100)) == ran.totals
    assert Exit.DATA == ran.exit
    assert ran.said("is damaged", logging.ERROR)
    again = site.backfill(path)
    assert Exit.OK == again.exit
    assert total(range(100)) == again.totals


@pytest.mark.parametrize("quiet", [True, False])
def test_an_archive_that_yields_nothing_counts_once_it_is_mended(site: Site, quiet: bool) -> None:
    data = gzip.compress(lines(range(100)))
    path = site.rotated(1, ".gz")
    path.write_bytes(data[: len(data) // 3])
    if quiet:
        site.age(path, 86_400)
    ran = site.backfill(path)
    assert (0, 0) == ran.totals
    assert quiet == (Exit.DATA == ran.exit)
    assert "is damaged" in str(ran.findings) if quiet else "not complete yet" in str(ran.findings)
    path.write_bytes(data)
    site.age(path, 86_400)
    assert total(range(100)) == site.backfill(path).totals


def test_a_twin_is_decompressed_once(site: Site) -> None:
    packed = [rotated(site, 1, range(100), suffix=".gz"), site.logs / "copy.gz"]
    packed[1].write_bytes(packed[0].read_bytes())
    ran = site.backfill(*packed)
    assert ran.said(r"copy\.gz: skipped, already backfilled")
    for path in packed:  # unreadable by now, but known by sight
        status = path.stat()
        path.write_bytes(b"\x1f\x8b" + b"?" * (status.st_size - 2))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert Exit.OK == site.backfill(*packed).exit


def test_an_archive_in_the_making_waits_and_goes_on(site: Site) -> None:
    first, second = gzip.compress(lines(range(100))), gzip.compress(lines(range(100, 200)))
    path = site.rotated(1, ".gz")
    path.write_bytes(first + second[:50])
    ran = site.backfill(path)
    assert total(range(100)) == ran.totals
    assert ran.said("not complete yet", logging.INFO)
    assert Exit.OK == ran.exit
    path.write_bytes(first + second)
    assert total(range(200)) == site.backfill(path).totals


def test_into_live_before_the_first_push_and_refused_after_it(site: Site) -> None:
    old = rotated(site, 1, range(900_000, 900_100))
    site.append(range(950_000, 950_050))
    counted = range(900_000, 900_100), range(950_000, 950_050)
    ran = site.backfill(old, into_live=True)
    assert (0, 0) == ran.backfilled()
    assert total(counted[0]) == ran.totals
    assert total(*counted) == site.run().totals
    other = rotated(site, 2, range(100))
    with pytest.raises(ConfigError, match="before the first push"):
        site.backfill(other, into_live=True)
    assert total(*counted) == site.run().totals


def test_into_live_is_refused_where_a_push_counts_meanwhile(site: Site) -> None:
    olds = [rotated(site, n, range(n * 1000, n * 1000 + 40)) for n in (2, 1)]
    site.append(range(950_000, 950_050))
    with pytest.raises(ConfigError, match="before the first push"):
        site.backfill(*olds, into_live=True, stop=At(2, partial(_push, site)))
    assert total(range(950_000, 950_050)) == site.run().totals


def test_a_first_push_says_that_old_files_are_left(site: Site) -> None:
    rotated(site, 2, range(100), suffix=".gz")
    rotated(site, 1, range(100, 200))
    site.append(range(200, 210))
    assert site.run().said("not counted: 2 older files from before counting began")
    assert not site.run().said("older files")


def test_a_first_push_counts_no_old_file_as_left_that_a_backfill_has_read(site: Site) -> None:
    first = rotated(site, 2, range(100), suffix=".gz")
    rotated(site, 1, range(100, 200))
    site.append(range(200, 210))
    site.backfill(first)
    assert site.run().said("not counted: 1 older file from before counting began")


def test_a_first_push_says_nothing_where_a_backfill_has_read_all(site: Site) -> None:
    olds = [rotated(site, 2, range(100), suffix=".gz"), rotated(site, 1, range(100, 200))]
    site.append(range(200, 210))
    site.backfill(*olds)
    assert not site.run().said("older file")


def test_the_limit_of_series_is_that_of_the_backfill_alone(site: Site) -> None:
    form = '%v %h %l %u %t "%r" %>s %b'
    old = site.rotated(1)
    old.write_bytes(b"".join(b"h%d.example " % n + line(n) for n in range(40)))
    site.age(old, 86_400)
    entries = (LogEntry(str(site.access), format=form),)
    site.access.write_bytes(b"live.example " + line(50))
    ran = site.backfill(old, entries=entries, by="vhost", max_series=10)
    assert 30 == ran.by("vhost")["other"]
    ran = site.run(entries=entries, by="vhost", max_series=10)
    assert 1 == ran.by("vhost")["live.example"]


def test_totals_of_several_processes_are_those_of_one(site: Site) -> None:
    for number in range(1, 9):
        start = (20 - number) * 1000
        rotated(site, number, range(start, start + 500), suffix=".gz" if number % 2 else "")
    one = site.backfill(archives(site))
    other = Site(site.root / "other", site.clock)
    other.root.mkdir()
    many = other.backfill(archives(site), workers=2)
    assert one.state.totals == many.state.totals
    assert one.state.backfill == many.state.backfill


def test_a_kill_at_any_moment_loses_and_repeats_nothing(site: Site) -> None:
    paths = [rotated(site, n, range(n * 1000, n * 1000 + 40)) for n in (3, 2)]
    paths.append(rotated(site, 1, range(500), suffix=".gz"))
    expected = total(range(500), range(3000, 3040), range(2000, 2040))
    moment, lasted = 1, True
    while lasted:
        here = Site(site.root / f"moment{moment}", site.clock)
        here.root.mkdir()
        stop = At(moment, die)
        with suppress(Killed):
            here.backfill(*paths, stop=stop)
        lasted = stop.happened
        assert expected == here.backfill(*paths).totals
        moment += 1
    assert moment > 10


def test_a_request_to_stop_ends_it_with_75_and_the_next_goes_on(site: Site) -> None:
    paths = [rotated(site, n, range(n * 1000, n * 1000 + 40)) for n in (3, 2, 1)]
    stop = At(5, lambda at: at.set())
    ran = site.backfill(*paths, stop=stop)
    assert Exit.BUSY == ran.exit
    assert ran.said("interrupted", logging.WARNING)
    expected = total(*(range(n * 1000, n * 1000 + 40) for n in (3, 2, 1)))
    assert ran.totals < expected
    assert expected == site.backfill(*paths).totals


def test_a_push_may_run_at_any_moment_of_a_backfill(site: Site) -> None:
    """The lock is held for commits only; what the push begins to count, the backfill leaves."""
    moment, lasted = 1, True
    while lasted:
        here = Site(site.root / f"moment{moment}", site.clock)
        here.root.mkdir()
        rotated(here, 2, range(100), suffix=".gz")
        rotated(here, 1, range(100, 200))
        here.append(range(200, 250))
        stop = At(moment, partial(_push, here))
        pattern = str(here.logs / "access.log*")
        with suppress(LogError):  # a content that the push began to count
            here.backfill(pattern, stop=stop)
        lasted = stop.happened
        here.backfill(pattern)
        assert total(range(250)) == here.run().totals
        assert total(range(250)) == here.backfill(pattern).totals
        moment += 1
    assert moment > 10


def test_a_reset_meanwhile_ends_the_backfill(site: Site) -> None:
    paths = [rotated(site, n, range(n * 1000, n * 1000 + 40)) for n in (3, 2, 1)]
    site.backfill(paths[0])

    def reset(_: At) -> None:
        store = Store(str(site.checkpoint))
        state = store.load()
        assert state is not None
        os.rename(site.checkpoint, site.root / "kept")
        os.unlink(store.previous) if os.path.exists(store.previous) else None
        store.commit(type(state)(state_id="anew"))

    with pytest.raises(CheckpointError, match="begun anew meanwhile"):
        site.backfill(*paths, stop=At(4, reset))


def test_a_second_backfill_at_the_same_time_is_kept_out(site: Site) -> None:
    old = rotated(site, 1, range(100))
    store = Store(str(site.checkpoint))
    with store.lock_backfill(), pytest.raises(Busy, match="another backfill"):
        site.backfill(old)


def test_a_counted_and_forgotten_archive_that_comes_back_is_left(site: Site) -> None:
    """More than 50 segments without a file: which of them it is, is not known any more."""
    kept = site.root / "kept"
    kept.mkdir()
    for number in range(60):
        site.append(range(number * 100, number * 100 + 10))
        site.run()
        site.access.rename(kept / str(number))
        site.access.touch()
        site.run()
        site.run()
    shutil.copy2(kept / "3", site.rotated(9))
    counted = total(*(range(n * 100, n * 100 + 10) for n in range(60)))
    ran = site.backfill(site.rotated(9))
    assert counted == ran.totals
    assert ran.said("so long ago that only its time is remembered")


@pytest.mark.parametrize("seed", range(60))
def test_pushes_backfills_rotation_and_compression_in_any_order_are_exact(
    site: Site, seed: int
) -> None:
    """Writers append, rotators rotate and compress; whoever reads first, each line counts once."""
    chance = random.Random(seed)
    written, pushed = 0, False
    for _ in range(chance.randrange(4)):
        site.append(range(written, written + 30))
        written += 30
        site.rotate()
    for _ in range(25):
        what = chance.choice(["append", "append", "rotate", "compress", "push", "push", "backfill"])
        if what == "append":
            count = chance.randrange(1, 60)
            site.append(range(written, written + count))
            written += count
        elif what == "rotate" and site.access.exists() and not site.rotated(19).exists():
            site.rotate()
        elif what == "compress":
            plain = [n for n in range(1, 20) if site.rotated(n).exists()]
            if plain:
                site.compress(site.rotated(chance.choice(plain)))
        elif what == "push" and site.access.exists():
            before = _now(site)
            ran = site.run()
            pushed = True
            assert before[0] <= ran.requests
        elif what == "backfill" and any(site.logs.iterdir()):
            _some(site, chance)
        assert _now(site)[0] <= written
        site.clock += 600
    if not site.access.exists():
        site.access.touch()
    site.run()
    site.backfill(str(site.logs / "access.log*"))
    ran = site.run()
    assert total(range(written)) == ran.totals
    assert pushed or ran.requests == written
    assert ran.state.logs[0].counters != Counters() or ran.backfilled() == ran.totals


def _now(site: Site) -> tuple[int, int]:
    state = Store(str(site.checkpoint)).load()
    return (0, 0) if state is None else Ran(Exit.OK, state, ()).totals


def _killer(chance: random.Random) -> Stop:
    return At(chance.randrange(1, 30), die)


def _push(site: Site, _: At) -> None:
    site.run()


def _some(site: Site, chance: random.Random) -> None:
    """Backfill some of the files, sometimes killed."""
    there = sorted(path for path in site.logs.iterdir() if path.stat().st_size)
    if not there:
        return
    chosen = chance.sample(there, chance.randrange(1, len(there) + 1))
    stop = _killer(chance) if chance.random() < 0.4 else Stop()
    with suppress(Killed):
        site.backfill(*chosen, stop=stop)
