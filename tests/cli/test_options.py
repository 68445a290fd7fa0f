"""Options: each with its environment variable, and flag > environment > configuration > default."""

import re
import signal
import socket
from importlib import import_module

import click
import pytest

from batchlog.cli.group import COMMANDS
from tests.cli.program import Program, fails
from tests.gateways import StandIn

OPTIONS = {
    "push": "since config checkpoint gateway job grouping textfile retry-for format by lock-wait "
    "workers dry-run verbose quiet",
    "run": "every cron listen since config checkpoint gateway job grouping textfile retry-for "
    "format by lock-wait workers verbose quiet",
    "backfill": "into-live openmetrics tsdb step since until series-label force dry-run workers "
    "engine scheduler scheduler-ca-file scheduler-cert-file scheduler-key-file config checkpoint "
    "gateway job grouping textfile retry-for format by lock-wait verbose quiet",
    "status": "config checkpoint json",
    "detect": "format",
    "check": "config checkpoint gateway job grouping textfile retry-for listen format by",
    "resolve": "count ignore config checkpoint by lock-wait verbose quiet",
    "reset": "config checkpoint format lock-wait verbose quiet",
    "forget": "log config checkpoint gateway job grouping lock-wait verbose quiet",
}


def test_every_command_is_in_the_help(program: Program) -> None:
    done = program("--help")
    assert 0 == done.exit
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", done.out, re.MULTILINE)


@pytest.mark.parametrize("command", OPTIONS)
def test_every_option_is_in_the_help(program: Program, command: str) -> None:
    done = program(command, "-h")
    assert 0 == done.exit
    assert "Example: batchlog " in done.out
    named = re.search(
        r"environment instead: --(\w+) as BATCHLOG_(\w+)\.", " ".join(done.out.split())
    )
    assert named is not None
    assert named[1] in OPTIONS[command].split()
    assert named[1].upper() == named[2]
    for option in OPTIONS[command].split():
        assert f"--{option}" in done.out


@pytest.mark.parametrize("command", OPTIONS)
def test_every_option_has_the_environment_variable_named_for_it(command: str) -> None:
    shown: click.Command = import_module(f"batchlog.cli.{command}").command
    options = [one for one in shown.params if isinstance(one, click.Option)]
    long = {max(one.opts, key=len).removeprefix("--"): one.envvar for one in options}
    assert set(OPTIONS[command].split()) == set(long)
    assert {name: "BATCHLOG_" + name.upper().replace("-", "_") for name in long} == long


def test_the_commands_tested_here_are_all() -> None:
    assert set(OPTIONS) == set(COMMANDS)


def test_version_names_program_and_version(program: Program) -> None:
    done = program("--version")
    assert re.fullmatch(r"batchlog, version \d+\.\d+\.\d+\n", done.out)


# --- environment variables ---------------------------------------------------------------------


def test_gateway_job_and_grouping_come_from_the_environment(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    env = {
        "BATCHLOG_GATEWAY": gateway.url,
        "BATCHLOG_JOB": "web",
        "BATCHLOG_GROUPING": "instance=h1",
    }
    done = program("push", program.access, env=env)
    assert 0 == done.exit, done.err
    assert [frozenset({("job", "web"), ("instance", "h1")})] == list(gateway.groups)


def test_several_gateways_and_grouping_keys_come_from_the_environment(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    with StandIn() as other:
        env = {
            "BATCHLOG_GATEWAY": f"{gateway.url} {other.url}",
            "BATCHLOG_GROUPING": "instance=h1 dc=eu",
        }
        program("push", program.access, env=env)
        groups = [frozenset({("job", "batchlog"), ("instance", "h1"), ("dc", "eu")})]
        assert groups == list(gateway.groups) == list(other.groups)


def test_textfile_by_and_format_come_from_the_environment(program: Program) -> None:
    program.log(3)
    env = {
        "BATCHLOG_TEXTFILE": str(program.textfile),
        "BATCHLOG_BY": "method,status_class",
        "BATCHLOG_FORMAT": "combined",
    }
    done = program("push", program.access, env=env)
    assert 0 == done.exit, done.err
    text = program.textfile.read_text()
    assert 'batchlog_http_requests_total{method="GET",status_class="2xx"} 3.0' in text


def test_since_comes_from_the_environment(program: Program) -> None:
    program.log(3)
    program.push(program.access, env={"BATCHLOG_SINCE": "now"})
    assert 0 == program.requests()


def test_dry_run_comes_from_the_environment(program: Program) -> None:
    program.log(3)
    done = program.push(program.access, env={"BATCHLOG_DRY_RUN": "1"})
    assert "# HELP batchlog_http_requests_total" in done.out
    assert not program.checkpoint.exists()


def test_quiet_and_verbose_come_from_the_environment(program: Program) -> None:
    program.log(3)
    verbose = program.push(program.access, env={"BATCHLOG_VERBOSE": "1"})
    quiet = program.push(program.access, env={"BATCHLOG_QUIET": "1"})
    assert "DEBUG " in verbose.err
    assert "" == quiet.err


def test_every_and_cron_come_from_the_environment(program: Program) -> None:
    done = program("run", env={"BATCHLOG_EVERY": "often"})
    fails(done, 2, "--every", "BATCHLOG_EVERY", "'often' is not a duration")
    done = program("run", env={"BATCHLOG_CRON": "* * *"})
    fails(done, 2, "--cron", "BATCHLOG_CRON")


def test_listen_comes_from_the_environment(program: Program) -> None:
    done = program("run", env={"BATCHLOG_LISTEN": "a b"})
    fails(done, 2, "--listen", "'a b' is not an address")


def test_lock_wait_comes_from_the_environment(program: Program) -> None:
    program.log(1)
    done = program.push(program.access, env={"BATCHLOG_LOCK_WAIT": "soon"})
    fails(done, 2, "'soon' is not a duration")
    assert "lock-wait" in done.err


def test_retry_for_comes_from_the_environment(program: Program) -> None:
    program.log(1)
    done = program.push(program.access, env={"BATCHLOG_RETRY_FOR": "soon"})
    fails(done, 2, "--retry-for", "'soon' is not a duration")


# --- precedence --------------------------------------------------------------------------------


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program.config.write_text(f'[gateway]\nurl = "{gateway.url}"\njob = "file"\n')
    program("push", program.access, env={"BATCHLOG_CHECKPOINT": str(program.root / "a/c")})
    env = {"BATCHLOG_JOB": "environment"}
    program("push", program.access, env={**env, "BATCHLOG_CHECKPOINT": str(program.root / "b/c")})
    program(
        "push",
        "--job=flag",
        program.access,
        env={**env, "BATCHLOG_CHECKPOINT": str(program.root / "c/c")},
    )
    jobs = [dict(group)["job"] for group in gateway.groups]
    assert ["file", "environment", "flag"] == jobs


def test_defaults_are_job_batchlog_and_the_host_as_instance(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    expected = frozenset({("job", "batchlog"), ("instance", socket.gethostname())})
    assert [expected] == list(gateway.groups)


def test_the_flag_checkpoint_goes_before_the_environment(program: Program) -> None:
    program.log(3)
    program.push("--checkpoint", program.root / "mine" / "c.json", program.access)
    assert (program.root / "mine" / "c.json").exists()
    assert not program.checkpoint.exists()


def test_the_checkpoint_of_the_file_goes_before_the_default(program: Program) -> None:
    program.log(3)
    program.config.write_text(f'checkpoint = "{program.root}/filed/c.json"\n')
    program.push(program.access, env={"BATCHLOG_CHECKPOINT": None})
    assert (program.root / "filed" / "c.json").exists()


def test_the_default_checkpoint_lies_in_systemds_state_directory(program: Program) -> None:
    program.log(3)
    env = {"BATCHLOG_CHECKPOINT": None, "STATE_DIRECTORY": str(program.root / "sd")}
    program.push(program.access, env=env)
    assert (program.root / "sd" / "checkpoint.json").exists()


def test_an_empty_by_counts_without_labels(program: Program) -> None:
    program.log(3)
    program.push("--by", "", program.access)
    assert "\nbatchlog_http_requests_total 3.0\n" in program.textfile.read_text()


def test_config_flag_names_another_file(program: Program) -> None:
    program.log(3)
    other = program.root / "other.toml"
    other.write_text(f'[textfile]\npath = "{program.textfile}"\n[metrics]\nby = ["method"]\n')
    done = program("push", "--config", other, program.access)
    assert 0 == done.exit
    assert '{method="GET"} 3.0' in program.textfile.read_text()


def test_a_textfile_is_a_sink_so_that_no_gateway_is_pushed_to(program: Program) -> None:
    program.log(3)
    done = program.push(program.access)
    assert "localhost:9091" not in done.err


# --- usage errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("push", "--nothing"),
        ("nothing",),
        ("push", "--since"),
        ("resolve",),
        ("detect",),
        ("resolve", "a.log"),
        ("resolve", "a.log", "--count", "--ignore"),
    ],
)
def test_wrong_usage_is_a_2(program: Program, words: tuple[str, ...]) -> None:
    fails(program(*words), 2)


def test_a_flag_every_goes_before_a_cron_of_the_environment(program: Program) -> None:
    program.log(3)
    words = ("run", "--every", "1h", "--textfile", program.textfile, program.access)
    with program.start(*words, env={"BATCHLOG_CRON": "@yearly"}) as running:
        running.until("INFO read 1 file")
        assert 0 == running.end(signal.SIGTERM).exit


def test_both_every_and_cron_are_a_2(program: Program) -> None:
    fails(program("run", "--every", "5m", "--cron", "@daily"), 2)


def test_the_program_without_a_command_shows_its_help(program: Program) -> None:
    done = program()
    assert "Usage: batchlog" in done.out + done.err
    assert done.exit in (0, 2)
