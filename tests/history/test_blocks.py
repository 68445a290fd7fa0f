"""Blocks are made by the real promtool, all or none, and hold every sample that was written."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pytest

from batchlog.errors import ConfigError, LogError, SinkUnreachable, Stop
from batchlog.history import advice
from batchlog.history.blocks import (
    Blocks,
    make_blocks,
    refuse_foreign,
    refuse_others,
    remove_blocks,
)
from batchlog.history.days import NAME, DayFile
from batchlog.history.promtool import Promtool, command_line, find
from batchlog.segments.findings import Finding
from tests import servers
from tests.site import At, Killed, die

DAY = 86_400
BEGIN = 1_795_046_400
"""2026-11-19, midnight."""

STEP = 600


@pytest.fixture
def tool(promtool: servers.Promtool) -> Promtool:
    """Return the real promtool as batchlog finds it."""
    assert promtool.program
    return find()


def text(*samples: tuple[int, int], end: str = "# EOF\n") -> str:
    """Return a file with one series and these values at these times."""
    lines = [f'requests_total{{status="200"}} {value} {time}\n' for time, value in samples]
    return "".join(["# TYPE requests counter\n", *lines, end])


def written(directory: Path, name: str, samples: int, content: str) -> DayFile:
    """Write a day's file that is said to hold so many samples."""
    directory.mkdir(exist_ok=True)
    path = directory / NAME.format(day=name)
    path.write_text(content)
    begin = BEGIN + DAY * (int(name[-2:]) - 19)
    digest = blake2b(content.encode(), digest_size=16).hexdigest()
    return DayFile(str(path), name, samples, begin, begin + DAY - STEP, samples, digest)


def a_day(directory: Path, number: int, value: int = 1) -> DayFile:
    """Write the file of a whole day, a sample every ten minutes."""
    begin = BEGIN + DAY * number
    samples = [(time, value) for time in range(begin, begin + DAY, STEP)]
    return written(directory, f"2026-11-{19 + number}", len(samples), text(*samples))


def days(directory: Path, *numbers: int, value: int = 1) -> list[DayFile]:
    return [a_day(directory, number, value) for number in numbers]


class Making:
    """A directory and what is said about it."""

    def __init__(self, directory: Path, tool: Promtool) -> None:
        self.directory = directory
        self.tool = tool
        self.said: list[Finding] = []

    def make(
        self, files: Sequence[DayFile], stop: Stop | None = None, *, force: bool = False
    ) -> Blocks | None:
        """Make the blocks of these files."""
        stop = Stop() if stop is None else stop
        directory = str(self.directory)
        return make_blocks(files, directory, self.tool, stop, self.said.append, force=force)

    def metas(self) -> dict[str, Any]:
        """Return the meta.json of each block in place, by its name."""
        found = sorted(self.directory.glob("*/meta.json"))
        return {path.parent.name: json.loads(path.read_text()) for path in found}

    @property
    def samples(self) -> int:
        """The samples in all blocks in place."""
        return sum(meta["stats"]["numSamples"] for meta in self.metas().values())

    def record(self) -> Any:  # noqa: ANN401 - JSON
        """Return what blocks.json says."""
        return json.loads((self.directory / "blocks.json").read_text())

    def is_complete(self, made: Blocks | None, files: Sequence[DayFile]) -> bool:
        """Return whether exactly the blocks of these files are in place, and named."""
        return (
            made is not None
            and sorted(made.names) == list(self.metas())
            and made.samples == self.samples == sum(file.samples for file in files)
            and self.record()["complete"]
            and not (self.directory / ".work").exists()
        )


@pytest.fixture
def making(tmp_path: Path, tool: Promtool) -> Making:
    return Making(tmp_path / "history", tool)


# What is made


def test_the_blocks_hold_every_sample(making: Making) -> None:
    files = days(making.directory, 0, 1, 2)
    made = making.make(files)
    assert making.is_complete(made, files)
    assert made is not None
    assert (BEGIN, BEGIN + 3 * DAY - STEP) == (made.first, made.last)
    assert "432 samples" in making.said[-1].text
    assert making.tool.version in making.said[-1].text


def test_no_block_lies_across_two_that_a_server_makes(making: Making) -> None:
    """Such blocks would make the server merge days of all its series at a time."""
    made = making.make(days(making.directory, *range(9)))
    assert made is not None
    assert 18 == len(made.names)
    longest = 18 * 3600 * 1000
    for meta in making.metas().values():
        assert meta["minTime"] // longest == (meta["maxTime"] - 1) // longest


def test_a_history_without_a_day_has_no_blocks(making: Making) -> None:
    making.directory.mkdir()
    made = making.make([])
    assert Blocks(str(making.directory), (), 0, None, None) == made
    assert [] == advice.for_blocks(made)
    assert [] == advice.for_files([], str(making.directory))


def test_others_can_read_the_blocks_whatever_the_umask(making: Making) -> None:
    files = days(making.directory, 0)
    before = os.umask(0o077)
    try:
        made = making.make(files)
    finally:
        os.umask(before)
    assert made is not None
    assert {0o755} == {(making.directory / name).stat().st_mode & 0o777 for name in made.names}


# What goes wrong


@pytest.mark.parametrize(
    ("what", "samples"),
    [
        ("equal", [(BEGIN, 1), (BEGIN + 60, 2), (BEGIN + 60, 3)]),
        ("late", [(BEGIN, 1), (BEGIN + 120, 2), (BEGIN + 60, 3)]),
    ],
)
def test_samples_that_promtool_drops_without_a_word_are_missed(
    making: Making, what: str, samples: list[tuple[int, int]]
) -> None:
    files = [
        a_day(making.directory, 0),
        written(making.directory, "2026-11-20", 3, text(*samples)),
    ]
    with pytest.raises(LogError, match=r"^2026-11-20: .* of 2 samples, and 3 were written") as no:
        making.make(files)
    assert files[1].path in str(no.value), what
    assert {} == making.metas()
    assert ([], False) == (making.record()["days"], making.record()["complete"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (text((BEGIN, 1), end=""), "data does not end with # EOF"),
        ("# TYPE a counter\na_total 1\n# EOF\n", "expected timestamp"),
    ],
)
def test_what_promtool_says_is_passed_on(making: Making, content: str, reason: str) -> None:
    file = written(making.directory, "2026-11-19", 1, content)
    with pytest.raises(LogError, match=reason) as no:
        making.make([file])
    assert file.path in str(no.value)
    assert "\n" not in str(no.value)


def test_a_day_that_failed_is_made_once_it_is_mended(making: Making) -> None:
    files = days(making.directory, 0, 1)
    kept = Path(files[1].path).read_text()
    Path(files[1].path).write_text("")
    with pytest.raises(LogError):
        making.make(files)
    Path(files[1].path).write_text(kept)
    assert making.is_complete(making.make(files), files)


def test_without_promtool_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"apt install prometheus.*--openmetrics DIR"):
        find()


def program(directory: Path, script: str) -> Promtool:
    """Write a program of the name promtool."""
    path = directory / "promtool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Promtool(str(path), "0")


@pytest.mark.parametrize("script", ["echo hello", "exit 1"])
def test_another_program_of_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    program(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="is not Prometheus' promtool"):
        find()


def test_a_program_that_never_says_its_version_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "exec /bin/sleep 60")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("batchlog.history.promtool.PATIENCE", 0.2)
    with pytest.raises(ConfigError, match=f"{tmp_path}/promtool .* does not say its version"):
        find()


def test_a_program_that_cannot_be_started_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "")
    (tmp_path / "promtool").write_bytes(b"\x7fELF nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="does not run"):
        find()


@pytest.mark.parametrize(
    ("script", "reason"), [("exit 3", "exit status 3"), ("exit 0", "of 0 samples")]
)
def test_a_promtool_that_ends_without_a_word_is_noticed(
    tmp_path: Path, script: str, reason: str
) -> None:
    making = Making(tmp_path / "history", program(tmp_path, script))
    with pytest.raises(LogError, match=reason):
        making.make(days(making.directory, 0))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -9 $$", "ended by signal 9"),  # as the kernel does where memory runs out
        ("echo 'write 01X/chunks/000001: no space left on device' >&2; exit 1", "no space left"),
        ("echo 'open index: disk quota exceeded' >&2; exit 1", "disk quota exceeded"),
        ("echo 'mkdir data: read-only file system' >&2; exit 1", "read-only file system"),
        ('ulimit -f 8; exec {real} "$@"', "file too large|ended by signal"),
    ],
)
def test_a_machine_that_stands_in_promtools_way_is_no_fault_of_the_file(
    tmp_path: Path, tool: Promtool, script: str, reason: str
) -> None:
    making = Making(tmp_path / "history", program(tmp_path, script.replace("{real}", tool.path)))
    files = days(making.directory, 0)
    with pytest.raises(SinkUnreachable, match=f"({reason}).*; see to the space.*run again"):
        making.make(files)
    making.tool = tool
    assert making.is_complete(making.make(files), files)


def test_a_place_that_cannot_be_written_is_named(making: Making) -> None:
    files = days(making.directory, 0)
    (making.directory / ".work").write_text("no directory")
    with pytest.raises(SinkUnreachable, match="history cannot be written in"):
        making.make(files)


# What is there already


def test_the_data_of_a_server_is_no_place_for_history(making: Making) -> None:
    (making.directory / "wal").mkdir(parents=True)
    with pytest.raises(ConfigError, match="the data directory of a Prometheus"):
        refuse_foreign(str(making.directory))


def test_blocks_of_somebody_else_are_left_alone(making: Making, tmp_path: Path) -> None:
    other = Making(tmp_path / "other", making.tool)
    made = other.make(days(other.directory, 0))
    assert made is not None
    (other.directory / "blocks.json").unlink()
    with pytest.raises(ConfigError, match="that no history of batchlog brought there"):
        other.make(days(other.directory, 0))
    assert sorted(made.names) == list(other.metas())


def test_a_directory_that_is_not_there_yet_is_fine(making: Making) -> None:
    refuse_foreign(str(making.directory))


def test_a_second_run_over_the_same_files_changes_nothing(making: Making) -> None:
    files = days(making.directory, 0, 1)
    assert making.make(files) == making.make(files)
    assert making.is_complete(making.make(files), files)


def test_other_files_take_the_place_of_those_before_where_that_is_asked_for(
    making: Making,
) -> None:
    before = making.make(days(making.directory, 0, 1))
    kept = making.metas()
    files = days(making.directory, 0, 1, value=7)
    with pytest.raises(ConfigError, match=r"the blocks of another history.*--force"):
        making.make(files)
    assert kept == making.metas()
    after = making.make(files, force=True)
    assert making.is_complete(after, files)
    assert before is not None
    assert after is not None
    assert not set(before.names).intersection(after.names)


def test_blocks_that_were_taken_away_are_made_again(making: Making) -> None:
    files = days(making.directory, 0, 1)
    made = making.make(files)
    assert made is not None
    (making.directory / made.names[0]).rename(making.directory.with_name("moved"))
    assert making.is_complete(making.make(files), files)


def test_blocks_that_went_to_a_server_are_in_nobody_s_way(making: Making) -> None:
    made = making.make(days(making.directory, 0))
    assert made is not None
    for name in made.names:
        (making.directory / name).rename(making.directory.with_name(name))
    files = days(making.directory, 0, value=7)
    assert making.is_complete(making.make(files), files)


def test_blocks_can_be_removed(making: Making) -> None:
    making.make(days(making.directory, 0))
    remove_blocks(str(making.directory))
    assert {} == making.metas()
    assert not (making.directory / "blocks.json").exists()
    remove_blocks(str(making.directory))


@pytest.mark.parametrize(
    "content", ["", "{}", '{"promtool": "2", "days": 1}', "\xff", "[]", '{"complete": true}']
)
def test_a_record_that_is_none_of_ours_is_left_alone(making: Making, content: str) -> None:
    files = days(making.directory, 0)
    record = making.directory / "blocks.json"
    record.write_text(content, encoding="latin-1")
    for use in (making.make, lambda _: remove_blocks(str(making.directory))):
        with pytest.raises(ConfigError, match=r"blocks\.json is not a record of blocks"):
            use(files)
    assert content == record.read_text(encoding="latin-1")
    assert {} == making.metas()


def test_a_record_never_leads_out_of_the_directory(making: Making, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    files = days(making.directory, 0)
    making.make(files)
    record = making.record()
    record["days"][0]["blocks"].append("../precious")
    (making.directory / "blocks.json").write_bytes(msgspec.json.encode(record))
    with pytest.raises(ConfigError, match="is not a record of blocks"):
        remove_blocks(str(making.directory))
    assert (tmp_path / "precious").is_dir()


# A directory for blocks alone


def refused(directory: Path, pattern: str) -> bool:
    """Return whether a directory is refused as one for blocks alone, and nothing in it changes."""
    before = sorted(directory.rglob("*"))
    with pytest.raises(ConfigError, match=pattern):
        refuse_foreign(str(directory), apart=True)
    return before == sorted(directory.rglob("*"))


@pytest.mark.parametrize(
    "name",
    ["access.log", "checkpoint.json", ".work", "batchlog-2026-11-19.om.txt", "manifest.json"],
)
def test_a_directory_with_other_files_is_no_place_for_blocks_alone(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    assert refused(tmp_path, f"holds other files .'{name}'.")


def test_a_history_of_its_own_stays_so(making: Making) -> None:
    making.make(days(making.directory, 0))
    (making.directory / "manifest.json").touch()
    assert refused(making.directory, "holds a history of its own")


def test_a_directory_with_our_record_takes_more_blocks(tmp_path: Path, tool: Promtool) -> None:
    making = Making(tmp_path / "blocks", tool)
    files = days(tmp_path / "files", 0, 1)
    refuse_foreign(str(making.directory), apart=True)
    making.directory.mkdir()
    (making.directory / ".lock").touch()
    (making.directory / "blocks.json.new").touch()
    refuse_foreign(str(making.directory), apart=True)
    assert making.is_complete(making.make(files), files)
    refuse_foreign(str(making.directory), apart=True)
    with pytest.raises(ConfigError, match=r"the blocks of another history.*--force"):
        refuse_others(str(making.directory))


def test_a_record_is_not_written_through_a_link(tmp_path: Path, tool: Promtool) -> None:
    making = Making(tmp_path / "blocks", tool)
    victim, new = tmp_path / "victim", making.directory / "blocks.json.new"
    victim.write_text("precious")
    making.directory.mkdir()
    new.symlink_to(victim)
    assert refused(making.directory, "holds other files .'blocks.json.new'.")
    making.make(days(tmp_path / "files", 0))
    assert "precious" == victim.read_text()


@pytest.mark.parametrize("name", [".work", ".work/blocks"])
def test_blocks_are_not_made_through_a_link(making: Making, tmp_path: Path, name: str) -> None:
    elsewhere, link = tmp_path / "elsewhere", making.directory / name
    elsewhere.mkdir()
    files = days(making.directory, 0)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(SinkUnreachable, match="Not a directory"):
        making.make(files)
    assert [] == list(elsewhere.iterdir())


# Interrupted


def test_a_stop_ends_promtool_and_keeps_the_days_that_are_made(
    making: Making, tmp_path: Path
) -> None:
    files = days(making.directory, 0, 1)
    # The first day has all that it needs; promtool hangs over the second.
    slow = program(
        tmp_path,
        f'case "$*" in *20.om*) echo $$ > {tmp_path}/pid; exec sleep 600;; esac; '
        f'exec {making.tool.path} "$@"',
    )
    assert None is Making(making.directory, slow).make(files, Watching(tmp_path / "pid"))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert {} == making.metas()
    [kept] = (making.directory / ".work" / "blocks").iterdir()
    names = {path.name for path in kept.iterdir()}
    made = making.make(files)
    assert making.is_complete(made, files)
    assert names < set(making.metas())


class Watching(Stop):
    """A request to stop that is made once a file has something in it."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def __bool__(self) -> bool:
        return self._path.exists() and self._path.read_text() != ""


def moments(making: Making, files: Sequence[DayFile]) -> Iterator[int]:
    """Yield 1, 2, 3 … until a run lasts beyond that look at the request to stop."""
    moment = 0
    while True:
        moment += 1
        at = At(moment, die)
        try:
            making.make(files, at)
        except Killed:
            yield moment
        else:
            assert not at.happened
            return


def test_a_run_that_is_ended_between_two_days_goes_on(making: Making) -> None:
    files = days(making.directory, 0, 1, 2)
    for _ in moments(making, files):
        assert {} == making.metas()
    assert making.is_complete(making.make(files), files)


def at_call(number: int, of: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does what `of` does until it is called for that time."""
    calls = 0

    def do(*words: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever it takes
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed
        return of(*words, **more)

    return do


@pytest.mark.parametrize("call", ["rename", "mkdir", "unlink", "fsync"])
@pytest.mark.parametrize("anew", [False, True], ids=["first", "over-others"])
def test_a_run_that_is_ended_at_any_change_of_the_disk_goes_on(
    tmp_path: Path, tool: Promtool, call: str, *, anew: bool
) -> None:
    """No partial result looks finished, and nothing stands there twice in the end."""
    number, killed = 0, True
    while killed:
        number += 1
        making = Making(tmp_path / str(number), tool)
        if anew:
            making.make(days(making.directory, 0, 1, value=7))
        files = days(making.directory, 0, 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, call, at_call(number, getattr(os, call)))
            try:
                making.make(files, force=True)
                killed = False
            except Killed:
                pass
        if killed and making.directory.joinpath("blocks.json").exists():
            assert not making.record()["complete"] or making.samples == 288
        elif killed:  # no place of ours that the next run would not know
            assert not making.directory.joinpath(".work").exists()
            assert {} == making.metas()
        assert making.is_complete(making.make(files, force=True), files)
    assert number > 1 or call == "unlink"


def test_a_day_of_which_a_moved_block_has_gone_is_made_again(making: Making) -> None:
    files = days(making.directory, 0)
    number = 0
    while 1 != len(making.metas()):
        number += 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "rename", at_call(number, os.rename))
            with pytest.raises(Killed):
                making.make(files)
    [name] = making.metas()
    (making.directory / name).rename(making.directory.with_name("moved"))
    assert making.is_complete(making.make(files), files)


def test_a_stop_before_the_beginning_makes_nothing(making: Making) -> None:
    stop = Stop()
    stop.set()
    assert None is making.make(days(making.directory, 0), stop)
    assert {} == making.metas()


# What a person is told


def sh(*lines: str, cwd: Path) -> str:
    """Run the shell's lines among those of some advice; return what they print."""
    script = "\n".join(line for line in lines if line.startswith("  "))
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout


def test_the_lines_that_move_the_blocks_do_so(making: Making, tmp_path: Path) -> None:
    making.directory = tmp_path / "a history's"
    data = tmp_path / "server's data"
    data.mkdir()
    made = making.make(days(making.directory, 0, 1))
    assert made is not None
    lines = advice.for_blocks(made, str(data))
    assert str(data) in lines[0]
    sh(*lines, cwd=tmp_path)
    assert sorted(made.names) == sorted(os.listdir(data))


def test_the_lines_for_a_directory_that_is_not_known_work_too(
    making: Making, tmp_path: Path
) -> None:
    made = making.make(days(making.directory, 0, 1))
    assert made is not None
    lines = advice.for_blocks(made, str(tmp_path / "none"))
    (tmp_path / "DATA").mkdir()
    move = next(line for line in lines if line.startswith("  mv"))
    sh(*(line for line in lines if line != move), cwd=tmp_path)  # by a copy beside them
    assert sorted(made.names) == sorted(os.listdir(tmp_path / "DATA"))
    (tmp_path / "DATA").rename(tmp_path / "copied")
    (tmp_path / "DATA").mkdir()
    sh(move, cwd=tmp_path)
    assert sorted(made.names) == sorted(os.listdir(tmp_path / "DATA"))


@pytest.mark.usefixtures("tool")
def test_the_lines_for_the_files_make_the_same_blocks(tmp_path: Path) -> None:
    directory = tmp_path / "it's history"
    files = days(directory, 0, 1)
    lines = advice.for_files(files, str(directory))
    assert "288\n" == sh(*lines, cwd=tmp_path)
    assert "288" in lines[-2]
    assert 4 == len(list(directory.glob("blocks/*/meta.json")))


def test_the_lines_for_the_files_end_at_the_first_that_is_refused(
    tool: Promtool, tmp_path: Path
) -> None:
    files = days(tmp_path, 0, 1)
    Path(files[0].path).write_text(text((BEGIN, 1), end=""))
    line = command_line(f"{tmp_path}/*.om.txt", str(tmp_path / "blocks"))
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert "EOF" in done.stderr
    assert [] == list(tmp_path.glob("blocks/*/meta.json"))
    assert tool.path


def test_blocks_that_a_server_would_delete_at_once_are_told_of() -> None:
    now = float(BEGIN)
    assert None is advice.beyond_retention(None, now)
    assert None is advice.beyond_retention(BEGIN - 15 * DAY, now)
    said = advice.beyond_retention(BEGIN - 15 * DAY - 1, now)
    assert said is not None
    assert "2026-11-03" in said
    assert "17d or more" in said
