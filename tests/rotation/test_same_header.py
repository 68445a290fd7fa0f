"""Files of one log that begin with the same header are told apart by their first stamp (R13)."""

import os

from tests.site import Site, lines, total

HEADER = b"#Fields: the same words at the top of each file of this log, and of all logs\n"


def test_r13_a_short_file_is_not_the_beginning_of_one_that_was_backfilled(site: Site) -> None:
    site.rotated(2).write_bytes(HEADER + lines(range(1, 9)))
    site.rotated(1).write_bytes(HEADER + lines(9))
    ran = site.backfill(site.rotated(2), site.rotated(1), format="combined")
    assert total(range(1, 10)) == ran.totals


def test_r13_a_push_does_not_leave_a_short_file_for_one_that_was_backfilled(site: Site) -> None:
    site.rotated(1).write_bytes(HEADER + lines(range(1, 9)))
    site.backfill(site.rotated(1), format="combined")
    site.access.write_bytes(HEADER + lines(9))
    ran = site.run(format="combined")
    assert total(range(1, 10)) == ran.totals


def test_r13_what_a_push_counted_and_a_person_masked_is_not_backfilled(site: Site) -> None:
    header = HEADER * 15
    site.rotated(1).write_bytes(header + lines(range(1, 20)))
    site.access.touch()
    site.run(format="combined")
    site.access.write_bytes(header + lines(range(20, 24)))
    site.run(format="combined")
    site.rotate()
    site.mask(site.rotated(1))
    site.run(format="combined")
    ran = site.backfill(site.rotated(1), format="combined")
    assert total(range(20, 24)) == ran.totals


def test_r13_an_old_file_with_nothing_but_the_header_is_no_other_file(site: Site) -> None:
    site.rotated(1).write_bytes(HEADER)
    site.access.touch()
    site.run(format="combined")
    site.access.write_bytes(HEADER + lines(5))
    ran = site.run(format="combined")
    assert total(5) == ran.totals


def test_r33_an_archive_that_was_half_when_counting_began_is_no_other_file(site: Site) -> None:
    site.rotated(1).write_bytes(lines(range(1, 5)))
    packed = site.compress(site.rotated(1), keep=True)
    for size in range(20, packed.stat().st_size):
        for path in site.logs.iterdir():
            path.unlink()
        for path in site.root.rglob("checkpoint*"):
            path.unlink()
        site.textfile.unlink(missing_ok=True)
        site.rotated(1).write_bytes(lines(range(1, 5)))
        packed = site.compress(site.rotated(1), keep=True)
        os.truncate(packed, size)
        site.access.touch()
        site.run(format="combined")
        packed.unlink()
        site.append(6)
        ran = site.run(format="combined")
        assert total(6) == ran.totals, size


def test_r6_a_file_below_the_origin_that_is_gone_is_no_loss(site: Site) -> None:
    site.rotated(1).write_bytes(lines(range(1, 100)))
    site.access.touch()
    site.run()
    site.backfill(site.rotated(1))
    site.rotated(1).unlink()
    site.run()
    ran = site.run()
    assert total(range(1, 100)) == ran.totals
    assert 0 == ran.exit
    assert 0 == ran.log().counters.lost_bytes
