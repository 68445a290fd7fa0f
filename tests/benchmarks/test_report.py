"""The report: medians and ranges, targets reached or not, nothing that names the machine."""

import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks import cases, machine, peers, report, targets
from benchmarks.cases import Case, Measured
from benchmarks.measure import ROOT, Program, Run, Truth, nothing
from benchmarks.report import Setting

TRUTH = Truth({"200": (1_000_000, 5)}, 1_000_000, 190_000_000)
FLOOR = 9_000_000


def runs(*seconds: float, memory: int = 40_000_000) -> list[Run]:
    return [Run(each, each / 2, memory) for each in seconds]


def measured(**times: list[Run]) -> Measured:
    """Return the plain case as measured, ours first."""
    programs = [
        Program(name, [(name, "access.log")], nothing, "status, bytes", is_ours=number == 0)
        for number, name in enumerate(times)
    ]
    return Measured(cases.PLAIN, programs, times, TRUTH)


def verdict(of: Measured, asked: str) -> targets.Verdict:
    return next(each for each in targets.verdicts([of]) if asked == each.target.asked)


def test_a_row_has_median_range_rates_and_ratio() -> None:
    one = measured(
        batchlog=runs(0.5, 0.3, 0.4), mawk=runs(0.9, 0.7, 0.8, memory=FLOOR), mtail=runs(40)
    )
    text = report.table(one, FLOOR)
    ours, mawk, mtail = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]
    )
    fixed = "status, bytes"
    assert [
        *("batchlog", "2,500,000", "475", "0.40", "0.30 to 0.50", "0.20", "40", "1", fixed)
    ] == ours
    assert [
        *("mawk", "1,250,000", "238", "0.80", "0.70 to 0.90", "0.40", "<= 9", "2.00 x", fixed)
    ] == mawk
    assert "100 x" == mtail[7]


def test_a_target_is_reached_at_its_figure_and_not_below() -> None:
    reached = measured(batchlog=runs(1.0), mawk=runs(1.5), mtail=runs(19.9))
    assert verdict(reached, "1.5 x mawk").is_reached
    assert not verdict(reached, "20 x mtail").is_reached
    text = report.targets(targets.verdicts([reached]))
    assert "at least 1.5 x mawk           |    1.50x | reached" in text
    assert "at least 20 x mtail           |    19.9x | **not reached**" in text


def test_a_target_whose_peer_is_not_here_is_not_measured() -> None:
    missing = verdict(measured(batchlog=runs(1.0)), "50 x goaccess")
    assert missing.measured is None
    assert not missing.is_reached
    assert "| not measured" in report.targets([missing])


def test_memory_is_judged_by_our_largest_process_alone() -> None:
    small = measured(batchlog=runs(1, memory=150_000_000), mawk=runs(1, memory=400_000_000))
    large = measured(batchlog=[*runs(1), *runs(1, memory=151_000_000)])
    assert verdict(small, "150 MB").is_reached
    assert not verdict(large, "150 MB").is_reached


def test_a_case_without_lines_has_milliseconds() -> None:
    idle = measured(batchlog=runs(0.2, 0.15, 0.4))._replace(case=cases.IDLE)
    row = report.table(idle, FLOOR).splitlines()[2]
    assert ["batchlog", "200", "150 to 400", "100", "40"] == [
        cell.strip() for cell in row.strip("|").split("|")
    ]
    assert verdict(idle, "200 ms").is_reached


def test_the_report_is_whole_and_names_neither_host_nor_path(tmp_path: Path) -> None:
    one = measured(batchlog=runs(0.4), mawk=runs(0.8))
    held = machine.versions([Program("sh", [("wc", "-l")], nothing, "")])
    setting = Setting(machine.facts(tmp_path), held, FLOOR)
    text = report.render([one], targets.verdicts([one]), setting)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert [
        "# Results",
        *("## Targets", f"## {cases.PLAIN.title}", "## Machine", "## Command lines"),
    ] == headings
    assert "```sh\nbatchlog access.log\nmawk access.log\n```" in text
    assert f"batchlog {version('batchlog')}" in text
    for private in (platform.node(), str(ROOT), str(tmp_path)):
        assert private not in text


def test_pipes_in_a_cell_do_not_end_it() -> None:
    assert "zcat \\| mawk" in report.grid(("program",), [("zcat | mawk",)])


def test_every_target_belongs_to_a_case_and_to_programs_that_it_has() -> None:
    by_key: dict[str, Case] = {case.key: case for case in cases.ALL}
    for target in targets.TARGETS:
        case = by_key[target.case]
        if not case.log:
            continue
        programs = case.programs(Path())
        taken = {program.name: runs(1.0) for program in programs}
        assert target.measure(Measured(case, programs, taken, TRUTH)) > 0


def test_versions_are_numbers() -> None:
    found = machine.versions(cases.PLAIN.programs(Path())[-1:])
    assert {"batchlog", "wc"} <= set(found)
    assert found["wc"][0].isdigit()


def test_a_processor_that_is_not_named_is_its_architecture(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n")
    assert platform.machine() == machine.processor(tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A Processor 9000\n")
    assert "A Processor 9000" == machine.processor(tmp_path / "cpuinfo")


def test_the_nearest_mount_is_the_filesystem(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"a / ext4 rw 0 0\nb {tmp_path.resolve()} xfs rw 0 0\nc /nowhere nfs rw 0 0\n"
    )
    assert "xfs" == machine.filesystem(tmp_path / "logs", mounts)


def test_limits_and_differences_are_said() -> None:
    notes = {program.name: program.computes for program in peers.plain("access.log")}
    assert "lines only" == notes["wc -l (limit)"]
    assert "wrong" in notes["mawk, $9 and $10"]
