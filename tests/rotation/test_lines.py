"""Lines and bytes (R47, R48, R50 to R58, R97)."""

import logging

import pytest

from tests.site import At, Site, line, lines, total, wide

HOUR = 3600


def _write(site: Site, data: bytes, mode: str = "ab") -> None:
    with site.access.open(mode) as file:
        file.write(data)


def test_r47_a_line_without_its_end_waits(site: Site) -> None:
    _write(site, lines(range(10)) + line(10)[:50])
    ran = site.run()
    assert total(range(10)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
    _write(site, line(10)[50:-1])
    assert total(range(10)) == site.run().totals
    _write(site, b"\n")
    ran = site.run()
    assert total(range(11)) == ran.totals
    assert 0 == ran.log().counters.malformed
    assert site.rests()


@pytest.mark.parametrize("packed", [False, True])
def test_r48_a_line_that_is_completed_after_the_rotation_counts_once(
    site: Site, *, packed: bool
) -> None:
    _write(site, lines(range(10)) + line(10)[:50])
    site.run()
    site.rotate()
    with site.rotated(1).open("ab") as file:
        file.write(line(10)[50:] + line(11))
    if packed:
        site.compress(site.rotated(1))
    site.append(range(12, 15))
    ran = site.run()
    assert total(range(15)) == ran.totals
    assert 0 == ran.log().counters.malformed
    assert ran.is_quiet
    assert site.rests()


def test_r50_an_unterminated_last_line_counts_after_a_quiet_hour(site: Site) -> None:
    _write(site, lines(range(10)) + line(10)[:-1])
    site.run()
    site.rotate()
    site.append(11)
    for _ in range(2):
        assert total(range(10), 11) == site.run().totals
    site.clock += HOUR + 60
    ran = site.run()
    assert total(range(12)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
    site.compress(site.rotated(1))
    assert total(range(12)) == site.run().totals
    assert site.rests()


def test_r50_r72_an_hour_without_a_run_is_not_enough(site: Site) -> None:
    _write(site, lines(range(10)) + line(10)[:-1])
    site.access.rename(site.rotated(1))
    site.age(site.rotated(1), 2 * HOUR)
    site.append(11)
    first = site.run(since="start")
    assert total(range(10), 11) == first.totals
    second = site.run(since="start")
    assert total(range(12)) == second.totals
    assert site.rests(since="start")


def test_r50_the_last_line_of_the_active_file_waits_for_ever(site: Site) -> None:
    _write(site, lines(range(10)) + line(10)[:-1])
    for _ in range(3):
        site.clock += 100 * HOUR
        assert total(range(10)) == site.run().totals


def test_r50_an_unterminated_last_line_counts_when_it_is_compressed(site: Site) -> None:
    _write(site, lines(range(10)) + line(10)[:-1])
    site.run()
    site.rotate()
    site.compress(site.rotated(1))
    ran = site.run()
    assert total(range(11)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r51_growth_after_the_sealed_line_is_read_from_there(site: Site) -> None:
    _write(site, lines(range(10)) + line(10)[:-1])
    site.rotate()
    site.age(site.rotated(1), 2 * HOUR)
    site.run(since="start")
    assert total(range(11)) == site.run().totals
    with site.rotated(1).open("ab") as file:
        file.write(b" more\n" + line(11))
    ran = site.run()
    assert total(range(12)) == ran.totals
    assert 1 == ran.log().counters.malformed
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 8))
def test_r52_a_file_that_grows_while_it_is_read_is_read_to_its_size_at_opening(
    site: Site, moment: int
) -> None:
    _write(site, b"".join(map(wide, range(800))))
    hook = At(moment, lambda _: site.append(range(800, 900)))
    first = site.run(stop=hook)
    assert first.totals in {total(range(800)), total(range(900))}
    assert first.is_quiet
    if not hook.happened:
        site.append(range(800, 900))
    ran = site.run()
    assert total(range(900)) == ran.totals
    assert site.rests()


def test_r53_a_carriage_return_before_the_end_is_not_the_line_s(site: Site) -> None:
    data = lines(range(10)).replace(b"\n", b"\r\n")
    _write(site, data)
    ran = site.run()
    assert total(range(10)) == ran.totals
    assert (0, len(data)) == (ran.log().counters.malformed, ran.log().counters.read_bytes)
    assert site.rests()


def test_r54_bytes_that_are_not_utf_8_count(site: Site) -> None:
    _write(site, lines(range(10)) + line(10).replace(b"/n/", b"/\xff\xfe\x80/"))
    ran = site.run(by="status,method,protocol")
    assert total(range(11)) == ran.totals
    assert {"GET": 11} == ran.by("method")


@pytest.mark.parametrize("length", [65_534, 65_535, 65_536, 65_537, 200_000, 3_000_000])
@pytest.mark.parametrize("counts", [True, False])
def test_r55_a_line_longer_than_the_cap_counts_by_its_beginning_or_is_oversize(
    site: Site, length: int, *, counts: bool
) -> None:
    long = line(10)[:-2] if counts else line(10)[:40]
    long += b"x" * (length - len(long) - 2) + b'"\n'
    assert length == len(long)
    _write(site, lines(range(10)) + long + lines(range(11, 20)))
    ran = site.run()
    over = length > 65_536
    assert total(range(10), 10 if counts else [], range(11, 20)) == ran.totals
    counters = ran.log().counters
    assert (not counts and over, not counts and not over) == (counters.oversize, counters.malformed)
    assert 0 == ran.exit
    assert site.rests()


def test_r55_an_oversize_line_that_arrives_in_pieces_is_one(site: Site) -> None:
    _write(site, lines(range(10)))
    for _ in range(5):
        _write(site, b"x" * 50_000)
        assert total(range(10)) == site.run().totals
    _write(site, b"\n" + lines(range(10, 12)))
    ran = site.run()
    assert total(range(12)) == ran.totals
    assert 1 == ran.log().counters.oversize
    site.rotate()
    site.compress(site.rotated(1))
    assert total(range(12)) == site.run().totals
    assert site.rests()


def test_r56_torn_and_interleaved_lines_are_malformed_once(site: Site) -> None:
    torn = line(10)[:30] + line(11)[:40] + b"\n"
    _write(site, lines(range(10)) + torn + line(11)[40:] + lines(range(12, 15)))
    ran = site.run()
    assert total(range(10), range(12, 15)) == ran.totals
    assert 2 == ran.log().counters.malformed
    assert 0 == ran.exit
    site.rotate()
    assert 2 == site.run().log().counters.malformed
    assert site.rests()


def test_r57_a_size_that_is_no_size_is_malformed_and_a_dash_is_none(site: Site) -> None:
    sizes = [b"-", b"0", b"-5", b"12x", b"9007199254740992", b"9007199254740993", b"7" * 40]
    _write(site, b"".join(line(3).replace(b" 200 3 ", b" 200 " + s + b" ") for s in sizes))
    ran = site.run()
    assert (3, 2**53) == ran.totals
    assert 4 == ran.log().counters.malformed


def test_r58_a_format_that_changes_is_surfaced_and_consumed(site: Site) -> None:
    site.append(range(1000))
    site.run()
    _write(site, b'{"status": 200, "bytes": 5}\n' * 200)
    ran = site.run()
    assert total(range(1000)) == ran.totals
    assert 65 == ran.exit
    assert ran.said("200 of 200 new lines are malformed", logging.ERROR)
    assert 200 == ran.log().counters.malformed
    assert site.rests()
    site.append(range(1000, 1010))
    ran = site.run()
    assert total(range(1010)) == ran.totals
    assert 0 == ran.exit


@pytest.mark.parametrize(
    ("malformed", "lines_", "code"), [(99, 99, 0), (100, 900, 0), (101, 900, 65)]
)
def test_r58_few_malformed_lines_are_a_count_only(
    site: Site, malformed: int, lines_: int, code: int
) -> None:
    site.append(range(1))
    site.run()
    _write(site, lines(range(1, lines_ + 1)) + b"nonsense\n" * malformed)
    ran = site.run()
    assert total(range(lines_ + 1)) == ran.totals
    assert code == ran.exit
    assert malformed == ran.log().counters.malformed


def test_r97_totals_above_what_a_sample_can_hold_stay_exact_and_are_named(site: Site) -> None:
    _write(site, line(0, size=2**53) + line(1, size=2**53 - 1))
    ran = site.run()
    assert (2, 2**54 - 1) == ran.totals  # no float is that number
    assert 65 == ran.exit
    named = r'too large for Prometheus to hold exactly: response bytes of \{status="200"\}'
    assert ran.said(named, logging.ERROR)
    site.append(range(2, 5))
    assert (5, 2**54 - 1 + 2 + 3 + 4) == site.run().totals
