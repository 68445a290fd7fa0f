"""Whole processes are measured in turn, with their own memory, and a wrong count ends it."""

import resource
import sys
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.measure import Failed, Program, Truth, alternate, nothing, run

TRUTH = Truth({"200": (2, 30)}, 2, 100)
MB = 10**6


def shell(name: str, *scripts: str) -> Program:
    return Program(name, [("sh", "-c", script) for script in scripts], nothing, "")


def python(*megabytes: int) -> Program:
    """Return a pipeline of processes that hold so much memory each."""
    scripts = (f"kept = b'x' * {size * MB}" for size in megabytes)
    return Program("python", [(sys.executable, "-I", "-c", each) for each in scripts], nothing, "")


def test_programs_take_turns(tmp_path: Path) -> None:
    programs = [shell(name, f"echo {name} >> order") for name in "abc"]
    taken = alternate(programs, tmp_path, TRUTH, 3)
    assert ["a", "b", "c"] * 3 == (tmp_path / "order").read_text().split()
    assert {"a": 3, "b": 3, "c": 3} == {name: len(runs) for name, runs in taken.items()}


def test_each_run_is_prepared(tmp_path: Path) -> None:
    program = shell("a", "test ! -e done; touch done")._replace(
        prepare=lambda directory: (directory / "done").unlink(missing_ok=True)
    )
    assert 2 == len(alternate([program], tmp_path, TRUTH, 2)["a"])


def test_the_memory_of_a_pipeline_is_that_of_all_its_processes(tmp_path: Path) -> None:
    assert 60 * MB <= run(python(60), tmp_path, TRUTH).memory < 100 * MB
    assert 120 * MB <= run(python(60, 60), tmp_path, TRUTH).memory < 200 * MB


def test_what_a_program_starts_and_leaves_behind_counts(tmp_path: Path) -> None:
    hold = f"{sys.executable} -I -c \"kept = b'x' * {60 * MB}\""
    child, orphan = shell("child", f"{hold}; true"), shell("orphan", f"{hold} & exit 0")
    for program in (child, orphan):
        taken = run(program, tmp_path, TRUTH)
        assert 60 * MB <= taken.memory < 100 * MB
        assert taken.cpu > 0


def test_our_own_memory_is_not_taken_for_a_programs() -> None:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert machine.floor() < min(own, 20 * MB)


@pytest.mark.parametrize("scripts", [("exit 3",), ("exit 3", "cat"), ("true", "exit 3")])
def test_a_process_that_fails_anywhere_ends_it(tmp_path: Path, scripts: tuple[str, ...]) -> None:
    with pytest.raises(Failed, match="exit 3"):
        run(shell("bad", *scripts), tmp_path, TRUTH)


def test_what_flows_through_a_pipeline_is_read_at_its_end(tmp_path: Path) -> None:
    program = shell("count", "seq 5", "wc -l")._replace(reads=lambda out, _directory: int(out))
    run(program, tmp_path, TRUTH._replace(lines=5))
    with pytest.raises(Failed, match="count found 5, but the log holds 2"):
        run(program, tmp_path, TRUTH)


def test_other_counts_than_the_log_holds_end_it(tmp_path: Path) -> None:
    right = shell("right", "true")._replace(reads=lambda _out, _directory: {"200": (2, 30)})
    wrong = shell("wrong", "true")._replace(reads=lambda _out, _directory: {"200": (2, 31)})
    run(right, tmp_path, TRUTH)
    with pytest.raises(Failed, match="wrong found"):
        run(wrong, tmp_path, TRUTH)


def test_a_command_line_can_be_pasted_into_a_shell() -> None:
    program = Program("a", [("awk", "{ print $1 }", "a-b.log"), ("echo", "it's")], nothing, "")
    assert "awk '{ print $1 }' a-b.log | echo 'it'\\''s'" == program.command_line
