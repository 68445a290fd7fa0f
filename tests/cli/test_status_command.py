"""`batchlog status`: what the checkpoint holds, for a person and as JSON."""

import gzip
from pathlib import Path

from msgspec.structs import replace

from batchlog.segments.known import Counters
from batchlog.state.store import Store
from tests.cli.program import Program, fails
from tests.gateways import StandIn
from tests.site import lines


def test_without_a_checkpoint_it_is_a_74_that_names_push(program: Program) -> None:
    fails(program("status"), 74, str(program.checkpoint), "batchlog push")


def test_json_holds_logs_segments_totals_group_and_last_run(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, "--grouping", "instance=h1", program.access)
    found = program.status()
    assert {"job": "batchlog", "grouping": {"instance": "h1"}} == found["group"]
    assert str(program.checkpoint) == found["checkpoint"]
    assert [str(program.access)] == found["entries"]
    assert 0 == found["last_run"]["exit_status"]
    (log,) = found["logs"]
    assert (3, 0, 0, 0) == (log["counted"], log["malformed"], log["oversize"], log["skipped"])
    (segment,) = log["segments"]
    assert ("open", [str(program.access)], 0) == (
        segment["state"],
        segment["files"],
        segment["unread_bytes"],
    )
    assert 3 == sum(series["requests"] for series in found["totals"])
    assert [] == found["quarantined"]


def test_unread_bytes_are_what_the_file_has_grown_by(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.site.append(5)
    (log,) = program.status()["logs"]
    assert [len(lines(5))] == [segment["unread_bytes"] for segment in log["segments"]]


def test_the_text_names_log_totals_and_last_run(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    done = program("status")
    assert 0 == done.exit
    for word in (
        str(program.checkpoint),
        str(program.access),
        "status=200: 3 requests",
        "exit 0",
        "generation",
    ):
        assert word in done.out


def test_a_failed_last_run_is_shown(program: Program) -> None:
    program.log(3)
    program.push(program.access, program.root / "none.log")
    assert 65 == program.status()["last_run"]["exit_status"]


def test_what_waits_for_a_decision_is_shown_with_the_command(program: Program) -> None:
    path = quarantine(program)
    assert [str(path)] == program.status()["quarantined"]
    assert f"batchlog resolve {path}" in program("status").out


def test_it_waits_for_no_lock_and_changes_nothing(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    before = {
        p: (p.read_bytes(), p.stat().st_mtime_ns) for p in program.checkpoint.parent.iterdir()
    }
    program("status")
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in program.checkpoint.parent.iterdir()}
    assert before == after


def test_rotated_and_compressed_segments_are_shown(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.site.rotate()
    packed = program.site.rotated(1, ".gz")
    packed.write_bytes(gzip.compress(program.site.rotated(1).read_bytes()))
    program.site.rotated(1).unlink()
    program.site.append(range(3, 5))
    program.push()
    (log,) = program.status()["logs"]
    assert {"sealed": [str(packed)], "open": [str(program.access)]} == {
        segment["state"]: segment["files"] for segment in log["segments"]
    }


def quarantine(program: Program) -> Path:
    """Let a counted, rotated file be rewritten with fewer lines, and return its path."""
    program.log(100)
    assert 0 == program.push(program.access).exit
    program.site.rotate()
    program.site.append(range(100, 105))
    assert 0 == program.push().exit
    rotated = program.site.rotated(1)
    kept = [
        line.replace(b"192.0.2.", b"10.0.0.") for line in lines(range(40)).splitlines(keepends=True)
    ]
    rotated.write_bytes(b"".join(kept))
    assert 65 == program.push().exit
    return rotated


def test_what_is_gone_for_a_week_is_told_as_a_sum_and_what_is_left_alone_as_a_number_r119(
    program: Program,
) -> None:
    program.config.write_text("[metrics]\nmax_logs = 1\n")
    for name in ("a", "b", "c"):
        program.log(3, program.access.with_name(f"{name}.log"))
    pattern = str(program.access.with_name("*.log"))
    assert 0 == program.push(pattern).exit
    assert "2 logs (metrics.max_logs)" in program("status").out
    assert "WARN  2 logs are left alone" in program("check", "--textfile", "x.prom").out
    state = Store(str(program.checkpoint)).load()
    assert state is not None
    old = replace(state.logs[0], gone=5, retired=True, counters=Counters(), segments=())
    changed = replace(state, logs=(old,), retired=Counters(3, lost_bytes=7))
    Store(str(program.checkpoint)).commit(replace(changed, generation=9))
    found = program.status()
    assert 2 == found["left_alone"]
    assert 3 == found["retired"]["counters"]["counted"]
    assert [(5, True)] == [(log["gone_since"], log["retired"]) for log in found["logs"]]
    text = program("status").out
    assert "1 log for more than a week" in text
    assert "all there ever were: 3 lines, 7 bytes lost" in text
    assert old.path not in text


def test_a_log_that_is_gone_says_since_when_r119(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.access.unlink()
    program.push()
    program.push()
    assert "    gone since 20" in program("status").out
