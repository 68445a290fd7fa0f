"""Measure batchlog and its peers side by side: `make bench`, `make bench LINES=100000`.

The report is written into benchmarks/RESULTS.md when all two million lines were measured, else it
is printed. A program that finds other counts than the log holds ends the run.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import cases, data, machine
from benchmarks.cases import measure
from benchmarks.measure import RUNS, Failed
from benchmarks.report import Setting, render
from benchmarks.targets import verdicts

RESULTS = Path(__file__).with_name("RESULTS.md")


def main(words: Sequence[str]) -> int:
    """Make the logs, measure, write the report, and return the exit status."""
    keys = [case.key for case in cases.ALL]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--lines", type=int, default=data.LINES)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--case", action="append", choices=keys, help="only this; repeatable")
    given = parser.parse_args(words)
    chosen = [case for case in cases.ALL if not given.case or case.key in given.case]
    try:
        directory, truth = data.prepare(given.lines, say=say)
        facts, floor = machine.facts(directory), machine.floor()
        measured = [measure(case, directory, truth, given.runs, say) for case in chosen]
    except Failed as failed:
        say(f"ERROR {failed}")
        return 1
    programs = [program for one in measured for program in one.programs]
    setting = Setting(facts, machine.versions(programs), floor)
    text = render(measured, verdicts(measured), setting)
    if (given.lines, given.runs, chosen) == (data.LINES, RUNS, [*cases.ALL]):
        RESULTS.write_text(text)
        say(f"wrote benchmarks/{RESULTS.name}")
    else:
        sys.stdout.write(text)
    return 0


def say(text: str) -> None:
    """Tell how it goes on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
