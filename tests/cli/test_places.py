"""What stands where a file of ours should: refused at once, whatever it is (R121)."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.program import Program, fails
from tests.gateways import StandIn
from tests.sinks.certificates import Authority
from tests.test_smallfile import KINDS

pipe, device = KINDS["a pipe"], KINDS["a device"]

each_kind = pytest.mark.parametrize(("what", "make"), KINDS.items(), ids=[k[2:] for k in KINDS])

worst_kinds = pytest.mark.parametrize(
    ("what", "make"), [("a pipe", pipe), ("a device", device)], ids=["pipe", "device"]
)


def _gateway_with(program: Program, **keys: str | Path) -> None:
    lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    program.config.write_text(f"[gateway]\n{lines}")


@each_kind
def test_r121_a_checkpoint_that_is_no_file_is_74(
    program: Program, what: str, make: Callable[[Path], None]
) -> None:
    program.checkpoint.parent.mkdir(mode=0o700)
    make(program.checkpoint)
    fails(program.push(program.log()), 74, str(program.checkpoint), what, "move it away")


@each_kind
def test_r121_a_configuration_that_is_no_file_is_2(
    program: Program, what: str, make: Callable[[Path], None]
) -> None:
    program.config.unlink()
    make(program.config)
    fails(program.push(program.log()), 2, str(program.config), what)


def test_r121_the_null_device_is_an_empty_configuration(program: Program) -> None:
    assert 0 == program.push(program.log(), env={"BATCHLOG_CONFIG": "/dev/null"}).exit
    assert 0 == program.push("--config", "/dev/null", program.access).exit


@pytest.mark.parametrize("name", [".lock", ".backfill.lock"])
@worst_kinds
def test_r121_a_lock_that_is_no_file_is_74(
    program: Program, what: str, make: Callable[[Path], None], name: str
) -> None:
    program.checkpoint.parent.mkdir(mode=0o700)
    make(Path(f"{program.checkpoint}{name}"))
    command = program.push if name == ".lock" else lambda log: program("backfill", log)
    what = "a link" if make is device else what
    fails(command(program.log()), 74, f"{program.checkpoint}{name}", what)


def test_r121_a_pipe_as_the_previous_checkpoint_is_none(program: Program) -> None:
    program.checkpoint.parent.mkdir(mode=0o700)
    pipe(Path(f"{program.checkpoint}.previous"))
    fails(program.push(program.log()), 74, "is missing", "reset")


def test_r121_a_pipe_as_the_last_run_is_none(program: Program) -> None:
    assert 0 == program.push(program.log()).exit
    last = program.checkpoint.parent / "last-run.json"
    last.unlink()
    pipe(last)
    assert 0 == program("status").exit
    assert 0 == program.push(program.access).exit
    assert last.is_file()


@pytest.mark.parametrize("setting", ["password_file", "bearer_token_file"])
@worst_kinds
def test_r121_a_secret_that_is_no_file_is_69(
    program: Program, gateway: StandIn, setting: str, what: str, make: Callable[[Path], None]
) -> None:
    make(program.root / "secret")
    user = {"username": "me"} if setting == "password_file" else {}
    _gateway_with(program, url=gateway.url, **user, **{setting: program.root / "secret"})
    fails(program("push", program.log()), 69, f"gateway.{setting}", what)


@pytest.mark.parametrize("setting", ["ca_file", "cert_file", "key_file"])
@worst_kinds
def test_r121_a_certificate_that_is_no_file_is_69(
    program: Program, setting: str, what: str, make: Callable[[Path], None]
) -> None:
    pair = Authority(program.root / "ca").issue("client")
    given = {"ca_file": pair.cert, "cert_file": pair.cert, "key_file": pair.key}
    make(program.root / "it")
    given[setting] = program.root / "it"
    _gateway_with(program, url="https://127.0.0.1:1", **given)
    fails(program("push", program.log()), 69, f"{program.root}/it", what)


@worst_kinds
def test_r121_the_authorities_that_openssl_takes_by_itself_are_no_pipe_either(
    program: Program, what: str, make: Callable[[Path], None]
) -> None:
    make(program.root / "it")
    words = ("push", "--gateway", "https://127.0.0.1:1", program.log())
    for name in ("it", "none"):
        done = program(*words, env={"SSL_CERT_FILE": str(program.root / name)})
        fails(done, 69, f"{program.root}/it: Is {what}" if name == "it" else "connection refused")


@worst_kinds
def test_r121_a_textfile_that_is_no_file_is_69(
    program: Program, what: str, make: Callable[[Path], None]
) -> None:
    make(program.textfile)
    fails(program.push(program.log()), 69, str(program.textfile), "not a regular file")
    assert what  # its message says the same of each


@pytest.mark.parametrize(
    ("name", "flag"), [("manifest.json", "--openmetrics"), ("blocks.json", "--tsdb")]
)
def test_r121_a_pipe_as_a_record_of_history_is_69(program: Program, name: str, flag: str) -> None:
    into = program.root / "history"
    into.mkdir()
    pipe(into / name)
    fails(program("backfill", flag, into, program.log()), 69, str(into), "Is a pipe")
    assert [name] == [found for found in os.listdir(into) if found != ".lock"]


def test_a_secret_that_everybody_can_write_is_2_before_anything_is_begun(
    program: Program, gateway: StandIn
) -> None:
    """Of each command that would send it; `check` names it with all else."""
    secret = program.root / "secret"
    secret.write_text("geheim")
    _gateway_with(program, url=gateway.url, username="me", password_file=secret)
    secret.chmod(0o606)
    log = program.log()
    for words in (("push", log), ("run", "--every", "1s", log), ("backfill", log), ("forget",)):
        fails(program(*words), 2, f"gateway.password_file {secret} can be written by everybody")
    assert not program.checkpoint.parent.exists()
    assert [] == gateway.seen
    checked = program("check", log)
    assert 65 == checked.exit
    assert f"FAIL  gateway.password_file {secret}" in checked.out
    secret.chmod(0o600)
    assert 0 == program("push", log).exit
