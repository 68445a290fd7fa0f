"""Every program that is here finds what the logs hold; how each one's output is read."""

import json
import os
from pathlib import Path

import pytest

from benchmarks import cases, data, ours, peers
from benchmarks.cases import Case
from benchmarks.measure import Program, Truth, nothing, run

LINES = 5_000
NAMED = [
    (case, program)
    for case in cases.ALL
    if case.log
    for program in case.programs(Path())  # those of a case with a log look at no directory
]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """Make all logs, small."""
    return data.prepare(LINES, tmp_path_factory.mktemp("bench"), logs=2)


def require(program: Program) -> None:
    """Skip where a program is not here; fail for mawk, where CI says that all must be here."""
    missing = peers.missing(program)
    if "mawk" in missing and os.environ.get("BATCHLOG_TEST_REQUIRE_SERVERS") == "1":
        pytest.fail("mawk is not installed")
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


@pytest.mark.parametrize(
    ("case", "program"), NAMED, ids=[f"{case.key}: {program.name}" for case, program in NAMED]
)
def test_every_program_finds_what_the_log_holds(
    logs: tuple[Path, Truth], case: Case, program: Program
) -> None:
    require(program)
    directory, truth = logs
    assert (directory / case.log).exists()
    assert 0 < run(program, directory, truth.repeated(case.times)).memory
    assert program.is_ours is (program.commands[0][0] == "batchlog")


def test_what_counts_the_same_is_compared() -> None:
    same = {program.name for _, program in NAMED if program.computes.startswith(peers.SAME)}
    compared = {program.name for _, program in NAMED if program.reads is not nothing}
    assert same | {"wc -l (limit)"} == compared


def test_logs_are_made_once(logs: tuple[Path, Truth]) -> None:
    directory, truth = logs
    made = (directory / data.COMBINED).stat().st_mtime_ns
    assert (directory, truth) == data.prepare(LINES, directory.parent, logs=2)
    assert made == (directory / data.COMBINED).stat().st_mtime_ns


def test_an_idle_push_reads_nothing(logs: tuple[Path, Truth]) -> None:
    directory, _ = logs
    program = ours.idle(data.SITES, "idle", directory)
    run(program, directory, None)
    assert "INFO read 0 files, 0 lines" in (directory / "err").read_text()


def test_awks_and_duckdbs_columns_are_read(tmp_path: Path) -> None:
    expected = {"200": (3, 45), "404": (1, 0)}
    assert expected == peers.columns("200 3 45\n404 1 0\n", tmp_path)
    assert expected == peers.columns("200,3,45\n404,1,0\n", tmp_path)


def test_counters_are_read_without_those_at_zero(tmp_path: Path) -> None:
    out = (
        "# TYPE requests_total counter\n"
        'requests_total{prog="http.mtail",status="200"} 3\n'
        'requests_total{prog="http.mtail",status="500"} 0\n'
        'response_bytes_total{prog="http.mtail",status="200"} 1.385868082e+09\n'
        'other_total{status="200"} 7\n'
    )
    assert {"200": (3, 1_385_868_082)} == peers.samples(out, tmp_path)


def test_the_last_sample_of_a_history_is_its_total(tmp_path: Path) -> None:
    out = (
        'b_requests_total{status="200",job="a"} 3 100\n'
        'b_requests_total{status="200",job="a"} 5 160\n'
        'b_response_bytes_total{status="200",job="a"} 30 100\n'
        'b_response_bytes_total{status="200",job="a"} 50 160\n'
    )
    assert {"200": (5, 50)} == peers.samples(out, tmp_path, "b_")


def test_goaccess_report_is_read(tmp_path: Path) -> None:
    items = [
        {"data": "200 - OK: fine", "hits": {"count": 3}, "bytes": {"count": 45}},
        {"data": "206 - Partial Content", "hits": {"count": 1}, "bytes": {"count": 9}},
    ]
    panels = {"status_codes": {"data": [{"data": "2xx Success", "items": items}]}}
    (tmp_path / "report.json").write_text(json.dumps(panels))
    assert {"200": (3, 45), "206": (1, 9)} == peers.report("", tmp_path)


def test_a_program_that_is_not_here_is_named() -> None:
    absent = Program("a", [("no-such-program",), ("sh",)], nothing, "", module="no_such.module")
    assert ["no-such-program"] == peers.missing(absent)
    assert ["no_such.module"] == peers.missing(absent._replace(commands=[("sh",)]))
    assert [] == peers.present([absent])
