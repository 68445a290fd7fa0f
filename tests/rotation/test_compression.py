"""Compressed segments (R32 to R46)."""

import bz2
import gzip
import logging
import lzma
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.site import Site, line, lines, total, wide


def _zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=-1, check=True).stdout


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": _zstd,
}
forms = pytest.mark.parametrize(
    "form",
    [
        pytest.param(
            form,
            marks=pytest.mark.skipif(
                form == "zst" and shutil.which("zstd") is None, reason="zstd is not installed"
            ),
        )
        for form in PACKERS
    ],
)


def _pack(path: Path, form: str, name: str | None = None) -> Path:
    packed = path.with_name(name or f"{path.name}.{form}")
    data = PACKERS[form](path.read_bytes())
    path.unlink()
    packed.write_bytes(data)
    return packed


def test_r32_an_archive_beside_its_plain_file_tells_nothing(site: Site) -> None:
    site.append(range(50))
    site.run()
    site.append(range(50, 60))
    site.rotate()
    site.compress(site.rotated(1), keep=True)
    ran = site.run()
    assert total(range(60)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
    site.append(range(60, 65), to=site.rotated(1))
    ran = site.run()
    assert total(range(65)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize("part", [0.0, 0.02, 0.5, 0.99])
@pytest.mark.parametrize("is_quiet", [False, True])
def test_r32_an_archive_in_the_making_beside_its_plain_file_waits(
    site: Site, part: float, *, is_quiet: bool
) -> None:
    site.append(range(50))
    site.run()
    site.append(range(50, 60))
    site.rotate()
    packed = site.compress(site.rotated(1), keep=True)
    data = packed.read_bytes()
    packed.write_bytes(data[: int(len(data) * part)])
    if is_quiet:
        site.age(packed, 700)
    ran = site.run()
    assert total(range(60)) == ran.totals
    assert total(range(60)) == site.run().totals
    packed.write_bytes(data)
    site.rotated(1).unlink()
    ran = site.run()
    assert total(range(60)) == ran.totals
    assert 0 == ran.exit
    assert site.rests()


@forms
def test_r32_a_first_run_from_the_start_counts_both_once(site: Site, form: str) -> None:
    site.append(range(50))
    site.rotate()
    site.append(range(50, 60))
    shutil.copy(site.rotated(1), site.logs / "aside")
    _pack(site.logs / "aside", form, f"access.log.1.{form}")
    ran = site.run(since="start")
    assert total(range(60)) == ran.totals
    assert ran.is_quiet
    assert site.rests(since="start")


def _noisy(site: Site, count: int) -> bytes:
    """Write lines that do not compress well, so that a part of the archive is a part of them."""
    data = b"".join(
        line(n).replace(b'"t"', b'"' + os.urandom(40).hex().encode() + b'"') for n in range(count)
    )
    site.access.write_bytes(data)
    return data


def test_r33_a_truncated_archive_waits_ten_minutes_and_then_counts_its_whole_lines(
    site: Site,
) -> None:
    site.append(range(10))
    site.run()
    plain = site.access.read_bytes() + b"".join(map(wide, range(10, 500)))
    site.access.unlink()
    data = gzip.compress(plain)
    packed = site.rotated(1, ".gz")
    packed.write_bytes(data[: len(data) * 3 // 4])
    site.age(packed, 300)
    ran = site.run()
    assert total(range(10)) == ran.totals
    assert 0 == ran.exit
    site.clock += 400
    ran = site.run()
    assert 65 == ran.exit
    assert ran.said(r"access\.log\.1\.gz is damaged", logging.ERROR)
    assert 10 < ran.requests < 500
    assert total(range(ran.requests)) == ran.totals
    assert 1 == ran.log().counters.lost_segments
    assert site.rests()


def test_r33_a_truncated_archive_that_is_completed_in_time_counts_whole(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 500))
    data = gzip.compress(site.access.read_bytes())
    site.access.unlink()
    packed = site.rotated(1, ".gz")
    for part in (10, len(data) // 3, len(data) * 2 // 3, len(data) - 1):
        packed.write_bytes(data[:part])
        assert total(range(10)) == site.run().totals
    packed.write_bytes(data)
    ran = site.run()
    assert total(range(500)) == ran.totals
    assert 0 == ran.log().counters.lost_segments
    assert site.rests()


def test_r33_an_archive_that_yields_next_to_nothing_is_only_surfaced(site: Site) -> None:
    site.append(range(10))
    site.run()
    _noisy(site, 30)
    data = gzip.compress(site.access.read_bytes())
    site.access.unlink()
    packed = site.rotated(1, ".gz")
    packed.write_bytes(data[: len(data) // 2])
    site.age(packed, 700)
    ran = site.run()
    assert total(range(10)) == ran.totals
    assert 65 == ran.exit
    assert site.rests()


def test_r34_an_empty_archive_is_not_ready(site: Site) -> None:
    site.append(range(50))
    site.run()
    site.append(range(50, 60))
    plain = site.access.read_bytes()
    site.access.unlink()
    packed = site.rotated(1, ".gz")
    packed.touch()
    assert total(range(50)) == site.run().totals
    packed.write_bytes(gzip.compress(plain))
    ran = site.run()
    assert total(range(60)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_an_archive_of_nothing_is_nothing(site: Site) -> None:
    site.append(range(50))
    site.run()
    packed = site.rotated(1, ".gz")
    packed.write_bytes(gzip.compress(b""))
    ran = site.run()
    assert ran.is_quiet
    site.age(packed, 700)
    ran = site.run()
    assert ran.is_quiet
    assert total(range(50)) == ran.totals
    assert site.rests()


@forms
def test_r35_the_unread_rest_of_a_compressed_segment_is_counted(site: Site, form: str) -> None:
    site.append(range(50))
    site.run()
    site.append(range(50, 90))
    site.rotate()
    _pack(site.rotated(1), form)
    site.append(range(90, 95))
    ran = site.run()
    assert total(range(95)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize("name", ["access.log.1", "access.log.1.xz", "access.log-20261119.gz"])
@forms
def test_r46_the_form_is_known_by_magic_and_not_by_name(site: Site, form: str, name: str) -> None:
    site.append(range(50))
    site.run()
    site.append(range(50, 90))
    _pack(site.access, form, name)
    site.append(range(90, 95))
    ran = site.run()
    assert total(range(95)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r46_a_plain_file_with_an_archive_s_name_is_plain(site: Site) -> None:
    site.append(range(50))
    site.run()
    site.append(range(50, 90))
    site.access.rename(site.rotated(1, ".gz"))
    ran = site.run()
    assert total(range(90)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r36_a_consumed_segment_that_is_compressed_is_opened_once(site: Site) -> None:
    site.append(range(90))
    site.run()
    site.rotate()
    packed = site.compress(site.rotated(1))
    ran = site.run()
    assert total(range(90)) == ran.totals
    assert ["sealed"] == [segment.state for segment in ran.log().segments]
    status = packed.stat()
    with packed.open("r+b") as file:
        file.write(b"\xff" * status.st_size)
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert site.rests()
    packed.rename(site.rotated(2, ".gz"))
    assert total(range(90)) == site.run().totals


def test_r37_an_archive_shorter_than_what_was_consumed_keeps_the_mark(site: Site) -> None:
    site.append(range(50))
    site.rotate()
    packed = site.compress(site.rotated(1), keep=True)
    site.append(range(50, 60), to=site.rotated(1))
    ran = site.run(since="start")
    assert total(range(60)) == ran.totals
    site.rotated(1).unlink()
    packed.rename(site.rotated(2, ".gz"))
    ran = site.run()
    assert total(range(60)) == ran.totals
    assert 0 == ran.exit
    site.run()
    assert site.rests()


def test_r39_with_delaycompress_the_late_lines_are_counted(site: Site) -> None:
    for night in range(6):
        at = night * 20
        site.append(range(at, at + 10))
        site.run()
        site.rotate()
        if night:
            site.compress(site.rotated(2))
        site.append(range(at + 10, at + 15))
        site.append(range(at + 15, at + 20), to=site.rotated(1))
        ran = site.run()
        assert total(range(at + 20)) == ran.totals
        assert ran.is_quiet
    site.run()
    assert site.rests()


@forms
def test_r40_members_one_after_another_are_one_content(site: Site, form: str) -> None:
    site.append(range(50))
    site.run()
    site.access.unlink()
    pack = PACKERS[form]
    site.rotated(1, "." + form).write_bytes(
        pack(lines(range(30))) + pack(lines(range(30, 70))) + pack(b"") + pack(lines(range(70, 80)))
    )
    ran = site.run()
    assert total(range(80)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r40_a_live_archive_grows_by_whole_members(site: Site) -> None:
    live = site.logs / "access.log.gz"
    data = b""
    for at in range(0, 300, 50):
        member = gzip.compress(lines(range(at, at + 50)))
        live.write_bytes(data + member[: len(member) // 2])
        before = site.run(live)
        assert total(range(at)) == before.totals
        assert 0 == before.exit
        data += member
        live.write_bytes(data)
        ran = site.run(live)
        assert total(range(at + 50)) == ran.totals
        assert ran.is_quiet
        assert site.rests(live)


def test_r41_a_member_that_fails_its_checksum_counts_nothing(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.access.unlink()
    bad = bytearray(gzip.compress(lines(range(60, 90))))
    bad[-6] ^= 1
    site.rotated(1, ".gz").write_bytes(gzip.compress(lines(range(60))) + bytes(bad))
    ran = site.run()
    assert total(range(60)) == ran.totals
    assert 65 == ran.exit
    assert ran.said(r"access\.log\.1\.gz is damaged", logging.ERROR)
    assert 1 == ran.log().counters.lost_segments
    assert site.rests()
    site.clock += 3600
    assert site.rests()


@pytest.mark.parametrize("count", [80, 1000])
def test_r41_a_first_member_that_fails_its_checksum_counts_nothing(site: Site, count: int) -> None:
    site.append(range(10))
    site.run()
    plain = site.access.read_bytes() + b"".join(map(wide, range(10, count)))
    bad = bytearray(gzip.compress(plain))
    bad[-6] ^= 1
    site.access.unlink()
    packed = site.rotated(1, ".gz")
    packed.write_bytes(bytes(bad))
    site.age(packed, 700)
    ran = site.run()
    assert total(range(10)) == ran.totals
    assert 65 == ran.exit
    for _ in range(2):
        ran = site.run()
    assert total(range(10)) == ran.totals
    assert site.rests()


def test_r42_zeros_behind_the_last_member_are_padding(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 90))
    data = gzip.compress(site.access.read_bytes())
    site.access.unlink()
    site.rotated(1, ".gz").write_bytes(data + b"\0" * 5000)
    ran = site.run()
    assert total(range(90)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r42_garbage_behind_the_last_member_is_surfaced_and_the_members_count(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 90))
    data = gzip.compress(site.access.read_bytes())
    site.access.unlink()
    site.rotated(1, ".gz").write_bytes(data + b"garbage")
    ran = site.run()
    assert total(range(90)) == ran.totals
    assert 65 == ran.exit
    assert site.rests()


@pytest.mark.parametrize(
    ("name", "magic"),
    [
        ("access.log.1", b"\x04\x22\x4d\x18"),
        ("access.log.1.gz", b"\x1f\x9d\x90"),
        ("access.log.1.lz4", b"\x04\x22\x4d\x18"),
        ("access.log.1.Z", b"\x1f\x9d\x90"),
        ("access.log.1.zip", b"PK\x03\x04"),
    ],
)
def test_r45_an_unknown_form_is_surfaced_once_and_never_read_as_text(
    site: Site, name: str, magic: bytes
) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 20))
    (site.logs / name).write_bytes(magic + site.access.read_bytes())
    site.access.unlink()
    site.append(range(20, 30))
    ran = site.run()
    assert total(range(10), range(20, 30)) == ran.totals
    assert 0 == ran.log().counters.malformed
    assert 65 == ran.exit
    assert ran.said(name.replace(".", r"\."), logging.ERROR)
    assert 0 == site.run().log().counters.malformed
