"""The protocol of a run: what is committed when, and what a failed commit leaves."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.errors import CheckpointError, Exit, Stop
from batchlog.job.report import report
from batchlog.state.store import Store
from tests.site import Site, lines, total


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_run_whose_state_is_the_old_one_commits_nothing(site: Site) -> None:
    site.append(range(5))
    site.run()
    before = site.checkpoint.stat()
    ran = site.run()
    after = site.checkpoint.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert total(range(5)) == (ran.requests, ran.bytes)


def test_the_textfile_is_written_in_every_run(site: Site) -> None:
    site.append(range(5))
    site.run()
    site.textfile.unlink()
    site.run()
    assert 'status="200"} 5.0' in site.textfile.read_text()


def test_r99_the_first_commit_holds_all_entries_and_origins(site: Site) -> None:
    other = site.logs / "other.log"
    site.append(range(5))
    site.append(range(50, 55), to=other)
    stop = Stop()
    stop.set()
    ran = site.run(site.access, other, stop=stop)
    assert Exit.BUSY == ran.exit
    state = site.state()
    assert [str(site.access), str(other)] == [log.path for log in state.logs]
    assert 0 == ran.requests
    site.append(range(5, 7))
    ran = site.run(site.access, other)
    assert total(range(7), range(50, 55)) == (ran.requests, ran.bytes)


def test_totals_never_fall_from_run_to_run(site: Site) -> None:
    site.append(range(5))
    site.run()
    site.access.write_bytes(b"")
    ran = site.run()
    assert total(range(5)) == (ran.requests, ran.bytes)
    site.append(range(10, 12))
    ran = site.run()
    assert total(range(5), range(10, 12)) == (ran.requests, ran.bytes)


def test_r62_a_commit_that_fails_pushes_the_last_durable_totals(site: Site) -> None:
    site.append(range(5))
    site.run()
    site.append(range(5, 9))
    os.mkdir(f"{site.checkpoint}.new")  # what cannot be written over
    ran = site.run()
    assert Exit.CHECKPOINT == ran.exit
    assert total(range(5)) == (ran.requests, ran.bytes)
    text = site.textfile.read_text()
    assert 'status="200"} 5.0' in text
    assert "batchlog_last_run_exit_status 74.0" in text
    os.rmdir(f"{site.checkpoint}.new")
    ran = site.run()
    assert total(range(9)) == (ran.requests, ran.bytes)


def test_r62_a_first_commit_that_fails_begins_nothing(site: Site) -> None:
    site.append(range(5))
    site.checkpoint.parent.mkdir(mode=0o700)
    os.mkdir(f"{site.checkpoint}.new")
    with pytest.raises(CheckpointError):
        site.run()
    assert not site.checkpoint.exists()
    assert not site.textfile.exists()


def test_success_is_0_or_65_and_the_gauges_say_so(site: Site) -> None:
    site.append(range(5))
    site.run()
    first = site.clock
    site.clock += 100
    os.mkdir(f"{site.checkpoint}.new")
    site.append(range(5, 7))
    site.run()
    gauges = dict(
        line.split()
        for line in site.textfile.read_text().splitlines()
        if line.startswith("batchlog_last")
    )
    assert first + 100 == float(gauges["batchlog_last_run_timestamp_seconds"])
    assert first == float(gauges["batchlog_last_success_timestamp_seconds"])


def test_changed_buckets_begin_the_histogram_anew_and_say_so(site: Site) -> None:
    spec = '%h %l %u %t "%r" %>s %b %D'
    site.access.write_bytes(lines(1).replace(b' "-" "t"', b" 1500"))
    ran = site.run(format=spec)
    assert [1] == [sum(s.buckets or ()) for s in ran.state.totals if s.requests]
    store = Store(str(site.checkpoint))
    state = store.load()
    assert state is not None
    store.commit(replace(state, bounds=(1, 2)))
    ran = site.run(format=spec)
    assert ran.said("the histogram begins anew")
    assert [(1, None)] == [(s.requests, s.buckets) for s in ran.state.totals if s.requests]


def test_a_report_names_what_a_file_has_grown_by_and_what_is_gone(site: Site) -> None:
    site.append(range(5))
    ran = site.run()
    site.append(5)
    grown = report("/c", ran.state, None).logs[0].segments[0]
    site.access.rename(site.root / "away")
    gone = report("/c", ran.state, None).logs[0].segments[0]
    assert (len(lines(5)), None) == (grown.unread_bytes, gone.unread_bytes)


def test_a_report_of_a_replaced_file_does_not_guess(site: Site) -> None:
    site.append(range(5))
    ran = site.run()
    site.access.unlink()
    site.append(range(50))
    (segment,) = report("/c", ran.state, None).logs[0].segments
    assert segment.unread_bytes in (None, len(lines(range(50))) - len(lines(range(5))))
