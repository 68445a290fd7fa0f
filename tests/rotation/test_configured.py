"""What a configuration adds when steps are merged (R18, R19, R59, R96; DESIGN, labels)."""

import logging

import pytest

from batchlog.config.schema import LogEntry
from batchlog.labels import SEED_STATUSES
from tests.site import Site, line, total


def _hosts(site: Site) -> tuple[LogEntry, ...]:
    return (
        LogEntry(
            str(site.logs / "*-access.log"),
            labels={"tier": "edge"},
            labels_from_path=r"(?P<site>[^/]+)-access\.log$",
        ),
    )


def test_labels_of_an_entry_and_of_a_path_stand_on_every_series(site: Site) -> None:
    entries = _hosts(site)
    site.append(range(10), to=site.logs / "a-access.log")
    site.append(range(20, 25), to=site.logs / "b-access.log")
    ran = site.run(entries=entries)
    assert {"a": 10, "b": 5} == ran.by("site")
    assert {"edge": 15} == ran.by("tier")
    assert {("site", "status", "tier")} == {
        tuple(name for name, _ in series.labels) for series in ran.state.totals
    }
    site.append(range(10, 12), to=site.logs / "a-access.log")
    (site.logs / "a-access.log").rename(site.logs / "a-access.log.1")
    ran = site.run(entries=entries)
    assert {"a": 12, "b": 5} == ran.by("site")
    assert site.rests(entries=entries)


def test_r96_the_usual_statuses_are_there_with_0_once_a_set_of_labels(site: Site) -> None:
    entries = _hosts(site)
    (site.logs / "a-access.log").touch()
    ran = site.run(entries=entries)
    assert len(SEED_STATUSES) == len(ran.state.totals)
    assert 0 == ran.requests


def test_r18_a_new_host_begins_at_its_first_line_with_its_zeros(site: Site) -> None:
    entries = _hosts(site)
    site.append(range(10), to=site.logs / "a-access.log")
    site.run(entries=entries)
    site.append(range(20, 25), to=site.logs / "b-access.log")
    ran = site.run(entries=entries)
    assert total(range(10), range(20, 25)) == ran.totals
    assert 2 * len(SEED_STATUSES) == len(ran.state.totals)
    assert ran.is_quiet
    assert site.rests(entries=entries)


def test_r19_the_totals_of_a_removed_host_stay(site: Site) -> None:
    entries = _hosts(site)
    site.append(range(10), to=site.logs / "a-access.log")
    site.append(range(20, 25), to=site.logs / "b-access.log")
    site.run(entries=entries)
    (site.logs / "b-access.log").unlink()
    for _ in range(3):
        ran = site.run(entries=entries)
        assert 0 == ran.exit
        assert {"a": 10, "b": 5} == ran.by("site")
    assert site.rests(entries=entries)


def test_r19_the_totals_of_a_removed_entry_stay(site: Site) -> None:
    other = site.logs / "other.log"
    site.append(range(10))
    site.append(range(20, 25), to=other)
    site.run(site.access, other)
    ran = site.run(site.access)
    assert total(range(10), range(20, 25)) == ran.totals
    site.append(range(25, 30), to=other)
    ran = site.run(site.access, other)
    assert total(range(10), range(20, 30)) == ran.totals
    assert 0 == ran.exit


@pytest.mark.parametrize("by", ["status,method", "status_class", ""])
def test_r59_other_labels_begin_beside_the_old_series(site: Site, by: str) -> None:
    site.append(range(10))
    before = site.run()
    site.append(range(10, 15))
    ran = site.run(by=by)
    assert total(range(15)) == ran.totals
    old = {series.labels: series for series in before.state.totals}
    now = {series.labels: series for series in ran.state.totals}
    assert old == {labels: now[labels] for labels in old}
    assert site.rests(by=by)
    site.append(range(15, 17))
    assert total(range(17)) == site.run().totals


def test_r59_another_format_is_for_lines_not_yet_read(site: Site) -> None:
    site.append(range(10))
    site.run(format="combined")
    site.append(range(10, 15))
    ran = site.run(format="common")
    assert total(range(15)) == ran.totals
    assert site.rests(format="common")


def test_past_the_limit_open_labels_become_other_and_closed_ones_stay(site: Site) -> None:
    entries = _hosts(site)
    for number in range(6):
        path = site.logs / f"h{number}-access.log"
        path.write_bytes(line(number) + line(number, status=404))
    ran = site.run(entries=entries, max_series=12)
    assert total(range(6), range(6)) == ran.totals
    assert 0 == ran.state.overflow
    late = site.logs / "late-access.log"
    late.write_bytes(line(6) + line(7, status=404) + line(8, status=503))
    site.append(20, to=site.logs / "h1-access.log")
    ran = site.run(entries=entries, max_series=12)
    assert total(range(6), range(6), range(6, 9), 20) == ran.totals
    assert {**{f"h{n}": 2 for n in range(6)}, "h1": 3, "other": 3} == ran.by("site")
    assert {"200": 8, "404": 7, "503": 1} == ran.by("status")
    assert {"edge": 16} == ran.by("tier")
    assert 3 == ran.state.overflow
    assert site.rests(entries=entries, max_series=12)


def test_labels_from_a_path_that_does_not_match_are_other(site: Site) -> None:
    entries = (LogEntry(str(site.logs / "*.log"), labels_from_path=r"/(?P<site>x\w+)\.log$"),)
    site.append(range(10), to=site.logs / "a.log")
    site.append(range(20, 25), to=site.logs / "xb.log")
    ran = site.run(entries=entries)
    assert {"other": 10, "xb": 5} == ran.by("site")
    assert not ran.said("", logging.ERROR)
