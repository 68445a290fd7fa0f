"""Files that change under the reader (R31)."""

import os

import pytest

from tests.site import At, Site, total, wide

MOMENTS = range(1, 9)


def _grown(site: Site) -> None:
    site.append(range(10))
    site.run()
    with site.access.open("ab") as file:
        file.writelines(map(wide, range(10, 800)))
    site.rotate()
    site.append(range(800, 810))


def _noise(site: Site) -> None:
    path = site.rotated(1)
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
    path.unlink()


@pytest.mark.parametrize("moment", MOMENTS)
def test_r31_shredded_noise_is_never_counted(site: Site, moment: int) -> None:
    _grown(site)
    hook = At(moment, lambda _: _noise(site))
    ran = site.run(stop=hook)
    assert 0 == ran.log().counters.malformed
    assert ran.totals in {total(range(10), range(800, 810)), total(range(810))}
    for _ in range(3):
        ran = site.run()
    assert 0 == ran.log().counters.malformed
    assert site.rests()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("change", ["rename", "chmod", "unlink"])
def test_r31_a_rename_a_chmod_or_an_unlink_drops_nothing(
    site: Site, change: str, moment: int
) -> None:
    _grown(site)
    path = site.rotated(1)

    def alter(_: object) -> None:
        match change:
            case "rename":
                path.rename(site.rotated(2))
            case "chmod":
                path.chmod(0o400)
            case _:
                path.unlink()

    hook = At(moment, alter)
    ran = site.run(stop=hook)
    if change == "unlink" and moment == 1:  # not opened yet
        assert total(range(10), range(800, 810)) == ran.totals
        return
    assert total(range(810)) == ran.totals
    assert 0 == ran.exit


@pytest.mark.parametrize("moment", MOMENTS)
def test_r31_a_file_masked_during_the_read_is_counted_once(site: Site, moment: int) -> None:
    _grown(site)
    hook = At(moment, lambda _: site.mask(site.rotated(1)))
    site.run(stop=hook)
    if not hook.happened:
        site.mask(site.rotated(1))
    site.run()
    ran = site.run()
    assert total(range(810)) == ran.totals
    assert site.rests()


@pytest.mark.parametrize("moment", MOMENTS)
def test_r31_a_file_overwritten_in_place_by_the_same_length_is_read_again(
    site: Site, moment: int
) -> None:
    _grown(site)

    def touch(_: object) -> None:
        os.utime(site.rotated(1), (site.clock + moment, site.clock + moment))

    hook = At(moment, touch)
    site.run(stop=hook)
    ran = site.run()
    assert total(range(810)) == ran.totals
    assert 0 == ran.exit
    assert site.rests()


@pytest.mark.parametrize("moment", MOMENTS)
def test_r31_a_file_compressed_during_the_read_is_counted_once(site: Site, moment: int) -> None:
    _grown(site)
    hook = At(moment, lambda _: site.compress(site.rotated(1)))
    site.run(stop=hook)
    ran = site.run()
    assert total(range(810)) == ran.totals
    assert 0 == ran.exit
    site.run()
    assert site.rests()
