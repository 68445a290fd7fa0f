"""Whole processes, measured side by side: programs take turns, so that a slow minute hits them all.

A program is a pipeline of one or more commands, run in the directory of the data.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.generate import Counts

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5

Reading = Counts | int | None
"""What a program found: requests and bytes by status, or the number of lines, or nothing."""


class Run(NamedTuple):
    """What one run took."""

    seconds: float
    cpu: float
    """CPU seconds of all processes together."""
    memory: int
    """Peak in bytes, added up over the processes of the pipeline; of one that starts others, that
    of the largest.
    """


class Program(NamedTuple):
    """Something that reads logs."""

    name: str
    commands: Sequence[Sequence[str]]
    reads: Callable[[str, Path], Reading]
    """From what it wrote to standard output, and the directory, to what it found."""
    computes: str
    """What of it is the same as with batchlog, and what is not."""
    prepare: Callable[[Path], None] = lambda _directory: None
    """Before each run, outside the measured time."""
    is_ours: bool = False
    module: str = ""
    """A module that Python needs for it."""

    @property
    def command_line(self) -> str:
        """The command as one types it."""
        return " | ".join(" ".join(map(quoted, words)) for words in self.commands)


class Truth(NamedTuple):
    """What a log holds, known from its making."""

    counts: Counts
    lines: int
    size: int
    """Bytes, before compression."""

    def repeated(self, times: int) -> "Truth":
        """Return what so many of the log hold."""
        counts = {
            status: (times * requests, times * sent)
            for status, (requests, sent) in self.counts.items()
        }
        return Truth(counts, times * self.lines, times * self.size)


class Failed(Exception):  # noqa: N818 - as in a report: this program failed
    """A program that did not run well, or found something else than the log holds."""


def quoted(word: str) -> str:
    """Return a word as a shell takes it, in single quotes where it needs any."""
    plain = word and all(letter.isalnum() or letter in "-_./=:,+%@" for letter in word)
    return word if plain else "'" + word.replace("'", "'\\''") + "'"


def environment() -> dict[str, str]:
    """Return what programs run with: this checkout's batchlog, no settings, the quickest locale."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BATCHLOG_", "LC_")) and name not in {"STATE_DIRECTORY", "LANG"}
    }
    search = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(search),
        "LC_ALL": "C",
    }


def run(program: Program, directory: Path, truth: Truth | None) -> Run:
    """Run a program once and compare what it found with the truth, where it is given.

    Raises Failed where a process ends badly or found something else.
    """
    program.prepare(directory)
    out, err = directory / "out", directory / "err"
    silent = program.reads is nothing
    words = [word for command in program.commands for word in ("|", *command)][1:]
    runner = [sys.executable, "-I", "-S", str(ROOT / "benchmarks" / "runner.py")]
    done = subprocess.run(
        [*runner, os.devnull if silent else str(out), str(err), *words],
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{program.name}: {done.stderr}")
    taken = taken_by(program, done.stdout, err)
    if truth is not None:
        compare(program, None if silent else program.reads(out.read_text(), directory), truth)
    return taken


def taken_by(program: Program, said: str, err: Path) -> Run:
    """Read what the runner says; Failed where a process of the pipeline did."""
    wall, *processes = said.splitlines()
    each = [line.split() for line in processes]
    number = len(program.commands)
    if any(int(code) for code, _, _ in each[:number]):
        raise Failed(f"{program.name}: {program.command_line}\n{err.read_text()[-2000:]}")
    peaks = [int(memory) for _, _, memory in each]
    return Run(
        float(wall),
        sum(float(cpu) for _, cpu, _ in each),
        max(sum(peaks[:number]), *peaks),
    )


def compare(program: Program, found: Reading, truth: Truth) -> None:
    """Raise Failed where a program found something else than the log holds."""
    if found is None:
        return
    expected: Reading = truth.lines if isinstance(found, int) else truth.counts
    if found != expected:
        raise Failed(f"{program.name} found {found}, but the log holds {expected}")


def nothing(_out: str, _directory: Path) -> None:
    """Read nothing: the program counts nothing that could be compared, or something else."""


def alternate(
    programs: Sequence[Program],
    directory: Path,
    truth: Truth | None,
    runs: int = RUNS,
    say: Callable[[str], None] = lambda _text: None,
) -> Mapping[str, list[Run]]:
    """Run all programs in turn, A B C A B C, so many times; return the runs by program."""
    taken: dict[str, list[Run]] = {program.name: [] for program in programs}
    for number in range(runs):
        for program in programs:
            taken[program.name].append(run(program, directory, truth))
            say(f"  {number + 1}/{runs} {program.name}: {taken[program.name][-1].seconds:.3f} s")
    return taken


def middle(runs: Sequence[Run]) -> float:
    """Return the median of the wall seconds."""
    return median(run.seconds for run in runs)
