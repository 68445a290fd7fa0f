"""What a pattern with `**` matches: glob is the oracle, but for what keeps it for ever (R119)."""

import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from batchlog.config.schema import LogEntry
from batchlog.entries import Entries
from batchlog.errors import Stop
from batchlog.segments.discover import Wanted, discover
from batchlog.segments.disk import Disk
from batchlog.segments.walk import directories, matches

NAMES = st.sampled_from(["a", "b", "ab", ".h", "a.log", "b.log"])
PARTS = st.sampled_from(["a", "b", "*", "a*", "**", "[ab]", ".*"])
LAST = st.sampled_from(["*", "*.log", "a.log", "a", "**"])
DEEP = 1200
"""More directories inside one another than Python's functions may call themselves."""


@given(
    files=st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=8),
    parts=st.lists(PARTS, max_size=3),
    last=LAST,
)
def test_it_finds_what_glob_finds(files: list[list[str]], parts: list[str], last: str) -> None:
    with tempfile.TemporaryDirectory() as root:
        for path in files:
            _make(Path(root, *path))
        pattern = os.path.join(root, *parts, last)
        # `missing/**` gives `missing/` before Python 3.13.
        found = {p.rstrip("/") for p in glob.glob(pattern, recursive=True) if os.path.lexists(p)}
        assert {p for p in found if not os.path.isdir(p)} == set(matches(pattern, Stop()))
        parent = os.path.dirname(pattern)
        above = {path.rstrip("/") for path in glob.glob(parent, recursive=True)}
        assert {path for path in above if os.path.isdir(path)} == set(directories(parent, Stop()))


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        pass  # a file is where this one needs a directory, or the other way round


@given(path=st.lists(NAMES, max_size=5), pattern=st.lists(PARTS, max_size=4))
def test_an_entry_covers_what_some_choice_of_directories_makes_fit(
    path: list[str], pattern: list[str]
) -> None:
    entry = "/".join(["/r", *pattern, "x.log"])
    covered = Entries([LogEntry(entry)]).covering("/".join(["/r", *path, "x.log"]))
    assert (covered is not None) == _fits(path, pattern)


def _fits(path: list[str], pattern: list[str]) -> bool:
    """Try every choice, however long it takes."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_fits(path[n:], pattern[1:]) for n in range(len(path) + 1))
    one = bool(path) and fnmatchcase(path[0], pattern[0])
    return one and _fits(path[1:], pattern[1:])


def test_r119_links_that_lead_back_are_followed_once(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).symlink_to(".")  # glob would go 3 to the power of 40 ways
    (tmp_path / "a.log").touch()
    found = discover([Wanted(f"{tmp_path}/**/*.log", ())], Disk())
    assert [f"{tmp_path}/a.log"] == [log.path for log in found]


def test_a_covering_pattern_with_many_stars_is_asked_quickly() -> None:
    entry = "/" + "/".join(["**", "a"] * 12) + "/b/x.log"
    path = "/" + "/".join(["a"] * 2000) + "/x.log"
    assert Entries([LogEntry(entry)]).covering(path) is None


@contextmanager
def deep(root: Path) -> Iterator[str]:
    """Make directories deep inside one another with a log below; a name at a time is short."""
    path = str(root)
    for _ in range(DEEP):  # makedirs calls itself
        path += "/d"
        os.mkdir(path)
    try:
        yield path
    finally:
        for _ in range(DEEP):  # rmtree calls itself before Python 3.13
            for entry in os.scandir(path):
                os.unlink(entry)
            os.rmdir(path)
            path = os.path.dirname(path)


def test_r119_directories_deeper_than_calls_may_go_are_gone_through(tmp_path: Path) -> None:
    with deep(tmp_path) as path:
        Path(path, "a.log").touch()
        found = discover([Wanted(f"{tmp_path}/**/*.log", ())], Disk())
        assert [f"{path}/a.log"] == [log.path for log in found]
        assert [f"{path}/a.log"] == matches(f"{tmp_path}/**/*.log", Stop())
        covering = Entries([LogEntry(f"{tmp_path}/**/*.log")]).covering(f"{path}/a.log")
        assert covering is not None
