"""Every row of the scenarios that is kept by now is shown by a test that names it.

A test names a row in its name (`test_r24_…`, `…_r24`), in its docstring or in a comment inside it;
the docstring of a whole file names none. What a row wants to have said in the README stands there.
"""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parent
README = " ".join((TESTS.parent / "README.md").read_text().split())

ROWS = (*range(1, 101), 111, 112, 113, 118, 119, 120, 121, 125, 126, 128, 129, 130, 131)
"""Those of R1 to R132 that tests show by now."""

SAID = {
    6: ["counted in `batchlog_lost_*`, a lower bound"],
    7: ["**Keep rotated logs for at least three intervals**"],
    10: ["for `olddir` set `rotated`"],
    25: ["Lines written between copy and truncation exist nowhere"],
    29: ["removes the beginning of a live file without truncating it to zero"],
    30: ["edits of a rotated file", "it may wait for [`resolve`](#resolve)"],
    38: ["What a server writes after gzip has read the file is lost. Use `delaycompress`"],
    39: ["`daily`, `rotate 14`, `compress`, `delaycompress`, no `copytruncate`"],
    56: ["A full disk or NFS may tear a line"],
    63: ["`cp checkpoint.json.previous checkpoint.json`", "`batchlog reset LOG...`"],
    74: ["host renamed, machine cloned, pod"],
    75: ["`batchlog check` sees that the gateway is ahead"],
    87: ["a run may die anywhere: the next one delivers what is missing"],
    89: ["adds the whole total. Use no persistence, or the textfile"],
    90: ["repeats an old PUT after a newer one makes the totals fall until the next run"],
    95: ["`batchlog forget --job"],
    96: ["`increase()` never sees the first value of a new series"],
    97: ["Above it Prometheus' numbers are no longer exact"],
}
"""What must stand in the README, by row: line breaks count as spaces."""


class Shown(NamedTuple):
    """A test that names rows."""

    place: str
    rows: frozenset[int]
    skipped: bool
    reason: str
    """Why it is always skipped, where it says so."""


def in_name(name: str) -> set[int]:
    """Return the rows in a function's name."""
    return {int(row) for row in re.findall(r"_r(\d{1,3})(?![^_])", name)}


def in_text(text: str) -> set[int]:
    """Return the rows in a docstring or comment; `R1 to R5` names each of them."""
    spans = re.findall(r"\bR(\d{1,3}) to R(\d{1,3})\b", text)
    rows = {row for first, last in spans for row in range(int(first), int(last) + 1)}
    return rows | {int(row) for row in re.findall(r"\bR(\d{1,3})\b", text)}


def shown(path: Path) -> Iterator[Shown]:
    """Yield the tests of a file that name a row."""
    with path.open("rb") as file:
        found = [t for t in tokenize.tokenize(file.readline) if t.type == tokenize.COMMENT]
    comments = [(token.start[0], token.string) for token in found]
    for test in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            end = test.end_lineno or test.lineno
            text = [said for line, said in comments if test.lineno <= line <= end]
            text.append(ast.get_docstring(test) or "")
            rows = in_name(test.name).union(*map(in_text, text))
            skips = [mark for mark in test.decorator_list if is_skip(mark)]
            reason = "".join(word for mark in skips for word in reasons(mark))
            if rows:
                yield Shown(f"{path.name}: {test.name}", frozenset(rows), bool(skips), reason)


def is_skip(mark: ast.expr) -> bool:
    """Return whether a decorator is `pytest.mark.skip`, with or without a reason."""
    function = mark.func if isinstance(mark, ast.Call) else mark
    return ast.unparse(function) == "pytest.mark.skip"


def reasons(mark: ast.expr) -> Iterator[str]:
    """Yield the texts that are given as a decorator's reason."""
    if isinstance(mark, ast.Call):
        for word in (*mark.args, *(key.value for key in mark.keywords if key.arg == "reason")):
            if isinstance(word, ast.Constant) and isinstance(word.value, str):
                yield word.value


SHOWN = [one for path in sorted(TESTS.rglob("test_*.py")) for one in shown(path)]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_named_by_a_test(row: int) -> None:
    assert [] != [one.place for one in SHOWN if row in one.rows]


def test_no_test_names_a_row_that_there_is_not() -> None:
    assert [] == [one.place for one in SHOWN if not one.rows <= set(ROWS)]


def test_a_row_that_cannot_be_shown_here_says_why() -> None:
    assert [] == [one.place for one in SHOWN if one.skipped and not one.reason.strip()]


@pytest.mark.parametrize(("row", "words"), [(row, word) for row in SAID for word in SAID[row]])
def test_what_a_row_wants_said_stands_in_the_readme(row: int, words: str) -> None:
    assert row in ROWS
    assert words in README


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("def test_r24_a_file() -> None:\n    pass\n", {24}),
        ("def test_a_file_r24() -> None:\n    pass\n", {24}),
        ("def test_r50_r72_an_hour() -> None:\n    pass\n", {50, 72}),
        ("def test_for240_r2d2() -> None:\n    pass\n", set()),
        ('def test_a() -> None:\n    """Two of them: R2, R5."""\n', {2, 5}),
        ("def test_a() -> None:\n    pass  # R7: why\n", {7}),
        ('def test_a() -> None:\n    x = "R7"\n', set()),
        ('"""All (R1 to R5)."""\n# R9\ndef test_a() -> None:\n    pass\n', set()),
        ("def helper_r3() -> None:\n    pass\n", set()),
    ],
)
def test_rows_are_found_where_a_test_names_them(tmp_path: Path, text: str, rows: set[int]) -> None:
    path = tmp_path / "test_it.py"
    path.write_text(text)
    assert rows == {row for one in shown(path) for row in one.rows}


@pytest.mark.parametrize("mark", ["skip", "skip()", "skip(reason='')", "skip(reason=' ')"])
def test_a_skip_without_a_reason_is_found(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "test_it.py"
    path.write_text(f"@pytest.mark.{mark}\ndef test_r1_a() -> None:\n    pass\n")
    assert [(True, "")] == [(one.skipped, one.reason.strip()) for one in shown(path)]
