"""What LOG arguments mean: joined, lone and remembered ones, and names that are not text."""

import os

from tests.cli.program import Program, fails
from tests.site import lines


def rotated_site(program: Program) -> None:
    """Write an active log and two rotated files of it."""
    program.log(3)
    program.site.rotate()
    program.site.append(range(3, 5))
    program.site.rotate()
    program.site.append(range(5, 9))


def test_an_unquoted_pattern_joins_the_rotated_files_to_the_active_one(program: Program) -> None:
    rotated_site(program)
    paths = sorted(program.site.logs.glob("access.log*"))
    done = program.push("--since", "start", *paths)
    assert 0 == done.exit, done.err
    assert 9 == program.requests()
    assert [str(program.access)] == [log["path"] for log in program.status()["logs"]]


def test_a_quoted_pattern_finds_the_active_files(program: Program) -> None:
    rotated_site(program)
    program.log(2, program.site.logs / "shop.log")
    done = program.push(str(program.site.logs / "*.log"))
    assert 0 == done.exit
    assert ["access.log", "shop.log"] == [
        os.path.basename(log["path"]) for log in program.status()["logs"]
    ]


def test_a_lone_rotated_argument_is_a_2_that_names_base_and_backfill(program: Program) -> None:
    rotated_site(program)
    rotated = program.site.rotated(1)
    fails(
        program.push(rotated), 2, str(rotated), str(program.access), f"batchlog backfill {rotated}"
    )
    assert not program.checkpoint.exists()


def test_a_rotated_name_without_a_base_is_a_log_of_its_own(program: Program) -> None:
    path = program.log(3, program.site.logs / "access.log.1")
    assert 0 == program.push(path).exit
    assert 3 == program.requests()


def test_paths_are_remembered_absolute_so_that_the_next_run_needs_none(program: Program) -> None:
    program.log(3)
    assert 0 == program.push("logs/access.log").exit
    program.site.append(range(3, 5))
    done = program("push", "--textfile", program.textfile, env={"PWD": "/"})
    assert 0 == done.exit
    assert 5 == program.requests()
    assert [str(program.access)] == program.status()["entries"]


def test_a_pattern_is_remembered_as_it_was_given(program: Program) -> None:
    program.log(3)
    program.push(str(program.site.logs / "*.log"))
    program.log(4, program.site.logs / "new.log")
    assert 0 == program.push().exit
    assert 7 == program.requests()


def test_the_configurations_entries_go_before_the_remembered(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    other = program.log(4, program.site.logs / "other.log")
    program.config.write_text(f'[[log]]\npath = "{other}"\n')
    program.site.append(range(3, 5))
    assert 0 == program.push("--since", "start").exit
    assert 7 == program.requests()  # access.log is not in this run


def test_a_log_that_joins_later_begins_at_its_present_end(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    other = program.log(4, program.site.logs / "other.log")
    assert 0 == program.push(program.access, other).exit
    assert 3 == program.requests()
    program.site.append(range(4, 6), to=other)
    program.push()
    assert 5 == program.requests()


def test_r17_the_same_log_twice_is_counted_once(program: Program) -> None:
    program.log(3)
    assert 0 == program.push(program.access, "logs/../logs/access.log").exit
    assert 3 == program.requests()


def test_stamps_alone_are_one_log_whose_newest_is_active(program: Program) -> None:
    for day, numbers in ((20, range(3)), (21, range(3, 5))):
        path = program.site.logs / f"access.2026-11-{day}.log"
        path.write_bytes(lines(numbers))
    done = program.push("--since", "start", str(program.site.logs / "access.*.log"))
    assert 0 == done.exit, done.err
    assert 5 == program.requests()
    assert 1 == len(program.status()["logs"])


def test_stamps_alone_take_their_entrys_name_and_labels(program: Program) -> None:
    for day, numbers in ((20, range(3)), (21, range(3, 5))):
        path = program.site.logs / f"access.2026-11-{day}.log"
        path.write_bytes(lines(numbers))
    program.config.write_text(
        f'[[log]]\npath = "{program.root}/logs/access.*.log"\nname = "web"\n'
        'labels = { tier = "edge" }\n'
    )
    assert 0 == program.push("--since", "start").exit
    text = program.textfile.read_text()
    assert 'batchlog_lines_total{log="web",outcome="counted"} 5.0' in text
    assert 'batchlog_http_requests_total{status="200",tier="edge"} 5.0' in text


def test_a_known_log_whose_files_are_absent_for_the_moment_is_a_0(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.access.rename(program.root / "away")
    assert 0 == program.push().exit
    (program.root / "away").rename(program.access)
    assert 0 == program.push().exit
    assert 3 == program.requests()


# --- names that are not text -------------------------------------------------------------------


def test_a_name_that_is_not_utf_8_is_counted_and_shown_without_a_crash(program: Program) -> None:
    directory = os.fsencode(program.site.logs)
    path = os.path.join(directory, b"caf\xe9\xff.log")
    with open(path, "wb") as file:
        file.write(lines(range(3)))
    done = program.push("-v", path)
    assert 0 == done.exit, done.err
    assert "Traceback" not in done.err
    for words in (("status",), ("status", "--json"), ("check",), ("push", "--dry-run")):
        done = program(*words, env={"BATCHLOG_TEXTFILE": str(program.textfile)})
        assert 0 == done.exit, done.err
    with open(path, "ab") as file:
        file.write(lines(range(3, 5)))
    assert 0 == program.push().exit
    assert 5 == program.requests()


def test_a_name_that_is_not_utf_8_beside_the_log_harms_nothing(program: Program) -> None:
    program.log(3)
    directory = os.fsencode(program.site.logs)
    with open(os.path.join(directory, b"access.log-\xff.gz"), "wb") as file:
        file.write(b"\x1f\x8b")
    with open(os.path.join(directory, b"access.log.1"), "wb") as file:
        file.write(lines(range(3)))
    assert 0 == program.push("-v", program.access).exit


def test_a_name_that_is_not_utf_8_reaches_the_gateway_as_text(program: Program) -> None:
    path = os.path.join(os.fsencode(program.site.logs), b"\xff.log")
    with open(path, "wb") as file:
        file.write(lines(range(3)))
    assert 0 == program.push(path).exit
    program.textfile.read_bytes().decode("utf-8")


def test_detect_of_a_name_that_is_not_utf_8(program: Program) -> None:
    path = os.path.join(os.fsencode(program.site.logs), b"\xff.log")
    with open(path, "wb") as file:
        file.write(lines(range(3)))
    done = program("detect", path)
    assert 0 == done.exit, done.err


def test_names_that_differ_only_in_bytes_that_are_no_text_stay_two_logs(program: Program) -> None:
    paths = [os.path.join(os.fsencode(program.site.logs), name) for name in (b"\xfe", b"\xff")]
    for number, path in enumerate(paths):
        with open(path, "wb") as file:
            file.write(lines(range(100 * number, 100 * number + 3)))
    assert 0 == program.push(*paths).exit
    assert 6 == program.requests()


def test_non_utf_8_names_that_a_pattern_finds_are_counted(program: Program) -> None:
    for name in (b"a-\xfe.log", b"b-\xff.log"):
        with open(os.path.join(os.fsencode(program.site.logs), name), "wb") as file:
            file.write(lines(range(name[0], name[0] + 3)))
    assert 0 == program.push(str(program.site.logs / "*.log")).exit
    assert 6 == program.requests()


def test_the_program_runs_in_the_c_locale(program: Program) -> None:
    program.log(3)
    done = program.push(program.access, env={"LC_ALL": "C", "PYTHONUTF8": "0"})
    assert 0 == done.exit, done.err
    assert 3 == program.requests()
