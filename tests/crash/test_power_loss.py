"""The power fails at any moment of a commit: the checkpoint that is found is a whole one.

A shim under the store's calls to the system records them. What was not synced may be lost: of a
file any end of it, of a directory any of its changes, whatever their order. Each such disk is
laid out, and the checkpoint loaded from it.
"""

import os
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.errors import CheckpointError
from batchlog.state import directory
from batchlog.state import durable as under_test
from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from tests.state.states import full

FIRST = full()
STATES = [replace(FIRST, generation=FIRST.generation + number) for number in range(4)]

Names = dict[str, int]
"""The names in a directory, and the numbers of the files behind them."""


class Disk:
    """What is on the disk for sure, and what may be: a moment of it is `disks()`."""

    def __init__(self) -> None:
        self.names: Names = {}
        """As the running system sees them."""
        self._sure: Names = {}
        self._changes: list[dict[str, int | None]] = []
        self._data: list[bytes] = []
        self._synced: list[int] = []

    def create(self, name: str) -> int:
        """Begin a file, and return its number."""
        self._data.append(b"")
        self._synced.append(0)
        self.change({name: len(self._data) - 1})
        return len(self._data) - 1

    def write(self, file: int, data: bytes) -> None:
        """Append to a file."""
        self._data[file] += data

    def sync(self, file: int) -> None:
        """Make a file's bytes sure."""
        self._synced[file] = len(self._data[file])

    def change(self, names: dict[str, int | None]) -> None:
        """Change names, all of them or none."""
        self._changes.append(names)
        self.names = _changed(self.names, names)

    def sync_names(self) -> None:
        """Make the names sure."""
        self._sure = self.names
        self._changes = []

    def disks(self) -> Iterator[dict[str, bytes]]:
        """Yield every disk that there may be when the power fails now."""
        seen: set[tuple[tuple[str, int], ...]] = set()
        for number in range(len(self._changes) + 1):
            for some in combinations(self._changes, number):
                names = self._sure
                for change in some:
                    names = _changed(names, change)
                if (key := tuple(sorted(names.items()))) not in seen:
                    seen.add(key)
                    yield from self._contents(names)

    def _contents(self, names: Names) -> Iterator[dict[str, bytes]]:
        files = sorted(set(names.values()))
        for lengths in product(*map(self._lengths, files)):
            length = dict(zip(files, lengths, strict=True))
            yield {name: self._data[file][: length[file]] for name, file in names.items()}

    def _lengths(self, file: int) -> list[int]:
        least, most = self._synced[file], len(self._data[file])
        return sorted(
            {least, min(least + 1, most), (least + most) // 2, max(most - 1, least), most}
        )


def _changed(names: Names, change: dict[str, int | None]) -> Names:
    merged: dict[str, int | None] = {**names, **change}
    return {name: file for name, file in merged.items() if file is not None}


class System:
    """The system as the store sees it: calls are done, and recorded on a disk."""

    def __init__(self, disk: Disk, *, lies: str = "", links: bool = True) -> None:
        self._disk = disk
        self._lies = lies
        """Which sync does nothing: that of the "file", or of the "directory"."""
        self._links = links
        self._open: dict[int, int] = {}
        self.moments: list[list[dict[str, bytes]]] = []
        """For each moment the disks that there may be."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def look(self) -> None:
        """Note which disks there may be now."""
        self.moments.append(list(self._disk.disks()))

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        """Open, and perhaps begin, a file or a directory."""
        descriptor = os.open(path, flags, mode)
        self._open[descriptor] = -1
        if flags & os.O_CREAT:
            self._open[descriptor] = self._disk.create(os.path.basename(path))
        self.look()
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write the half of it, as a system may."""
        size = os.write(descriptor, data[: (len(data) + 1) // 2])
        self._disk.write(self._open[descriptor], bytes(data[:size]))
        self.look()
        return size

    def fsync(self, descriptor: int) -> None:
        """Sync a file or the directory."""
        file = self._open[descriptor]
        if file < 0 and self._lies != "directory":
            self._disk.sync_names()
        if file >= 0 and self._lies != "file":
            self._disk.sync(file)
        self.look()

    def rename(self, old: str, new: str) -> None:
        """Rename a file over another."""
        os.rename(old, new)
        before, after = os.path.basename(old), os.path.basename(new)
        self._disk.change({before: None, after: self._disk.names[before]})
        self.look()

    def link(self, old: str, new: str) -> None:
        """Give a file another name."""
        os.stat(old)  # a system says first that it is not there
        if not self._links:
            raise PermissionError
        os.link(old, new)
        self._disk.change({os.path.basename(new): self._disk.names[os.path.basename(old)]})
        self.look()

    def unlink(self, path: str) -> None:
        """Take a name away."""
        os.unlink(path)
        self._disk.change({os.path.basename(path): None})
        self.look()

    def copy2(self, old: str, new: str) -> None:
        """Copy a file, which syncs nothing (in shutil's place)."""
        data = Path(old).read_bytes()
        Path(new).write_bytes(data)
        self._disk.write(self._disk.create(os.path.basename(new)), data)
        self.look()


def load(directory: Path, disk: dict[str, bytes]) -> State | None:
    """Lay out a disk, and load the checkpoint from it."""
    directory.mkdir(exist_ok=True)
    for left in directory.iterdir():
        left.unlink()
    for name, data in disk.items():
        (directory / name).write_bytes(data)
    return Store(str(directory / "checkpoint.json")).load()


def wrong(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, lies: str = "", links: bool = True
) -> Iterator[str]:
    """Commit some states; yield what is wrong on a disk that a loss of power leaves."""
    store = Store(str(root / "state" / "checkpoint.json"))
    store.prepare()
    system = System(Disk(), lies=lies, links=links)
    before: State | None = None
    for state in STATES:
        system.moments.clear()
        with monkeypatch.context() as patch:
            patch.setattr(under_test, "os", system)
            patch.setattr(directory, "os", system)
            patch.setattr(under_test, "shutil", system)
            store.commit(state)
        system.look()  # what was committed is pushed: nothing before it may be found now
        last = len(system.moments) - 1
        for number, disks in enumerate(system.moments):
            allowed = [state] if number == last else [before, state]
            for disk in disks:
                try:
                    if load(root / "disk", disk) in allowed:
                        continue
                    why = "another state"
                except CheckpointError as error:
                    why = str(error)
                yield f"commit of {state.generation}, moment {number}: {why}"
        before = state


@pytest.mark.parametrize("links", [True, False])
def test_r61_whatever_a_loss_of_power_leaves_the_checkpoint_is_whole_and_not_older_than_a_push(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    assert [] == list(wrong(tmp_path, monkeypatch, links=links))


@pytest.mark.parametrize("lies", ["file", "directory"])
def test_a_sync_that_is_left_out_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies: str
) -> None:
    assert next(wrong(tmp_path, monkeypatch, lies=lies), None)
