"""Rotation by rename (R1 to R5)."""

from tests.site import Site, total


def test_r2_a_renamed_file_is_finished_and_the_new_one_begun_in_the_same_run(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    site.rotate()
    site.append(range(15, 20))
    ran = site.run()
    assert total(range(20)) == (ran.requests, ran.bytes)
    assert 0 == ran.exit
