"""Names of files never become series for ever (R119)."""

import gzip
import logging
import os
import resource
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from batchlog.config.schema import LogEntry
from batchlog.config.times import Since
from batchlog.segments.masked import Masks
from batchlog.state.store import Store
from tests.site import BEGINNING, Ran, Site, line, lines, total

DAY = 86_400.0


def samples(site: Site, prefix: str = "batchlog_") -> dict[str, float]:
    """Return what was exposed last, by name and labels."""
    families = text_string_to_metric_families(site.textfile.read_text())
    return {
        one.name
        + "".join(f"{{{name}={one.labels[name]}}}" for name in sorted(one.labels)): one.value
        for family in families
        for one in family.samples
        if one.name.startswith(prefix)
    }


def own(site: Site) -> set[str]:
    """Return the values of `log` in what was exposed last."""
    families = text_string_to_metric_families(site.textfile.read_text())
    return {s.labels["log"] for family in families for s in family.samples if "log" in s.labels}


def states(site: Site) -> dict[str, float]:
    """Return the gauge of logs by state."""
    prefix = "batchlog_logs{state="
    found = samples(site, "batchlog_logs")
    return {name.removeprefix(prefix).rstrip("}"): value for name, value in found.items()}


def named(site: Site, *names: str, to: int = 1) -> list[Path]:
    """Write logs with those names, a line each."""
    paths = [site.logs / f"{name}.log" for name in names]
    for number, path in enumerate(paths):
        path.write_bytes(line(number * 10 + to, 200, 1))
    return paths


def run(site: Site, max_logs: int = 2000) -> Ran:
    """Do a run over the pattern."""
    return site.run(str(site.logs / "*.log"), max_logs=max_logs)


def gone(site: Site, *paths: Path, days: float = 8) -> Ran:
    """Remove logs, see them missing twice, and let days go by."""
    for path in paths:
        path.unlink()
    run(site)
    run(site)
    site.clock += days * DAY
    return run(site)


# --- max_logs ----------------------------------------------------------------------------------


def test_what_a_pattern_finds_beyond_max_logs_is_left_alone_and_told_once(site: Site) -> None:
    named(site, *(f"h{n:02}" for n in range(30)))
    first = run(site, max_logs=10)
    assert (10, 10) == first.totals
    assert first.said(r"20 logs are left alone.*metrics\.max_logs", logging.WARNING)
    assert {"live": 10, "gone": 0, "left alone": 20} == states(site)
    again = run(site, max_logs=10)
    assert not again.said("left alone")
    assert first.state == again.state
    assert 10 == len(own(site))
    assert site.rests(str(site.logs / "*.log"), max_logs=10)


def test_known_logs_come_first_whatever_names_join(site: Site) -> None:
    named(site, "m1", "m2")
    run(site, max_logs=3)
    named(site, *(f"a{n}" for n in range(9)))
    ran = run(site, max_logs=3)
    assert {"m1.log", "m2.log", "a0.log"} == {Path(log.path).name for log in ran.state.logs}
    for path in (site.logs / "m1.log", site.logs / "m2.log"):
        with path.open("ab") as file:
            file.write(line(500, 200, 1))
    assert 5 == run(site, max_logs=3).requests


def test_named_paths_do_not_count_towards_max_logs(site: Site) -> None:
    many = named(site, *(f"n{n}" for n in range(5)))
    others = named(site, *(f"p{n}" for n in range(5)))
    ran = site.run(*many, str(site.logs / "p*.log"), max_logs=2)
    assert 7 == ran.requests
    assert 3 == ran.state.left_alone
    assert {*many, others[0], others[1]} == {Path(log.path) for log in ran.state.logs}


def test_what_was_left_alone_counts_whole_as_soon_as_there_is_room(site: Site) -> None:
    paths = named(site, "a", "b", "c")
    assert 2 == run(site, max_logs=2).requests
    with paths[2].open("ab") as file:
        file.write(line(77, 200, 1))
    assert 4 == run(site, max_logs=3).requests
    assert 0 == run(site, max_logs=3).state.left_alone


def test_a_log_that_is_gone_keeps_its_room_for_a_week_and_no_longer(site: Site) -> None:
    first = named(site, "a", "b")
    run(site, max_logs=2)
    for path in first:
        path.unlink()
    named(site, "c")
    for _ in range(3):
        ran = run(site, max_logs=2)
    assert {"live": 0, "gone": 2, "left alone": 1} == states(site)
    site.clock += 8 * DAY
    run(site, max_logs=2)
    ran = run(site, max_logs=2)
    assert 3 == ran.requests
    assert {"live": 1, "gone": 2, "left alone": 0} == states(site)


def test_logs_that_come_back_need_room_again(site: Site) -> None:
    first = named(site, "a", "b")
    run(site, max_logs=2)
    for path in first:
        path.unlink()
    run(site, max_logs=2)
    run(site, max_logs=2)
    site.clock += 8 * DAY
    run(site, max_logs=2)
    named(site, "c", "d", to=3)
    run(site, max_logs=2)
    named(site, "a", "b", to=5)
    ran = run(site, max_logs=2)
    assert 4 == ran.requests
    assert {"live": 2, "gone": 2, "left alone": 2} == states(site)


def test_a_log_that_comes_back_goes_before_one_that_is_new(site: Site) -> None:
    (log,) = named(site, "z")
    run(site, max_logs=1)
    log.unlink()
    run(site, max_logs=1)
    run(site, max_logs=1)
    site.clock += 8 * DAY
    named(site, "a", "z", to=2)
    ran = run(site, max_logs=1)
    assert {str(log)} == {one.path for one in ran.state.logs}
    assert (2, 1) == (ran.requests, ran.state.left_alone)


# --- gone for a week ---------------------------------------------------------------------------


def test_own_metrics_of_a_log_go_after_seven_days_and_totals_stay_r19(site: Site) -> None:
    kept, lost = named(site, "kept", "lost")
    run(site)
    gone(site, lost, days=6.9)
    assert {str(kept), str(lost)} == own(site)
    site.clock += DAY
    ran = run(site)
    assert {str(kept)} == own(site)
    assert 2 == ran.requests == sum(samples(site, "batchlog_http_requests_total").values())
    assert 1 == ran.state.retired.counted
    assert {"live": 1, "gone": 1, "left alone": 0} == states(site)
    assert site.rests(str(site.logs / "*.log"))


def test_a_log_that_comes_back_begins_at_0_and_no_line_counts_twice(site: Site) -> None:
    (log,) = named(site, "a")
    log.write_bytes(lines(range(300)))
    run(site)
    content = log.read_bytes()
    gone(site, log)
    log.write_bytes(content + lines(range(300, 303)))
    ran = run(site)
    assert total(range(303)) == ran.totals
    assert 3 == samples(site)[f"batchlog_lines_total{{log={log}}}{{outcome=counted}}"]
    assert (300, 3) == (ran.state.retired.counted, ran.log(log).counters.counted)
    assert site.rests(str(site.logs / "*.log"))


def test_an_archive_of_it_that_is_put_back_counts_nothing(site: Site) -> None:
    (log,) = named(site, "a")
    log.write_bytes(lines(range(300)))
    run(site)
    content = log.read_bytes()
    gone(site, log)
    (site.logs / "a.log.1").write_bytes(content)
    assert total(range(300)) == run(site).totals
    assert site.rests(str(site.logs / "*.log"))


def test_loss_and_quarantine_of_what_is_gone_go_as_well(site: Site) -> None:
    (log,) = named(site, "a")
    log.write_bytes(lines(range(50)) + line(50)[:30])
    run(site)
    ran = gone(site, log)
    assert set() == own(site)
    assert (1, 30) == (ran.state.retired.lost_segments, ran.state.retired.lost_bytes)


def test_what_waits_for_a_person_is_not_gone(site: Site) -> None:
    (log,) = named(site, "a")
    log.write_bytes(lines(range(50)))
    run(site)
    state = site.state()
    (known,) = state.logs
    waiting = tuple(replace(one, state="quarantined") for one in known.segments)
    Store(str(site.checkpoint)).commit(
        replace(state, logs=(replace(known, segments=waiting),), generation=9)
    )
    site.clock += 30 * DAY
    assert run(site).log().gone is None
    assert {str(log)} == own(site)


def test_the_sum_of_logs_that_share_a_name_never_falls(site: Site) -> None:
    paths = named(site, "a", "b")
    entries = (LogEntry(str(site.logs / "*.log"), name="web"),)
    site.run(entries=entries)
    name = "batchlog_lines_total{log=web}{outcome=counted}"
    paths[0].unlink()
    for _ in range(4):
        site.run(entries=entries)
        site.clock += 5 * DAY
        assert 2 == samples(site)[name]
    paths[0].write_bytes(line(90, 200, 1))
    site.run(entries=entries)
    assert 3 == samples(site)[name]
    for path in paths:
        path.unlink()
    for _ in range(4):
        ran = site.run(entries=entries)
        site.clock += 5 * DAY
    assert set() == own(site)
    assert 3 == ran.requests == ran.state.retired.counted


def test_a_log_that_no_entry_names_any_more_goes_as_well(site: Site) -> None:
    first, second = named(site, "a", "b")
    site.run(first, second)
    second.unlink()
    site.run(first)
    site.clock += 8 * DAY
    ran = site.run(first)
    assert {str(first)} == own(site)
    assert 2 == ran.requests
    assert site.rests(first)


def test_a_log_that_another_run_follows_is_not_gone(site: Site) -> None:
    first, second = named(site, "a", "b")
    site.run(first, second)
    for _ in range(3):
        site.clock += 8 * DAY
        site.run(first)
    assert {str(first), str(second)} == own(site)


def test_a_log_that_is_back_where_no_run_has_room_for_it_waits(site: Site) -> None:
    (log,) = named(site, "a")
    run(site, max_logs=1)
    gone(site, log)
    named(site, "b", to=2)
    run(site, max_logs=1)
    named(site, "a", to=3)
    for _ in range(3):
        ran = run(site, max_logs=1)
    assert {str(site.logs / "b.log")} == own(site)
    assert (2, 1) == (ran.requests, ran.state.left_alone)


@pytest.mark.parametrize("step", [-30 * DAY, -1.0, 300 * DAY])
def test_a_step_of_the_clock_forgets_no_line_and_keeps_nothing_for_ever_r72(
    site: Site, step: float
) -> None:
    (log,) = named(site, "a")
    log.write_bytes(lines(range(300)))
    run(site)
    content = log.read_bytes()
    log.unlink()
    run(site)
    run(site)
    before = site.clock
    site.clock += step
    run(site)
    site.clock = before
    log.write_bytes(content)
    assert total(range(300)) == run(site).totals
    gone(site, log)
    assert set() == own(site)


def test_a_clock_that_was_ahead_when_a_log_went_keeps_it_no_longer_r72(site: Site) -> None:
    (log,) = named(site, "a")
    run(site)
    log.unlink()
    site.clock += 1000 * DAY
    run(site)
    run(site)
    site.clock -= 1000 * DAY
    run(site)
    site.clock += 8 * DAY
    run(site)
    assert set() == own(site)


def test_a_directory_that_cannot_be_read_is_no_log_that_is_gone_r71(site: Site) -> None:
    (log,) = named(site, "a")
    run(site)
    hidden = site.root / "hidden"
    site.logs.rename(hidden)
    (site.root / "logs").symlink_to("logs")  # a loop: it cannot be listed
    for _ in range(3):
        site.run(str(log))
        site.clock += 8 * DAY
    (site.root / "logs").unlink()
    hidden.rename(site.root / "logs")
    assert run(site).log().gone is None
    assert {str(log)} == own(site)


def test_week_after_week_of_new_names_leaves_a_checkpoint_of_bounded_size(site: Site) -> None:
    sizes = []
    for week in range(8):
        paths = named(site, *(f"w{week}-{n}" for n in range(12)))
        run(site, max_logs=10)
        for path in paths:
            path.unlink()
        run(site, max_logs=10)
        run(site, max_logs=10)
        site.clock += 8 * DAY
        ran = run(site, max_logs=10)
        assert set() == own(site)
        sizes.append(site.checkpoint.stat().st_size)
    assert 80 == ran.requests == ran.state.retired.counted
    assert 10 == len(ran.state.logs)
    assert max(sizes[3:]) < 1.1 * sizes[2]


def test_of_what_is_gone_paths_that_were_named_are_remembered_all_the_same(site: Site) -> None:
    (log,) = named(site, "a")
    log.write_bytes(lines(range(300)))
    site.run(log, max_logs=1)
    content = log.read_bytes()
    log.unlink()
    for week in range(4):
        (other,) = named(site, f"w{week}")
        for _ in range(4):
            site.run(log, str(site.logs / "w*.log"), max_logs=1)
            other.unlink(missing_ok=True)
            site.clock += 4 * DAY
    log.write_bytes(content)
    assert 303 == site.run(log, str(site.logs / "w*.log"), max_logs=1).requests


# --- the other names that become labels --------------------------------------------------------


def test_labels_from_paths_are_bounded_by_max_series_however_many_names_come(site: Site) -> None:
    entry = LogEntry(
        str(site.logs / "*.log"), labels_from_path=r"(?P<site>[^/]+)\.log$", name="all"
    )
    for night in range(4):
        paths = named(site, *(f"n{night}-{n}" for n in range(60)))
        ran = site.run(entries=(entry,), max_series=40)
        for path in paths:
            path.unlink()
    assert 240 == ran.requests
    assert 2 * 40 + 25 > len(ran.state.totals)
    assert {"other"} < set(ran.by("site"))


def test_hosts_are_bounded_by_max_series_over_many_runs(site: Site) -> None:
    for night in range(5):
        with site.access.open("ab") as file:
            for number in range(400):
                file.write(b"h%d-%d.example:80 " % (night, number) + line(number, 200, 1))
        ran = site.run(by="vhost", format="vhost_combined", max_series=50)
    assert 2000 == ran.requests
    assert 52 > len(ran.state.totals)
    assert 2000 - 50 == ran.state.overflow


def test_names_of_backfilled_files_are_bounded_too(site: Site) -> None:
    site.append(range(3))
    site.run()
    old = site.root / "old"
    old.mkdir()
    for number in range(12):
        (old / f"o{number:02}.log").write_bytes(
            lines(range(1000 + 10 * number, 1005 + 10 * number))
        )
    ran = site.backfill(str(old / "*.log"), max_logs=4)
    assert 60 == ran.backfilled()[0]
    counters = ran.state.backfill.counters
    assert 5 == len(counters)
    assert 40 == counters["other"].counted
    site.run()
    assert {"other", *(f"{old}/o{n:02}.log" for n in range(4)), str(site.access)} == own(site)


LEAST = 64
"""Descriptors that a process may have: fewer than the files of one log."""


@pytest.mark.parametrize("since", ["start", "checkpoint"])
def test_r119_more_rotated_files_than_may_be_open_are_all_counted(site: Site, since: Since) -> None:
    """They begin in one second, so that each is held against all that went before it."""
    for number in range(2 * LEAST):
        text = b"%03d" % number + lines([0], range(200 * number + 1, 200 * number + 200))
        Path(f"{site.rotated(number + 1)}.gz").write_bytes(gzip.compress(text, 1))
    site.append([0, 5000])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + LEAST, hard[1]))
    try:
        ran = site.run(since=since)
        for path in site.logs.iterdir():
            os.utime(path)  # each is opened once more, and is the same
        again = site.run()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, hard)
    expected = 2 + (200 * 2 * LEAST if since == "start" else 0)
    assert (0, expected) == (ran.exit, ran.requests), ran.findings
    assert (0, expected) == (again.exit, again.requests), again.findings
    assert site.rests()


class Counting:
    """A content that is that of the others, masked, and counts how often it is looked into."""

    def __init__(self, number: int) -> None:
        self.start = 0
        self.asked = 0
        self._text = b"%03d" % number + lines([0], [9000])

    def span(self, begin: int, end: int) -> bytes | None:
        """Return some of its bytes."""
        self.asked += 1
        return self._text[begin:end] if end <= len(self._text) else None


def test_r119_files_that_begin_in_one_second_are_gone_through_once_each() -> None:
    contents = [Counting(number) for number in range(40)]
    masks = Masks()
    for one in contents:
        assert all(masks.is_masked(one, other, "combined", BEGINNING) for other in contents)
    once = Counting(0)
    assert Masks().is_masked(once, once, "combined", BEGINNING)
    assert {once.asked} == {one.asked for one in contents}


@pytest.mark.parametrize(
    "target",
    ["access.log.1", "access.log/below", "n" * 300, "nothing"],
    ids=["itself", "through a file", "too long", "nothing"],
)
def test_a_link_beside_a_log_that_leads_nowhere_is_no_file_of_it(site: Site, target: str) -> None:
    """Whoever may make one could keep the log from beginning, or each run from being well."""
    site.append(range(3))
    site.rotated(1).symlink_to(target)
    for _ in range(2):
        ran = site.run()
        assert (0, 3) == (ran.exit, ran.requests)
    assert site.rests()


def test_a_log_that_is_itself_such_a_link_is_told(site: Site) -> None:
    site.append([0], to=site.logs / "b.log")
    site.access.symlink_to("access.log")
    ran = site.run(site.access, site.logs / "b.log")
    assert (65, 1) == (ran.exit, ran.requests)
    assert any("levels of symbolic links" in finding.text for finding in ran.findings)
