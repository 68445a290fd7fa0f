"""How a backfill shows how far it has come: a bar at a terminal, plain lines elsewhere.

A script stands in for the backfill, as a process of its own: what it says at a real terminal is
read as bytes.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pytest

from batchlog.backfill.dry import Planned
from batchlog.backfill.summary import Summary
from batchlog.cli.summary import headline, plan
from batchlog.tally import UNTIMED, Key, Row, Tally
from tests.cli.program import PATIENCE, Program

DAY = 86_400
MARKUP = "[red]x.log"
EVIL = "a\x1b]0;owned\x07\x1b[2J\r\u202e.log"

SCRIPT = """
import sys
from batchlog.backfill.summary import Summary
from batchlog.cli import console, progress, summary
from batchlog.segments.findings import error, warning
from batchlog.tally import UNTIMED, Tally

kind, *names = sys.argv[1:]
quiet = kind == "quiet"
console.set_up(verbose=kind == "verbose", quiet=quiet)
found = Summary(("status",))
with progress.shown(quiet=quiet) as shown:
    shown.begin(1000 * len(names), len(names))
    for number, name in enumerate(names):
        shown.file(name)
        found.begin_file()
        shown.advance(1000)
        rows = {(UNTIMED, (status,)): [each, 1000 * each] for status, each in
                (("200", 900), ("404", 100))}
        tally = Tally(rows=rows, malformed=number, newest=86_400 * (number + 1))
        shown.step(tally, 80_000)
        found.add(tally, 80_000, 86_400 * number)
        console.say(warning(f"[bold]look[/] at {name}, " + "which is long, " * 20))
        shown.done()
        shown.done()  # of a file that failed before anything of it was read
        if kind == "fails":
            raise SystemExit(3)
print("a result")
summary.show(found, 1.5, quiet=quiet)
console.say(error("the end"))
"""


def command(*words: str) -> list[str]:
    """Return the words that run the script."""
    return [sys.executable, "-c", SCRIPT, *words]


def at_a_terminal(program: Program, *words: str, **env: str | None) -> str:
    """Return what the script says at a person's terminal."""
    return watched(program, command(*words), env)


def watched(
    program: Program,
    line: Sequence[str | bytes],
    env: Mapping[str, str | None] = MappingProxyType({}),
) -> str:
    """Return what reaches a terminal of 100 columns from standard error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    surroundings = {"TERM": "xterm", "LC_ALL": "C.UTF-8", **env}
    process = subprocess.Popen(
        line,
        env=program.environment(surroundings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while chunk := _read(ours):
        said += chunk
    os.close(ours)
    process.wait(PATIENCE)
    return said.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # EIO: the other side is closed
        return b""


def in_a_log(program: Program, *words: str, **env: str | None) -> str:
    """Return what standard error gets where it is a pipe."""
    done = subprocess.run(
        command(*words),
        env=program.environment({"TERM": "xterm", "LC_ALL": "C.UTF-8", **env}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        timeout=PATIENCE,
    )
    return done.stderr.decode()


def screen(said: str) -> list[str]:
    """Return the lines that stay on the screen: what is drawn over is gone, and colors are.

    It knows what the bar needs: return, line feed, up, erase the line, show and hide the cursor.
    """
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\n]|[^\x1b\r\n]+", said):
        if part == "\r":
            column = 0
        elif part == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif part.endswith("A"):
            row -= int(part[2:-1] or 1)
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part.startswith("\x1b"):
            assert part.endswith(("m", "h", "l")), part
        else:
            lines[row] = lines[row][:column].ljust(column) + part + lines[row][column + len(part) :]
            column += len(part)
    return lines


# --- a person watches --------------------------------------------------------------------------


def test_a_person_sees_bytes_percentage_and_the_file_at_hand(program: Program) -> None:
    said = at_a_terminal(program, "plain", "/var/log/a.log", "/var/log/b.log")
    assert "0.0/2.0 kB" in said
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", said)
    assert re.search(r"100% 2\.0/2\.0 kB [\d,]+ lines/s 0:00:00 /var/log/b\.log", drawn)


def test_the_bar_is_gone_at_the_end_and_the_cursor_is_there(program: Program) -> None:
    said = at_a_terminal(program, "plain", "/var/log/a.log")
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")
    assert "%" not in "".join(line for line in screen(said) if "/var/log/a.log" in line)
    assert "2.0 kB" not in "".join(screen(said))


def test_a_failure_in_the_middle_leaves_no_bar_either(program: Program) -> None:
    said = at_a_terminal(program, "fails", "/var/log/a.log", "/var/log/b.log")
    assert said.rindex("\x1b[?25h") > said.rindex("\x1b[?25l")
    assert "2.0 kB" not in "".join(screen(said))


def test_the_bar_tears_no_line_of_the_log(program: Program) -> None:
    said = at_a_terminal(program, "verbose", "/var/log/a.log", "/var/log/b.log")
    long = "which is long, " * 20
    left = screen(said)
    for name in ("a", "b"):
        assert f"WARNING [bold]look[/] at /var/log/{name}.log, {long}" in left
    assert "DEBUG /var/log/b.log: 1,001 lines, 80.0 kB; 1 malformed" in left
    assert "ERROR the end" in left


def test_a_line_a_file_is_for_verbose_where_a_bar_is_shown(program: Program) -> None:
    assert "1,000 lines, 80.0 kB" not in at_a_terminal(program, "plain", "/a.log", "/b.log")


def test_a_long_name_shows_its_end(program: Program) -> None:
    name = f"/var/{'long/' * 50}access.log.3.gz"
    left = at_a_terminal(program, "plain", name)
    assert re.search(r"lines/s.* \.\.\.[a-z/]{20}/access\.log\.3\.gz", left)


@pytest.mark.parametrize("name", [EVIL, MARKUP, "\u202e", "\udcff.log"])
def test_a_name_is_text_to_the_bar(program: Program, name: str) -> None:
    said = at_a_terminal(program, "verbose", name)
    assert "\x1b]" not in said
    assert "\x1b[2J" not in said
    assert "\x07" not in said
    assert "\u202e" not in said


def test_markup_in_a_name_is_shown_as_it_is(program: Program) -> None:
    said = at_a_terminal(program, "plain", MARKUP)
    assert re.search(r"lines/s.*\[red\]x\.log", said)
    assert "\x1b[31m[" not in said


def test_no_color_takes_the_color_and_leaves_the_bar(program: Program) -> None:
    said = at_a_terminal(program, "plain", "/var/log/a.log", NO_COLOR="1")
    assert "1.0/1.0 kB" in said
    assert [] == re.findall(r"\x1b\[[0-9;]*m", said)


def test_colors_are_there_without_it(program: Program) -> None:
    assert re.search(r"\x1b\[[0-9;]*m", at_a_terminal(program, "plain", "/var/log/a.log"))


def test_the_summary_at_a_terminal_is_a_table_and_a_sparkline(program: Program) -> None:
    left = screen(at_a_terminal(program, "plain", "/a.log", "/b.log"))
    [line] = [line for line in left if line.startswith("INFO read")]
    assert "read 2 files, 2,001 lines, 160.0 kB in 1.50 s" in line
    assert ["status", "requests", "share", "bytes"] in [line.split() for line in left]
    assert ["200", "1,800", "90.0%", "1.8", "MB"] in [line.split() for line in left]
    assert ["404", "200", "10.0%", "200.0", "kB"] in [line.split() for line in left]
    assert [line for line in left if "████" in line and "a bar is 2h" in line]


def test_a_terminal_without_such_characters_gets_others(program: Program) -> None:
    said = at_a_terminal(program, "plain", "/é.log", PYTHONIOENCODING="ascii")
    assert said.isascii()
    assert "\\u" not in said
    assert "/\\xe9.log" in said
    assert "####" in said


def test_a_backfill_at_a_terminal_shows_all_that_and_nothing_of_a_hostile_name(
    program: Program,
) -> None:
    path = program.log(300, program.site.logs / EVIL)
    words = program.command("backfill", "--textfile", program.textfile, path)
    said = watched(program, words)
    assert re.search(r"100%", said)
    assert said.count("\x1b[?25h") == said.count("\x1b[?25l") == 1
    assert not {"\x07", "\u202e"} & set(said)
    assert "\x1b]" not in said
    left = screen(said)
    assert [line for line in left if "read 1 file, 300 lines" in line]
    assert ["status", "requests", "share", "bytes"] in [line.split() for line in left]


# --- nobody watches ----------------------------------------------------------------------------


def test_a_log_gets_a_line_a_file_and_the_summary(program: Program) -> None:
    said = in_a_log(program, "plain", "/var/log/a.log", "/var/log/b.log").splitlines()
    assert "INFO /var/log/a.log: 1,000 lines, 80.0 kB" in said
    assert "INFO /var/log/b.log: 1,001 lines, 80.0 kB; 1 malformed" in said
    assert (
        "INFO read 2 files, 2,001 lines, 160.0 kB in 1.50 s "
        "from 1970-01-01 00:00 to 1970-01-03 00:00 UTC; 1 malformed"
    ) in said
    assert 2 == len([line for line in said if "1,00" in line])
    assert "INFO   status=200  1,800 requests    1.8 MB" in said
    assert "INFO   status=404    200 requests  200.0 kB" in said
    assert said[-2].startswith("INFO   █")


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}])
def test_a_log_gets_no_escape_sequences(program: Program, env: dict[str, str | None]) -> None:
    said = in_a_log(program, "verbose", "/var/log/a.log", EVIL, MARKUP, **env)
    assert set() == {byte for byte in said.encode() if byte < 0x20} - {0x0A}
    assert f"INFO {MARKUP}: 1,002 lines" in said


def test_a_backfill_in_a_log_has_no_escape_sequences(program: Program) -> None:
    path = program.log(300, program.site.logs / EVIL)
    done = program("backfill", "--textfile", program.textfile, path, env={"TERM": "xterm"})
    assert 0 == done.exit, done.err
    assert b"\x1b" not in done.raw_err + done.raw_out
    assert "300 lines" in done.err


@pytest.mark.parametrize("term", ["dumb", "", None])
def test_a_terminal_that_cannot_move_its_cursor_is_a_log(program: Program, term: str) -> None:
    said = at_a_terminal(program, "plain", "/var/log/a.log", TERM=term, NO_COLOR="1")
    assert "\x1b" not in said
    assert "INFO /var/log/a.log: 1,000 lines, 80.0 kB\r\n" in said


def test_quiet_shows_errors_only(program: Program) -> None:
    for said in (in_a_log(program, "quiet", "/a"), at_a_terminal(program, "quiet", "/a")):
        assert ["the end"] == [line.partition(" ")[2] for line in said.splitlines()]


# --- the summary in words ----------------------------------------------------------------------


def test_the_summary_names_all_that_did_not_count() -> None:
    found = Summary(("status",))
    for reason in ("already backfilled", "already backfilled", "empty"):
        found.leave(reason)
    found.begin_file()
    rows: dict[Key, Row] = {(UNTIMED, ("200",)): [1, 1]}
    found.add(Tally(rows, malformed=12, oversize=1, undated=3, skipped=2, newest=0), 1)
    assert (
        "read 1 file, 16 lines, 1 byte in 0.25 s from 1970-01-01 00:00 to 1970-01-01 00:00 UTC; "
        "12 malformed; 1 oversize; 3 undated; 2 lines skipped; "
        "3 files skipped (2 already backfilled, 1 empty)"
    ) == headline(found, 0.25)


def test_one_reason_for_all_skipped_files_is_named_once() -> None:
    found = Summary(("status",))
    for _ in range(2):
        found.leave("empty")
    assert headline(found, 1).endswith("; 2 files skipped (empty)")


def test_the_summary_repeats_the_common_reasons_only() -> None:
    found = Summary(("status",))
    for reason in ("a", "b", "c", "d", "c"):
        found.leave(reason)
    assert headline(found, 1).endswith("5 files skipped (2 c, 1 a, 1 b, ...)")


def test_a_summary_of_nothing_says_so() -> None:
    assert "read 0 files, 0 lines, 0 bytes in 1.00 s" == headline(Summary(("status",)), 1)


def test_a_stamp_of_no_calendar_is_shown_as_a_number() -> None:
    found = Summary(())
    found.add(Tally({(UNTIMED, ()): [1, 1]}, newest=10**18), 1)
    assert f"from {10**18} s" in headline(found, 1)


# --- the plan ----------------------------------------------------------------------------------


def test_the_plan_aligns_and_ends_with_its_totals() -> None:
    rows = [
        Planned("/var/log/access.log.3.gz", 7_900_000, "read"),
        Planned("/var/log/access.log", 999, "read up to byte 1,234, where counting began"),
        Planned("/mnt/old.gz", 12_345_678, "skipped: already backfilled", is_read=False),
    ]
    assert [
        "   7.9 MB  read                                         /var/log/access.log.3.gz",
        "999 bytes  read up to byte 1,234, where counting began  /var/log/access.log",
        "  12.3 MB  skipped: already backfilled                  /mnt/old.gz",
        "2 files to read, 7.9 MB on disk; 1 skipped",
    ] == plan(rows)


def test_names_in_the_plan_are_printable() -> None:
    [line, _] = plan([Planned(EVIL, 1, "read")])
    assert line.isprintable()
    assert line.endswith(r"a\x1b]0;owned\x07\x1b[2J\r\u202e.log")


def test_no_password_is_in_the_plan() -> None:
    [line, _] = plan([Planned("ftp://me:secret@example.org/a.gz", 1, "read")])
    assert "secret" not in line
    assert "example.org/a.gz" in line


def test_a_plan_of_nothing_has_its_totals() -> None:
    assert ["0 files to read, 0 bytes on disk"] == plan([])
