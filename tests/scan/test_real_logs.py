"""Real logs, against figures that others computed: see README.md beside them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from batchlog.detect import detect
from batchlog.formats import PRESETS
from batchlog.scan import scanner
from batchlog.tally import UNTIMED, Tally

DATA = Path(__file__).parents[2] / "../shared/data"
APACHE = "elastic-examples/apache_logs/apache_logs"
TORN = 8899

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not there")


def read(name: str) -> bytes:
    data = (DATA / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def figures() -> list[tuple[str, dict[str, Any]]]:
    found = [json.loads(p.read_text()) for p in sorted((DATA / "expected").glob("*.json"))]
    return [(fields["file"].replace("internal/mtail/testdata/", ""), fields) for fields in found]


def scan(data: bytes, *by: str) -> Tally:
    form = detect(data.splitlines(keepends=True))
    assert form is not None
    return scanner(form, by, ()).scan(data)


def test_apache_logs_has_the_figures_of_the_issue() -> None:
    tally = scan(read(APACHE), "status")
    expected = {"200": 9126, "206": 45, "301": 164, "304": 445, "403": 2, "404": 213}
    expected |= {"416": 2, "500": 3}
    assert expected == {status: row[0] for (_, (status,)), row in tally.rows.items()}
    assert (10_000, 0) == (tally.counted, tally.malformed)
    assert sum(row[1] for row in tally.rows.values()) == 2_747_282_740


def test_a_line_torn_inside_its_user_agent_counts() -> None:
    line = read(APACHE).splitlines(keepends=True)[TORN - 1]
    assert {(UNTIMED, ("200",)): [1, 235]} == (
        scanner(PRESETS["combined"], ("status",), ()).scan(line).rows
    )


@pytest.mark.parametrize(("name", "figures"), figures())
def test_totals_agree_with_an_independent_parser(name: str, figures: dict[str, Any]) -> None:
    tally = scan(read(name), "status")
    torn = len(figures["unparsed"])  # the parser wants whole lines; batchlog counts torn ones
    counts = {status: row[0] for (_, (status,)), row in tally.rows.items()}
    sizes = {status: row[1] for (_, (status,)), row in tally.rows.items() if row[1]}
    assert figures["nonblank_lines"] == tally.counted == figures["parsed"] + torn
    assert tally.malformed == 0
    expected = figures["status"] | ({"200": figures["status"]["200"] + torn})
    assert expected == counts
    expected = {status: size for status, size in figures["bytes_by_status"].items() if size}
    expected["200"] += 235 * torn
    assert expected == sizes


@pytest.mark.parametrize(("name", "figures"), figures())
def test_detected_formats_are_those_of_the_readme(name: str, figures: dict[str, Any]) -> None:
    expected = figures["format"].partition("+")[0].replace("lighttpd-custom", "common")
    found = detect(read(name).splitlines())
    assert found is not None
    assert expected == found.spec


def test_mtail_counts_the_same_by_method_protocol_and_status() -> None:
    rows = scan(read("mtail/apache-combined.log"), "method", "protocol", "status").rows
    assert rows[UNTIMED, ("GET", "HTTP/1.1", "200")] == [4, 2602]
    assert rows[UNTIMED, ("GET", "HTTP/1.1", "304")][0] == 1
    rows = scan(read("mtail/apache-common.log"), "status").rows
    assert rows[UNTIMED, ("200",)] == [1, 1880]
    assert rows[UNTIMED, ("404",)] == [1, 19]
    assert rows[UNTIMED, ("304",)] == [1, 0]


def test_a_line_without_its_dashes_is_malformed() -> None:
    tally = scan(read("lnav/test/logfile_bad_access_log.0"), "status")
    assert {(UNTIMED, ("200",)): [2, 79063]} == tally.rows
    assert tally.malformed == 1


@pytest.mark.parametrize("name", ["logfile_access_log.0", "logfile_access_log.1"])
def test_lnavs_access_logs_count_whole(name: str) -> None:
    data = read(f"lnav/test/{name}")
    tally = scan(data)
    assert data.count(b"\n") == tally.counted


@pytest.mark.parametrize("name", ["logfile_invalid_utf8.0", "logfile_crlf.0", "logfile_haproxy.0"])
def test_other_logs_are_in_no_preset_and_all_malformed(name: str) -> None:
    data = read(f"lnav/test/{name}")
    assert detect(data.splitlines(keepends=True)) is None
    tally = scanner(PRESETS["combined"], ("status",), ()).scan(data)
    assert data.count(b"\n") == tally.malformed == tally.lines


def test_a_sample_with_a_space_in_its_user_and_one_with_no_zone_count() -> None:
    samples = [json.loads(line) for line in read("lnav/format_samples.jsonl").splitlines()]
    lines = [s["line"].encode() for s in samples if s["format"] == "access_log"]
    outcomes = [scanner(PRESETS["common"], (), ()).scan(line) for line in lines]
    assert [1, 1, 0, 0, 1, 1, 1, 1, 1] == [tally.counted for tally in outcomes]
