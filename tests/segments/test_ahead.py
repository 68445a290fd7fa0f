"""Chunks scanned in threads: what comes out does not depend on how many there are."""

import gzip
import threading
from pathlib import Path

import pytest

from batchlog.errors import Stop
from batchlog.formats import resolve
from batchlog.scan import MUCH, Scanner, Timing, scanner
from batchlog.segments.ahead import Ahead
from batchlog.segments.content import open_file
from batchlog.segments.lines import Piece
from batchlog.segments.read import read, unread_mark
from batchlog.segments.steps import Read, Step
from batchlog.tally import Tally
from tests.site import line

LINES = MUCH // len(line(100_000)) + 10_000


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a log of more than `MUCH`, with lines of every kind, and an archive of it."""
    path = tmp_path_factory.mktemp("much") / "access.log"
    whole = [line(number, 200 + number % 300) for number in range(LINES)]
    whole[5_000] = b"no request\n"
    whole[6_000] = b"x" * 70_000 + b"\n"
    whole[-1] = whole[-1][:-1]  # it waits
    path.write_bytes(b"".join(whole))
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    return path


def steps(path: Path, scan: Scanner, cores: int) -> list[Step]:
    with open_file(str(path)) as content:
        what = Read(unread_mark(content))
        return list(read(content, what, scan, Stop(), cores=cores))


@pytest.mark.parametrize("suffix", [".log", ".gz"])
@pytest.mark.parametrize("timed", [False, True])
def test_steps_are_the_same_with_any_number_of_cores(much: Path, suffix: str, timed: bool) -> None:
    def make() -> Scanner:
        timing = Timing(60) if timed else None
        return scanner(resolve("combined"), ("status",), (), timing=timing, size=MUCH)

    path = much.with_suffix(suffix)
    found = [steps(path, make(), cores) for cores in (1, 2, 4)]
    assert found[0] == found[1] == found[2]
    (step,) = found[0]
    tally = step.tally
    assert (LINES - 3, 1, 1) == (tally.counted, tally.malformed, tally.oversize)


class Failing:
    """A scanner that cannot go on, as where memory is short."""

    context = ""
    apart = True

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Fail."""
        raise MemoryError(str(data[begin:end]))


def test_what_fails_in_a_thread_is_raised_and_no_thread_is_left(much: Path) -> None:
    with pytest.raises(MemoryError):
        steps(much, Failing(), 4)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("scan")]


class Numbering:
    """A scanner whose tally says which chunk it was, and that tells how many it has."""

    context = ""
    apart = True

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Wait for the word."""
        self.begun.release()
        self.go.wait(30)
        return Tally(malformed=int(data[begin:end]))


def test_only_so_many_chunks_are_out_at_a_time_and_they_come_back_in_order() -> None:
    scan = Numbering()

    found: list[Tally] = []
    with Ahead(scan, 2) as ahead:
        for number in range(1, 20):
            if number == 5:  # two of them scan, two wait, and the fifth has to wait for the first
                assert [] == found
                scan.go.set()
            found += ahead.scan([Piece.of(b"%d" % number)])
        found += ahead.rest()
    assert list(range(1, 20)) == [tally.malformed for tally in found]
