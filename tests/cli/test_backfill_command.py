"""`batchlog backfill`: what it counts, what it pushes, what it says, and what it leaves alone."""

import fcntl
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.archives import archive, long_archives, pattern
from tests.cli.program import Program, fails
from tests.cli.test_progress import screen, watched
from tests.gateways import Drop, Reply, StandIn
from tests.servers import Promtool, Pushgateway
from tests.site import BEGINNING, line, lines

REQUESTS = "batchlog_http_requests_total"
LABELS = ("--series-label", "job=web", "--series-label", "instance=web1")


@pytest.fixture
def real(pushgateway: Pushgateway) -> Iterator[Pushgateway]:
    """Return the real Pushgateway, empty before and after."""
    pushgateway.wipe()
    yield pushgateway
    pushgateway.wipe()


def samples(gateway: Pushgateway | StandIn, prefix: str = "batchlog_http_") -> dict[str, float]:
    """Return the samples on a gateway by name and labels."""
    pairs = (one.rpartition(" ") for one in gateway.lines(prefix))
    return {name: float(value) for name, _, value in pairs}


def history(program: Program, directory: str = "history") -> list[str]:
    """Return the lines of all files of a history."""
    paths = sorted((program.root / directory).glob("*.om.txt"))
    return [one for path in paths for one in path.read_text().splitlines()]


def counted(program: Program, directory: str = "history") -> int:
    """Return how many requests a history of nothing but 200s holds at its end."""
    of_them = [one for one in history(program, directory) if one.startswith(REQUESTS)]
    return int(float(of_them[-1].split()[-2])) if of_them else 0


# --- totals ------------------------------------------------------------------------------------


def test_old_logs_become_new_series_and_the_living_ones_stay_as_they_are(
    program: Program, real: Pushgateway
) -> None:
    for number in (3, 2, 1):
        archive(program, number, 100 * number)
    program.site.append(range(1000, 1007))
    assert 0 == program("push", "--gateway", real.url, program.access).exit
    living = samples(real)
    done = program("backfill", "--gateway", real.url, pattern(program))
    assert 0 == done.exit, done.err
    after = samples(real)
    assert living == {name: value for name, value in after.items() if "backfill=" not in name}
    assert [600.0] == [
        value
        for name, value in after.items()
        if name.startswith(REQUESTS) and 'backfill="1"' in name and value
    ]
    assert 607 == program.requests()


def test_a_second_run_changes_nothing_on_the_gateway_but_its_push_time(
    program: Program, real: Pushgateway
) -> None:
    archive(program, 1, 50)
    program("backfill", "--gateway", real.url, pattern(program))
    before, kept = samples(real, "batchlog_"), program.checkpoint.read_bytes()
    pushed = samples(real, "push_time_seconds")
    done = program("backfill", "--gateway", real.url, pattern(program))
    assert 0 == done.exit, done.err
    assert before == samples(real, "batchlog_")
    assert pushed != samples(real, "push_time_seconds")
    assert kept == program.checkpoint.read_bytes()


def test_skipped_files_are_named_with_the_reason(program: Program) -> None:
    archive(program, 2, 50)
    program.site.append(range(1000, 1010))
    program.push(program.access)
    program("backfill", pattern(program))
    packed = program.site.compress(program.site.rotated(2, ".gz"), keep=True)
    packed.unlink()
    empty = program.site.rotated(5)
    empty.touch()
    archive(program, 3, 60)
    done = program("backfill", "--textfile", program.textfile, str(program.site.logs / "*"))
    assert 0 == done.exit, done.err
    logs = program.site.logs
    assert f"{logs}/access.log: skipped, above the origin: counted by a push\n" in done.err
    assert f"{logs}/access.log.2.gz: skipped, already backfilled\n" in done.err
    assert f"{empty}: skipped, empty\n" in done.err
    assert "read 1 file, 60 lines" in done.err
    assert "3 files skipped" in done.err


def test_a_push_begins_after_what_a_backfill_has_counted(
    program: Program, real: Pushgateway
) -> None:
    program.site.append(range(40))
    words = ("--gateway", real.url)
    program("backfill", *words, program.access)
    program.site.append(range(40, 50))
    done = program("push", *words, program.access)
    assert 0 == done.exit, done.err
    by_origin = {name: value for name, value in samples(real, REQUESTS).items() if value}
    assert [10.0, 40.0] == sorted(by_origin.values())


def test_into_live_adds_to_the_living_series_before_the_first_push(
    program: Program, real: Pushgateway
) -> None:
    archive(program, 1, 50)
    words = ("--gateway", real.url)
    done = program("backfill", "--into-live", *words, pattern(program))
    assert 0 == done.exit, done.err
    program.site.append(range(1000, 1007))
    assert 0 == program("push", *words, program.access).exit
    found = {name: value for name, value in samples(real, REQUESTS).items() if value}
    assert [57.0] == list(found.values())
    assert "backfill=" not in "".join(found)


def test_into_live_after_a_push_is_refused_and_changes_nothing(program: Program) -> None:
    archive(program, 1, 50)
    program.site.append(range(1000, 1007))
    program.push(program.access)
    before = program.checkpoint.read_bytes(), program.textfile.read_bytes()
    words = ("backfill", "--textfile", program.textfile, "--into-live", pattern(program))
    fails(program(*words), 2, "--into-live is for before the first push", 'backfill="1"')
    assert before == (program.checkpoint.read_bytes(), program.textfile.read_bytes())


def test_where_a_push_begins_may_stand_in_the_environment(program: Program) -> None:
    archive(program, 1, 50)
    for where in ("checkpoint", "start"):
        env = {"BATCHLOG_SINCE": where, "BATCHLOG_TEXTFILE": str(program.textfile)}
        done = program("backfill", pattern(program), env=env)
        assert 0 == done.exit, done.err
    assert 50 == program.requests()


# --- dry run -----------------------------------------------------------------------------------


def test_a_dry_run_prints_the_plan_and_changes_nothing(program: Program, gateway: StandIn) -> None:
    archive(program, 2, 50)
    archive(program, 1, 60)
    before = sorted(program.root.rglob("*"))
    done = program("backfill", "--dry-run", "--gateway", gateway.url, pattern(program))
    assert 0 == done.exit, done.err
    *files, total = done.out.splitlines()
    assert [f"{program.site.logs}/access.log.{n}.gz" for n in (1, 2)] == [
        one.split()[-1] for one in files
    ]
    assert all(re.match(r" *[\d.]+ (bytes|kB)  read  ", one) for one in files)
    assert total.startswith("2 files to read, ")
    assert before == sorted(program.root.rglob("*"))
    assert [] == gateway.seen


def test_a_dry_run_says_what_is_skipped_and_up_to_where_a_file_is_read(program: Program) -> None:
    archive(program, 2, 50)
    program("backfill", "--textfile", program.textfile, pattern(program))
    program.site.append(range(1000, 1010))
    held = program.access.stat().st_size
    program.push("--since", "now", program.access)
    program.site.append(range(1010, 1020))
    kept = program.checkpoint.read_bytes()
    done = program("backfill", "--dry-run", str(program.site.logs / "*"), program.root / "none")
    assert 65 == done.exit
    assert f"{program.root / 'none'}: there is no such file" in done.err
    active, old, total = done.out.splitlines()
    assert f"read up to byte {held:,}, where counting began  {program.access}" in active
    assert "skipped: already backfilled" in old
    assert total.endswith("; 1 skipped")
    assert kept == program.checkpoint.read_bytes()


def test_a_dry_run_of_history_makes_no_directory(program: Program) -> None:
    archive(program, 1, 50)
    words = ("--dry-run", *LABELS, "--openmetrics", "history", pattern(program))
    done = program("backfill", *words)
    assert 0 == done.exit, done.err
    assert "1 file to read" in done.out
    assert not (program.root / "history").exists()
    assert not program.checkpoint.parent.exists()


# --- history -----------------------------------------------------------------------------------


def test_history_is_written_and_what_to_do_with_it_is_printed(program: Program) -> None:
    archive(program, 1, 50)
    done = program("backfill", *LABELS, "--openmetrics", "history", pattern(program))
    assert 0 == done.exit, done.err
    assert "promtool tsdb create-blocks-from openmetrics" in done.out
    assert f"{program.root / 'history'}/batchlog-*.om.txt" in done.out
    assert 50 == counted(program)
    assert "# EOF" == history(program)[-1]
    assert not program.checkpoint.parent.exists()


def test_a_complete_history_is_begun_anew_with_force_only(program: Program) -> None:
    words = ("backfill", *LABELS, "--openmetrics", "history", pattern(program))
    archive(program, 1, 50)
    program(*words)
    archive(program, 2, 70)
    before = history(program)
    fails(program(*words), 2, "complete history", "--force")
    assert before == history(program)
    assert 0 == program(*words, "--force").exit
    assert 120 == counted(program)


def test_blocks_are_made_by_promtool(program: Program, promtool: Promtool) -> None:
    archive(program, 1, 50)
    done = program("backfill", *LABELS, "--tsdb", "blocks", pattern(program))
    assert 0 == done.exit, done.err
    listed = promtool.run("tsdb", "list", str(program.root / "blocks")).stdout.decode()
    assert 2 <= len(listed.splitlines())
    assert not list((program.root / "blocks").glob("*.om.txt"))


def test_since_a_time_with_its_offset_is_right_to_the_second(program: Program) -> None:
    """It is the hour that Berlin's clocks show twice; the offset says which of the two is meant."""
    moment = 1_761_438_600 - BEGINNING  # 00:30 UTC
    path = program.site.rotated(1)
    path.write_bytes(b"".join(line(moment + n, size=7) for n in range(-100, 30)))
    words = ("backfill", *LABELS, "--openmetrics", "history", "--since", "2025-10-26 02:30+02:00")
    done = program(*words, path)
    assert 0 == done.exit, done.err
    assert 30 == counted(program)
    assert "100 lines skipped" in done.err


def test_since_an_age_counts_from_now(program: Program) -> None:
    now = int(time.time()) - BEGINNING
    days = [*[100] * 5, *[91] * 4, *[89] * 3, *[10] * 2]
    path = program.site.rotated(1)
    path.write_bytes(b"".join(line(now - day * 86_400, size=7) for day in days))
    words = ("backfill", *LABELS, "--openmetrics", "history", "--since", "90d", "--step", "5m")
    done = program(*words, "--until", "30d", path)
    assert 0 == done.exit, done.err
    assert 3 == counted(program)


def test_where_a_push_begins_in_the_environment_is_no_bound_of_history(program: Program) -> None:
    archive(program, 1, 50)
    words = ("backfill", *LABELS, "--openmetrics", "history", pattern(program))
    done = program(*words, env={"BATCHLOG_SINCE": "checkpoint"})
    assert 0 == done.exit, done.err
    assert 50 == counted(program)


# --- what is said ------------------------------------------------------------------------------


def test_a_log_gets_a_line_a_file_and_a_summary(program: Program) -> None:
    archive(program, 2, 50)
    archive(program, 1, 60)
    done = program("backfill", "--textfile", program.textfile, pattern(program))
    assert "" == done.out
    logs = program.site.logs
    said = [one for one in done.err.splitlines() if not one.startswith("WARNING the state dir")]
    assert f"INFO {logs}/access.log.1.gz: 60 lines, 4.8 kB" == said[0]
    assert f"INFO {logs}/access.log.2.gz: 50 lines, 4.0 kB" == said[1]
    assert re.match(r"INFO pushed \d+ series to ", said[2])
    assert re.match(r"INFO read 2 files, 110 lines, 8\.\d kB in [\d.]+ s from 20", said[3])
    assert re.match(r"INFO   status=200  110 requests  ", said[4])
    assert "\x1b" not in done.err
    assert "%" not in done.err


def test_quiet_is_silent_on_success(program: Program) -> None:
    archive(program, 1, 60)
    done = program("backfill", "-q", "--textfile", program.textfile, pattern(program))
    assert (0, "", "") == (done.exit, done.out, done.err)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_person_at_a_terminal_sees_a_bar_and_no_torn_line(program: Program, workers: str) -> None:
    all_of_them = long_archives(program, 4, 12)
    program.site.rotated(9).write_bytes(b"\x7fELF" + bytes(200))
    words = ("backfill", "-v", "--workers", workers, "--textfile", program.textfile)
    said = watched(program, program.command(*words, str(program.site.logs / "*")))
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert re.search(r"\d% +[\d.]+/[\d.]+ .B [\d,]+ lines/s .*access\.log\.\d\.gz", drawn)
    left = screen(said)
    each = f"{all_of_them // 4:,} lines"
    for number in range(1, 5):
        path = program.site.rotated(number, ".gz")
        assert 1 == sum(one.startswith(f"DEBUG {path}: {each}, ") for one in left)
    assert 1 == sum(one.startswith(f"ERROR {program.site.rotated(9)} is not text") for one in left)
    assert f"INFO read 4 files, {all_of_them:,} lines" in "\n".join(left)
    assert not re.search(r"lines/s", "\n".join(left))
    for one in filter(None, map(str.strip, left)):
        assert one.startswith(
            ("INFO ", "DEBUG ", "ERROR ", "WARNING ", "status", "200", *"▁▂▃▄▅▆▇█")
        )


# --- the gateway -------------------------------------------------------------------------------


def pushed_then_archived(program: Program, gateway: StandIn) -> tuple[str, str]:
    """Push seven lines, then put 50 old ones beside them; return the option for the gateway."""
    program.site.append(range(1000, 1007))
    words = ("--gateway", gateway.url)
    program("push", *words, program.access)
    archive(program, 1, 50)
    return words


def test_a_gateway_that_is_down_is_a_69_and_the_next_push_delivers(
    program: Program, gateway: StandIn
) -> None:
    words = pushed_then_archived(program, gateway)
    gateway.faults.append(Drop())
    done = program("backfill", *words, pattern(program))
    assert 69 == done.exit, done.err
    assert "Traceback" not in done.err
    assert 57 == program.requests()
    assert [7.0] == [value for value in samples(gateway, REQUESTS).values() if value]
    assert 0 == program("push", *words).exit
    assert [7.0, 50.0] == sorted(v for v in samples(gateway, REQUESTS).values() if v)


def test_a_gateway_that_is_down_before_anything_was_begun_is_a_69(program: Program) -> None:
    archive(program, 1, 50)
    done = program("backfill", "--gateway", "http://127.0.0.1:1", pattern(program))
    fails(done, 69, "http://127.0.0.1:1", "nothing was begun")
    assert not program.checkpoint.exists()


def test_a_gateway_that_refuses_is_a_76_with_its_own_words(
    program: Program, gateway: StandIn
) -> None:
    words = pushed_then_archived(program, gateway)
    gateway.faults.append(Reply(400, b"pushed metrics are invalid\n"))
    done = program("backfill", *words, pattern(program))
    assert 76 == done.exit, done.err
    assert "pushed metrics are invalid" in done.err
    assert "Traceback" not in done.err
    assert 57 == program.requests()
    assert 0 == program("push", *words).exit
    assert [7.0, 50.0] == sorted(v for v in samples(gateway, REQUESTS).values() if v)


# --- locks -------------------------------------------------------------------------------------


def test_a_run_that_holds_the_lock_is_a_75_after_the_wait(program: Program) -> None:
    archive(program, 1, 50)
    program.site.append(range(1000, 1007))
    program.push(program.access)
    lock = Path(f"{program.checkpoint}.lock")
    words = ("backfill", "--textfile", program.textfile, pattern(program))
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        fails(program(*words, "--lock-wait", "100ms"), 75, str(lock), "--lock-wait")
    assert 7 == program.requests()
    assert 0 == program(*words).exit
    assert 57 == program.requests()


def test_a_backfill_waits_for_a_run(program: Program) -> None:
    archive(program, 1, 50)
    program.site.append(range(1000, 1007))
    program.push(program.access)
    holder = subprocess.Popen(
        ["flock", f"{program.checkpoint}.lock", sys.executable, "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline()  # the lock is held by now
    words = ("backfill", "--textfile", program.textfile, "--lock-wait", "60s", pattern(program))
    with program.start(*words) as running:
        holder.communicate(b"\n")
        running.until("read 1 file, 50 lines")
        assert 0 == running.process.wait(30)


def test_a_second_backfill_is_a_75_and_the_first_goes_on(program: Program) -> None:
    all_of_them = long_archives(program, 4, 12)
    words = ("backfill", "--workers", "1", "--textfile", program.textfile, pattern(program))
    with program.start(*words) as first:
        first.until("access.log.1.gz: ")
        fails(program(*words), 75, "another backfill", f"{program.checkpoint}.backfill.lock")
        first.until("INFO read 4 files")
        assert 0 == first.process.wait(30)
    assert all_of_them == program.requests()


def test_a_second_history_in_the_same_place_is_a_75(program: Program) -> None:
    long_archives(program, 3, 8)
    words = ("backfill", "--workers", "1", *LABELS, "--openmetrics", "h", pattern(program))
    with program.start(*words) as first:
        first.until("access.log.1.gz: ")
        fails(program(*words), 75, "another run writes history", str(program.root / "h"))
        first.until("INFO read 3 files")
        assert 0 == first.process.wait(30)


def test_pushes_go_on_while_a_backfill_reads(program: Program) -> None:
    all_of_them = long_archives(program, 4, 12)
    program.access.write_bytes(lines(range(30_000, 30_005)))
    words = ("backfill", "--workers", "1", "--textfile", program.textfile, "--lock-wait", "30s")
    with program.start(*words, pattern(program)) as running:
        running.until("access.log.1.gz: ")
        for number in range(30_005, 30_008):
            done = program.push("--lock-wait", "30s", program.access)
            assert 0 == done.exit, done.err
            program.site.append([number])
        running.until("INFO read 4 files")
        assert 0 == running.process.wait(30)
    assert 0 == program.push().exit
    assert all_of_them + 8 == program.requests()
