"""Rows that need the real thing: a kernel that gives an inode again, a call that fails, a zone.

Where the machine cannot do it the test is skipped, and says what is missing.
"""

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.cli.program import Program, fails
from tests.cli.test_mounts import APART, can_mount
from tests.servers import Pushgateway, binary, eventually, tracer
from tests.site import At, Site, line, total, wide

NIGHTS = 8


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def _logrotate(site: Site, options: str, *before: str) -> list[str]:
    """Return the words that rotate the log by real logrotate, whatever the hour."""
    site.logs.chmod(0o755)  # it refuses a directory that others may write
    config = site.root / "logrotate.conf"
    config.write_text(f"{site.access} {{\n rotate 9\n {options}\n}}\n")
    config.chmod(0o644)
    state = site.root / "logrotate.state"
    return [*before, binary("logrotate"), "--force", "--state", str(state), str(config)]


# --- R11, R12: device and inode ------------------------------------------------------------------


def test_r12_logrotate_and_the_kernel_swap_two_inodes_every_night(site: Site) -> None:
    """Debian's default: the compressed file frees the inode that the new active file is given."""
    words = _logrotate(site, "create 0640\n compress\n delaycompress")
    inodes, written = [], 0
    for _ in range(NIGHTS):
        site.append(range(written, written + 10))
        site.run()
        site.append(range(written + 10, written + 15))
        subprocess.run(words, check=True)
        site.append(written + 15)
        written += 16
        ran = site.run()
        assert total(range(written)) == ran.totals
        assert ran.is_quiet
        assert site.rests()
        inodes.append(site.access.stat().st_ino)
    assert 0 == ran.log().counters.lost_segments
    if len(set(inodes)) == NIGHTS:
        pytest.skip("the file system of the tests' directory gives no inode again at once")


def test_r12_the_inode_of_a_log_that_was_removed_is_given_to_the_next(site: Site) -> None:
    """A file shorter and one longer than the offset that was reached on the same inode."""
    site.append(range(20))
    site.run()
    again = 0
    for turn, count in enumerate((10, 30, 30, 5)):
        at, inode = 20 + turn * 100, site.access.stat().st_ino
        site.access.unlink()
        site.append(range(at, at + count))
        again += inode == site.access.stat().st_ino
        before = site.state().logs[0].counters.counted
        assert before + count == site.run().requests
    if not again:
        pytest.skip("the file system of the tests' directory gives no inode again at once")


OVERLAID = """
view=$1 below=$2 empty=$3 said=$4 taken=$5; shift 5
for number in $(seq "$taken"); do mount -t tmpfs none "$empty"; done
mount -t overlay overlay -o "lowerdir=$below:$empty" "$view" || exit 99
stat -c '%d %i' "$view/access.log" >"$said"
exec "$@"
"""


def test_r11_the_same_files_come_back_on_another_device(program: Program) -> None:
    """Each run sees the directory through a mount of its own, with a device number of its own."""
    if not can_mount():
        pytest.skip("no mount namespace may be made here")
    site, view, said = program.site, program.root / "view", program.root / "said"
    (program.root / "empty").mkdir()
    view.mkdir()
    seen = []

    def push(taken: int) -> None:
        places = [view, site.logs, program.root / "empty", said, taken]
        before = [*APART, "sh", "-c", OVERLAID, "sh", *map(str, places)]
        done = program.push("-v", view / "access.log", before=before)
        if done.exit == 99:
            pytest.skip("no overlay may be mounted here")
        assert 0 == done.exit, done.err
        assert "WARNING" not in done.err.replace("WARNING the state directory", "")
        seen.append(said.read_text().split())

    site.append(range(10))
    push(0)
    site.append(range(10, 12))
    push(3)
    site.rotate()
    site.append(range(12, 20))
    push(6)
    site.compress(site.rotated(1))
    push(0)
    assert 20 == program.requests()
    assert seen[0][1] == seen[1][1], "another inode"
    if len({device for device, _ in seen}) == 1:
        pytest.skip("every mount is given the same device number here")


# --- R25: the window of copytruncate -------------------------------------------------------------


def test_r25_what_is_written_between_copy_and_truncation_exists_nowhere(site: Site) -> None:
    strace = [tracer(), "-qq", "-f", "-o", str(site.root / "strace"), "-e", "trace=ftruncate"]
    words = _logrotate(site, "copytruncate", *strace, "-e", "inject=ftruncate:delay_enter=2000000")
    site.append(range(10))
    site.run()
    site.append(range(10, 15))
    size = site.access.stat().st_size
    with subprocess.Popen(words) as rotating:
        copied = site.rotated(1)
        assert size == eventually(lambda: copied.stat().st_size if copied.exists() else 0, size)
        site.append(range(15, 20))
    assert (0, b"") == (rotating.returncode, site.access.read_bytes())
    site.append(range(20, 30))
    ran = site.run()
    assert total(range(15), range(20, 30)) == ran.totals
    assert ran.is_quiet
    assert 0 == ran.log().counters.lost_bytes
    assert site.rests()


# --- R31: shred ----------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", range(1, 9))
@pytest.mark.parametrize("way", ["-u", "-z", "-f"])
def test_r31_what_shred_leaves_is_no_request(site: Site, way: str, moment: int) -> None:
    """-u unlinks the file afterwards, -z leaves zeros, -f noise: in the end no line of a log."""
    site.append(range(10))
    site.run()
    with site.access.open("ab") as file:
        file.writelines(map(wide, range(10, 800)))
    site.rotate()
    site.append(range(800, 810))
    words = [binary("shred"), "-n", "1", way, str(site.rotated(1))]
    site.run(stop=At(moment, lambda _: subprocess.run(words, check=True)))
    for _ in range(2):
        ran = site.run()
    assert ran.totals in {total(range(10), range(800, 810)), total(range(810))}
    assert way == "-f" or 0 == ran.log().counters.malformed
    site.append(range(810, 815))
    before = ran.requests
    assert before + 5 == site.run().requests


# --- R69: a stale handle -------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "counted"), [("1", 15), ("1+", 10)])
def test_r69_the_system_says_estale(program: Program, times: str, counted: int) -> None:
    """As NFS does, once or for good: opened again, else an error of this run alone."""
    program.log(10)
    assert 0 == program.push(program.access).exit
    program.site.append(range(10, 15))
    said = program.root / "strace"
    before = [tracer(), "-qq", "-f", "-o", str(said), "-P", str(program.access)]
    before += ["-e", "trace=openat", "-e", f"inject=openat:error=ESTALE:when={times}"]
    done = program.push(before=before)
    assert "ESTALE" in said.read_text()
    if counted == 10:
        fails(done, 65, f"cannot read {program.access}: Stale file handle")
    else:
        assert 0 == done.exit, done.err
    assert counted == program.requests()
    assert 0 == program.push().exit
    assert 15 == program.requests()


# --- R72: time zones -----------------------------------------------------------------------------


def _in_zone(zone: ZoneInfo, moment: int, number: int) -> bytes:
    stamp = datetime.fromtimestamp(moment, zone).strftime("[%d/%b/%Y:%H:%M:%S %z]")
    return re.sub(rb"\[.*?\]", stamp.encode(), line(number))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, tzinfo=UTC)),
        ("America/St_Johns", datetime(2026, 11, 1, 4, 30, tzinfo=UTC)),
    ],
)
def test_r72_a_log_through_the_hour_that_comes_twice_or_not_at_all(
    site: Site, zone: str, change: datetime, *, packed: bool
) -> None:
    """Rotated every half hour, so that files begin with the same wall clock."""
    first = int(change.timestamp()) - 7200
    for half_hour in range(8):
        at = half_hour * 30
        for number in range(at, at + 30):
            with site.access.open("ab") as file:
                file.write(_in_zone(ZoneInfo(zone), first + number * 60, number))
            if number % 30 == 20:
                site.run()
        site.rotate()
        if packed and half_hour:
            site.compress(site.rotated(2))
        site.access.write_bytes(b"")
    ran = site.run()
    assert total(range(240)) == ran.totals
    assert ran.is_quiet
    assert site.rests()


ZONES = ("Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu", "UTC", "America/New_York")
"""Some of their clocks show 26 hours less than others."""


def test_r72_a_server_that_moves_through_all_zones_loses_and_repeats_nothing(site: Site) -> None:
    """Half of its files come and are rotated between two runs: only their stamps tell of them."""
    for turn, zone in enumerate(ZONES * 2):
        at, begin = turn * 20, 1_795_000_000 + turn * 1200
        for number in range(at, at + 20):
            with site.access.open("ab") as file:
                file.write(_in_zone(ZoneInfo(zone), begin + (number - at) * 60, number))
            if number == at + 10 and not turn % 2:
                site.run()
        local = datetime.fromtimestamp(begin, ZoneInfo(zone))
        site.access.rename(site.logs / f"access.log-{local:%Y%m%d-%H%M}")
        ran = site.run()
        assert total(range(at + 20)) == ran.totals
        assert ran.is_quiet
    assert site.rests()


def test_r72_the_zone_that_the_program_runs_in_changes_nothing(program: Program) -> None:
    site = program.site
    for turn, zone in enumerate(ZONES):
        at = turn * 20
        site.append(range(at, at + 10))
        site.rotate()
        if turn % 2:
            site.compress(site.rotated(1))
        site.append(range(at + 10, at + 20))
        done = program.push(program.access, env={"TZ": zone})
        assert 0 == done.exit, done.err
        assert at + 10 == program.requests()  # the first file was there before
        site.rotate()
    assert 0 == program.status()["logs"][0]["lost_bytes"]


# --- R92: another job owns the group -------------------------------------------------------------


def test_r92_a_start_in_a_group_that_another_job_fills_is_refused_and_changes_nothing(
    program: Program, pushgateway: Pushgateway
) -> None:
    program.log(10)
    program.env["BATCHLOG_GROUPING"] = f"instance={program.root.name}"
    to = ("--gateway", pushgateway.url)
    assert 0 == program("push", *to, program.access).exit
    owner = _state_id(program, pushgateway)
    other = {"BATCHLOG_CHECKPOINT": str(program.root / "other" / "c.json")}
    fails(program("push", *to, program.access, env=other), 74, "on_missing", pushgateway.url)
    assert not (program.root / "other" / "c.json").exists()
    assert owner == _state_id(program, pushgateway)
    program.config.write_text('on_missing = "zero"\n')
    assert 0 == program("push", *to, program.access, env=other).exit
    assert owner != _state_id(program, pushgateway)
    done = program("check", *to)
    assert 0 != done.exit
    assert f"filled by another checkpoint (state {_state_id(program, pushgateway)})" in done.out
    program.site.append(range(10, 15))
    assert 0 == program("push", *to).exit
    assert 15 == program.requests()
    assert owner == _state_id(program, pushgateway)
    assert 0 == program("check", *to).exit


def _state_id(program: Program, gateway: Pushgateway) -> str:
    """Return the checkpoint that the group is filled from."""
    ours = f'instance="{program.root.name}"'
    (info,) = [one for one in gateway.lines("batchlog_info{") if ours in one]
    found = re.search(r'state_id="(\w+)"', info)
    assert found is not None
    return found[1]
