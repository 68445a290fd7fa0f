"""`batchlog push`: what is counted, what is said, and what a dry run leaves alone."""

import os
import re

from tests.cli.program import Program, plain_user
from tests.gateways import StandIn
from tests.site import lines


def test_the_line_that_it_all_began_with_counts_as_one_200_with_2326_bytes(
    program: Program,
) -> None:
    program.access.write_text(
        "127.0.0.1 user-identifier frank [10/Oct/2000:13:55:36 -0700] "
        '"GET /apache_pb.gif HTTP/1.0" 200 2326\n'
    )
    done = program.push(program.access)
    assert 0 == done.exit
    text = program.textfile.read_text()
    assert 'batchlog_http_requests_total{status="200"} 1.0' in text
    assert 'batchlog_http_response_bytes_total{status="200"} 2326.0' in text


def test_a_push_puts_all_totals_to_the_gateway(program: Program, gateway: StandIn) -> None:
    program.log(3)
    done = program("push", "--gateway", gateway.url, program.access)
    assert 0 == done.exit
    assert ["3.0"] == [
        line.rpartition(" ")[2]
        for line in gateway.lines("batchlog_http_requests_total")
        if 'status="200"' in line
    ]


def test_a_second_run_changes_nothing_and_pushes_all_the_same(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    before = program.checkpoint.read_bytes()
    done = program("push", "--gateway", gateway.url)
    assert 0 == done.exit
    assert before == program.checkpoint.read_bytes()
    assert 2 == sum(seen.method == "PUT" for seen in gateway.seen)


def test_standard_output_is_empty_and_the_summary_is_one_line(program: Program) -> None:
    program.log(3)
    done = program.push(program.access)
    assert "" == done.out
    (summary,) = done.err.splitlines()
    assert re.match(r"INFO read 1 files?, 3 lines, \d+ bytes in [\d.]+ s; pushed \d+ ", summary)


def test_quiet_is_silent_on_success(program: Program) -> None:
    program.log(3)
    done = program.push("-q", program.access)
    assert (0, "", "") == (done.exit, done.out, done.err)


def test_quiet_still_says_errors(program: Program) -> None:
    program.log(3)
    done = program.push("-q", program.access, program.root / "logs" / "none.log")
    assert 65 == done.exit
    assert ["ERROR"] == [line.split()[0] for line in done.err.splitlines()]


def test_verbose_has_a_line_for_each_decision_about_each_file(program: Program) -> None:
    program.log(3)
    first = program.push("-v", program.access)
    program.site.append(range(3, 5))
    program.site.rotate()
    program.site.append(range(5, 6))
    second = program.push("-v", program.access)
    rotated = program.site.rotated(1)
    assert f"DEBUG {program.access}: new\n" in first.err
    assert f"DEBUG {rotated}: resumed\n" in second.err
    assert f"DEBUG {program.access}: new\n" in second.err


def test_verbose_says_that_a_file_is_unchanged(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    done = program.push("-v", program.access)
    assert re.search(rf"DEBUG {re.escape(str(program.access))}: unchanged", done.err)


# --- dry run -----------------------------------------------------------------------------------


def test_a_dry_run_prints_the_exposition_and_leaves_everything_as_it_was(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    done = program("push", "--dry-run", "--gateway", gateway.url, program.access)
    assert 0 == done.exit
    assert 'batchlog_http_requests_total{status="200"} 3.0' in done.out
    assert [] == [seen for seen in gateway.seen if seen.method != "GET"]
    assert not program.checkpoint.parent.exists()
    assert not program.textfile.exists()


def test_a_dry_run_after_a_run_shows_what_the_next_would_push(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    before = {path: path.read_bytes() for path in program.checkpoint.parent.iterdir()}
    pushed = program.textfile.read_bytes()
    program.site.append(range(3, 7))
    done = program.push("--dry-run")
    assert 'batchlog_http_requests_total{status="200"} 7.0' in done.out
    assert before == {path: path.read_bytes() for path in program.checkpoint.parent.iterdir()}
    assert pushed == program.textfile.read_bytes()


def test_a_dry_run_needs_no_state_directory_that_can_be_written(program: Program) -> None:
    program.log(3)
    state = program.checkpoint.parent
    state.mkdir(mode=0o500)
    done = program("push", "--dry-run", program.access, before=plain_user())
    assert 0 == done.exit, done.err
    assert 'batchlog_http_requests_total{status="200"} 3.0' in done.out
    assert [] == os.listdir(state)


def test_a_dry_run_of_a_backlog_above_one_step_commits_nothing(program: Program) -> None:
    program.access.write_bytes(lines(range(100)))
    done = program("push", "--dry-run", "--since", "start", program.access)
    assert 'outcome="counted"} 100.0' in done.out
    assert not program.checkpoint.exists()


# --- since -------------------------------------------------------------------------------------


def test_since_start_counts_rotated_files_too(program: Program) -> None:
    program.log(3)
    program.site.rotate()
    program.site.append(range(3, 5))
    program.push("--since", "start", program.access)
    assert 5 == program.requests()


def test_since_checkpoint_leaves_rotated_files_of_a_first_run_to_backfill(
    program: Program,
) -> None:
    program.log(3)
    program.site.rotate()
    program.site.append(range(3, 5))
    program.push(program.access)
    assert 2 == program.requests()


def test_since_now_begins_after_the_last_newline(program: Program) -> None:
    program.log(3)
    program.push("--since", "now", program.access)
    program.site.append(range(3, 5))
    program.push("--since", "now", program.access)
    assert 2 == program.requests()


def test_since_a_moment_begins_at_the_first_line_stamped_then(program: Program) -> None:
    program.log(10)  # line 0 is stamped 2026-11-18 08:53:20 UTC
    stamp = re.search(rb"\[([^]]+)\]", lines(4))
    assert stamp is not None
    program.push("--since", stamp[1].decode(), program.access)
    assert 6 == program.requests()


def test_since_that_is_no_time_is_a_2(program: Program) -> None:
    program.log(1)
    done = program.push("--since", "yesteryear", program.access)
    assert 2 == done.exit
    assert "'yesteryear' is not a time" in done.err
