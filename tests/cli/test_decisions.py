"""`resolve`, `reset` and `forget`: what a person decides."""

from pathlib import Path

import pytest

from tests.cli.program import Program, fails
from tests.cli.test_status_command import quarantine
from tests.gateways import Reply, StandIn
from tests.site import lines

# --- resolve -----------------------------------------------------------------------------------


def test_a_quarantined_file_is_said_once_and_counts_nothing(program: Program) -> None:
    quarantine(program)
    assert 105 == program.requests()
    assert 0 == program.push().exit
    assert 105 == program.requests()
    assert 'batchlog_quarantined_segments{log="' in program.textfile.read_text()


def test_resolve_count_counts_it_from_its_first_line(program: Program) -> None:
    path = quarantine(program)
    done = program("resolve", path, "--count")
    assert 0 == done.exit, done.err
    assert "40 lines" in done.err
    assert 145 == program.requests()
    assert [] == program.status()["quarantined"]
    assert 0 == program.push().exit
    assert 145 == program.requests()


def test_resolve_ignore_takes_it_as_counted(program: Program) -> None:
    path = quarantine(program)
    assert 0 == program("resolve", path, "--ignore").exit
    assert [] == program.status()["quarantined"]
    assert 0 == program.push().exit
    assert 105 == program.requests()


@pytest.mark.parametrize(("choice", "expected"), [("--count", 147), ("--ignore", 107)])
def test_what_is_written_after_resolve_counts_either_way(
    program: Program, choice: str, expected: int
) -> None:
    path = quarantine(program)
    program("resolve", path, choice)
    program.site.append(range(200, 202), to=path)
    assert 0 == program.push().exit
    assert expected == program.requests()


@pytest.mark.parametrize(("choice", "expected"), [("--count", 147), ("--ignore", 105)])
def test_what_was_written_before_resolve_is_part_of_the_decision(
    program: Program, choice: str, expected: int
) -> None:
    path = quarantine(program)
    program.site.append(range(200, 202), to=path)
    assert 0 == program("resolve", path, choice).exit
    assert 0 == program.push().exit
    assert expected == program.requests()


def test_resolve_takes_a_relative_path(program: Program) -> None:
    quarantine(program)
    assert 0 == program("resolve", "logs/access.log.1", "--ignore").exit


def test_resolve_of_a_file_that_is_not_quarantined_is_a_2_that_names_what_is(
    program: Program,
) -> None:
    path = quarantine(program)
    fails(program("resolve", program.access, "--count"), 2, "is not quarantined", str(path))


def test_resolve_of_a_file_that_is_gone_is_a_65_and_changes_nothing(program: Program) -> None:
    path = quarantine(program)
    path.rename(program.root / "away")
    before = program.checkpoint.read_bytes()
    fails(program("resolve", path, "--count"), 65, str(path))
    assert before == program.checkpoint.read_bytes()


def test_resolve_of_a_file_that_holds_something_else_is_a_65_and_changes_nothing(
    program: Program,
) -> None:
    path = quarantine(program)
    path.write_bytes(lines(range(500, 600)))
    before = program.checkpoint.read_bytes()
    fails(program("resolve", path, "--count"), 65, str(path), "something else")
    assert before == program.checkpoint.read_bytes()


def test_resolve_without_a_checkpoint_is_a_2(program: Program) -> None:
    fails(program("resolve", program.access, "--count"), 2, "is not quarantined")


def test_resolve_counts_with_the_entrys_labels(program: Program) -> None:
    program.config.write_text(
        f'[[log]]\npath = "{program.site.access}"\nlabels = {{ tier = "edge" }}\n'
    )
    path = quarantine(program)
    program("resolve", path, "--count")
    assert {(("status", "200"), ("tier", "edge")): 145} == {
        tuple((name, value) for name, value in series["labels"]): series["requests"]
        for series in program.status()["totals"]
        if series["requests"]
    }


# --- reset -------------------------------------------------------------------------------------


def test_reset_puts_totals_to_zero_and_takes_all_as_counted(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.site.append(range(3, 6))
    done = program("reset")
    assert 0 == done.exit, done.err
    assert 0 == program.requests()
    assert 0 == program.push().exit
    assert 0 == program.requests()
    program.site.append(range(6, 8))
    program.push()
    assert 2 == program.requests()


def test_reset_takes_rotated_files_as_counted_and_counts_their_growth(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.site.rotate()
    program.site.append(range(3, 5))
    program("reset")
    program.site.append(range(5, 6), to=program.site.rotated(1))
    program.site.append(range(6, 8))
    program.push()
    assert 3 == program.requests()


def test_reset_keeps_the_checkpoint_before(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    before = program.checkpoint.read_bytes()
    done = program("reset")
    assert before == Path(f"{program.checkpoint}.previous").read_bytes()
    assert f"{program.checkpoint}.previous" in done.err


def test_reset_gives_a_new_life_in_the_same_group(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    before = program.status()
    program("reset")
    after = program.status()
    assert before["state_id"] != after["state_id"]
    assert before["group"] == after["group"]
    assert 0 == program("push", "--gateway", gateway.url).exit


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_reset_on_a_damaged_checkpoint_sets_it_aside(program: Program, damage: bytes) -> None:
    program.log(3)
    program.push(program.access)
    program.site.append(range(3, 5))
    program.push()
    previous = Path(f"{program.checkpoint}.previous").read_bytes()
    program.checkpoint.write_bytes(damage)
    done = program("reset", program.access)
    assert 0 == done.exit, done.err
    assert damage == Path(f"{program.checkpoint}.damaged").read_bytes()
    assert previous == Path(f"{program.checkpoint}.previous").read_bytes()
    assert 0 == program.requests()
    assert 0 == program.push().exit


def test_reset_on_a_damaged_checkpoint_without_a_log_is_a_2_and_changes_nothing(
    program: Program,
) -> None:
    program.log(3)
    program.push(program.access)
    program.checkpoint.write_bytes(b"nonsense")
    fails(program("reset"), 2, "no log is named")
    assert b"nonsense" == program.checkpoint.read_bytes()


def test_reset_of_a_log_in_no_known_format_is_no_crash(program: Program) -> None:
    program.access.write_text("what is this\n" * 20)
    assert "Traceback" not in program("reset", program.access).err


def test_reset_of_a_missing_log_says_so(program: Program) -> None:
    done = program("reset", program.access)
    assert "Traceback" not in done.err
    assert 0 != done.exit
    assert str(program.access) in done.err


# --- forget ------------------------------------------------------------------------------------


def test_forget_deletes_the_checkpoints_group_and_no_other(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, "--grouping", "instance=h1", program.access)
    gateway.put(frozenset({("job", "other")}), "")
    done = program("forget", "--gateway", gateway.url)
    assert 0 == done.exit, done.err
    assert [frozenset({("job", "other")})] == list(gateway.groups)
    assert 'instance="h1"' in done.err
    assert program.checkpoint.exists()


def test_forget_needs_no_checkpoint(program: Program, gateway: StandIn) -> None:
    gateway.put(frozenset({("job", "batchlog"), ("instance", "old")}), "")
    done = program("forget", "--gateway", gateway.url, "--grouping", "instance=old")
    assert 0 == done.exit, done.err
    assert {} == gateway.groups


def test_forget_of_a_gateway_that_is_down_is_a_69(program: Program) -> None:
    fails(program("forget", "--gateway", "http://127.0.0.1:1"), 69, "http://127.0.0.1:1")


def test_forget_that_is_refused_is_a_76(program: Program, gateway: StandIn) -> None:
    gateway.faults.append(Reply(403, b"not you"))
    fails(program("forget", "--gateway", gateway.url), 76, "403")


def test_forget_without_a_gateway_is_a_2(program: Program) -> None:
    program.config.write_text(f'[textfile]\npath = "{program.textfile}"\n')
    fails(program("forget"), 2, "--gateway")


def test_forget_with_a_damaged_checkpoint_deletes_no_guessed_group(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    assert 0 == program("push", "--gateway", gateway.url, program.access).exit
    program.checkpoint.write_bytes(b"junk")
    fails(program("forget", "--gateway", gateway.url), 74, str(program.checkpoint))
    assert "DELETE" not in {seen.method for seen in gateway.seen}


def test_reset_takes_a_usable_log_beside_a_pattern_that_matches_none(program: Program) -> None:
    log = program.log(3)
    done = program("reset", str(log.parent / "*.nomatch"), log)
    assert 65 == done.exit
    assert "no file matches" in done.err
    assert 0 == program.push(log).exit
    assert 0 == program.requests()


def gone_log(program: Program) -> str:
    """Count a log beside another, and remove it."""
    other = program.log(4, program.access.with_name("other.log"))
    program.log(3)
    assert 0 == program.push(program.access, other).exit
    other.unlink()
    return str(other)


def test_forget_log_takes_a_log_that_is_gone_and_its_own_metrics_r119(program: Program) -> None:
    path = gone_log(program)
    assert path in program.textfile.read_text()
    done = program("forget", "--log", path)
    assert 0 == done.exit, done.err
    assert f"{path}: forgotten" in done.err
    assert 0 == program.push().exit
    assert path not in program.textfile.read_text()
    assert [str(program.access)] == [log["path"] for log in program.status()["logs"]]
    assert 7 == program.requests()


def test_forget_log_in_the_environment(program: Program) -> None:
    path = gone_log(program)
    assert 0 == program("forget", env={"BATCHLOG_LOG": path}).exit
    assert 1 == len(program.status()["logs"])


def test_forget_log_of_a_log_that_is_there_is_a_2_and_changes_nothing_r119(
    program: Program,
) -> None:
    gone_log(program)
    before = program.checkpoint.read_bytes()
    fails(program("forget", "--log", program.access), 2, str(program.access), "is there")
    assert before == program.checkpoint.read_bytes()


def test_forget_log_while_a_rotated_file_of_it_is_there_is_a_2(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.site.rotate(create=False)
    program.push(program.access)
    fails(program("forget", "--log", program.access), 2, f"{program.access}.1 is there")


def test_forget_log_of_an_unknown_path_or_without_a_checkpoint_is_a_2(program: Program) -> None:
    fails(program("forget", "--log", "no.log"), 2, "no.log", "batchlog status")
    gone_log(program)
    fails(program("forget", "--log", "no.log"), 2, "no.log", "batchlog status")


def test_forget_log_asks_no_gateway(program: Program) -> None:
    path = gone_log(program)
    done = program("forget", "--log", path, "--gateway", "http://127.0.0.1:1")
    assert 0 == done.exit, done.err
