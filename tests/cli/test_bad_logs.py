"""Logs that cannot be used: one clear message, the right exit code, nothing half-committed."""

import os
from pathlib import Path

import pytest

from tests.cli.program import Program, fails, plain_user
from tests.site import lines


def assert_nothing_begun(program: Program) -> None:
    assert not program.checkpoint.exists()
    assert not program.textfile.exists()


def test_a_missing_log_is_a_2_that_names_it(program: Program) -> None:
    fails(program.push(program.access), 2, str(program.access), "no such file")
    assert_nothing_begun(program)


def test_a_pattern_without_a_match_is_a_2_that_names_it(program: Program) -> None:
    pattern = str(program.site.logs / "*.log")
    fails(program.push(pattern), 2, "no file matches", pattern)
    assert_nothing_begun(program)


def test_no_log_at_all_is_a_2_with_a_hint(program: Program) -> None:
    fails(program.push(), 2, "no log is named", "give one, such as /var/log/nginx/access.log")
    assert_nothing_begun(program)


def test_an_unreadable_log_is_a_2_that_names_it(program: Program) -> None:
    program.log(3).chmod(0)
    done = program.push(program.access, before=plain_user())
    fails(done, 2, str(program.access), "Permission denied")
    assert_nothing_begun(program)


def test_r70_a_known_log_that_became_unreadable_is_a_65_each_run_and_keeps_its_place(
    program: Program,
) -> None:
    program.log(3)
    program.push(program.access)
    program.site.append(range(3, 5))
    program.access.chmod(0)
    for _ in range(3):
        done = program.push(before=plain_user())
        fails(done, 65, str(program.access), "Permission denied")
        assert 'status="200"} 3.0' in program.textfile.read_text()
    program.access.chmod(0o600)
    assert 0 == program.push().exit
    assert 5 == program.requests()


def test_r70_the_other_logs_go_on(program: Program) -> None:
    other = program.site.logs / "other.log"
    program.log(3)
    program.log(2, other)
    program.push(program.access, other)
    program.site.append(range(3, 5))
    program.access.chmod(0)
    program.site.append(range(2, 6), to=other)
    done = program.push(before=plain_user())
    fails(done, 65, "Permission denied")
    assert 9 == program.requests()


def test_r71_a_directory_that_cannot_be_listed_is_not_an_empty_one(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.site.append(range(3, 5))
    program.site.logs.chmod(0)
    try:
        for _ in range(3):
            done = program.push(before=plain_user())
            fails(done, 65, str(program.root / "logs"), "Permission denied")
    finally:
        (program.root / "logs").chmod(0o700)
    assert 0 == program.push().exit
    assert 5 == program.requests()
    assert [0] == [log["lost_segments"] for log in program.status()["logs"]]


def test_a_directory_in_a_logs_place_is_a_2(program: Program) -> None:
    program.access.mkdir()
    fails(program.push(program.access), 2, str(program.access), "a directory")
    assert_nothing_begun(program)


def test_a_pipe_in_a_logs_place_is_a_2_and_never_waited_for(program: Program) -> None:
    _ = program.site.logs
    os.mkfifo(program.access)
    fails(program.push(program.access), 2, str(program.access), "a pipe")
    assert_nothing_begun(program)


def test_a_device_in_a_logs_place_is_a_2(program: Program) -> None:
    fails(program.push("/dev/null"), 2, "/dev/null", "a device")
    assert_nothing_begun(program)


def test_an_empty_log_is_not_known_yet_and_no_error(program: Program) -> None:
    program.access.touch()
    assert 0 == program.push(program.access).exit
    program.site.append(range(3))
    assert 0 == program.push().exit
    assert 3 == program.requests()


@pytest.mark.parametrize(
    "head",
    [
        b"\x7fELF\x02\x01\x01",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04",
        b"SQLite format 3\0",
        b"\x1f\x9d",
    ],
)
def test_r45_a_binary_file_is_a_2_that_says_so(program: Program, head: bytes) -> None:
    program.access.write_bytes(head + os.urandom(5000))
    fails(program.push(program.access), 2, str(program.access), "not text")
    assert_nothing_begun(program)


def test_random_bytes_are_in_no_format(program: Program) -> None:
    program.access.write_bytes(b"\x05\x06" + bytes(range(256)) * 40)
    fails(program.push(program.access), 2, str(program.access))
    assert_nothing_begun(program)


def test_a_log_in_an_unknown_format_is_a_2_that_names_the_next_steps(program: Program) -> None:
    program.access.write_text("Nov 22 18:00:00 host sshd[7]: what is this\n" * 20)
    done = program.push(program.access)
    fails(done, 2, str(program.access), "batchlog detect", "--format")
    assert_nothing_begun(program)


def test_one_unusable_log_among_several_is_skipped_and_a_65(program: Program) -> None:
    program.log(3)
    strange = program.site.logs / "strange.log"
    strange.write_text("what is this\n" * 20)
    done = program.push(program.access, strange)
    fails(done, 65, str(strange))
    assert 3 == program.requests()
    assert 0 == program.push().exit  # a standing state is no news
    program.log(4, strange)
    assert 0 == program.push().exit
    assert 7 == program.requests()


def test_an_unusable_log_that_becomes_usable_is_counted_from_then_on(program: Program) -> None:
    program.log(3)
    late = program.site.logs / "late.log"
    assert 65 == program.push(program.access, late).exit
    program.log(4, late)
    assert 0 == program.push().exit
    assert 7 == program.requests()


def test_a_log_of_half_a_line_waits(program: Program) -> None:
    program.access.write_bytes(lines(range(3))[:-5])
    assert 0 == program.push(program.access).exit
    assert 2 == program.requests()


def test_an_empty_archive_is_no_crash(program: Program) -> None:
    program.log(3)
    (program.site.logs / "access.log.2.gz").touch()
    (program.site.logs / "access.log.3.gz").write_bytes(b"\x1f\x8b\x08")
    done = program.push("--since", "start", program.access)
    assert "Traceback" not in done.err
    assert 3 == program.requests()


def test_more_malformed_lines_than_allowed_are_a_65_that_names_detect(program: Program) -> None:
    program.access.write_bytes(lines(range(600)) + b"garbage\n" * 300)
    done = program.push(program.access)
    fails(done, 65, "300 of 900", "malformed", f"batchlog detect {program.access}")
    assert 600 == program.requests()
    assert 0 == program.push().exit  # done, and not said again


def test_r58_malformed_lines_below_the_share_are_only_counted(program: Program) -> None:
    program.access.write_bytes(lines(range(2000)) + b"garbage\n" * 110)
    assert 0 == program.push(program.access).exit
    assert 110 == program.status()["logs"][0]["malformed"]


def test_a_dangling_link_is_a_missing_log(program: Program) -> None:
    _ = program.site.logs
    program.access.symlink_to(Path("nowhere.log"))
    fails(program.push(program.access), 2, str(program.access))


def test_a_name_that_is_too_long_is_no_crash(program: Program) -> None:
    fails(program.push(str(program.root / ("a" * 300))), 2)


def test_a_path_through_a_file_is_no_crash(program: Program) -> None:
    program.log(1)
    fails(program.push(str(program.access / "access.log")), 2, str(program.access))
