"""Each exit code by a real cause, with the counts safe behind it."""

import fcntl
import os
import resource
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from tests.cli.program import PATIENCE, Program, fails, plain_user
from tests.gateways import Drop, Reply, StandIn
from tests.site import lines


def unreachable() -> str:
    """Return a URL on which nobody listens."""
    return "http://127.0.0.1:1"


# --- 74: the checkpoint ------------------------------------------------------------------------


DAMAGES = {
    "empty": b"",
    "not JSON": b"hello\n",
    "binary": bytes(range(256)),
    "another JSON": b"[1, 2]\n",
    "no state": b'{"version":1,"oldest_reader":1,"checksum":""}\n',
}


def assert_refused_and_untouched(program: Program, *words: str) -> None:
    """Assert that all commands that need the checkpoint refuse it and leave it as it is."""
    before = {path: path.read_bytes() for path in program.checkpoint.parent.iterdir()}
    pushed = program.textfile.read_bytes()
    fails(program.push(program.access), 74, str(program.checkpoint), *words)
    fails(program("status"), 74, str(program.checkpoint), *words)
    fails(program("resolve", "--count", program.access), 74, *words)
    after = {path: path.read_bytes() for path in program.checkpoint.parent.iterdir()}
    assert before == after
    assert pushed == program.textfile.read_bytes()


def counted(program: Program) -> None:
    """Let two runs count something, so that there is a generation before."""
    program.log(3)
    assert 0 == program.push(program.access).exit
    program.site.append(range(3, 5))
    assert 0 == program.push().exit


@pytest.mark.parametrize("damage", DAMAGES)
def test_r63_a_damaged_checkpoint_is_a_74_that_names_the_way_out(
    program: Program, damage: str
) -> None:
    counted(program)
    program.checkpoint.write_bytes(DAMAGES[damage])
    assert_refused_and_untouched(program, f"{program.checkpoint}.previous", "batchlog reset")


def test_r63_a_truncated_checkpoint_is_a_74(program: Program) -> None:
    counted(program)
    program.checkpoint.write_bytes(program.checkpoint.read_bytes()[:-100])
    assert_refused_and_untouched(program, ".previous", "batchlog reset")


def test_r63_a_flipped_byte_is_a_74(program: Program) -> None:
    counted(program)
    data = program.checkpoint.read_bytes()
    program.checkpoint.write_bytes(data.replace(b'"requests":5', b'"requests":6'))
    assert_refused_and_untouched(program, "checksum", ".previous")


def test_r63_a_checkpoint_missing_beside_its_previous_is_a_74(program: Program) -> None:
    counted(program)
    program.checkpoint.unlink()
    assert_refused_and_untouched(program, "missing", ".previous", "batchlog reset")


def test_r63_the_previous_copied_back_reads_again_what_came_between(program: Program) -> None:
    counted(program)
    program.checkpoint.write_bytes(b"")
    Path(f"{program.checkpoint}.previous").rename(program.checkpoint)
    assert 0 == program.push().exit
    assert 5 == program.requests()


def test_r64_a_checkpoint_of_a_newer_version_is_a_74_and_not_modified(program: Program) -> None:
    counted(program)
    envelope = msgspec.json.decode(program.checkpoint.read_bytes())
    envelope |= {"version": 9, "oldest_reader": 9}
    program.checkpoint.write_bytes(msgspec.json.encode(envelope))
    assert_refused_and_untouched(program, "newer batchlog", "upgrade")


def test_r78_a_newer_version_that_this_one_may_read_is_read(program: Program) -> None:
    counted(program)
    envelope = msgspec.json.decode(program.checkpoint.read_bytes())
    envelope |= {"version": 2, "more": True}
    program.checkpoint.write_bytes(msgspec.json.encode(envelope))
    done = program.push()
    assert 0 == done.exit, done.err


def test_an_unreadable_checkpoint_is_a_74(program: Program) -> None:
    counted(program)
    program.checkpoint.chmod(0)
    fails(program.push(before=plain_user()), 74, str(program.checkpoint), "Permission denied")


def test_a_checkpoint_that_is_a_directory_is_a_74(program: Program) -> None:
    program.log(1)
    program.checkpoint.mkdir(parents=True)
    fails(program.push(program.access), 74, str(program.checkpoint))


def test_an_unwritable_state_directory_is_a_74(program: Program) -> None:
    program.log(1)
    program.checkpoint.parent.mkdir(mode=0o500)
    done = program.push(program.access, before=plain_user())
    fails(done, 74, str(program.checkpoint.parent), "Permission denied", "--checkpoint")
    assert not program.textfile.exists()


def test_a_state_directory_that_cannot_be_made_is_a_74(program: Program) -> None:
    program.log(1)
    done = program.push("--checkpoint", program.access / "c.json", program.access)
    fails(done, 74, str(program.access), "--checkpoint")


def test_a_state_directory_that_everybody_may_write_to_is_a_74(program: Program) -> None:
    program.log(1)
    program.checkpoint.parent.mkdir()
    program.checkpoint.parent.chmod(0o777)
    fails(program.push(program.access), 74, "everybody")


def test_r62_a_full_disk_leaves_the_checkpoint_and_pushes_the_last_durable_totals(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    before = program.checkpoint.read_bytes()
    program.site.append(range(3, 5))

    def no_space() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))

    done = program("push", "--gateway", gateway.url, preexec_fn=no_space)
    fails(done, 74, str(program.checkpoint), "last one is intact")
    assert before == program.checkpoint.read_bytes()
    assert not Path(f"{program.checkpoint}.new").exists()
    assert ["74.0"] == [s.split()[-1] for s in gateway.lines("batchlog_last_run_exit_status")]
    (requests,) = [s for s in gateway.lines("batchlog_http_requests_total") if 'status="200"' in s]
    assert requests.endswith(" 3.0")
    assert 0 == program("push", "--gateway", gateway.url).exit
    assert 5 == program.requests()


def test_r62_a_full_disk_on_a_first_run_begins_nothing(program: Program) -> None:
    program.log(3)

    def no_space() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))

    fails(program.push(program.access, preexec_fn=no_space), 74, str(program.checkpoint))
    assert not program.checkpoint.exists()
    assert not program.textfile.exists()
    assert 0 == program.push(program.access).exit
    assert 3 == program.requests()


# --- R65: no checkpoint, but the sink holds our group -------------------------------------------


def test_r65_a_missing_checkpoint_while_the_gateway_holds_the_group_is_a_74(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    shown = gateway.exposition()
    for path in program.checkpoint.parent.iterdir():
        path.unlink()
    done = program("push", "--gateway", gateway.url, program.access)
    fails(done, 74, str(program.checkpoint), gateway.url, "on_missing", "batchlog reset")
    assert not program.checkpoint.exists()
    assert shown == gateway.exposition()


def test_r65_a_missing_checkpoint_while_the_textfile_is_there_is_a_74(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    for path in program.checkpoint.parent.iterdir():
        path.unlink()
    fails(program.push(program.access), 74, str(program.textfile), "on_missing")
    assert not program.checkpoint.exists()


def test_r65_on_missing_zero_takes_what_is_there_as_counted(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    program.config.write_text('on_missing = "zero"\n')
    for path in program.checkpoint.parent.iterdir():
        path.unlink()
    done = program("push", "--gateway", gateway.url, program.access)
    assert 0 == done.exit, done.err
    assert 0 == program.requests()  # on_missing = "zero" is "as `reset`"
    program.site.append(range(3, 5))
    program("push", "--gateway", gateway.url)
    assert 2 == program.requests()


def test_r65_on_missing_zero_asks_the_gateway_nothing(program: Program) -> None:
    program.config.write_text('on_missing = "zero"\n')
    program.log(3)
    with StandIn() as gateway:
        program("push", "--gateway", gateway.url, program.access)
        assert ["PUT"] == [seen.method for seen in gateway.seen]


def test_r65_a_gateway_down_on_the_first_run_is_a_69_and_nothing_was_begun(
    program: Program,
) -> None:
    program.log(3)
    fails(program("push", "--gateway", unreachable(), program.access), 69, unreachable())
    assert not program.checkpoint.exists()


def test_r65_a_gateway_that_refuses_the_first_question_is_a_76_and_nothing_was_begun(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    gateway.authorization = "Basic nobody"
    fails(program("push", "--gateway", gateway.url, program.access), 76, gateway.url, "401")
    assert not program.checkpoint.exists()


def test_r65_another_jobs_group_is_no_obstacle(program: Program, gateway: StandIn) -> None:
    program.log(3)
    with_state = {"BATCHLOG_CHECKPOINT": str(program.root / "other" / "c.json")}
    program("push", "--gateway", gateway.url, "--job", "other", program.access, env=with_state)
    assert 0 == program("push", "--gateway", gateway.url, program.access).exit


# --- 69 and 76: the sinks ----------------------------------------------------------------------


def test_r79_a_gateway_down_later_is_a_69_and_the_next_run_carries_everything(
    program: Program,
) -> None:
    program.log(3)
    with StandIn() as gateway:
        url = gateway.url
        program("push", "--gateway", url, program.access)
    program.site.append(range(3, 5))
    fails(program("push", "--gateway", url), 69, url, "connection refused")
    assert 5 == program.requests()
    with StandIn() as again:
        assert 0 == program("push", "--gateway", again.url).exit
        assert any(s.endswith(" 5.0") for s in again.lines("batchlog_http_requests_total"))


def test_a_gateway_whose_name_cannot_be_resolved_is_a_69(program: Program) -> None:
    program.log(1)
    done = program("push", "--gateway", "http://gateway.invalid:9091", program.access)
    fails(done, 69, "gateway.invalid")


def test_r80_a_push_whose_answer_was_lost_heals_with_the_next(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    gateway.faults.append(Drop(applied=True))
    assert 69 == program("push", "--gateway", gateway.url).exit
    assert 0 == program("push", "--gateway", gateway.url).exit
    assert 3 == program.requests()


def test_r81_a_500_is_tried_again_inside_retry_for(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    gateway.faults.append(Reply(500, b"for a moment"))
    assert 0 == program("push", "--gateway", gateway.url, "--retry-for", "30s").exit


def test_r82_a_400_is_a_76_with_the_gateways_own_words_and_the_counts_are_safe(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    program.site.append(range(3, 5))
    gateway.faults.append(Reply(400, b"pushed metrics are inconsistent\n"))
    fails(program("push", "--gateway", gateway.url), 76, "pushed metrics are inconsistent")
    assert 5 == program.requests()


def test_r84_a_redirect_is_a_76_that_shows_where_to(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    gateway.faults.append(Reply(302, b"", {"Location": "https://sso.example.org/"}))
    fails(program("push", "--gateway", gateway.url), 76, "https://sso.example.org/")


def test_r85_a_wrong_password_is_a_76_that_names_the_setting_and_not_the_password(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    gateway.authorization = "Basic somebody-else"
    (program.root / "password").write_text("S3cr3t\n")
    program.config.write_text(
        f'[gateway]\nurl = "{gateway.url}"\nusername = "me"\n'
        f'password_file = "{program.root}/password"\n'
    )
    done = program("push", "-v")
    fails(done, 76, "401", "password")
    assert "S3cr3t" not in done.err


def test_a_missing_password_file_is_one_clear_line(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program.config.write_text(
        f'[gateway]\nurl = "{gateway.url}"\nusername = "me"\n'
        f'password_file = "{program.root}/none"\n'
    )
    fails(program("push", program.access), 69, f"{program.root}/none", "password_file")


def test_r91_a_gateway_that_fails_does_not_keep_the_others(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    gateway.wipe()
    done = program("push", "--gateway", unreachable(), "--gateway", gateway.url)
    fails(done, 69, unreachable())
    assert 1 == len(gateway.groups)


def test_the_gateways_refusal_goes_before_an_unreachable_one(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    gateway.faults.append(Reply(400, b"no"))
    done = program("push", "--gateway", unreachable(), "--gateway", gateway.url)
    assert 76 == done.exit


def test_a_textfile_that_cannot_be_written_is_a_69_and_the_counts_are_safe(
    program: Program,
) -> None:
    program.log(3)
    program.push(program.access)
    program.site.append(range(3, 5))
    gone = program.root / "gone" / "batchlog.prom"
    fails(program("push", "--textfile", gone), 69, str(gone))
    assert 5 == program.requests()


def test_a_textfile_that_cannot_be_written_does_not_keep_the_gateway(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    gateway.wipe()
    gone = program.root / "gone" / "batchlog.prom"
    done = program("push", "--gateway", gateway.url, "--textfile", gone)
    fails(done, 69, str(gone))
    assert 1 == len(gateway.groups)


# --- 2: another group --------------------------------------------------------------------------


def test_r74_another_group_than_the_checkpoints_is_a_2_that_names_both(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    words = ("push", "--gateway", gateway.url)
    program(*words, "--grouping", "instance=old", program.access)
    done = program(*words, "--grouping", "instance=new")
    fails(done, 2, 'instance="old"', 'instance="new"', "--grouping")
    assert 1 == len(gateway.groups)


# --- 75: another run, or interrupted -----------------------------------------------------------


def test_r67_a_second_run_at_once_is_a_75_that_names_the_lock(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    before = program.textfile.read_bytes()
    with Path(f"{program.checkpoint}.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fails(program.push(), 75, f"{program.checkpoint}.lock", "--lock-wait")
    assert before == program.textfile.read_bytes()
    assert 0 == program.push().exit


def test_r67_a_second_run_waits_for_the_first(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    read, write = os.pipe()
    holder = subprocess.Popen(
        ["flock", f"{program.checkpoint}.lock", "cat"], stdin=read, stdout=subprocess.PIPE
    )
    os.close(read)
    assert holder.stdout is not None
    os.write(write, b"x\n")
    assert b"x" == holder.stdout.read(1)  # the lock is held by now
    with program.start("push", "--textfile", program.textfile, "--lock-wait", "60s") as second:
        os.close(write)
        holder.communicate(timeout=PATIENCE)
        second.until("INFO read 0 files")
        assert 0 == second.process.wait(PATIENCE)


def test_r67_many_runs_at_once_count_each_line_once(program: Program) -> None:
    program.access.write_bytes(lines(range(2000)))
    words = ("push", "--textfile", program.textfile, "--lock-wait", "60s", program.access)
    running = [program.start(*words) for _ in range(4)]
    for one in running:
        one.process.communicate(timeout=PATIENCE)
    assert [0] * 4 == [one.process.returncode for one in running]
    assert 2000 == program.requests()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r77_a_signal_in_the_middle_commits_what_is_done_pushes_and_is_a_75(
    program: Program, gateway: StandIn, number: signal.Signals
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    big = lines(range(3, 20_003))
    with program.access.open("ab") as file:
        for _ in range(100):
            file.write(big)
    total = 3 + 100 * 20_000
    gateway.wipe()
    with program.start("push", "--gateway", gateway.url) as running:
        _until_open(running.process.pid, program.access)
        done = running.end(number)
    assert 75 == done.exit, done.err
    assert "Traceback" not in done.err
    counted_ = program.requests()
    assert 3 <= counted_ < total
    (pushed,) = [s for s in gateway.lines("batchlog_http_requests_total") if 'status="200"' in s]
    assert float(counted_) == float(pushed.split()[-1])
    assert ["75.0"] == [s.split()[-1] for s in gateway.lines("batchlog_last_run_exit_status")]
    assert 0 == program("push", "--gateway", gateway.url).exit
    assert total == program.requests()


def test_a_signal_while_waiting_for_the_lock_is_a_75(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    with Path(f"{program.checkpoint}.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ("push", "--textfile", program.textfile, "--lock-wait", "10m")
        with program.start(*words) as running:
            _until_open(running.process.pid, Path(f"{program.checkpoint}.lock"))
            assert 75 == running.end(signal.SIGTERM).exit


def _until_open(pid: int, path: Path) -> None:
    """Wait until the process has the file open: it is about to read it, or to lock it."""
    while True:
        with suppress(OSError):
            names = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
            if str(path) in names:
                return
