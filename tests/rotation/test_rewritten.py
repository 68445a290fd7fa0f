"""Content that was counted and then edited (R30)."""

import gzip
import logging
import re
from pathlib import Path

import pytest

from batchlog.config.load import load
from batchlog.config.schema import Flags
from batchlog.job.amend import resolve
from batchlog.job.request import Request, World
from tests.site import Site, line, lines, total


def _resolve(site: Site, path: Path, choice: str) -> int:
    settings = load(None, Flags(textfile=str(site.textfile)), default=site.root / "none.toml")
    request = Request(settings=settings, checkpoint=str(site.checkpoint), host="web1")
    decided: list[object] = []
    return resolve(
        request,
        str(path),
        "count" if choice == "count" else "ignore",
        World(lambda: site.clock, decided.append),
    )


def test_r30_a_masked_file_goes_on_after_the_lines_that_were_counted(site: Site) -> None:
    site.append(range(1, 100))
    site.run()
    site.append(range(100, 110))
    site.rotate()
    site.mask(site.rotated(1))
    site.append(range(110, 115))
    ran = site.run()
    assert total(range(115)) == (ran.requests + 1, ran.bytes)
    assert 0 == ran.exit
    assert ran.said(r"access\.log\.1 was rewritten", logging.WARNING)
    assert site.rests()
    site.append(range(115, 120), to=site.rotated(1))
    ran = site.run()
    assert total(range(120)) == (ran.requests + 1, ran.bytes)
    site.compress(site.rotated(1))
    ran = site.run()
    assert total(range(120)) == (ran.requests + 1, ran.bytes)
    assert site.rests()


def test_r30_a_nightly_anonymiser_over_archives_costs_nothing(site: Site) -> None:
    for night in range(8):
        at = night * 20 + 1
        site.append(range(at, at + 15))
        site.run()
        site.append(range(at + 15, at + 20))
        site.rotate()
        if night:
            site.compress(site.rotated(2))
            site.mask(site.rotated(2, ".gz"))
        ran = site.run()
        assert total(range(at + 20)) == (ran.requests + 1, ran.bytes)
        assert 0 == ran.exit
        assert site.rests()


def test_r30_a_line_edited_in_place_in_the_middle(site: Site) -> None:
    site.append(range(100))
    site.run()
    site.access.write_bytes(site.access.read_bytes().replace(b"/n/95 ", b"/secret-ninety-five "))
    site.append(range(100, 105))
    ran = site.run()
    assert total(range(105)) == ran.totals
    assert ran.said("was rewritten", logging.WARNING)
    assert site.rests()


def test_r30_an_archive_put_back_with_other_bytes_is_not_counted_again(site: Site) -> None:
    site.append(range(1, 50))
    site.run()
    site.rotate()
    site.append(range(50, 60))
    site.run()
    old = site.rotated(1).read_bytes()
    site.rotated(1).unlink()
    for _ in range(3):
        site.run()
    masked = re.sub(rb"(?m)^\S+ ", b"192.0.2.0 ", old)
    site.rotated(3, ".gz").write_bytes(gzip.compress(masked))
    ran = site.run()
    assert total(range(60)) == (ran.requests + 1, ran.bytes)
    assert 0 == ran.exit
    assert site.rests()


def _shrunk(site: Site) -> Path:
    site.append(range(1, 50))
    site.run()
    site.rotate()
    site.append(range(50, 60))
    site.rotated(1).write_bytes(line(1).replace(b"192.0.2.1", b"192.0.2.0") + lines(range(20, 40)))
    return site.rotated(1)


def test_r30_with_fewer_lines_it_is_quarantined_and_said_once(site: Site) -> None:
    path = _shrunk(site)
    ran = site.run()
    assert 65 == ran.exit
    assert ran.said(f"{path}.*resolve", logging.ERROR)
    assert total(range(60)) == (ran.requests + 1, ran.bytes)
    assert ["quarantined"] == [s.state for s in ran.log().segments if s.state == "quarantined"]
    assert site.rests()
    site.append(range(60, 65), to=path)
    ran = site.run()
    assert total(range(60)) == (ran.requests + 1, ran.bytes)
    assert 0 == ran.exit


def test_r30_a_quarantined_file_counts_from_its_first_line_when_told_so(site: Site) -> None:
    path = _shrunk(site)
    site.run()
    assert 0 == _resolve(site, path, "count")
    site.append(range(60, 65), to=path)
    ran = site.run()
    assert total(range(60), [1], range(20, 40), range(60, 65)) == (ran.requests + 1, ran.bytes)
    assert site.rests()


def test_r30_a_quarantined_file_that_is_ignored_counts_what_comes_later(site: Site) -> None:
    path = _shrunk(site)
    site.run()
    assert 0 == _resolve(site, path, "ignore")
    site.append(range(60, 65), to=path)
    ran = site.run()
    assert total(range(65)) == (ran.requests + 1, ran.bytes)
    assert site.rests()


@pytest.mark.parametrize("packed", [False, True])
def test_r30_a_quarantined_file_waits_under_any_name(site: Site, *, packed: bool) -> None:
    path = _shrunk(site)
    site.run()
    path.rename(site.rotated(2))
    now = site.compress(site.rotated(2)) if packed else site.rotated(2)
    ran = site.run()
    assert total(range(60)) == (ran.requests + 1, ran.bytes)
    assert 0 == ran.exit
    assert site.rests()
    assert 0 == _resolve(site, now, "count")
    ran = site.run()
    assert total(range(60), [1], range(20, 40)) == (ran.requests + 1, ran.bytes)
    assert site.rests()
