"""Runs that end early: asked to, or killed (R60, R76, R77, R99); and large ones (R43)."""

import errno
import gzip
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from batchlog.config.schema import LogEntry
from batchlog.config.times import Since
from batchlog.errors import Exit, Interrupted, Stop
from batchlog.segments.cursor import BLOCK
from tests.site import At, Killed, Site, die, line, lines, total, wide

HOLE = 260 << 20

LINES = 4 * BLOCK // 4096
"""Lines of 4 KiB that fill four blocks."""


@pytest.mark.parametrize("moment", range(1, 9))
def test_r77_what_is_done_is_committed_and_the_next_run_finishes(site: Site, moment: int) -> None:
    site.access.write_bytes(b"".join(map(wide, range(LINES))))
    ran = site.run(stop=At(moment, At.set))
    assert 75 == ran.exit
    assert total(range(ran.requests)) == ran.totals
    assert ran.state == site.state()
    ran = site.run()
    assert total(range(LINES)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 9))
def test_r77_a_stop_in_an_archive_costs_no_line(site: Site, moment: int) -> None:
    site.access.write_bytes(b"".join(map(wide, range(LINES))))
    site.rotate()
    site.compress(site.rotated(1))
    site.append(range(LINES, LINES + 10))
    ran = site.run(since="start", stop=At(moment, At.set))
    assert 75 == ran.exit
    site.rotate()
    site.append(range(LINES + 10, LINES + 20))
    ran = site.run()
    assert total(range(LINES + 20)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 9))
def test_r77_files_that_a_stopped_run_did_not_look_at_are_not_gone(site: Site, moment: int) -> None:
    for at in range(0, 40, 10):
        site.append(range(at, at + 5))
        site.rotate()
    site.append(range(40, 45))
    site.run(since="start")
    for number in (1, 2, 3, 4):
        site.append(range(number * 10 + 5, number * 10 + 10), to=site.rotated(number))
    for _ in range(3):
        site.run(stop=At(moment, At.set))
    ran = site.run()
    expected = total(
        *(range(at, at + 5) for at in range(0, 50, 10)),
        *(range(n * 10 + 5, n * 10 + 10) for n in (1, 2, 3, 4)),
    )
    assert expected == ran.totals
    assert 0 == ran.log().counters.lost_segments
    assert site.rests()


@pytest.mark.parametrize("moment", range(1, 12))
def test_r99_a_first_run_killed_at_any_moment_moves_no_origin(site: Site, moment: int) -> None:
    entries = (LogEntry(str(site.logs / "*.log")),)
    for at, name in enumerate(("a.log", "b.log", "c.log")):
        site.append(range(at * 100, at * 100 + 10), to=site.logs / f"{name}.1")
        site.append(range(at * 100 + 10, at * 100 + 20), to=site.logs / name)
    try:
        site.run(entries=entries, stop=At(moment, die))
    except Killed:
        assert 3 == len(site.state().logs)
    ran = site.run(entries=entries)
    assert total(*(range(at + 10, at + 20) for at in (0, 100, 200))) == ran.totals
    assert 0 == ran.exit
    assert site.rests(entries=entries)


@pytest.mark.parametrize("since", ["now", "start"])
@pytest.mark.parametrize("moment", range(1, 8))
def test_r99_lines_that_come_after_a_killed_first_run_are_counted(
    site: Site, since: Since, moment: int
) -> None:
    site.append(range(10))
    site.rotate()
    site.append(range(10, 20))
    with suppress(Killed):
        site.run(since=since, stop=At(moment, die))
    site.append(range(20, 30))
    ran = site.run()
    assert total(range(30) if since == "start" else range(20, 30)) == ran.totals
    assert site.rests()


def test_r60_a_run_killed_by_the_kernel_leaves_the_lock_free_and_counts_nothing_twice(
    site: Site,
) -> None:
    site.append(range(10))
    site.run()
    with site.access.open("ab") as file:
        file.writelines(map(wide, range(10, 1000)))
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.site import At, Site\n"
        "site = Site(Path(sys.argv[1]))\n"
        "site.run(stop=At(4, lambda _: os.kill(os.getpid(), signal.SIGKILL)))\n"
    )
    top = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", program, str(site.root)],
        cwd=top,
        env={**os.environ, "PYTHONPATH": str(top)},
        check=False,
    )
    assert -signal.SIGKILL == ended.returncode
    ran = site.run()
    assert total(range(1000)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


def _backlog(site: Site) -> None:
    """Write two oversize lines of 260 MB, which cost no disk, with lines between."""
    with site.access.open("wb") as file:
        for at in (0, 10):
            file.write(lines(range(at, at + 10)) + b"x")
            file.seek(HOLE, os.SEEK_CUR)
            file.write(b"\n")
        file.write(lines(range(20, 30)))


@pytest.fixture
def _no_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file system tell of no holes, so that they are read."""

    def seek(_descriptor: int, _offset: int, _whence: int) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "lseek", seek)


@pytest.mark.usefixtures("_no_holes")
def test_r76_a_backlog_is_committed_in_steps(site: Site) -> None:
    _backlog(site)
    ran = site.run()
    assert total(range(30)) == ran.totals
    assert 2 == ran.log().counters.oversize
    assert 4 == ran.state.generation  # the origin, two steps at the limit, the rest
    assert site.rests()


@pytest.mark.usefixtures("_no_holes")
def test_r76_a_kill_costs_the_last_step_only(site: Site) -> None:
    class OnceCommitted(Stop):
        """Ends the run when it is looked at after the first step was committed."""

        def __bool__(self) -> bool:
            if site.checkpoint.exists() and site.state().generation == 2:
                die(self)
            return False

    _backlog(site)
    with pytest.raises(Killed):
        site.run(stop=OnceCommitted())
    assert 2 == site.state().generation
    assert 20 == sum(series.requests for series in site.state().totals)
    ran = site.run()
    assert total(range(30)) == ran.totals
    assert 2 == ran.log().counters.oversize
    assert site.rests()


MEASURED = """\
import sys
from batchlog.cli import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(*(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""
"""The program, which says at its end how much memory it had at most, in KiB."""


def test_r43_r76_a_backlog_and_an_archive_that_grows_a_hundredfold_take_bounded_memory(
    site: Site,
) -> None:
    many = 1_000_000
    archive = gzip.compress(line(7) * many, compresslevel=1)
    assert 100 * len(archive) < many * len(line(7))
    site.rotated(1, ".gz").write_bytes(archive)
    with site.access.open("wb") as file:
        file.writelines(map(wide, range(40_000)))
    top = Path(__file__).parents[2]
    words = ["push", "--since", "start", "--checkpoint", str(site.checkpoint)]
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, *words, "--textfile", str(site.textfile), site.access],
        env={**os.environ, "PYTHONPATH": str(top)},
        capture_output=True,
        check=True,
    )
    totals = site.state().totals
    assert many + 40_000 == sum(one.requests for one in totals)
    assert 7 * many + sum(range(40_000)) == sum(one.bytes for one in totals)
    assert int(ended.stdout) < 150 * 1024


def test_r77_a_log_that_would_take_long_to_begin_begins_in_the_next_run(site: Site) -> None:
    """The others are committed and pushed; a first run that is stopped there begins none."""
    site.append(range(3))
    stopped = Stop()
    stopped.set()
    slow = site.logs / "slow-access.log"
    slow.write_bytes(gzip.compress(line(10)) + gzip.compress(b"", mtime=0) * 300_000)
    with pytest.raises(Interrupted):
        site.run(slow, since="now", stop=stopped)
    assert total(range(3)) == site.run().totals
    ran = site.run(site.access, slow, stop=stopped)
    assert Exit.BUSY == ran.exit
    assert total(range(3)) == ran.totals
    slow.write_bytes(gzip.compress(line(10)))
    assert total(range(3)) == site.run(site.access, slow).totals  # it joins at its end
    site.append(range(3, 5))
    assert total(range(5)) == site.run().totals


MANY = 250
"""More files than are opened once a stop is asked for."""


def _asked() -> Stop:
    stop = Stop()
    stop.set()
    return stop


def _of_many(site: Site, suffix: str = "") -> tuple[LogEntry, ...]:
    for number in range(MANY):
        site.append(range(number * 10, number * 10 + 2), to=site.logs / f"{number:03}.log{suffix}")
    return (LogEntry(str(site.logs / "*.log")),)


def test_r77_many_files_of_one_line_hold_no_first_run_that_is_to_stop(site: Site) -> None:
    entries = _of_many(site)
    with pytest.raises(Interrupted):
        site.run(entries=entries, since="now", stop=_asked())
    site.run(entries=entries, since="now")
    for number in range(MANY):
        site.append([number * 10 + 2], to=site.logs / f"{number:03}.log")
    assert total(range(2, MANY * 10, 10)) == site.run(entries=entries).totals


def test_r77_new_logs_that_a_stop_left_begin_where_they_would_have(site: Site) -> None:
    entries = (LogEntry(str(site.logs / "*.log")),)
    site.append([5000])
    site.run(entries=entries)
    _of_many(site)
    assert 75 == site.run(entries=entries, stop=_asked()).exit
    ran = site.run(entries=entries)
    assert (0, 1 + 2 * MANY) == (ran.exit, ran.requests)
    assert site.rests(entries=entries)


def test_r77_many_rotated_files_of_a_log_hold_no_run_that_is_to_stop(site: Site) -> None:
    for number in range(MANY):
        site.append(range(number * 10, number * 10 + 2), to=site.rotated(MANY - number))
    with pytest.raises(Interrupted):
        site.run(since="now", stop=_asked())
    site.run(since="start", stop=_asked())
    ran = site.run()
    assert (0, 2 * MANY) == (ran.exit, ran.requests)


def test_r77_many_files_hold_no_backfill_that_is_to_stop(site: Site) -> None:
    entries = _of_many(site, ".1")
    first = site.backfill(*sorted(site.logs.iterdir()), entries=entries, stop=_asked())
    assert 75 == first.exit
    last = site.backfill(*sorted(site.logs.iterdir()), entries=entries)
    assert 0 == last.exit
    assert 2 * MANY == sum(series.requests for series in site.state().totals)
