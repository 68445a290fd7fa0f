"""Files that change under the reader or in place (R29, R31)."""

import os

import pytest

from tests.site import At, Site, lines, total, wide

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
    if change == "unlink" and moment <= 2:  # not opened yet
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

    def overwrite(_: object) -> None:
        path = site.rotated(1)
        data = path.read_bytes()
        other = data.replace(b"192.0.2.", b"192.0.9.")
        assert (len(data), True) == (len(other), data != other)
        with path.open("r+b") as file:
            file.write(other)
        os.utime(path, (site.clock + moment, site.clock + moment))

    hook = At(moment, overwrite)
    site.run(stop=hook)
    if not hook.happened:
        overwrite(None)
    site.run()
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


def test_r29_a_live_file_whose_head_is_cut_off_in_place_is_a_new_file(site: Site) -> None:
    """Out of scope: what is left is counted again, as the README says, and no later line is lost.

    Written as a collapse leaves it, since few file systems can do one: the same inode, and at its
    first byte what stood further on.
    """
    site.append(range(50))
    site.run()
    inode = site.access.stat().st_ino
    with site.access.open("r+b") as file:
        file.write(lines(range(30, 50)))
        file.truncate()
    site.append(range(50, 55))
    assert total(range(50), range(30, 55)) == site.run().totals
    assert inode == site.access.stat().st_ino
    site.append(range(55, 60))
    ran = site.run()
    assert total(range(50), range(30, 60)) == ran.totals
    assert ran.is_quiet
    assert 0 == ran.log().counters.lost_segments
    assert site.rests()
