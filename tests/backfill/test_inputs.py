"""From what a person names to files: what patterns find, links that lead in a circle, stops."""

import glob
import os
from pathlib import Path

import pytest

from batchlog.backfill.inputs import Inputs, inputs
from batchlog.backfill.request import LITTLE, Wanted
from batchlog.engines import Engine
from batchlog.errors import Busy, ConfigError
from batchlog.segments.read import LIMIT
from tests.site import At, Site, lines

TREE = (
    "access.log",
    "access.log.1",
    ".hidden.log",
    "a/access.log",
    "a/b/access.log",
    "a/b/c/access.log",
    "a/.git/access.log",
    ".cache/access.log",
    "b/error.log",
    "b/a/access.log",
    "odd**name/access.log",
)


def tree(root: Path) -> Path:
    """Make files in directories of several depths, hidden ones too."""
    for number, name in enumerate(TREE):
        path = root / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lines(range(number + 1)))
    return root / "logs"


def paths(found: Inputs) -> list[str]:
    """Return the paths of the files."""
    return [file.path for file in found.files]


@pytest.mark.parametrize(
    "pattern",
    [
        "**",
        "**/*",
        "**/*.log",
        "**/access.log",
        "**/**/access.log",
        "**/a/**",
        "**/a/**/access.log",
        "*/**/access.log",
        "a/**",
        "a/**/access.log",
        "?/**/[ae]*.log",
        "**/.hidden.log",
        "**/.*",
        "**/.git/*",
        ".cache/**",
        ".*/**",
        "**/c/access.log",
        "**/b",
        "odd**name/*",
        "**/odd**/*",
        "*",
        "*/access.log",
        ".*",
        "access.log",
    ],
)
def test_a_pattern_finds_what_the_shell_finds_in_order(tmp_path: Path, pattern: str) -> None:
    whole = str(tree(tmp_path) / pattern)
    expected = sorted({path for path in glob.glob(whole, recursive=True) if os.path.isfile(path)})
    if expected:
        assert expected == paths(inputs([whole]))
    else:
        with pytest.raises(ConfigError, match="no file matches"):
            inputs([whole])


def test_a_pattern_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree(tmp_path) / "a" / "b")
    assert [str(tmp_path / "logs/a/access.log")] == paths(inputs(["../**/a*.log"]))[:1]


@pytest.mark.parametrize("pattern", ["**", "**/*.log", "**/a/**/*.log", "**/**/**/access.log"])
def test_links_to_their_own_directory_are_gone_through_once(tmp_path: Path, pattern: str) -> None:
    logs = tree(tmp_path)
    expected = paths(inputs([str(logs / pattern)]))
    for directory in (logs, logs / "a", logs / "a" / "b"):
        for name in ("loop1", "loop2", "0"):
            (directory / name).symlink_to(".")
    found = inputs([str(logs / pattern)])
    assert expected == paths(found)
    assert () == found.findings


def test_links_to_directories_above_are_gone_through_once(tmp_path: Path) -> None:
    logs = tree(tmp_path)
    expected = paths(inputs([str(logs / "**/*.log")]))
    for name in ("0", "up"):
        (logs / name).symlink_to("..")
        (logs / "a" / "b" / name).symlink_to(logs)
    found = inputs([str(logs / "**/*.log")])
    assert expected == paths(found)
    assert () == found.findings
    below = paths(inputs([str(logs / "**/b/**/error.log")]))
    assert [str(logs / "b/error.log")] == below


def test_a_directory_behind_a_link_is_searched_as_any_other(tmp_path: Path) -> None:
    logs = tree(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    (elsewhere / "deep" / "access.log").write_bytes(lines(range(99)))
    (logs / "a" / "0site").symlink_to(elsewhere)
    assert str(logs / "a/0site/deep/access.log") in paths(inputs([str(logs / "**/access.log")]))
    assert [str(logs / "a/0site/deep/access.log")] == paths(inputs([str(logs / "**/0site/*/*")]))


def test_a_file_has_the_name_that_no_link_is_part_of(tmp_path: Path) -> None:
    logs = tree(tmp_path)
    before = paths(inputs([str(logs / "**/access.log")]))
    (logs / "0").symlink_to("a")
    found = inputs([str(logs / "**/access.log")])
    assert before == paths(found)
    assert () == found.findings


def test_a_stop_ends_the_search(tmp_path: Path) -> None:
    logs = tree(tmp_path)
    stop = At(3, lambda at: at.set())
    with pytest.raises(Busy, match="interrupted"):
        inputs([str(logs / "**/*.log")], stop)
    assert stop.happened


@pytest.mark.parametrize("pattern", ["*", "**", "**/*"])
def test_what_cannot_be_looked_at_does_not_keep_others_out(tmp_path: Path, pattern: str) -> None:
    logs = tree(tmp_path)
    (logs / "circle").symlink_to("circle")
    found = inputs([str(logs / pattern)])
    assert str(logs / "access.log") in paths(found)
    assert str(logs / "access.log.1") in paths(found)
    [finding] = found.findings
    assert finding.is_error
    assert f"cannot look at {logs / 'circle'}" in finding.text


def wanted(site: Site, workers: int, *, automatic: bool = False) -> Wanted:
    return Wanted(site.request(), (), Engine(workers), automatic)


def sized(directory: Path, *sizes: int) -> Inputs:
    """Make files that are so large, and take no room."""
    for number, size in enumerate(sizes):
        path = directory / f"log-{number}"
        path.touch()
        os.truncate(path, size)
    return inputs([str(directory / "log-*")])


@pytest.mark.parametrize(
    ("workers", "sizes", "expected"),
    [
        (1024, (100, 200), 2),
        (1024, (100, 0, 0), 1),
        (1024, (0, 0), 1),
        (1024, (LIMIT, 1), 2),
        (1024, (LIMIT + 1, 1), 3),
        (4, (10 * LIMIT,), 4),
        (1, (10 * LIMIT,), 1),
        (2, (1, 1, 1), 2),
    ],
)
def test_no_more_processes_are_started_than_there_is_work(
    site: Site, tmp_path: Path, workers: int, sizes: tuple[int, ...], expected: int
) -> None:
    files = sized(tmp_path, *sizes).files
    assert expected == wanted(site, workers).engine_for(files).workers


def test_nothing_to_read_is_read_here(site: Site) -> None:
    assert 1 == wanted(site, 8).engine_for(()).workers
    assert 1 == wanted(site, 8, automatic=True).engine_for(()).workers


def test_a_little_is_read_here_where_nobody_asked_for_processes(site: Site, tmp_path: Path) -> None:
    files = sized(tmp_path, LITTLE // 2, LITTLE // 2 - 1).files
    assert 1 == wanted(site, 8, automatic=True).engine_for(files).workers
    assert 2 == wanted(site, 8).engine_for(files).workers
    more = sized(tmp_path, LITTLE // 2, LITTLE // 2).files
    assert 2 == wanted(site, 8, automatic=True).engine_for(more).workers
