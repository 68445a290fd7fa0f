"""Logs that cannot be used: alone an error, among several skipped (DESIGN, exit codes)."""

import errno
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from batchlog.config.load import load
from batchlog.config.schema import Flags
from batchlog.errors import ConfigError
from batchlog.job.request import Request, World
from batchlog.job.run import run
from tests.site import Site, lines, total

UNKNOWN = b"this is nobody's format at all\n" * 20


def _put(kind: str, path: Path) -> None:
    match kind:
        case "unknown format":
            path.write_bytes(UNKNOWN)
        case "foreign":
            path.write_bytes(b"\x7fELF" + b"\1" * 100)
        case _:
            pass


kinds = pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("unknown format", "in no format that batchlog knows"),
        ("foreign", "not text"),
        ("absent", "no such file"),
    ],
)


@kinds
def test_alone_it_is_a_usage_error_and_nothing_is_begun(site: Site, kind: str, reason: str) -> None:
    _put(kind, site.access)
    with pytest.raises(ConfigError, match=reason):
        site.run()
    assert not site.checkpoint.exists()


@kinds
def test_among_several_it_is_skipped_and_the_others_count(
    site: Site, kind: str, reason: str
) -> None:
    odd = site.logs / "odd.log"
    _put(kind, odd)
    site.append(range(10))
    ran = site.run(site.access, odd)
    assert total(range(10)) == ran.totals
    assert 65 == ran.exit
    assert ran.said(reason, logging.ERROR)


def test_a_log_that_was_absent_begins_at_its_first_line_when_it_comes(site: Site) -> None:
    other = site.logs / "other.log"
    site.append(range(10))
    site.run(site.access, other)
    other.write_bytes(lines(range(100, 110)))
    ran = site.run(site.access, other)
    assert total(range(10), range(100, 110)) == ran.totals
    assert ran.is_quiet
    assert site.rests(site.access, other)


def test_an_unknown_format_is_mended_by_naming_it(site: Site) -> None:
    site.access.write_bytes(b'192.0.2.1 "GET / HTTP/1.1" 200 5\n' * 10)
    with pytest.raises(ConfigError, match="--format"):
        site.run()
    ran = site.run(format='%h "%r" %>s %b')
    assert (10, 50) == ran.totals
    assert ran.is_quiet


def test_a_glob_that_matches_nothing_alone_is_a_usage_error(site: Site) -> None:
    with pytest.raises(ConfigError):
        site.run(site.logs / "*.log")


def test_a_glob_that_matches_nothing_yet_among_others_is_said(site: Site) -> None:
    site.append(range(10))
    ran = site.run(site.access, site.logs / "vhost-*.log")
    assert total(range(10)) == ran.totals
    assert 65 == ran.exit


def test_a_rotated_name_alone_names_its_base(site: Site) -> None:
    site.append(range(10))
    site.append(range(10, 20), to=site.rotated(1))
    with pytest.raises(ConfigError, match=r"access\.log\.1 is a rotated file of .*backfill"):
        site.run(site.rotated(1))


def test_a_rotated_name_without_a_base_is_a_log_of_its_own(site: Site) -> None:
    site.append(range(10), to=site.rotated(1))
    ran = site.run(site.rotated(1))
    assert total(range(10)) == ran.totals
    assert ran.is_quiet
    assert site.rests(site.rotated(1))


def test_a_run_without_a_log_goes_on_with_the_remembered_ones(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    settings = load(None, Flags(textfile=str(site.textfile)), default=site.root / "none.toml")
    request = Request(settings=settings, checkpoint=str(site.checkpoint), host="web1")
    heard: list[object] = []
    outcome = run(request, World(lambda: site.clock, heard.append))
    assert 15 == sum(series.requests for series in outcome.state.totals)


@pytest.mark.parametrize(("times", "counted"), [(1, 15), (2, 10)])
def test_r69_a_stale_handle_is_opened_once_more(
    site: Site, monkeypatch: pytest.MonkeyPatch, times: int, counted: int
) -> None:
    """NFS says ESTALE where a name led to a file that is gone; no such server is needed for it."""
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    opened, stale = os.open, [errno.ESTALE] * times

    def open_(path: Any, *words: Any, **more: Any) -> int:  # noqa: ANN401 - those of os.open
        if path == str(site.access) and stale:
            number = stale.pop()
            raise OSError(number, os.strerror(number), path)
        return opened(path, *words, **more)

    monkeypatch.setattr(os, "open", open_)
    ran = site.run()
    assert total(range(counted)) == ran.totals
    assert (0 if counted == 15 else 65) == ran.exit
    ran = site.run()
    assert total(range(15)) == ran.totals
    assert 0 == ran.log().counters.lost_segments
    assert site.rests()
