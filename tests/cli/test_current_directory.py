"""Nothing in the current directory is imported, run or read (R118)."""

import os
import subprocess
import sys

import pytest

from batchlog.safe_path import absolute, importable
from tests.cli.archives import archive, pattern
from tests.cli.program import REPOSITORY, Program

TRAP = """\
import os
with open(os.environ["WITNESS"], "a") as witness:
    witness.write({name!r} + "\\n")
raise ImportError("from the current directory: " + {name!r})
"""

LAUNCHER = f"""\
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from batchlog.__main__ import main
if __name__ == "__main__":
    sys.exit(main())
"""
"""What pip writes."""

LIBRARIES = (
    *("click", "msgspec", "prometheus_client", "apscheduler", "dateutil", "rich", "numpy"),
    *("platformdirs", "isal", "backports", "tzlocal", "tzdata", "distributed", "dask", "fsspec"),
    *("s3fs", "usercustomize", "batchlog_plugin", "colorama", "shellingham"),
)


def loaded_at_start() -> set[str]:
    """Return what Python and a launcher that pip has written load before anything of ours."""
    code = "import re, sys, os, gc, runpy; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.fixture(scope="module")
def names() -> set[str]:
    """All modules that a trap can stand for."""
    return (set(sys.stdlib_module_names) - loaded_at_start()) | set(LIBRARIES)


class Trap:
    """A current directory in which everything that could be taken for ours leaves its name."""

    def __init__(self, program: Program, names: set[str]) -> None:
        self.program = program
        self.directory = program.root / "trap"
        self.directory.mkdir()
        self.witness = program.root / "witness"
        for name in names:
            (self.directory / f"{name}.py").write_text(TRAP.format(name=name))
        for name in ("promtool", "logrotate", "python", "python3", "gcc", "ldconfig"):
            path = self.directory / name
            path.write_text('#!/bin/sh\necho "$0" >>"$WITNESS"\nexit 1\n')
            path.chmod(0o755)
        program.env["WITNESS"] = str(self.witness)

    def run(
        self, *words: str, env: dict[str, str] | None = None, exits: tuple[int, ...] = (0,)
    ) -> str:
        """Run the program here, and return what was sprung."""
        options = [word for word in words if word.startswith("-E")]
        launcher = self.program.root / "launcher.py"
        launcher.write_text(LAUNCHER)
        done = subprocess.run(
            [sys.executable, *options, str(launcher), *words[len(options) :]],
            cwd=self.directory,
            env={**self.program.env, "PYTHONPATH": "", **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        sprung = self.witness.read_text() if self.witness.exists() else ""
        assert done.returncode in exits, done.stderr
        return sprung


@pytest.fixture
def trap(program: Program, names: set[str]) -> Trap:
    return Trap(program, names)


def push(trap: Trap) -> tuple[str, ...]:
    return ("push", "--textfile", str(trap.program.textfile), str(trap.program.log(3)))


@pytest.mark.parametrize(
    "element", ["/nowhere:", ":/nowhere", "/nowhere::/x", ".", "../trap", "./"]
)
def test_r118_no_library_is_imported_through_an_element_that_is_not_absolute(
    trap: Trap, element: str
) -> None:
    assert "" == trap.run(*push(trap), env={"PYTHONPATH": element})
    assert 3 == trap.program.requests()


def test_r118_worker_processes_import_nothing_from_the_current_directory(trap: Trap) -> None:
    """The fork server and the resource tracker are started with `python -c`."""
    for number in (1, 2):
        archive(trap.program, number, 50)
    words = ("backfill", "--workers", "2", "--textfile", str(trap.program.textfile))
    assert "" == trap.run(*words, pattern(trap.program))
    assert 100 == trap.program.requests()


@pytest.mark.parametrize("path", ["", ":", ".:{path}", "{path}:", ":{path}", "{path}::", "../trap"])
def test_r118_no_program_is_run_through_an_element_that_is_not_absolute(
    trap: Trap, path: str
) -> None:
    trap.program.log(3)
    env = {"PATH": path.format(path=os.defpath)}
    words = ("backfill", "--tsdb", str(trap.program.root / "blocks"), str(trap.program.access))
    assert "" == trap.run(*words, env=env, exits=(0, 2))  # 2: there is no other promtool


def test_r118_where_workers_cannot_be_kept_from_it_none_is_started(trap: Trap) -> None:
    """Python that ignores its environment ignores PYTHONSAFEPATH too, and so do its children."""
    for number in (1, 2):
        archive(trap.program, number, 50)
    words = ("backfill", "--workers", "2", "--textfile", str(trap.program.textfile))
    assert "" == trap.run("-E", *words, pattern(trap.program), exits=(69,))
    assert "" == trap.run("-EP", *words, pattern(trap.program))
    assert 100 == trap.program.requests()


def test_r118_as_a_module_only_the_program_itself_is_looked_for_here(trap: Trap) -> None:
    """`python -P -m batchlog` does not look here at all."""
    module = [sys.executable, "-m", "batchlog", *push(trap)]
    env = {**trap.program.env, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(module, cwd=trap.directory, env=env, capture_output=True, check=False)
    assert 0 == done.returncode, done.stderr.decode()
    assert not trap.witness.exists(), trap.witness.read_text()


def test_r118_no_configuration_is_read_from_the_current_directory(trap: Trap) -> None:
    for name in (
        "batchlog.toml",
        ".batchlog.toml",
        "pyproject.toml",
        "dask.yaml",
        ".env",
        ".netrc",
    ):
        (trap.directory / name).write_text("no such thing = ")
    trap.program.env.pop("BATCHLOG_CONFIG")
    assert "" == trap.run(*push(trap))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("/a:/b", "/a:/b"),
        ("", ""),
        (":", ""),
        ("/a:", "/a"),
        (":/a", "/a"),
        ("a:/b:./c:..", "/b"),
        ("~/bin:/b", "/b"),
        ("/a::/b", "/a:/b"),
    ],
)
def test_only_absolute_elements_stay(given: str, kept: str) -> None:
    assert kept == absolute(given)


@pytest.mark.parametrize(
    ("python_path", "path", "is_module", "kept"),
    [
        ("/a:", ["/bin", "/a", "/here", "/lib"], False, ["/bin", "/a", "/lib"]),
        ("sub", ["/bin", "/here/sub", "/lib"], False, ["/bin", "/lib"]),
        (".:/here", ["/bin", "/here", "/lib"], False, ["/bin", "/here", "/lib"]),
        ("", ["/here", "/lib"], True, ["/lib"]),
        ("", ["/here", "/lib"], False, ["/here", "/lib"]),
        ("", ["", "relative", "/lib"], False, ["/lib"]),
        ("..", ["/", "/lib"], False, ["/lib"]),
    ],
)
def test_what_a_program_may_import_from(
    python_path: str, path: list[str], is_module: bool, kept: list[str]
) -> None:
    assert kept == importable(path, python_path, "/here", "/home", is_module=is_module)


def test_the_directory_of_the_program_itself_stays() -> None:
    """In a checkout it is the current one, and what runs comes from it anyway."""
    assert ["/here"] == importable(["/here"], ":", "/here", "/here", is_module=True)


def test_where_the_current_directory_is_gone_nothing_relative_stays() -> None:
    assert ["/lib"] == importable(["", "/lib"], ":", "", "/home", is_module=True)
