"""What reaches a terminal, and a pipe that closes: no control characters, no traceback."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import PATIENCE, Program
from tests.site import lines

EVIL = "\x1b]0;owned\x07\x1b[31m\r\u202e"


def controls(raw: bytes) -> set[int]:
    """Return the control characters in what was said, newlines apart."""
    return {byte for byte in raw if byte < 0x20 or byte == 0x7F} - {0x0A}


def hostile(program: Program) -> Path:
    """Return a log with control characters in its name."""
    return program.site.logs / f"evil{EVIL}.log"


def test_control_characters_in_a_name_never_reach_the_terminal(program: Program) -> None:
    path = program.log(3, hostile(program))
    done = program.push("-v", path)
    assert 0 == done.exit, done.err
    for words in (("status",), ("check", path), ("detect", path)):
        env = {"BATCHLOG_TEXTFILE": str(program.textfile)}
        seen = program(*words, env=env)
        assert set() == controls(seen.raw_out + seen.raw_err), words
        assert "\u202e" not in seen.out + seen.err
    assert set() == controls(done.raw_out + done.raw_err)


def test_control_characters_in_a_missing_name_never_reach_the_terminal(program: Program) -> None:
    done = program.push(hostile(program))
    assert 2 == done.exit
    assert set() == controls(done.raw_err)


@pytest.mark.parametrize(
    "words",
    [
        ("push", "--since", EVIL),
        ("push", "--gateway", EVIL),
        ("push", "--format", EVIL),
        ("push", "--by", EVIL),
        ("push", "--config", EVIL),
        ("push", f"--{EVIL}"),
        (EVIL,),
        ("resolve", EVIL, "--count"),
        ("run", "--cron", EVIL),
        ("run", "--listen", EVIL),
        ("push", "--grouping", f"{EVIL}=x"),
        ("push", "--lock-wait", EVIL),
        ("detect", EVIL),
        ("push", "--checkpoint", EVIL),
    ],
)
def test_control_characters_in_an_argument_never_reach_the_terminal(
    program: Program, words: tuple[str, ...]
) -> None:
    program.log(1)
    done = program(*words, env={"BATCHLOG_TEXTFILE": str(program.textfile)})
    assert 0 != done.exit
    assert set() == controls(done.raw_err + done.raw_out), done.err


def test_control_characters_in_lines_never_reach_the_terminal(program: Program) -> None:
    line = lines(1).replace(b"GET /n/1", b"GET /\x1b[2J\x07\xff\xc2\x9b")
    program.access.write_bytes(line * 2 + b"\x1b[2Jgarbage\x07\n")
    done = program("detect", program.access)
    assert 0 == done.exit, done.err
    assert set() == controls(done.raw_out + done.raw_err)
    assert "\x9b" not in done.out


def test_control_characters_in_the_configuration_never_reach_the_terminal(
    program: Program,
) -> None:
    program.config.write_text('[gateway]\nurl = "http://\\u001b[2Jx"\n')
    done = program.push()
    assert 2 == done.exit
    assert set() == controls(done.raw_err)


def test_control_characters_from_a_checkpoint_never_reach_the_terminal(program: Program) -> None:
    program.log(3)
    program.config.write_text(
        f'[[log]]\npath = "{program.access}"\nlabels = {{ tier = "\\u001b[2J" }}\n'
    )
    program.push()
    done = program("status")
    assert set() == controls(done.raw_out + done.raw_err)


# --- colours -----------------------------------------------------------------------------------


def at_a_terminal(program: Program, *words: str | Path, **env: str | None) -> str:
    """Return what the program says to a person at a terminal, on standard error."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        program.command(*words),
        env=program.environment({"TERM": "xterm", **env}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # EIO: the other side is closed
            break
        if not chunk:
            break
        said += chunk
    os.close(ours)
    process.wait(PATIENCE)
    return said.decode()


def test_errors_are_coloured_at_a_terminal(program: Program) -> None:
    assert "\x1b[31mERROR\x1b[0m" in at_a_terminal(program, "push", program.access)


def test_no_color_is_honoured(program: Program) -> None:
    said = at_a_terminal(program, "push", program.access, NO_COLOR="1")
    assert "ERROR" in said
    assert "\x1b" not in said


def test_nothing_is_coloured_in_a_pipe(program: Program) -> None:
    assert "\x1b" not in program.push(program.access).err


# --- a pipe that closes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["push --dry-run", "status", "status --json", "--help", "push -h"]
)
def test_a_reader_of_standard_output_that_leaves_is_no_error(program: Program, words: str) -> None:
    for number in range(50):
        program.log(2, program.site.logs / f"{number}-{'x' * 150}.log")
    program.push(str(program.site.logs / "*.log"))
    read, write = os.pipe()
    os.close(read)
    env = program.environment({"BATCHLOG_TEXTFILE": str(program.textfile)})
    process = subprocess.run(
        program.command(*words.split()),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        timeout=PATIENCE,
    )
    os.close(write)
    assert b"Traceback" not in process.stderr
    assert b"BrokenPipe" not in process.stderr
    assert 0 == process.returncode


def test_a_full_disk_under_standard_output_is_no_traceback(program: Program) -> None:
    program.log(3)
    with open("/dev/full", "wb") as full:
        process = subprocess.run(
            program.command("push", "--dry-run", program.access),
            env=program.environment({"BATCHLOG_TEXTFILE": str(program.textfile)}),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
        )
    assert 0 != process.returncode
    assert b"Traceback" not in process.stderr


def test_closed_standard_streams_are_no_reason_not_to_count(program: Program) -> None:
    program.log(3)
    words = [os.fsdecode(word) for word in program.command("push", program.access)]
    script = 'exec "$@" <&- >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *words],
        env=program.environment({"BATCHLOG_TEXTFILE": str(program.textfile)}),
        check=False,
        timeout=PATIENCE,
    )
    assert 0 == done.returncode
    assert 3 == program.requests()


# --- completion --------------------------------------------------------------------------------


def test_shell_completion_gives_a_script(program: Program) -> None:
    done = program(env={"_BATCHLOG_COMPLETE": "bash_source"})
    assert 0 == done.exit, done.err
    assert "complete -o nosort -F _batchlog_completion batchlog" in done.out


@pytest.mark.parametrize(
    ("typed", "expected"), [("batchlog st", "status"), ("batchlog push --tex", "--textfile")]
)
def test_shell_completion_completes_commands_and_options(
    program: Program, typed: str, expected: str
) -> None:
    env = {
        "_BATCHLOG_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = program(env=env)
    assert f"plain,{expected}" in done.out.splitlines(), done.err
