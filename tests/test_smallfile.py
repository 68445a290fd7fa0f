"""Small files: read whole, up to a bound, and nothing that only has their name (R121)."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from batchlog.smallfile import MIB, NotUsable, is_null_device, look_at, read_small


def pipe(path: Path) -> None:
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.mkdir()


def endpoint(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        before = os.getcwd()
        os.chdir(path.parent)  # its name may be 107 bytes long at the most
        try:
            bound.bind(path.name)
        finally:
            os.chdir(before)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a directory": directory,
    "a socket": endpoint,
    "a device": device,
}

each_kind = pytest.mark.parametrize(("what", "make"), KINDS.items(), ids=[k[2:] for k in KINDS])


@contextmanager
def _open_elsewhere(path: Path) -> Iterator[None]:
    """Hold a pipe open on its other end, so that a read would not even end."""
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield
    finally:
        os.close(descriptor)


@each_kind
def test_r121_what_is_no_regular_file_is_refused_by_its_kind(
    tmp_path: Path, what: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "it")
    for look in (read_small, look_at):
        with pytest.raises(NotUsable) as error:
            look(tmp_path / "it", MIB)
        assert f"Is {what}, not a regular file" == error.value.strerror


def test_r121_a_pipe_with_a_writer_is_refused_as_well(tmp_path: Path) -> None:
    pipe(tmp_path / "it")
    with _open_elsewhere(tmp_path / "it"), pytest.raises(NotUsable):
        read_small(tmp_path / "it", MIB)


def test_a_file_is_read_whole_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"x" * 300_000)
    assert path.read_bytes() == read_small(path, 300_000)
    with pytest.raises(NotUsable, match="Larger than 292 KiB"):
        read_small(path, 299_999)


def test_a_hole_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(NotUsable, match="Larger than 1 MiB"):
        read_small(path, MIB)


def test_a_file_whose_size_is_not_told_is_read_up_to_the_bound() -> None:
    assert b"Name:" == read_small("/proc/self/status", MIB)[:5]
    with pytest.raises(NotUsable, match="Larger than 0 KiB"):
        read_small("/proc/self/status", 100)


def test_a_link_is_followed_unless_it_may_not_be(tmp_path: Path) -> None:
    (tmp_path / "it").write_bytes(b"x")
    (tmp_path / "link").symlink_to("it")
    assert b"x" == read_small(tmp_path / "link", MIB)
    with pytest.raises(NotUsable, match="Is a link"):
        read_small(tmp_path / "link", MIB, follow=False)


def test_the_null_device_is_known_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    (tmp_path / "file").touch()
    assert is_null_device("/dev/null")
    assert is_null_device(tmp_path / "link")
    for other in (tmp_path / "file", tmp_path / "none", "/dev/zero", "nul\0"):
        assert not is_null_device(other)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    pipe(tmp_path / "pipe")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with suppress(OSError):
            read_small(tmp_path / "pipe", MIB)
    assert len(before) == len(os.listdir("/proc/self/fd"))
