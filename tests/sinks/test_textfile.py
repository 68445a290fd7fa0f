"""The file for node_exporter: whole, readable, or not there."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchlog.errors import SinkUnreachable
from batchlog.metrics import exposition
from batchlog.sinks import textfile
from tests.sinks.deliveries import metrics


@pytest.fixture
def _umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_the_file_holds_the_exposition(tmp_path: Path) -> None:
    textfile.write(tmp_path / "batchlog.prom", metrics())
    assert exposition(metrics()) == (tmp_path / "batchlog.prom").read_bytes()


@pytest.mark.usefixtures("_umask")
def test_others_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    textfile.write(tmp_path / "batchlog.prom", metrics())
    assert (tmp_path / "batchlog.prom").stat().st_mode & 0o777 == 0o644


def test_it_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "batchlog.prom"
    path.write_text("old")
    held_open = path.open()
    textfile.write(path, metrics())
    assert held_open.read() == "old"
    held_open.close()
    assert [path] == list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_no_hindrance_and_no_metric(tmp_path: Path) -> None:
    (tmp_path / ".batchlog.prom.tmp").write_text("half a li")
    textfile.write(tmp_path / "batchlog.prom", metrics())
    assert textfile.holds_group(tmp_path / "batchlog.prom") == "a1b2"
    assert [tmp_path / "batchlog.prom"] == list(tmp_path.iterdir())


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "batchlog.prom"
    with pytest.raises(SinkUnreachable) as error:
        textfile.write(path, metrics())
    assert f"textfile {path} cannot be written: No such file or directory; " in str(error.value)
    assert "textfile.path" in str(error.value)


def test_a_directory_in_its_place_is_named_and_nothing_left(tmp_path: Path) -> None:
    path = tmp_path / "batchlog.prom"
    path.mkdir()
    refused(path)
    assert [path] == list(tmp_path.iterdir())


def test_a_pipe_in_its_place_is_named_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "batchlog.prom"
    os.mkfifo(path)
    refused(path)
    assert path.is_fifo()


def test_a_device_behind_a_link_in_its_place_is_named_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "batchlog.prom"
    path.symlink_to("/dev/zero")
    refused(path)
    assert path.is_symlink()


def refused(path: Path) -> None:
    """Neither written nor read."""
    says = f"textfile {path} is not a regular file; textfile.path must name a file of its own"
    with pytest.raises(SinkUnreachable) as error:
        textfile.write(path, metrics())
    assert says == str(error.value)
    with pytest.raises(SinkUnreachable) as error:
        textfile.holds_group(path)
    assert says == str(error.value)


def test_no_one_elses_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (tmp_path / ".batchlog.prom.tmp").symlink_to(tmp_path / "precious")
    textfile.write(tmp_path / "batchlog.prom", metrics())
    assert (tmp_path / "precious").read_text() == "keep"
    assert textfile.holds_group(tmp_path / "batchlog.prom") == "a1b2"


def test_a_pipe_with_the_temporary_name_hangs_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".batchlog.prom.tmp")
    textfile.write(tmp_path / "batchlog.prom", metrics())
    assert [tmp_path / "batchlog.prom"] == list(tmp_path.iterdir())


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Let no file grow beyond ten bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("_small_files")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "batchlog.prom"
    path.write_text("old")
    with pytest.raises(SinkUnreachable, match=r"cannot be written: File too large; .*space left"):
        textfile.write(path, metrics())
    assert path.read_text() == "old"
    assert [path] == list(tmp_path.iterdir())


def test_a_file_that_is_not_there_or_empty_holds_no_group_r65(tmp_path: Path) -> None:
    assert textfile.holds_group(tmp_path / "batchlog.prom") is None
    (tmp_path / "batchlog.prom").write_text("")
    assert textfile.holds_group(tmp_path / "batchlog.prom") is None


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_a_generation_that_is_no_number_counts_for_nothing(tmp_path: Path, value: str) -> None:
    path = tmp_path / "batchlog.prom"
    path.write_text(f'batchlog_info{{state_id="a1b2"}} 1\nbatchlog_generation {value}\n')
    assert textfile.holds_group(path) == "a1b2"


@pytest.mark.parametrize("content", [b"up 1\n", b"\xff", b"not { metrics\n"])
def test_a_file_of_another_program_has_no_state_id_r65(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "batchlog.prom").write_bytes(content)
    assert textfile.holds_group(tmp_path / "batchlog.prom") == ""
