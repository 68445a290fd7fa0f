"""`batchlog check`: each thing that it looks at, and that it changes nothing."""

import msgspec
import pytest

from tests.cli.program import Done, Program, fails, plain_user
from tests.gateways import StandIn


def failing(done: Done) -> list[str]:
    """Return what failed, after checking that the exit code says the same."""
    found = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    assert (65 if found else 0) == done.exit, done.out + done.err
    assert "Traceback" not in done.err
    return found


def test_all_well_before_the_first_run(program: Program, gateway: StandIn) -> None:
    program.log(3)
    done = program("check", "--gateway", gateway.url, program.access)
    assert [] == failing(done)
    for word in (str(program.config), str(program.checkpoint), str(program.access), gateway.url):
        assert word in done.out


def test_all_well_after_a_run(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    done = program("check", "--gateway", gateway.url)
    assert [] == failing(done)
    assert "generation" in done.out


def test_it_changes_nothing(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("check", "--gateway", gateway.url, "--textfile", program.textfile, program.access)
    assert not program.checkpoint.parent.exists()
    assert not program.textfile.exists()
    assert {"GET"} == {seen.method for seen in gateway.seen}


def test_a_wrong_configuration_is_a_2(program: Program) -> None:
    program.config.write_text("nonsense = 1\n")
    fails(program("check"), 2, "nonsense")


def test_a_missing_log(program: Program) -> None:
    (found,) = failing(program("check", "--textfile", program.textfile, program.access))
    assert str(program.access) in found


def test_a_pattern_that_matches_nothing(program: Program) -> None:
    pattern = str(program.site.logs / "*.log")
    (found,) = failing(program("check", "--textfile", program.textfile, pattern))
    assert pattern in found


def test_a_log_in_no_known_format(program: Program) -> None:
    program.access.write_text("what is this\n" * 20)
    (found,) = failing(program("check", "--textfile", program.textfile, program.access))
    assert "batchlog detect" in found


def test_an_unreadable_log(program: Program) -> None:
    program.log(3).chmod(0)
    words = ("check", "--textfile", program.textfile, program.access)
    (found,) = failing(program(*words, before=plain_user()))
    assert "Permission denied" in found


def test_an_unreadable_log_that_is_known(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.access.chmod(0)
    words = ("check", "--textfile", program.textfile)
    (found,) = failing(program(*words, before=plain_user()))
    assert "Permission denied" in found


def test_no_log_at_all(program: Program) -> None:
    (found,) = failing(program("check", "--textfile", program.textfile))
    assert "no log is named" in found


def test_a_known_log_without_files_is_only_a_warning(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.access.unlink()
    done = program("check", "--textfile", program.textfile)
    assert [] == failing(done)
    assert f"WARN  log: {program.access}" in done.out


def test_a_damaged_checkpoint(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.checkpoint.write_bytes(b"nonsense")
    found = failing(program("check", "--textfile", program.textfile, program.access))
    assert str(program.checkpoint) in found[0]


def test_a_state_directory_that_cannot_be_written(program: Program) -> None:
    program.log(3)
    program.checkpoint.parent.mkdir(mode=0o500)
    words = ("check", "--textfile", program.textfile, program.access)
    (found,) = failing(program(*words, before=plain_user()))
    assert str(program.checkpoint.parent) in found


def test_a_state_directory_that_everybody_may_write_to(program: Program) -> None:
    program.log(3)
    program.checkpoint.parent.mkdir()
    program.checkpoint.parent.chmod(0o777)
    (found,) = failing(program("check", "--textfile", program.textfile, program.access))
    assert "everybody" in found


def test_r66_a_state_directory_in_memory_is_a_warning(program: Program) -> None:
    program.log(3)
    words = ("check", "--textfile", program.textfile, "--checkpoint", "/dev/shm/bl/c.json")  # noqa: S108 - a tmpfs is what is asked for
    done = program(*words, program.access)
    assert [] == failing(done)
    assert "WARN  the state directory" in done.out


def test_a_gateway_that_is_down(program: Program) -> None:
    program.log(3)
    (found,) = failing(program("check", "--gateway", "http://127.0.0.1:1", program.access))
    assert "http://127.0.0.1:1" in found


def test_a_gateway_that_refuses_us(program: Program, gateway: StandIn) -> None:
    program.log(3)
    gateway.authorization = "Basic nobody"
    (found,) = failing(program("check", "--gateway", gateway.url, program.access))
    assert "401" in found


def test_r65_a_group_without_a_checkpoint(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    env = {"BATCHLOG_CHECKPOINT": str(program.root / "other" / "c.json")}
    (found,) = failing(program("check", "--gateway", gateway.url, program.access, env=env))
    assert "no checkpoint" in found


def test_r92_a_group_that_another_checkpoint_fills(program: Program, gateway: StandIn) -> None:
    program.log(3)
    other = {"BATCHLOG_CHECKPOINT": str(program.root / "other" / "c.json")}
    program("push", "--gateway", gateway.url, program.access)
    gateway.wipe()
    program("push", "--gateway", gateway.url, program.access, env=other)
    (found,) = failing(program("check", "--gateway", gateway.url))
    assert "another checkpoint" in found


def test_r75_a_gateway_that_is_ahead_of_the_checkpoint(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    snapshot = program.checkpoint.read_bytes()
    program.site.append(range(3, 5))
    program("push", "--gateway", gateway.url)
    program.checkpoint.write_bytes(snapshot)
    (found,) = failing(program("check", "--gateway", gateway.url))
    assert "generation" in found


def test_r74_another_group_than_the_checkpoints(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    found = failing(program("check", "--gateway", gateway.url, "--job", "other"))
    assert any("other" in line and "batchlog" in line for line in found)


def test_a_textfiles_directory_that_is_not_there(program: Program) -> None:
    program.log(3)
    (found,) = failing(program("check", "--textfile", program.root / "x" / "y", program.access))
    assert str(program.root / "x") in found


def test_a_textfiles_directory_that_cannot_be_written(program: Program) -> None:
    program.log(3)
    directory = program.root / "collector"
    directory.mkdir(mode=0o500)
    words = ("check", "--textfile", directory / "batchlog.prom", program.access)
    (found,) = failing(program(*words, before=plain_user()))
    assert str(directory) in found


def test_r65_a_textfile_of_ours_without_a_checkpoint(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    env = {"BATCHLOG_CHECKPOINT": str(program.root / "other" / "c.json")}
    words = ("check", "--textfile", program.textfile, program.access)
    (found,) = failing(program(*words, env=env))
    assert str(program.textfile) in found


def test_a_secret_that_is_missing(program: Program, gateway: StandIn) -> None:
    program.log(3)
    program.config.write_text(
        f'[gateway]\nurl = "{gateway.url}"\nbearer_token_file = "{program.root}/none"\n'
    )
    (found,) = failing(program("check", program.access))
    assert "bearer_token_file" in found


@pytest.mark.parametrize("key", ["version", "oldest_reader"])
def test_a_checkpoint_of_a_newer_version_is_judged_by_the_oldest_reader(
    program: Program, key: str
) -> None:
    program.log(3)
    program.push(program.access)
    envelope = msgspec.json.decode(program.checkpoint.read_bytes())
    program.checkpoint.write_bytes(msgspec.json.encode(envelope | {key: 9}))
    found = failing(program("check", "--textfile", program.textfile, program.access))
    assert (key == "oldest_reader") == bool(found)
