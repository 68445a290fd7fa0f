"""From paths to logs with their files: names, directories, links."""

import os
from pathlib import Path

import pytest

from batchlog.segments.discover import Found, Wanted, discover
from batchlog.segments.disk import Disk


def make(directory: Path, *names: str) -> None:
    for number, name in enumerate(names):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        os.utime(path, (1000 + number, 1000 + number))


def find(*paths: Path | str, rotated: tuple[str, ...] = ()) -> list[Found]:
    return discover([Wanted(str(path), rotated) for path in paths], Disk())


def names(found: Found) -> list[str]:
    return [os.path.basename(file.path) for file in found.files]


def test_numbers_are_ordered_highest_first_and_the_active_file_last(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "a.log.1", "a.log.10.gz", "a.log.2.gz")
    (found,) = find(tmp_path / "a.log")
    assert ["a.log.10.gz", "a.log.2.gz", "a.log.1", "a.log"] == names(found)
    assert [False, False, False, True] == [file.active for file in found.files]


def test_dates_are_ordered_by_date_whatever_the_times(tmp_path: Path) -> None:
    make(tmp_path, "a.log-20261103", "a.log", "a.log-20261101.gz", "a.log-20261102")
    (found,) = find(tmp_path / "a.log")
    assert ["a.log-20261101.gz", "a.log-20261102", "a.log-20261103", "a.log"] == names(found)


def test_mixed_names_are_ordered_by_time(tmp_path: Path) -> None:
    make(tmp_path, "a.log.1", "a.log-20261101", "a.log")
    (found,) = find(tmp_path / "a.log")
    assert ["a.log.1", "a.log-20261101", "a.log"] == names(found)


def test_a_path_that_is_not_there_is_a_log_without_files(tmp_path: Path) -> None:
    (found,) = find(tmp_path / "a.log")
    assert ((), ()) == (found.files, found.problems)


def test_a_log_with_rotated_files_only_has_no_active_one(tmp_path: Path) -> None:
    make(tmp_path, "a.log.1")
    (found,) = find(tmp_path / "a.log")
    assert [("a.log.1", False)] == [(Path(f.path).name, f.active) for f in found.files]


def test_r9_leftovers_and_other_logs_are_no_files_of_it(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "a.log~", "a.log.1.swp", ".a.log.1", "b.a.log", "a.logs", "a.log.bak")
    (found,) = find(tmp_path / "a.log")
    assert ["a.log"] == names(found)


def test_a_pattern_finds_active_files_and_no_rotated_ones(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "a.log.1", "b.log", "b.log-20261101.gz", "error.txt")
    found = find(tmp_path / "*.log")
    assert ["a.log", "b.log"] == [os.path.basename(log.path) for log in found]
    assert [2, 2] == [len(log.files) for log in found]


def test_a_pattern_that_matches_rotated_names_too_joins_them(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "a.log.1", "a.log.2.gz")
    (found,) = find(tmp_path / "a.log*")
    assert ["a.log.2.gz", "a.log.1", "a.log"] == names(found)


def test_r21_stamps_alone_are_one_log_whose_newest_is_active(tmp_path: Path) -> None:
    make(tmp_path, "access.2026-11-02.log", "access.2026-11-01.log", "access.2026-11-03.log")
    (found,) = find(tmp_path / "access.*.log")
    assert found.stamped
    assert ["access.2026-11-01.log", "access.2026-11-02.log", "access.2026-11-03.log"] == names(
        found
    )
    assert [False, False, True] == [file.active for file in found.files]


def test_a_pattern_over_directories(tmp_path: Path) -> None:
    make(tmp_path, "one/access.log", "two/access.log", "two/access.log.1")
    found = find(tmp_path / "*" / "access.log")
    assert [1, 2] == [len(log.files) for log in found]


def test_a_file_whose_name_looks_like_a_pattern_wins(tmp_path: Path) -> None:
    make(tmp_path, "a[1].log", "a1.log")
    (found,) = find(tmp_path / "a[1].log")
    assert ["a[1].log"] == names(found)


def test_r10_rotated_patterns_find_files_elsewhere(tmp_path: Path) -> None:
    make(tmp_path, "a.log", "archive/a.log-20261101.gz", "archive/b.log-20261101.gz")
    (found,) = find(tmp_path / "a.log", rotated=("archive/{name}-*",))
    assert ["a.log-20261101.gz", "a.log"] == names(found)


def test_r16_two_names_of_one_file_are_one(tmp_path: Path) -> None:
    make(tmp_path, "a.log")
    os.link(tmp_path / "a.log", tmp_path / "a.log.1")
    (found,) = find(tmp_path / "a.log")
    assert ["a.log"] == names(found)
    assert 1 == len(found.notes)


def test_r16_a_file_that_two_logs_claim_belongs_to_the_first(tmp_path: Path) -> None:
    make(tmp_path, "a.log")
    (tmp_path / "b.log").symlink_to("a.log")
    first, second = find(tmp_path / "a.log", tmp_path / "b.log")
    assert (1, 0) == (len(first.files), len(second.files))
    assert second.notes


def test_a_link_leads_to_the_rotated_files_beside_its_target(tmp_path: Path) -> None:
    make(tmp_path, "real/a.log", "real/a.log.1")
    (tmp_path / "a.log").symlink_to("real/a.log")
    (found,) = find(tmp_path / "a.log")
    assert ["a.log.1", "a.log"] == names(found)


@pytest.mark.parametrize("kind", ["a directory", "a pipe"])
def test_r20_what_is_no_file_is_a_problem_in_the_active_place_only(
    tmp_path: Path, kind: str
) -> None:
    for name in ("a.log", "a.log.1"):
        if kind == "a pipe":
            os.mkfifo(tmp_path / name)
        else:
            (tmp_path / name).mkdir()
    (found,) = find(tmp_path / "a.log")
    assert () == found.files
    assert [f"{tmp_path}/a.log is {kind}, not a regular file"] == list(found.problems)


def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    make(tmp_path, os.fsdecode(b"\xff.log"), os.fsdecode(b"\xff.log.1"))
    (found,) = find(tmp_path / "*.log")
    assert 2 == len(found.files)
