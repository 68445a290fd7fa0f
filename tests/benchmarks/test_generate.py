"""The logs that are measured: the same bytes everywhere, and what they hold is known."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

from benchmarks import generate
from benchmarks.generate import Line


@pytest.mark.parametrize(
    ("line", "digest"),
    [
        (generate.combined, "c10a3d06c3f81a6d"),
        (generate.timed, "96891dee2c2d60a4"),
        (generate.as_json, "003ade70243c8e85"),
    ],
)
def test_a_log_has_the_same_bytes_everywhere(tmp_path: Path, line: Line, digest: str) -> None:
    generate.write(tmp_path / "log", 2_000, line)
    assert digest == hashlib.sha256((tmp_path / "log").read_bytes()).hexdigest()[:16]


def test_lines_have_the_length_of_a_public_servers() -> None:
    lines = [generate.combined(visit) for visit in generate.visits(5_000)]
    assert 190 == pytest.approx(sum(map(len, lines)) / 5_000, abs=5)


def test_what_the_lines_hold_is_counted_while_they_are_made(tmp_path: Path) -> None:
    paths = {tmp_path / "a": generate.combined, tmp_path / "b": generate.timed}
    counts = generate.write_all(paths, 3_000)
    for path in paths:
        found: dict[str, tuple[int, int]] = {}
        for status, size in re.findall(r'" (\d{3}) (\d+) "', path.read_text()):
            requests, sent = found.get(status, (0, 0))
            found[status] = (requests + 1, sent + int(size))
        assert found == counts
    assert 3_000 == sum(requests for requests, _ in counts.values())


def test_the_parts_of_a_log_are_the_log_oldest_first(tmp_path: Path) -> None:
    log = tmp_path / "log"
    generate.write(log, 1_001)
    parts = generate.split(log, 8, tmp_path)
    assert [f"access.log.{age}.gz" for age in range(8, 0, -1)] == [part.name for part in parts]
    assert log.read_bytes() == b"".join(gzip.decompress(part.read_bytes()) for part in parts)


def test_turned_archives_hold_the_same_members_and_none_begins_like_another(tmp_path: Path) -> None:
    log = tmp_path / "log"
    generate.write(log, 1_001)
    parts = generate.split(log, 3, tmp_path)
    before = [gzip.decompress(part.read_bytes()) for part in parts]
    generate.turn(parts)
    after = [gzip.decompress(part.read_bytes()) for part in parts]
    assert [b"".join(before[n:] + before[:n]) for n in range(3)] == after
    assert 3 == len({text[:1000] for text in after})


def test_no_two_files_of_the_sites_are_alike(tmp_path: Path) -> None:
    generate.sites(tmp_path, 2, 3, 4)
    names = sorted(path.name for path in tmp_path.iterdir())
    archives = [f"site000{log}-access.log{end}" for log in (0, 1) for end in ("", ".1.gz")]
    assert set(archives) <= set(names)
    assert 8 == len(names)
    contents = {
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in tmp_path.iterdir()
    }
    assert 8 == len(contents)
    assert {4} == {content.count(b"\n") for content in contents}
