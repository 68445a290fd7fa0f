"""Writers that still write to a rotated file (R38, R49)."""

from tests.site import Site, lines, total


def test_r49_lines_written_to_a_rotated_file_count_in_every_run(site: Site) -> None:
    site.append(range(20))
    site.run()
    site.rotate()
    site.append(range(20, 40))
    site.run()
    site.rotate()
    site.append(range(40, 60))
    written = [range(60)]
    for at in range(100, 200, 20):
        site.append(range(at, at + 5), to=site.rotated(1))
        site.append(range(at + 5, at + 10), to=site.rotated(2))
        site.append(range(at + 10, at + 15))
        written.append(range(at, at + 15))
        ran = site.run()
        assert total(*written) == ran.totals
        assert ran.is_quiet
        assert site.rests()


def test_r49_a_writer_that_holds_the_file_open_over_the_rotation(site: Site) -> None:
    with site.access.open("ab", buffering=0) as worker:
        worker.write(lines(range(10)))
        site.run()
        site.rotate()
        site.append(range(10, 15))
        worker.write(lines(range(15, 20)))
        ran = site.run()
        assert total(range(20)) == ran.totals
        worker.write(lines(range(20, 25)))
    ran = site.run()
    assert total(range(25)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r49_a_first_run_between_rename_and_signal_counts_what_the_new_file_gets(
    site: Site,
) -> None:
    site.append(range(10))
    site.rotate()
    ran = site.run()
    assert total() == ran.totals
    site.append(range(10, 15))
    ran = site.run()
    assert total(range(10, 15)) == ran.totals
    assert site.rests()


def test_late_lines_that_are_older_than_everything_count(site: Site) -> None:
    site.append(range(1000, 1020))
    site.run()
    site.rotate()
    site.append(range(10))  # stamps are no reason to leave a line out
    site.append(range(20, 30), to=site.rotated(1))
    ran = site.run()
    assert total(range(1000, 1020), range(10), range(20, 30)) == ran.totals
    assert site.rests()


def write_behind_gzip(site: Site) -> None:
    """Let a writer add lines 20 to 25 to a counted file that gzip has read already."""
    site.append(range(20))
    site.run()
    with site.access.open("ab") as writer:
        site.rotate()
        site.compress(site.rotated(1), keep=True)
        writer.write(lines(range(20, 25)))


def test_r38_lines_written_after_gzip_read_the_end_are_lost_and_nothing_else(site: Site) -> None:
    """The rotator destroys them: no run could have seen them, and none is reported."""
    write_behind_gzip(site)
    site.rotated(1).unlink()
    site.append(range(30, 35))
    ran = site.run()
    assert total(range(20), range(30, 35)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
    assert (0, 0) == (ran.log().counters.lost_bytes, ran.log().counters.lost_segments)


def test_r38_lines_that_a_run_saw_before_the_plain_file_went_stay_counted(site: Site) -> None:
    write_behind_gzip(site)
    site.run()
    site.rotated(1).unlink()
    site.append(range(30, 35))
    assert total(range(25), range(30, 35)) == site.run().totals
    assert site.rests()
