"""last-run.json is for gauges only: whatever stands in it, a run goes on."""

import os
from pathlib import Path

import pytest

from batchlog.job.lastrun import NAME, LastRun, read_last, write_last
from batchlog.metrics import RunStatus
from batchlog.state.store import Store

LAST = LastRun(RunStatus(1.0, None, 0, {}), ("http://g",), ("why",))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "checkpoint.json"))


def test_what_is_written_is_read(store: Store) -> None:
    write_last(store, LAST)
    assert LAST == read_last(store)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b'{"status": 1}', b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}"],
)
def test_what_is_damaged_is_not_known(store: Store, content: bytes) -> None:
    Path(store.companion(NAME)).write_bytes(content)
    assert read_last(store) is None


def test_pipes_in_its_place_do_not_hang(store: Store) -> None:
    os.mkfifo(store.companion(NAME))
    assert read_last(store) is None
    os.mkfifo(store.companion(NAME) + ".new")
    write_last(store, LAST)
    assert LAST == read_last(store)
