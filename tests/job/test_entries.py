"""Which logs a run is about."""

from pathlib import Path

import pytest

from batchlog.config.load import load
from batchlog.config.schema import Flags, LogEntry, Settings
from batchlog.entries import Entries, select
from batchlog.errors import ConfigError
from batchlog.state.checkpoint import Entry


def settings(tmp_path: Path, text: str = "", **flags: str) -> Settings:
    (tmp_path / "c.toml").write_text(text)
    return load(tmp_path / "c.toml", Flags(**flags))  # type: ignore[arg-type]


def test_arguments_go_before_the_configuration_and_that_before_what_is_remembered(
    tmp_path: Path,
) -> None:
    known = settings(tmp_path, '[[log]]\npath = "/c.log"\n')
    none = settings(tmp_path)
    remembered = [Entry("/r.log", "common")]
    assert ["/a.log"] == [one.path for one in select(known, ["/a.log"], remembered)]
    assert ["/c.log"] == [one.path for one in select(known, [], remembered)]
    assert (LogEntry("/r.log", format="common"),) == select(none, [], remembered)


def test_no_log_anywhere_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no log is named"):
        select(settings(tmp_path), [], [])


def test_a_format_given_now_goes_before_the_remembered(tmp_path: Path) -> None:
    (found,) = select(settings(tmp_path, format="combined"), [], [Entry("/r.log", "common")])
    assert "combined" == found.format


def test_a_covered_argument_takes_the_entrys_settings_and_keeps_its_path(tmp_path: Path) -> None:
    known = settings(tmp_path, '[[log]]\npath = "/l/*.log"\nname = "web"\nlabels = { t = "x" }\n')
    (found,) = select(known, ["/l/a.log"], [])
    assert ("/l/a.log", "web", {"t": "x"}) == (found.path, found.name, found.labels)


def test_the_first_entry_that_covers_a_path_wins() -> None:
    entries = [LogEntry("/l/a.log"), LogEntry("/l/*.log", name="rest")]
    found = [Entries(entries).covering(path) for path in ("/l/a.log", "/l/b.log", "/l/b.txt")]
    assert [entries[0], entries[1], None] == found


def test_a_pattern_does_not_cover_what_lies_deeper() -> None:
    assert Entries([LogEntry("/l/*.log")]).covering("/l/deeper/a.log") is None
    assert Entries([LogEntry("/l/*/a.log")]).covering("/l/deeper/a.log") is not None
    assert Entries([LogEntry("/l/**/a.log")]).covering("/l/x/y/a.log") is not None
    assert Entries([LogEntry("/l/**/a.log")]).covering("/l/a.log") is not None


def test_a_pattern_before_a_path_wins() -> None:
    entries = [LogEntry("/l/*.log", name="all"), LogEntry("/l/a.log", name="a")]
    assert entries[0] == Entries(entries).covering("/l/a.log")


def test_rotated_names_of_other_arguments_join_them(tmp_path: Path) -> None:
    names = ["access.log", "access.log.1", "access.log.2.gz", "access.log-20261101"]
    paths = [str(tmp_path / name) for name in names]
    found = select(settings(tmp_path), paths, [])
    assert [paths[0]] == [entry.path for entry in found]


def test_a_lone_rotated_name_whose_base_is_there_is_refused(tmp_path: Path) -> None:
    for name in ("access.log", "access.log.1"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"access\.log\.1 is a rotated file of .*backfill"):
        select(settings(tmp_path), [str(tmp_path / "access.log.1")], [])


def test_a_lone_rotated_name_without_its_base_is_a_log(tmp_path: Path) -> None:
    path = str(tmp_path / "access.log.1")
    (tmp_path / "access.log.1").touch()
    assert [path] == [entry.path for entry in select(settings(tmp_path), [path], [])]
