"""Copy, then truncate in place (R23 to R28)."""

import os
import shutil

import pytest

from tests.site import At, Site, line, lines, total, wide


def test_r23_the_copy_is_finished_and_the_truncated_file_begun_anew(site: Site) -> None:
    site.append(range(50))
    site.run()
    site.append(range(50, 60))
    site.copytruncate()
    site.append(range(60, 65))
    ran = site.run()
    assert total(range(65)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r23_a_file_truncated_to_nothing_waits_for_its_first_line(site: Site) -> None:
    site.append(range(50))
    site.run()
    site.copytruncate()
    ran = site.run()
    assert total(range(50)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
    site.append(range(50, 51))
    assert total(range(51)) == site.run().totals
    assert site.rests()


def test_r23_the_copy_is_compressed_at_once(site: Site) -> None:
    for night in range(6):
        at = night * 30
        site.append(range(at, at + 20))
        site.run()
        site.append(range(at + 20, at + 30))
        site.copytruncate()
        site.compress(site.rotated(1))
    ran = site.run()
    assert total(range(180)) == ran.totals
    assert 0 == ran.exit
    assert site.rests()


@pytest.mark.parametrize("lines_after", [49, 50, 51, 500])
def test_r24_a_file_that_regrew_beyond_the_offset_begins_anew(site: Site, lines_after: int) -> None:
    site.append(range(50))
    site.run()
    site.copytruncate()
    site.append(range(1000, 1000 + lines_after))
    ran = site.run()
    assert total(range(50), range(1000, 1000 + lines_after)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r24_a_file_truncated_without_a_copy_begins_anew(site: Site) -> None:
    site.append(range(50))
    site.run()
    site.access.write_bytes(lines(range(50, 150)))
    ran = site.run()
    assert total(range(150)) == ran.totals
    assert 0 == ran.exit
    for _ in range(2):
        ran = site.run()
    assert total(range(150)) == ran.totals
    assert site.rests()


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("is_known", [True, False])
def test_r26_a_copy_in_the_making_is_not_counted(
    site: Site, part: float, *, is_known: bool
) -> None:
    site.append(range(100))
    if is_known:
        site.run()
    site.append(range(100, 110))
    whole = site.access.read_bytes()
    site.rotated(1).write_bytes(whole[: int(len(whole) * part)])
    ran = site.run()
    assert total(range(110)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
    site.rotated(1).write_bytes(whole)
    ran = site.run()
    assert total(range(110)) == ran.totals
    assert ran.is_quiet
    os.truncate(site.access, 0)
    site.append(range(110, 115))
    ran = site.run()
    assert total(range(115)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r26_a_copy_that_stays_behind_is_a_twin_for_ever(site: Site) -> None:
    site.append(range(100))
    site.run()
    shutil.copy(site.access, site.rotated(1))  # logrotate's `copy`, without truncation
    for at in range(100, 200, 20):
        site.append(range(at, at + 20))
        ran = site.run()
        assert total(range(at + 20)) == ran.totals
        assert ran.is_quiet
        assert site.rests()


def test_r26_lines_between_copy_and_truncation_that_a_run_saw_stay_counted(site: Site) -> None:
    site.append(range(100))
    site.run()
    shutil.copy(site.access, site.rotated(1))
    site.append(range(100, 110))
    site.run()
    os.truncate(site.access, 0)
    site.append(range(110, 120))
    ran = site.run()
    assert total(range(120)) == ran.totals
    assert 0 == ran.exit
    assert site.rests()


def test_r26_a_first_run_from_the_start_counts_a_copy_once(site: Site) -> None:
    site.append(range(100))
    shutil.copy(site.access, site.rotated(1))
    site.append(range(100, 110))
    ran = site.run(since="start")
    assert total(range(110)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 8))
def test_r23_a_truncation_during_the_read_counts_nothing_twice(site: Site, moment: int) -> None:
    site.append(range(10))
    site.run()
    with site.access.open("ab") as file:
        file.writelines(map(wide, range(10, 800)))

    def rotate(_: object) -> None:
        site.copytruncate()
        site.append(range(800, 810))

    hook = At(moment, rotate)
    site.run(stop=hook)
    if not hook.happened:
        rotate(None)
    site.run()
    ran = site.run()
    assert total(range(810)) == ran.totals
    assert site.rests()


def test_r27_a_hole_at_the_beginning_is_passed_over_again_and_again(site: Site) -> None:
    site.append(range(50))
    site.run()
    position = site.access.stat().st_size
    for turn in range(1, 5):
        site.copytruncate()
        at = turn * 100
        with site.access.open("r+b") as file:  # a writer that does not append keeps its position
            file.seek(position)
            file.write(lines(range(at, at + 50)))
            position = file.tell()
        ran = site.run()
        assert total(range(50), *(range(t * 100, t * 100 + 50) for t in range(1, turn + 1))) == (
            ran.totals
        )
        assert ran.is_quiet
        assert 0 == ran.log().counters.malformed
        assert site.rests()


def test_r27_a_hole_that_no_line_follows_yet_is_nothing(site: Site) -> None:
    site.append(range(50))
    site.run()
    position = site.access.stat().st_size
    site.copytruncate()
    os.truncate(site.access, position)
    ran = site.run()
    assert total(range(50)) == ran.totals
    assert ran.is_quiet
    site.append(range(50, 60))
    assert total(range(60)) == site.run().totals
    assert site.rests()


def test_r27_the_copy_of_a_holed_file_is_known_when_it_is_compressed(site: Site) -> None:
    site.access.touch()
    os.truncate(site.access, 300_000)
    site.append(range(50))
    site.run()
    site.append(range(50, 60))
    site.copytruncate()
    site.compress(site.rotated(1))
    ran = site.run()
    assert total(range(60)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r28_nuls_elsewhere_are_consumed_once_with_the_line_they_stand_in(site: Site) -> None:
    site.append(range(10))
    site.run()
    with site.access.open("ab") as file:
        file.write(b"\0" * 5000 + b"\n" + line(10))
    ran = site.run()
    assert total(range(11)) == ran.totals
    assert 1 == ran.log().counters.malformed
    site.rotate()
    assert total(range(11)) == site.run().totals
    assert site.rests()
