"""Content decides, the inode does not (R11 to R15)."""

import os

from msgspec.structs import replace

from batchlog.segments.known import Segment
from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from tests.site import Site, line, lines, total

HEADER = b"#Software: a server that writes a header of its own\n#Version: 1.0\n" + b"#\n" * 60
STAMPLESS = '%h "%r" %>s %b'
HEALTH = b'192.0.2.1 "GET /health HTTP/1.1" 200 2\n'


def _other_device(state: State) -> State:
    def moved(segment: Segment) -> Segment:
        return replace(
            segment, bearers=tuple(replace(s, device=s.device + 1) for s in segment.bearers)
        )

    logs = tuple(replace(log, segments=tuple(map(moved, log.segments))) for log in state.logs)
    return replace(state, logs=logs)


def test_r11_another_device_number_makes_nothing_new(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.rotate()
    site.compress(site.rotated(1))
    site.append(range(10, 20))
    site.run()
    Store(str(site.checkpoint)).commit(_other_device(site.state()))
    site.append(range(20, 25))
    ran = site.run()
    assert total(range(25)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r12_two_inodes_that_swap_every_night_are_no_news(site: Site) -> None:
    written: list[range] = []
    for night in range(10):
        at = night * 20
        site.append(range(at, at + 10))
        ran = site.run()
        site.append(range(at + 10, at + 15))
        written.append(range(at, at + 15))
        reused = site.rotated(1)
        if reused.exists():
            site.compress(reused, keep=True).rename(site.rotated(2, ".gz.new"))
            reused.rename(site.logs / "freed")
        for number in range(9, 1, -1):
            if site.rotated(number, ".gz").exists():
                site.rotated(number, ".gz").rename(site.rotated(number + 1, ".gz"))
        if (fresh := site.rotated(2, ".gz.new")).exists():
            fresh.rename(site.rotated(2, ".gz"))
        site.access.rename(site.rotated(1))
        if (site.logs / "freed").exists():
            os.truncate(site.logs / "freed", 0)
            (site.logs / "freed").rename(site.access)
        site.append(at + 15)
        written.append(range(at + 15, at + 16))
        ran = site.run()
        assert total(*written) == ran.totals
        assert ran.is_quiet
        assert site.rests()
    assert 0 == ran.log().counters.lost_segments


def test_r12_a_freed_inode_taken_by_the_next_file_is_a_new_file(site: Site) -> None:
    site.append(range(10))
    site.run()
    site.rotated(1).write_bytes(site.access.read_bytes())
    site.access.write_bytes(b"")  # the same inode, as if the file system had given it again
    site.compress(site.rotated(1))
    site.append(range(10, 40))
    ran = site.run()
    assert total(range(40)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r13_files_with_the_same_header_are_two(site: Site) -> None:
    site.access.write_bytes(HEADER)
    site.append(range(10))
    site.run(format="combined")
    site.rotate()
    site.access.write_bytes(HEADER)
    site.append(range(10, 40))
    ran = site.run(format="combined")
    assert total(range(40)) == ran.totals
    site.append(range(40, 50))
    site.append(range(50, 60), to=site.rotated(1))
    ran = site.run(format="combined")
    assert total(range(60)) == ran.totals
    assert site.rests(format="combined")


def test_r13_files_that_begin_with_the_same_lines_are_told_apart_by_their_tail(site: Site) -> None:
    site.access.write_bytes(HEALTH * 200 + b'192.0.2.1 "GET /a HTTP/1.1" 200 3\n' * 20)
    site.run(format=STAMPLESS)
    site.rotate()
    site.access.write_bytes(HEALTH * 200 + b'192.0.2.1 "GET /b HTTP/1.1" 200 5\n' * 30)
    ran = site.run(format=STAMPLESS)
    assert (450, 400 * 2 + 20 * 3 + 30 * 5) == ran.totals
    assert ran.is_quiet
    assert site.rests(format=STAMPLESS)


def test_r13_files_of_nothing_but_the_same_line_are_two_when_both_grow(site: Site) -> None:
    site.access.write_bytes(HEALTH * 50)
    site.run(format=STAMPLESS)
    site.rotate()
    site.access.write_bytes(HEALTH * 30)
    assert 80 == site.run(format=STAMPLESS).requests
    with site.access.open("ab") as file:
        file.write(HEALTH * 30)
    ran = site.run(format=STAMPLESS)
    assert 110 == ran.requests
    assert site.rests(format=STAMPLESS)


def test_r14_a_short_file_is_known_by_what_it_holds(site: Site) -> None:
    for number in range(60):
        site.append(number)
        ran = site.run()
        assert total(range(number + 1)) == ran.totals
        assert ran.is_quiet
        if number % 7 == 6:
            site.rotate()
    assert site.rests()


def test_r14_a_file_of_one_line_below_the_shortest_head_is_known_after_a_rename(
    site: Site,
) -> None:
    short = b'h "GET / HTTP/1.1" 200 1\n'
    site.access.write_bytes(short)
    site.run(format=STAMPLESS)
    site.rotate()
    with site.rotated(1).open("ab") as file:
        file.write(short.replace(b" 1\n", b" 4\n"))
    site.access.write_bytes(short.replace(b" 1\n", b" 8\n"))
    ran = site.run(format=STAMPLESS)
    assert (3, 13) == ran.totals
    assert ran.is_quiet
    assert site.rests(format=STAMPLESS)


def test_r15_an_empty_file_is_nobody(site: Site) -> None:
    site.access.touch()
    ran = site.run()
    assert (0, 0) == ran.totals
    assert ran.is_quiet
    assert site.rests()
    site.rotate()
    assert site.rests()
    site.append(range(5))
    site.append(range(5, 9), to=site.rotated(1))
    ran = site.run()
    assert total(range(9)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def test_r15_two_empty_files_are_two_files(site: Site) -> None:
    for name in ("a.log", "b.log"):
        (site.logs / name).touch()
    logs = (site.logs / "a.log", site.logs / "b.log")
    site.run(*logs)
    for at, path in enumerate(logs):
        path.write_bytes(lines(range(at * 10, at * 10 + 5)))
    ran = site.run(*logs)
    assert total(range(5), range(10, 15)) == ran.totals
    assert site.rests(*logs)


def test_a_file_that_holds_only_half_a_line_is_not_known_yet(site: Site) -> None:
    site.access.write_bytes(line(0)[:30])
    ran = site.run()
    assert (0, 0) == ran.totals
    assert 0 == ran.exit
    site.access.write_bytes(line(0) + line(1))
    ran = site.run()
    assert total(range(2)) == ran.totals
    assert ran.is_quiet
    assert site.rests()
