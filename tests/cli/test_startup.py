"""The start-up budget (DESIGN, section 9): an idle push imports nothing heavy."""

import re
import shutil
import sys
from pathlib import Path

import pytest

import batchlog
from batchlog.scan import MUCH
from batchlog.scan.library import library
from tests.cli.archives import archive, long_archives, pattern
from tests.cli.program import Program
from tests.site import line

HEAVY = (
    *("numpy", "rich", "apscheduler", "dateutil", "dask", "tzlocal"),
    *("difflib", "platformdirs", "zoneinfo"),
)


def imported(program: Program, *words: str) -> set[str]:
    """Return the names of all modules that a command imports."""
    python = program.command()[0]
    assert sys.executable == python
    done = program(*words, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert 0 == done.exit, done.err
    return set(re.findall(r"^import time:[^|]*\|[^|]*\|\s*(\S+)$", done.err, re.MULTILINE))


@pytest.mark.parametrize("words", [("push",), ("push", "--dry-run"), ("status",), ("--help",)])
def test_an_idle_command_imports_nothing_heavy(program: Program, words: tuple[str, ...]) -> None:
    program.log(3)
    program.config.write_text(f'[textfile]\npath = "{program.textfile}"\n')
    program("push", program.access)
    seen = imported(program, *words)
    assert "batchlog.cli" in seen
    assert [] == sorted({name for name in seen if name.partition(".")[0] in HEAVY})


def test_a_push_needs_no_data_base_of_time_zones(program: Program) -> None:
    program.log(3)
    words = ("push", "--textfile", str(program.textfile), str(program.access))
    (program.root / "tzdata.py").write_text("")  # hides the package, where there is one
    path = f"{program.root}:{program.env['PYTHONPATH']}"
    done = program(*words, env={"PYTHONTZPATH": "", "PYTHONPATH": path})
    assert 0 == done.exit, done.err


def test_a_command_loads_no_other_commands_module(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    seen = {name for name in imported(program, "status") if name.startswith("batchlog.cli.")}
    assert {"batchlog.cli.console", "batchlog.cli.group"} <= seen
    assert not seen & {f"batchlog.cli.{name}" for name in ("push", "run", "check", "detect")}


def test_a_push_loads_nothing_of_backfills(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    seen = imported(program, "push", "--textfile", str(program.textfile))
    assert "batchlog.job.run" in seen
    packages = {".".join(name.split(".")[:2]) for name in seen}
    assert not packages & {f"batchlog.{name}" for name in ("backfill", "engines", "history")}


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_a_backfill_of_a_little_into_totals_loads_nothing_heavy(
    program: Program, workers: tuple[str, ...]
) -> None:
    """Nor does it with processes of its own."""
    archive(program, 1, 50)
    words = ("backfill", *workers, "--textfile", str(program.textfile))
    seen = imported(program, *words, pattern(program))
    assert "batchlog.backfill.totals" in seen
    assert 50 == program.requests()
    heavy = {*HEAVY, "distributed", "fsspec", "s3fs", "tornado"}
    assert [] == sorted({name for name in seen if name.partition(".")[0] in heavy})


LINES = MUCH // len(line(0)) + 1


@pytest.fixture
def plain(program: Program) -> Program:
    """Return a program as it is installed where there is no C compiler."""
    installed, other = Path(batchlog.__file__).parent, program.root / "other"
    left_out = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(installed, other / "batchlog", ignore=left_out)
    program.env["PYTHONPATH"] = str(other)
    return program


@pytest.mark.skipif(library() is None, reason="batchlog was installed without its compiled part")
def test_a_push_with_much_to_read_loads_nothing_heavy(program: Program) -> None:
    program.log(LINES)
    seen = imported(program, "push", "--textfile", str(program.textfile), str(program.access))
    assert "batchlog.scan.compiled" in seen
    assert [] == sorted({name.partition(".")[0] for name in seen} & set(HEAVY))
    assert LINES == program.requests()


def test_without_the_compiled_part_it_loads_numpy_and_nothing_else_heavy(plain: Program) -> None:
    plain.log(LINES)
    seen = imported(plain, "push", "--textfile", str(plain.textfile), str(plain.access))
    assert {"numpy"} == {name.partition(".")[0] for name in seen} & set(HEAVY)
    assert LINES == plain.requests()


def test_check_says_what_is_missing(plain: Program) -> None:
    plain.log(3)
    words = ("check", "--textfile", str(plain.textfile), str(plain.access))
    assert "WARN  batchlog's compiled part is missing" in plain(*words).out
    (plain.root / "other" / "numpy.py").write_text("raise ImportError('for another machine')\n")
    said = plain(*words).out
    assert "WARN  batchlog's compiled part is missing" in said
    assert "WARN  NumPy cannot be imported" in said


def test_too_little_memory_is_one_line_and_nothing_is_committed(plain: Program) -> None:
    plain.log(LINES)
    (plain.root / "other" / "numpy.py").write_text("raise MemoryError('of a limit')\n")
    words = ("push", "--since", "start", "--textfile", str(plain.textfile), str(plain.access))
    done = plain(*words)
    assert 69 == done.exit
    assert ["ERROR not enough memory"] == [line.partition(",")[0] for line in done.err.splitlines()]
    (plain.root / "other" / "numpy.py").unlink()
    assert 0 == plain("push", "--textfile", str(plain.textfile)).exit
    assert LINES == plain.requests()


def test_without_numpy_too_rows_answer_and_say_so(plain: Program) -> None:
    plain.log(LINES)
    (plain.root / "other" / "numpy.py").write_text("raise ImportError('for another machine')\n")
    done = plain("push", "--textfile", str(plain.textfile), str(plain.access))
    assert 0 == done.exit
    assert "NumPy cannot be imported" in done.err
    assert LINES == plain.requests()


def test_where_processes_have_no_numpy_the_run_says_so_once(plain: Program) -> None:
    count = long_archives(plain, 3, 12)
    plain.access.touch()
    (plain.root / "other" / "numpy.py").write_text("raise ImportError('for another machine')\n")
    words = ("push", "--since", "start", "--workers", "2", "--textfile", str(plain.textfile))
    done = plain(*words, str(plain.access))
    assert 0 == done.exit
    assert 1 == done.err.count("NumPy cannot be imported")
    assert count == plain.requests()
