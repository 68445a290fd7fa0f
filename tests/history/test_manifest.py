"""Who may write history into a directory, and what it says of itself."""

import json
import os
import stat
from pathlib import Path

import pytest

from batchlog.errors import Busy, ConfigError, SinkUnreachable
from batchlog.history.days import DayFile
from batchlog.history.manifest import FileRead, open_directory
from batchlog.history.options import Options
from batchlog.scan import Timing
from tests.history.histories import options

OPTIONS = options(since=5)
INPUT = FileRead("/var/log/a.log.1", 1234, 10, 9)
FILE = DayFile("/x/batchlog-2015-05-17.om.txt", "2015-05-17", 6, 1, 2, 9, "f00d")


def complete(path: Path) -> None:
    """Leave a complete history there."""
    with open_directory(str(path), OPTIONS, force=False) as directory:
        (path / "batchlog-2015-05-17.om.txt").write_text("x")
        directory.complete([INPUT], [FILE])


def manifest(path: Path) -> dict[str, object]:
    """Return what stands in the manifest."""
    found = json.loads((path / "manifest.json").read_text())
    assert isinstance(found, dict)
    return found


def test_a_new_directory_is_made_and_says_at_once_that_it_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "a" / "history"
    with open_directory(str(path), OPTIONS, force=False) as directory:
        assert not directory.resumed
        assert False is manifest(path)["complete"]
        directory.begin([INPUT])
        assert [{"path": INPUT.path, "size": 1234, "lines": 10, "counted": 9}] == manifest(path)[
            "inputs"
        ]


def test_a_complete_history_names_inputs_outputs_and_options(tmp_path: Path) -> None:
    complete(tmp_path)
    found = manifest(tmp_path)
    assert True is found["complete"]
    assert [{"file": "batchlog-2015-05-17.om.txt", "samples": 6, "digest": "f00d"}] == found[
        "outputs"
    ]
    assert {"step": 60, "since": 5, "until": None}.items() <= dict(found["options"]).items()  # type: ignore[call-overload]


def test_others_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "above" / "it" / "history"
    before = os.umask(0o077)
    try:
        complete(path)
    finally:
        os.umask(before)
    made = (path.parent.parent, path.parent, path, path / "manifest.json")
    assert [0o755, 0o755, 0o755, 0o644] == [stat.S_IMODE(one.stat().st_mode) for one in made]


def test_a_second_history_in_the_same_place_is_refused(tmp_path: Path) -> None:
    complete(tmp_path)
    with (
        pytest.raises(ConfigError, match=r"holds a complete history; .*--force"),
        open_directory(str(tmp_path), OPTIONS, force=False),
    ):
        pass
    assert True is manifest(tmp_path)["complete"]


def test_force_begins_anew(tmp_path: Path) -> None:
    complete(tmp_path)
    (tmp_path / ".work" / "steps").mkdir(parents=True)
    with open_directory(str(tmp_path), OPTIONS, force=True) as directory:
        assert not directory.resumed
        assert {".lock", "manifest.json"} == {path.name for path in tmp_path.iterdir()}


def test_an_incomplete_history_goes_on_with_the_same_options(tmp_path: Path) -> None:
    with open_directory(str(tmp_path), OPTIONS, force=False):
        (tmp_path / ".work" / "steps").mkdir(parents=True)
    with open_directory(str(tmp_path), OPTIONS, force=False) as directory:
        assert directory.resumed
        assert (tmp_path / ".work" / "steps").is_dir()
    with open_directory(str(tmp_path), OPTIONS, force=True) as directory:
        assert directory.resumed


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (options(300, since=5), "--step"),
        (options(since=6), "--since"),
        (options(since=5, by=("method",)), "--by"),
        (options(since=5, labels={"job": "x"}), "--series-label"),
        (options(since=5, bounds=(1,)), "duration buckets"),
    ],
)
def test_other_options_are_named_and_begin_anew_with_force_only(
    tmp_path: Path, other: object, named: str
) -> None:
    with open_directory(str(tmp_path), OPTIONS, force=False):
        (tmp_path / ".work" / "steps").mkdir(parents=True)
    with (
        pytest.raises(ConfigError, match=named),
        open_directory(str(tmp_path), other, force=False),  # type: ignore[arg-type]
    ):
        pass
    with open_directory(str(tmp_path), other, force=True) as directory:  # type: ignore[arg-type]
        assert not directory.resumed
        assert not (tmp_path / ".work").exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path: Path, force: bool) -> None:
    (tmp_path / "precious").write_text("x")
    with (
        pytest.raises(ConfigError, match=r"holds other files .'precious'."),
        open_directory(str(tmp_path), OPTIONS, force=force),
    ):
        pass
    assert ["precious"] == os.listdir(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"version": "x"}', "\xff"])
def test_a_manifest_that_is_none_of_ours_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    with (
        pytest.raises(ConfigError, match="is not a manifest of a history"),
        open_directory(str(tmp_path), OPTIONS, force=True),
    ):
        pass


def test_a_manifest_of_another_version_begins_anew_with_force_only(tmp_path: Path) -> None:
    complete(tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**manifest(tmp_path), "version": 2, "complete": False}))
    with (
        pytest.raises(ConfigError, match="version 2"),
        open_directory(str(tmp_path), OPTIONS, force=False),
    ):
        pass


def test_a_second_run_into_the_same_directory_is_kept_out(tmp_path: Path) -> None:
    with (
        open_directory(str(tmp_path), OPTIONS, force=False),
        pytest.raises(Busy, match="another run"),
        open_directory(str(tmp_path), OPTIONS, force=True),
    ):
        pass
    with open_directory(str(tmp_path), OPTIONS, force=False) as directory:
        assert directory.resumed


def test_a_kill_before_the_manifest_was_written_leaves_an_empty_directory(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "manifest.json.new").write_text("{")
    with open_directory(str(tmp_path), OPTIONS, force=False) as directory:
        assert not directory.resumed


def test_a_link_in_the_place_of_what_is_written_is_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "h"
    victim.write_text("precious")
    victim.chmod(0o600)
    path.mkdir()
    (path / "manifest.json.new").symlink_to(victim)
    with (
        pytest.raises(ConfigError, match=r"holds other files .'manifest.json.new'."),
        open_directory(str(path), OPTIONS, force=True),
    ):
        pass
    (path / "manifest.json.new").unlink()
    with open_directory(str(path), OPTIONS, force=False) as directory:
        (path / "manifest.json.new").symlink_to(victim)
        directory.begin([INPUT])
    assert ("precious", 0o600) == (victim.read_text(), stat.S_IMODE(victim.stat().st_mode))
    assert not (path / "manifest.json").is_symlink()
    assert manifest(path)["inputs"]


def test_a_journal_that_is_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "h"
    (elsewhere / "steps").mkdir(parents=True)
    with open_directory(str(path), OPTIONS, force=False):
        pass
    (path / ".work").symlink_to(elsewhere)
    with (
        pytest.raises(ConfigError, match=r"\.work is not a directory"),
        open_directory(str(path), OPTIONS, force=True),
    ):
        pass
    assert (elsewhere / "steps").is_dir()


def test_a_journal_that_a_complete_history_left_is_cleared(tmp_path: Path) -> None:
    complete(tmp_path)
    (tmp_path / ".work" / "steps").mkdir(parents=True)
    with (
        pytest.raises(ConfigError, match="holds a complete history"),
        open_directory(str(tmp_path), OPTIONS, force=False),
    ):
        pass
    assert not (tmp_path / ".work").exists()


AGED = options(since=100, until=200, asked=("90d", "1d"))


def test_an_age_is_the_moment_that_it_was_when_the_history_was_begun(tmp_path: Path) -> None:
    later = options(since=110, until=210, asked=("90d", "1d"))
    with open_directory(str(tmp_path), AGED, force=False):
        pass
    with open_directory(str(tmp_path), later, force=False) as directory:
        assert directory.resumed
        assert Timing(60, 100, 200) == directory.options.timing
        directory.complete([], [])
    with open_directory(str(tmp_path), later, force=True) as directory:
        assert not directory.resumed
        assert Timing(60, 110, 210) == directory.options.timing


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (options(since=110, until=200, asked=("89d", "1d")), "--since"),
        (options(since=100, until=210, asked=("90d", "")), "--until"),
        (options(300, since=110, until=210, asked=("90d", "1d")), "--step"),
    ],
)
def test_another_age_is_another_choice(tmp_path: Path, other: Options, named: str) -> None:
    with open_directory(str(tmp_path), AGED, force=False):
        pass
    with (
        pytest.raises(ConfigError, match=named),
        open_directory(str(tmp_path), other, force=False),
    ):
        pass


def test_the_same_moment_in_other_words_is_the_same_choice(tmp_path: Path) -> None:
    with open_directory(str(tmp_path), AGED, force=False):
        pass
    same = options(since=100, until=200, asked=("1970-01-01 00:01:40Z", "1d"))
    with open_directory(str(tmp_path), same, force=False) as directory:
        assert directory.resumed
        assert AGED == directory.options


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="is not a directory"),
        open_directory(str(tmp_path / "file"), OPTIONS, force=False),
    ):
        pass


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SinkUnreachable, match="cannot be written"),
        open_directory(str(tmp_path / "file" / "history"), OPTIONS, force=False),
    ):
        pass


def test_a_path_that_is_not_utf8_is_named_all_the_same(tmp_path: Path) -> None:
    with open_directory(str(tmp_path), OPTIONS, force=False) as directory:
        directory.begin([FileRead(os.fsdecode(b"/x/\xff.log"), 1, 2, 3)])
    assert r"\udcff" in str(manifest(tmp_path)["inputs"])
