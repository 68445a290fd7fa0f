"""One file under several names, and names that are no file (R16, R17, R20)."""

import logging
import os
import socket
from pathlib import Path

import pytest

from batchlog.config.load import load
from batchlog.config.schema import Flags, LogEntry
from batchlog.errors import ConfigError
from tests.site import At, Site, lines, total


def test_r16_a_hard_link_beside_the_log_is_the_same_file(site: Site) -> None:
    site.append(range(10))
    os.link(site.access, site.rotated(1))
    ran = site.run(since="start")
    assert total(range(10)) == ran.totals
    assert 0 == ran.exit
    site.append(range(10, 15))
    assert total(range(15)) == site.run().totals


def test_r16_overlapping_globs_are_one_log_of_the_first_entry_and_a_warning(site: Site) -> None:
    entries = (
        LogEntry(str(site.logs / "*.log"), labels={"tier": "first"}),
        LogEntry(str(site.logs / "access*"), labels={"tier": "second"}),
    )
    site.append(range(10))
    ran = site.run(entries=entries)
    assert total(range(10)) == ran.totals
    assert {"first": 10} == ran.by("tier")
    assert 0 == ran.exit
    assert ran.said(r"access\.log", logging.WARNING)


def test_r16_two_logs_that_are_one_file_count_once_and_warn(site: Site) -> None:
    site.append(range(10), to=site.logs / "a.log")
    os.link(site.logs / "a.log", site.logs / "b.log")
    logs = (site.logs / "a.log", site.logs / "b.log")
    ran = site.run(*logs)
    assert total(range(10)) == ran.totals
    assert 0 == ran.exit
    assert ran.said(r"b\.log is a file of .*a\.log", logging.WARNING)
    site.append(range(10, 15), to=logs[1])
    assert total(range(15)) == site.run(*logs).totals


def test_r17_the_same_path_twice_in_a_configuration_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "batchlog.toml"
    file.write_text('[[log]]\npath = "/var/log/a.log"\n[[log]]\npath = "/var/log/../log/a.log"\n')
    with pytest.raises(ConfigError, match=r"a\.log"):
        load(file, Flags())


def test_r20_a_link_is_followed_when_it_is_pointed_at_the_next_file(site: Site) -> None:
    current = site.logs / "current"
    written = []
    for day in range(18, 28):
        path = site.logs / f"access.2026-11-{day}"
        at = day * 20
        site.append(range(at, at + 5), to=path)
        current.unlink(missing_ok=True)
        current.symlink_to(path.name)
        ran = site.run(current)
        written += [range(at, at + 5)]
        assert total(*written) == ran.totals
        site.append(range(at + 5, at + 8), to=path)
        written += [range(at + 5, at + 8)]
    ran = site.run(current)
    assert total(*written) == ran.totals
    assert ran.is_quiet
    assert site.rests(current)


def test_r20_a_container_s_link_and_its_rotated_files_beside_the_target(site: Site) -> None:
    target = site.root / "containers" / "0-json.log"
    target.parent.mkdir()
    site.append(range(10), to=target)
    link = site.logs / "web.log"
    link.symlink_to(target)
    site.run(link)
    site.append(range(10, 15), to=target)
    target.rename(target.with_name("0-json.log.1"))
    site.append(range(15, 20), to=target)
    ran = site.run(link)
    assert total(range(20)) == ran.totals
    assert ran.is_quiet
    site.compress(target.with_name("0-json.log.1"))
    assert total(range(20)) == site.run(link).totals
    assert site.rests(link)


def test_r20_two_names_of_one_file_in_a_glob_are_one(site: Site) -> None:
    site.append(range(10), to=site.logs / "access.2026-11-18")
    site.append(range(10, 20), to=site.logs / "access.2026-11-19")
    (site.logs / "access.current").symlink_to("access.2026-11-19")
    ran = site.run(site.logs / "access.*", since="start")
    assert total(range(20)) == ran.totals
    site.append(range(20, 25), to=site.logs / "access.2026-11-19")
    ran = site.run(site.logs / "access.*", since="start")
    assert total(range(25)) == ran.totals
    assert site.rests(site.logs / "access.*")


def test_r20_a_link_to_nothing_is_an_absent_log(site: Site) -> None:
    site.append(range(10))
    (site.logs / "dangling.log").symlink_to("nothing")
    ran = site.run(site.access, site.logs / "dangling.log")
    assert total(range(10)) == ran.totals
    assert 65 == ran.exit


def _put(kind: str, path: Path) -> None:
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            here = Path.cwd()
            os.chdir(path.parent)  # a socket's path must be short
            try:
                with socket.socket(socket.AF_UNIX) as server:
                    server.bind(path.name)
            finally:
                os.chdir(here)


kinds = pytest.mark.parametrize("kind", ["pipe", "directory", "device", "socket"])


@kinds
def test_r20_what_is_no_regular_file_is_a_clear_error_and_never_blocks(
    site: Site, kind: str
) -> None:
    path = site.logs / "odd.log"
    _put(kind, path)
    with pytest.raises(ConfigError, match=rf"odd\.log is a {kind}, not a regular file"):
        site.run(path)
    assert not site.checkpoint.exists()


@kinds
def test_r20_among_others_it_is_skipped_in_each_run(site: Site, kind: str) -> None:
    site.append(range(10))
    odd = site.logs / "odd.log"
    _put(kind, odd)
    for at in range(10, 30, 10):
        ran = site.run(site.access, odd)
        assert 65 == ran.exit
        assert ran.said(rf"odd\.log is a {kind}", logging.ERROR)
        site.append(range(at, at + 10))
    assert total(range(30)) == site.run(site.access, odd).totals


@kinds
def test_r20_in_the_place_of_a_rotated_file_it_is_passed_over(site: Site, kind: str) -> None:
    site.append(range(10))
    _put(kind, site.rotated(1))
    ran = site.run(since="start")
    assert total(range(10)) == ran.totals
    assert 0 == ran.exit


@kinds
def test_r20_in_the_place_of_a_known_log_it_does_not_lose_it(site: Site, kind: str) -> None:
    site.append(range(10))
    site.run()
    site.access.rename(site.root / "aside")
    _put(kind, site.access)
    for _ in range(3):
        ran = site.run()
        assert 65 == ran.exit
        assert 0 == ran.log().counters.lost_segments
        assert total(range(10)) == ran.totals
    site.access.rmdir() if kind == "directory" else site.access.unlink()
    (site.root / "aside").rename(site.access)
    site.append(range(10, 12))
    ran = site.run()
    assert total(range(12)) == ran.totals
    assert site.rests()


def test_a_pipe_that_takes_the_log_s_place_after_listing_does_not_block(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 15))

    def swap(_: object) -> None:
        site.access.rename(site.root / "aside")
        os.mkfifo(site.access)

    ran = site.run(stop=At(1, swap))
    assert 65 == ran.exit
    site.access.unlink()
    site.access.write_bytes(lines(range(15)))
    assert total(range(15)) == site.run().totals
