"""What was measured as Markdown: targets, a table for each case, the machine, the commands."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from benchmarks.cases import Measured
from benchmarks.generate import SEED
from benchmarks.measure import Program, Run, middle
from benchmarks.targets import Verdict, memory

_MB = 10**6


class Setting(NamedTuple):
    """What a run ran on."""

    facts: Mapping[str, str]
    versions: Mapping[str, str]
    floor: int
    """Peak of a process that does nothing, in bytes."""


def render(measured: Sequence[Measured], verdicts: Sequence[Verdict], setting: Setting) -> str:
    """Return the whole report."""
    lines = measured[0].truth.lines // measured[0].case.times
    size = max(one.truth.size / one.case.times for one in measured) / _MB
    runs = max(len(taken) for one in measured for taken in one.runs.values())
    parts = [
        "# Results",
        (
            f"One run of `make bench`: {lines:,} lines, up to {size:,.0f} MB, from seed {SEED}. "
            f"Whole processes from start to exit, in turn, median of {runs}. "
            "[README.md](README.md) says what the rows mean."
        ),
        "## Targets",
        targets(verdicts),
    ]
    for one in measured:
        parts += [f"## {one.case.title}", table(one, setting.floor)]
    parts += ["## Machine", facts(setting), "## Command lines", commands(measured)]
    return "\n\n".join(parts) + "\n"


def targets(verdicts: Sequence[Verdict]) -> str:
    """Return the table of the targets."""
    rows = []
    for target, measured in verdicts:
        asked = f"at {'least' if target.is_floor else 'most'} {target.asked}"
        if measured is None:
            rows.append((target.what, asked, "-", "not measured"))
            continue
        shown = f"{number(measured)}{target.unit}"
        reached = "reached" if Verdict(target, measured).is_reached else "**not reached**"
        rows.append((target.what, asked, shown, reached))
    return grid(("case", "asked", "measured", ""), rows, right={2})


def table(measured: Measured, floor: int) -> str:
    """Return the table of a case: rates where lines are read, else times."""
    if not measured.case.log:
        heads = ("program", "ms", "min to max", "CPU ms", "memory MB")
        idle = [
            (program.name, *times(measured.runs[program.name], 1000, floor))
            for program in measured.programs
        ]
        return grid(heads, idle, right={1, 2, 3, 4})
    return grid(_HEADS, [row(measured, program, floor) for program in measured.programs], _RATES)


_HEADS = (
    *("program", "lines/s", "MB/s", "seconds", "min to max", "CPU s", "memory MB"),
    *("batchlog is faster by", "what it counts"),
)
_RATES = frozenset(range(1, 8))


def row(measured: Measured, program: Program, floor: int) -> tuple[str, ...]:
    """Return a program's row in a table of rates."""
    runs = measured.runs[program.name]
    seconds, own = middle(runs), middle(measured.runs[measured.programs[0].name])
    lines, size, _ = measured.truth.lines, measured.truth.size, measured.truth.counts
    return (
        program.name,
        f"{lines / seconds:,.0f}",
        f"{size / seconds / _MB:,.0f}",
        *times(runs, 1, floor),
        "1" if program is measured.programs[0] else f"{number(seconds / own)} x",
        program.computes,
    )


def times(runs: Sequence[Run], unit: int, floor: int) -> tuple[str, ...]:
    """Return median, range, processor time and memory of some runs."""
    walls = [run.seconds * unit for run in runs]
    digits = 0 if unit > 1 else 2
    cpu = sorted(run.cpu for run in runs)[len(runs) // 2] * unit
    peak = memory(runs)
    return (
        f"{middle(runs) * unit:.{digits}f}",
        f"{min(walls):.{digits}f} to {max(walls):.{digits}f}",
        f"{cpu:.{digits}f}",
        f"{peak / _MB:.0f}" if peak > floor + _MB else f"<= {floor / _MB:.0f}",
    )


def facts(setting: Setting) -> str:
    """Return machine and versions."""
    versions = ", ".join(f"{name} {version}" for name, version in setting.versions.items())
    least = f"{setting.floor / _MB:.0f} MB: the peak of a process that does nothing"
    known = {**setting.facts, "least memory to be seen": least, "versions": versions}
    return grid(("", ""), [*known.items()])


def commands(measured: Sequence[Measured]) -> str:
    """Return the exact commands, as run in the directory of the logs."""
    return "\n\n".join(
        f"{one.case.title}:\n\n```sh\n"
        + "\n".join(program.command_line for program in one.programs)
        + "\n```"
        for one in measured
    )


def number(value: float) -> str:
    """Return a figure with two or more digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.{1 if value >= 10 else 2}f}"  # noqa: PLR2004 - digits


def grid(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[int] = (),
) -> str:
    """Return a Markdown table whose columns align; those in `right` to the right."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (heads, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rule = [
        "-" * (width - 1) + ":" if i in right else "-" * width for i, width in enumerate(widths)
    ]
    lines = [
        "| "
        + " | ".join(
            f"{cell:>{width}}" if i in right else f"{cell:<{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in (cells[0], rule, *cells[1:])
    ]
    return "\n".join(lines)
