"""Rotation by rename (R1 to R5)."""

import pytest

from tests.site import At, Site, total, wide


def test_r1_a_renamed_file_is_finished_where_no_new_one_was_begun(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    site.rotate(create=False)
    ran = site.run()
    assert total(range(15)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r1_the_new_file_that_comes_later_begins_at_its_first_line(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.rotate(create=False)
    site.run()
    site.append(range(10, 15))
    ran = site.run()
    assert total(range(15)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r1_a_known_log_without_any_file_is_no_error(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.access.unlink()
    assert [0, 0, 0] == [site.run().exit for _ in range(3)]
    site.append(range(10, 12))
    ran = site.run()
    assert total(range(12)) == ran.totals
    assert site.rests()


def test_r2_a_renamed_file_is_finished_and_the_new_one_begun_in_the_same_run(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    site.rotate()
    site.append(range(15, 20))
    ran = site.run()
    assert total(range(20)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 8))
def test_r3_a_rename_during_the_read_loses_nothing(site: Site, moment: int) -> None:
    site.append(range(10))
    site.run()
    with site.access.open("ab") as file:
        file.writelines(map(wide, range(10, 800)))

    def rotate(_: object) -> None:
        site.rotate()
        site.append(range(800, 810))

    hook = At(moment, rotate)
    first = site.run(stop=hook)
    if not hook.happened:
        rotate(None)
    assert first.exit == 0
    ran = site.run()
    assert total(range(810)) == ran.totals
    assert 0 == ran.exit
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 8))
def test_r4_names_that_move_between_listing_and_opening_lose_nothing(
    site: Site, moment: int
) -> None:
    site.append(range(10))
    site.run()
    site.rotate()
    site.append(range(10, 20))
    site.run()
    site.rotate()
    site.append(range(20, 30))
    site.append(range(100, 105), to=site.rotated(1))
    site.append(range(105, 110), to=site.rotated(2))
    hook = At(moment, lambda _: site.rotate())
    first = site.run(stop=hook)
    assert total(range(30), range(100, 110)) == first.totals
    assert first.is_quiet
    if not hook.happened:
        site.rotate()
    site.append(range(30, 35))
    ran = site.run()
    assert total(range(35), range(100, 110)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r4_a_file_compressed_between_listing_and_opening_is_read_in_the_same_run(
    site: Site,
) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    site.rotate()
    ran = site.run(stop=At(1, lambda _: site.compress(site.rotated(1))))
    assert total(range(15)) == ran.totals
    assert ran.is_quiet
    site.run()
    assert site.rests()


def test_r5_several_rotations_between_two_runs_are_all_read(site: Site) -> None:
    site.append(range(10))
    site.run()
    for night in range(5):
        site.append(range(10 + night * 10, 20 + night * 10))
        site.rotate()
        if night % 2:
            site.compress(site.rotated(1))
    site.append(range(60, 65))
    ran = site.run()
    assert total(range(65)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 4))
def test_r4_a_first_run_from_the_start_misses_no_file_that_moves_meanwhile(
    site: Site, moment: int
) -> None:
    for at in range(0, 30, 10):
        site.append(range(at, at + 10))
        site.rotate()
    site.append(range(30, 40))
    site.run(since="start", stop=At(moment, lambda _: site.rotate()))
    site.append(range(40, 45))
    ran = site.run()
    assert total(range(45)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r4_a_first_run_from_the_start_misses_no_file_that_is_compressed_meanwhile(
    site: Site,
) -> None:
    for at in range(0, 20, 10):
        site.append(range(at, at + 10))
        site.rotate()
    site.append(range(20, 30))
    ran = site.run(since="start", stop=At(1, lambda _: site.compress(site.rotated(2))))
    assert total(range(30)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r4_several_rotations_and_one_more_between_listing_and_opening(site: Site) -> None:
    site.append(range(10))
    site.run()
    for at in range(10, 40, 10):
        site.rotate()
        site.append(range(at, at + 10))
    site.run(stop=At(1, lambda _: site.rotate()))
    ran = site.run()
    assert total(range(40)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
