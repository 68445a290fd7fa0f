"""Holes of sparse files (R27, R28, R111): never read, and no other log waits for them."""

import errno
import gzip
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rotation.conftest import Meter
from tests.site import Site, line, lines, total

TB = 1 << 40
FEW = 32 << 20
"""Bytes that a run may read of some small logs, however long their holes are."""

Lseek = Callable[[int, int, int], int]


@pytest.fixture(autouse=True)
def _sparse(tmp_path: Path) -> None:
    """Skip all of it where no file can be so long, or nothing tells of its holes."""
    path = tmp_path / "sparse"
    path.touch()
    try:
        os.truncate(path, 8 * TB)
        with path.open("rb") as file:
            os.lseek(file.fileno(), 0, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            pytest.skip(f"no sparse files here: {error.strerror}")
    else:
        pytest.skip("this file system tells of no holes")
    finally:
        path.unlink()


def unheard_of(_descriptor: int, _offset: int, _whence: int) -> int:
    """Ask a file system that has never heard of holes."""
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def all_data(descriptor: int, offset: int, whence: int) -> int:
    """Ask one to which all is data, as Linux has it where a file system says nothing."""
    size = os.fstat(descriptor).st_size
    if offset >= size:
        raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
    return size if whence == os.SEEK_HOLE else offset


@pytest.fixture(params=[None, unheard_of, all_data], ids=lambda one: one and one.__name__)
def lseek(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Lseek | None:
    """Let the file system report holes, or not, in either way."""
    if request.param is not None:
        monkeypatch.setattr(os, "lseek", request.param)
    found: Lseek | None = request.param
    return found


def dig(path: Path, size: int) -> None:
    """Put a hole at the end of a file."""
    with path.open("ab") as file:
        file.truncate(path.stat().st_size + size)


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


# --- a file system that reports holes --------------------------------------------------------


@pytest.mark.parametrize("begun", [b"", b"torn", line(5), line(5) + b"torn", b"x" * 70_000])
def test_r111_no_log_waits_for_a_terabyte_of_nothing(
    site: Site, meter: Meter, begun: bytes
) -> None:
    hollow, other = site.logs / "a.log", site.logs / "b.log"
    write(hollow, begun)
    dig(hollow, TB)
    write(other, lines(range(10)))
    pattern = str(site.logs / "*.log")
    known = [5] if begun.startswith(line(5)) else list[int]()
    assert total(range(10), known) == site.run(pattern, format="combined").totals
    write(hollow, b"x\n" + lines(range(20, 30)))
    write(other, line(10))
    ran = site.run(pattern, format="combined")
    assert total(range(11), known, range(20, 30)) == ran.totals
    counters = ran.log(hollow).counters
    assert 1 == counters.malformed + counters.oversize
    write(hollow, line(30))
    dig(hollow, TB)
    ran = site.run(pattern, format="combined")
    assert total(range(11), known, range(20, 31)) == ran.totals
    assert 0 == ran.exit
    assert FEW > meter.since()
    assert site.rests(pattern, format="combined")
    assert 0 == meter.since()


def test_r111_a_hole_behind_a_first_line_that_is_torn_hides_no_format(site: Site) -> None:
    write(site.access, b"torn")
    dig(site.access, TB)
    write(site.access, b"x\n" + lines(range(10)))
    ran = site.run()
    assert total(range(10)) == ran.totals
    assert 1 == ran.log().counters.oversize


def test_r111_several_holes_and_the_lines_between_them(site: Site, meter: Meter) -> None:
    for number in range(20):
        write(site.access, line(number))
        dig(site.access, TB // 10 + number)
        write(site.access, b"\n")
    ran = site.run()
    assert total(range(20)) == ran.totals
    assert 20 == ran.log().counters.oversize
    assert FEW > meter.since()
    assert len(lines(range(20))) + 20 <= ran.log().counters.read_bytes < 20 * 8192
    site.rotate()
    site.append(20)
    assert total(range(21)) == site.run().totals
    assert site.rests()


def test_r111_a_hole_is_not_counted_as_read(site: Site, meter: Meter) -> None:
    size = 64 << 20
    write(site.access, line(0))
    dig(site.access, size)
    write(site.access, b"\n")
    assert size > site.run().log().counters.read_bytes
    assert size > meter.since()


def test_r111_a_hole_that_grows_from_run_to_run_is_no_content_until_something_follows(
    site: Site, meter: Meter
) -> None:
    site.append(range(10))
    for _ in range(4):
        dig(site.access, TB)
        ran = site.run()
        assert total(range(10)) == ran.totals
        assert len(lines(range(10))) == ran.log().segments[0].mark.offset
        assert site.rests()
    write(site.access, b"\n" + line(10))
    ran = site.run()
    assert total(range(11)) == ran.totals
    assert 1 == ran.log().counters.oversize
    assert FEW > meter.since()


def test_r111_a_hole_at_the_end_may_be_filled_by_whoever_writes(site: Site) -> None:
    site.append(range(10))
    dig(site.access, 4 << 20)
    site.run()
    size = site.access.stat().st_size
    with site.access.open("r+b") as file:
        file.seek(len(lines(range(10))))
        file.write(lines(range(10, 20)))
    assert size == site.access.stat().st_size
    ran = site.run()
    assert total(range(20)) == ran.totals
    assert ran.is_quiet
    assert 0 == ran.log().counters.oversize


def test_r111_a_hole_at_the_end_is_no_loss_where_the_file_goes(site: Site) -> None:
    site.append(range(10))
    dig(site.access, TB)
    site.run()
    site.access.unlink()
    for _ in range(3):
        ran = site.run()
        assert ran.is_quiet
    assert 0 == ran.log().counters.lost_bytes


def test_r27_r111_holes_again_and_again(site: Site, meter: Meter) -> None:
    site.append(range(50))
    site.run()
    for turn in range(1, 5):
        site.shift()
        copy = ["cp", "--sparse=always", str(site.access), str(site.rotated(1))]
        subprocess.run(copy, check=True)
        os.truncate(site.access, 0)
        dig(site.access, turn * TB)  # where a writer goes on that does not append
        site.append(range(turn * 100, turn * 100 + 50))
        ran = site.run()
        expected = [range(50), *(range(t * 100, t * 100 + 50) for t in range(1, turn + 1))]
        assert total(*expected) == ran.totals
        assert ran.is_quiet
        assert site.rests()
    assert FEW > meter.since()


def test_r50_r111_a_hole_that_ends_a_rotated_file_is_consumed_in_the_end(site: Site) -> None:
    site.append(range(10))
    dig(site.access, TB)
    site.run()
    site.rotate()
    site.append(10)
    for _ in range(2):
        assert total(range(11)) == site.run().totals
    site.clock += 4000
    ran = site.run()
    assert total(range(11)) == ran.totals
    assert 1 == ran.log().counters.oversize
    assert site.rests()


@pytest.mark.parametrize("workers", [1, 2])
def test_r111_a_backfill_passes_over_holes(site: Site, meter: Meter, workers: int) -> None:
    old = site.rotated(1)
    write(old, line(0))
    dig(old, TB)
    write(old, b"\n" + lines(range(1, 10)) + b"torn")
    dig(old, TB)
    write(old, b"\n" + line(10))
    dig(old, TB)
    site.append(range(100, 110))
    site.run()
    ran = site.backfill(old, workers=workers)
    assert total(range(11)) == ran.backfilled()
    assert total(range(11)) == site.backfill(old).backfilled()
    assert FEW > meter.since()


def test_r42_r111_an_archive_is_padded_with_a_hole(site: Site, meter: Meter) -> None:
    site.rotated(1, ".gz").write_bytes(gzip.compress(lines(range(10))))
    dig(site.rotated(1, ".gz"), TB)
    site.append(range(10, 20))
    ran = site.run(since="start")
    assert total(range(20)) == ran.totals
    assert 0 == ran.exit
    assert FEW > meter.since()


def test_r41_r111_a_hole_in_an_archive_is_damage(site: Site, meter: Meter) -> None:
    packed = gzip.compress(lines(range(10))) + gzip.compress(lines(range(10, 500)))
    write(site.rotated(1, ".gz"), packed[:-400])
    dig(site.rotated(1, ".gz"), TB)
    write(site.rotated(1, ".gz"), packed[-400:])
    site.append(1000)
    ran = site.run(since="start")
    assert total(range(10), 1000) == ran.totals
    assert 65 == ran.exit
    assert ran.said("is damaged")
    assert FEW > meter.since()


# --- one that does not -----------------------------------------------------------------------


def test_r111_whether_holes_are_reported_changes_nothing(
    site: Site, lseek: Lseek | None, meter: Meter
) -> None:
    del lseek, meter
    dig(site.access, 3 << 20)
    for number in range(3):
        write(site.access, line(number) + b"torn" * number)
        dig(site.access, (5 << 20) + number)
        write(site.access, b"end\n" + line(10 + number))
    dig(site.access, 2 << 20)
    ran = site.run()
    assert total(range(3), range(10, 13)) == ran.totals
    assert 3 == ran.log().counters.oversize
    assert 3 << 20 == ran.log().segments[0].mark.start
    assert site.access.stat().st_size - (2 << 20) == ran.log().segments[0].mark.offset
    assert site.rests()


@pytest.mark.parametrize("lseek", [unheard_of, all_data], indirect=True)
@pytest.mark.parametrize("begun", [b"", b"torn", line(0)])
def test_r111_nuls_that_must_be_read_are_read_once_and_some_in_each_run(
    site: Site, lseek: Lseek | None, meter: Meter, impatient: int, begun: bytes
) -> None:
    del lseek
    hollow, other = site.logs / "a.log", site.logs / "b.log"
    pattern = str(site.logs / "*.log")
    size = 8 * impatient
    write(hollow, begun)
    dig(hollow, size)
    write(hollow, b"\n" * bool(begun) + lines(range(1, 10)))
    write(other, line(100))
    known = [0] if begun == line(0) else []
    site.run(pattern, format="combined")
    for number in range(101, 120):
        write(other, line(number))
        ran = site.run(pattern, format="combined")
        assert number - 99 <= ran.requests
        assert 0 == ran.exit
    assert total(known, range(1, 10), range(100, 120)) == ran.totals
    assert size < meter.since() < 3 * size
    write(hollow, line(10))
    ran = site.run(pattern, format="combined")
    assert total(known, range(1, 11), range(100, 120)) == ran.totals
    assert 2 * impatient > meter.since()
    assert site.rests(pattern, format="combined")


@pytest.mark.parametrize("lseek", [all_data], indirect=True)
def test_r111_a_terabyte_that_must_be_read_keeps_no_other_log_waiting(
    site: Site, lseek: Lseek | None, meter: Meter
) -> None:
    del lseek
    hollow, other = site.logs / "a.log", site.logs / "b.log"
    dig(hollow, TB)
    write(hollow, line(0))
    write(other, line(1))
    ran = site.run(str(site.logs / "*.log"))
    assert total(1) == ran.totals
    assert 0 == ran.exit
    assert 3 << 30 > meter.since()
