"""What `batchlog backfill` refuses: one clear line, the right exit code, and nothing made."""

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.archives import archive, pattern
from tests.cli.program import Done, Program, fails
from tests.gateways import StandIn
from tests.site import lines

LABELS = ("--series-label", "job=web")
HISTORY = (*LABELS, "--openmetrics", "history")


def backfill(program: Program, *words: str | Path, **env: str) -> Done:
    """Backfill one archive, with the textfile as its sink."""
    if not program.site.rotated(1, ".gz").exists():
        archive(program, 1, 50)
    into = ("backfill", "--textfile", program.textfile, *words, pattern(program))
    return program(*into, env=env)


def left(program: Program) -> list[Path]:
    """Return what is there besides logs and what the test's host begins with."""
    given = {program.config, program.root / "home", program.site.logs}
    return [path for path in sorted(program.root.iterdir()) if path not in given]


def one_line(done: Done, exit_: int, *words: str) -> None:
    """Assert that it ended with one line that holds those words."""
    fails(done, exit_, *words)
    assert 1 == len(done.err.splitlines()), done.err
    assert "" == done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "90d"), "--since is for history"),
        (("--since", "2025-01-01"), "--since is for history"),
        (("--until", "2025-01-01"), "--until is for history"),
        (("--step", "1m"), "--step is for history"),
        (("--series-label", "job=x"), "--series-label is for history"),
        (("--force",), "--force is for history"),
        (("--into-live", *HISTORY), "--into-live is for totals"),
        ((*HISTORY, "--step", "0"), "--step"),
        ((*HISTORY, "--step", "0s"), "--step"),
        ((*HISTORY, "--step", "6m"), "from 1s to 5m"),
        ((*HISTORY, "--step", "1500ms"), "whole number of seconds"),
        ((*HISTORY, "--step", "1.5s"), "--step: '1.5s' is not a duration"),
        ((*HISTORY, "--step", "90x"), "--step: '90x' is not a duration"),
        ((*HISTORY, "--since", "2025-01-02", "--until", "2025-01-02"), "--since is not before"),
        ((*HISTORY, "--since", "30d", "--until", "90d"), "--since is not before"),
        ((*HISTORY, "--since", "yesteryear"), "--since: 'yesteryear' is not a time"),
        ((*HISTORY, "--until", "yesteryear"), "--until: 'yesteryear' is not a time"),
        ((*HISTORY, "--series-label", "instance"), "'instance' is not KEY=VALUE"),
        ((*HISTORY, "--series-label", "a-b=c"), "'a-b=c' is not KEY=VALUE"),
        ((*HISTORY, "--series-label", "__name__=x"), "is not KEY=VALUE"),
        ((*HISTORY, "--series-label", "job=x"), "'job' is given twice"),
        ((*HISTORY, "--series-label", "a="), "--series-label: an empty label is no label"),
        ((*HISTORY, "--series-label", "le=1"), "'le'"),
        ((*HISTORY, "--series-label", "backfill=1"), "'backfill'"),
        ((*HISTORY, "--series-label", "status=200"), "'status'"),
        ((*HISTORY, "--by", "vhost", "--series-label", "vhost=a"), "'vhost'"),
        ((*LABELS, "--openmetrics", ""), "--openmetrics needs the name of a directory"),
        ((*LABELS, "--tsdb", ""), "--tsdb needs the name of a directory"),
        ((*HISTORY, "--tsdb", ""), "--tsdb needs the name of a directory"),
        ((*LABELS, "--openmetrics", "s3://b/h"), "history is written to a local directory"),
        ((*LABELS, "--tsdb", "s3://b/h"), "history is written to a local directory"),
        ((*LABELS, "--tsdb", "s3://a:hunter2@b/h"), "history is written to a local directory"),
        ((*LABELS, "--tsdb", "file:///h"), "history is written to a local directory"),
        (("--openmetrics", "history"), "add --series-label"),
        (("--engine", "dask"), "--scheduler"),
        (("--scheduler", "127.0.0.1:1"), "--engine dask"),
        (("--scheduler-ca-file", "ca.pem"), "--engine dask"),
        (
            ("--engine", "dask", "--scheduler", "h:1", "--scheduler-cert-file", "c"),
            "--scheduler-ca-file",
        ),
        (("--lock-wait", "soon"), "--lock-wait: 'soon'"),
        (("s3://someone:hunter2@bucket/access.log.gz",), "holds credentials"),
        (("s3://AKIA:hun/ter2/hunter2@bucket/access.log.gz",), "holds credentials"),
        (("ftp://user@corp:hunter2@host/access.log.gz",), "holds credentials"),
        (("https://host/access.log.gz#token=hunter2",), "holds credentials"),
        (("--by", "path"), "path"),
    ],
)
def test_an_option_that_cannot_be_followed_is_a_2(
    program: Program, words: tuple[str, ...], said: str
) -> None:
    done = backfill(program, *words)
    one_line(done, 2, said)
    assert "hunter2" not in done.err
    assert [program.checkpoint.parent] >= left(program)
    assert not program.checkpoint.exists()


def test_a_label_that_is_no_utf_8_is_a_2(program: Program) -> None:
    archive(program, 1, 50)
    words = ("backfill", "--openmetrics", "history", "--series-label", b"a=\xff")
    one_line(program(*words, pattern(program)), 2, "--series-label", "UTF-8")
    assert not (program.root / "history").exists()


def test_a_label_that_the_logs_have_already_is_a_2(program: Program) -> None:
    program.config.write_text(
        f'[[log]]\npath = "{program.access}"\nlabels = {{ site = "shop" }}\n'
        f'[[log]]\npath = "{program.root}/*.txt"\nlabels_from_path = "/(?P<town>[a-z]+)/"\n'
    )
    for name in ("site", "town"):
        one_line(backfill(program, *HISTORY, "--series-label", f"{name}=x"), 2, f"'{name}'")
    done = backfill(program, *HISTORY, "--series-label", "instance=web1")
    assert 0 == done.exit, done.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SINCE", "now"),
        ("SINCE", "36h"),
        ("SINCE", "2026-11-01"),
        ("UNTIL", "1h"),
        ("STEP", "1m"),
        ("SERIES_LABEL", "job=web"),
        ("FORCE", "1"),
    ],
)
def test_what_the_environment_says_for_history_or_a_push_is_nothing_to_totals(
    program: Program, name: str, value: str
) -> None:
    done = backfill(program, **{f"BATCHLOG_{name}": value})
    assert 0 == done.exit, done.err
    assert 50 == program.requests()


@pytest.mark.parametrize(
    "words", [("--workers", "0"), ("--workers", "two"), ("--engine", "spark"), ("--no-such",)]
)
def test_an_option_that_is_none_is_a_2_with_the_usage(
    program: Program, words: tuple[str, ...]
) -> None:
    fails(backfill(program, *words), 2, words[0])
    assert [] == left(program)


def test_no_file_at_all_is_a_2(program: Program) -> None:
    fails(program("backfill", "--textfile", program.textfile), 2, "PATH")


def test_a_time_that_is_none_is_told_what_would_do(program: Program) -> None:
    """`checkpoint`, `start` and `now` are words of `push`, where a log begins."""
    for flag, word in (("--until", "now"), ("--since", "now"), ("--until", "checkpoint.")):
        done = backfill(program, *HISTORY, flag, word)
        one_line(done, 2, f"{flag}: '{word}' is not a time", "'2026-11-01 10:00'", "7d")
        assert "start, now" not in done.err


# --- files -------------------------------------------------------------------------------------


def _missing(path: Path) -> None:
    """Leave it as it is: not there."""


def _directory(path: Path) -> None:
    path.mkdir()
    (path / "access.log.9").write_bytes(lines(range(9)))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _circular(path: Path) -> None:
    path.symlink_to(path)


def _elf(path: Path) -> None:
    path.write_bytes(Path(sys.executable).read_bytes()[:100_000])


def _binary(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(100_000))


def _prose(path: Path) -> None:
    path.write_bytes(b"it was a dark and stormy night\n" * 1000)


NO_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (_missing, "there is no such file"),
    "directory": (_directory, "is a directory: name the files in it"),
    "fifo": (os.mkfifo, "is not a regular file"),
    "device": (_device, "is not a regular file"),
    "dangling": (_dangling, "is not a regular file"),
    "circular": (_circular, "symbolic links"),
}

NO_LOGS: dict[str, tuple[Callable[[Path], None], str]] = {
    "elf": (_elf, "is not text"),
    "binary": (_binary, "in no format that batchlog knows"),
    "prose": (_prose, "in no format that batchlog knows"),
}


@pytest.mark.parametrize("kind", [*NO_FILES, *NO_LOGS])
@pytest.mark.parametrize("history", [False, True])
def test_an_unusable_file_among_several_is_a_65_and_the_others_count(
    program: Program, kind: str, history: bool
) -> None:
    make, said = {**NO_FILES, **NO_LOGS}[kind]
    odd = program.root / "odd"
    make(odd)
    done = backfill(program, *(HISTORY if history else ()), odd)
    assert 65 == done.exit, done.err
    assert "Traceback" not in done.err
    [error] = [one for one in done.err.splitlines() if one.startswith("ERROR")]
    assert str(odd) in error
    assert said in error
    assert "read 1 file, 50 lines" in done.err
    if not history:
        assert 50 == program.requests()


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("history", [False, True])
def test_no_usable_file_at_all_is_a_2(program: Program, kind: str, history: bool) -> None:
    make, said = NO_FILES[kind]
    odd = program.root / "odd"
    make(odd)
    into = HISTORY if history else ("--textfile", str(program.textfile))
    one_line(program("backfill", *into, odd), 2, str(odd), said)
    assert not (program.root / "history").exists()
    assert not program.checkpoint.exists()


def test_a_pattern_that_matches_nothing_is_a_2(program: Program) -> None:
    nothing = str(program.site.logs / "*.zst")
    one_line(program("backfill", "--textfile", program.textfile, nothing), 2, nothing)


@pytest.mark.parametrize("place", [2, 20, 200, -8, -2])
def test_a_damaged_archive_is_said_and_is_a_65(program: Program, place: int) -> None:
    """Wherever it is damaged: nothing of it can be vouched for."""
    path = archive(program, 2, 100)
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, (0, 86_400))
    done = backfill(program)
    assert 65 == done.exit, done.err
    assert f"ERROR {path} is " in done.err
    assert 50 == program.requests()


@pytest.mark.parametrize("size", [12, 20, 300])
def test_an_archive_that_ends_in_the_middle_is_said_and_is_a_65(
    program: Program, size: int
) -> None:
    path = archive(program, 2, 100)
    os.truncate(path, size)
    os.utime(path, (0, 86_400))
    done = backfill(program)
    assert 65 == done.exit, done.err
    assert f"ERROR {path} is " in done.err
    assert 50 == program.requests()


def test_a_dry_run_names_a_damaged_archive(program: Program) -> None:
    path = archive(program, 2, 100)
    data = bytearray(path.read_bytes())
    data[20] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, (0, 86_400))
    done = program("backfill", "--dry-run", path)
    assert 65 == done.exit, done.err
    assert "is damaged" in done.out


def test_links_to_themselves_are_gone_through_once(program: Program) -> None:
    archive(program, 1, 50)
    for name in ("a", "b", "c"):
        (program.site.logs / name).symlink_to(".")
    words = ("--textfile", program.textfile, program.site.logs / "**")
    done = program("backfill", *words)
    assert 0 == done.exit, done.err
    assert 50 == program.requests()
    done = program("backfill", "--dry-run", *words)
    assert 0 == done.exit, done.err


# --- directories -------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--openmetrics", "--tsdb"])
def test_a_directory_that_is_a_file_is_a_2(program: Program, flag: str) -> None:
    place = program.root / "place"
    place.write_text("kept")
    one_line(backfill(program, *LABELS, flag, place), 2, f"{place} is not a directory")
    assert "kept" == place.read_text()


@pytest.mark.parametrize("flag", ["--openmetrics", "--tsdb"])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_directory_with_other_files_is_a_2_whatever_the_force(
    program: Program, flag: str, force: tuple[str, ...]
) -> None:
    place = program.root / "place"
    place.mkdir()
    (place / "notes").write_text("kept")
    one_line(backfill(program, *LABELS, *force, flag, place), 2, str(place), "'notes'")
    assert ["notes"] == os.listdir(place)


@pytest.mark.parametrize("flag", ["--openmetrics", "--tsdb"])
def test_a_directory_that_cannot_be_made_is_one_line(program: Program, flag: str) -> None:
    place = program.root / "file" / "below"
    place.parent.write_text("kept")
    done = backfill(program, *LABELS, flag, place)
    assert done.exit in (2, 69), done.err
    one_line(done, done.exit, str(place.parent))


def test_tsdb_without_promtool_is_a_2_before_anything_is_read_or_made(program: Program) -> None:
    done = backfill(program, *LABELS, "--tsdb", "blocks", PATH=str(program.root))
    one_line(done, 2, "promtool is not on PATH", "apt install prometheus")
    assert [] == left(program)


# --- the checkpoint ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), HISTORY, ("--dry-run",)])
def test_a_damaged_checkpoint_is_a_74(program: Program, words: tuple[str, ...]) -> None:
    program.log(3)
    program.push(program.access)
    program.checkpoint.write_bytes(b"hello\n")
    pushed = program.textfile.read_bytes()
    done = backfill(program, *words)
    one_line(done, 74, str(program.checkpoint), "batchlog reset")
    assert b"hello\n" == program.checkpoint.read_bytes()
    assert pushed == program.textfile.read_bytes()
    assert not (program.root / "history").exists()


def test_a_checkpoint_that_is_lost_while_the_textfile_holds_counts_is_a_74(
    program: Program,
) -> None:
    program.log(3)
    program.push(program.access)
    for path in program.checkpoint.parent.iterdir():
        path.unlink()
    pushed = program.textfile.read_bytes()
    one_line(backfill(program), 74, str(program.textfile), "put the checkpoint back")
    assert pushed == program.textfile.read_bytes()


def test_another_group_is_a_2(program: Program, gateway: StandIn) -> None:
    program.log(3)
    words = ("--gateway", gateway.url)
    program("push", *words, program.access)
    archive(program, 1, 50)
    done = program("backfill", *words, "--job", "other", pattern(program))
    one_line(done, 2, "other", "--job and --grouping")
    assert 3 == program.requests()


# --- clusters ----------------------------------------------------------------------------------


def test_a_scheduler_that_is_not_there_is_a_69(program: Program) -> None:
    done = backfill(program, "--engine", "dask", "--scheduler", "127.0.0.1:1")
    assert 69 == done.exit, done.err
    assert "the Dask scheduler at 127.0.0.1:1 cannot be reached" in done.err
    assert "Traceback" not in done.err
    assert 1 == sum(one.startswith("ERROR") for one in done.err.splitlines())


def test_a_scheduler_that_is_none_is_a_2(program: Program) -> None:
    done = backfill(program, "--engine", "dask", "--scheduler", "nowhere")
    assert 2 == done.exit, done.err
    assert "--scheduler nowhere" in done.err
    assert "Traceback" not in done.err
