"""What may be on a disk when the power fails, below one directory: files, directories, names.

The calls of this process are watched and done. What was not synced may be lost: of a file any end
of it, of a directory any of its changes, whatever their order; a file moved to another directory
may be in both or in neither. There are too many such disks to look at all: a seed chooses.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

Disk = dict[str, bytes | None]
"""What lies below the directory, by its path there: the bytes of a file, None for a directory."""


class _File:
    """A file that was made: what was written to it, and how much of that is sure."""

    def __init__(self, data: bytes = b"", *, sure: bool = False) -> None:
        self.data = data
        self.synced = len(data) if sure else 0


class _Directory:
    """A directory: the names in it that are sure, and what changed since."""

    def __init__(self) -> None:
        self.names: dict[str, _Node] = {}
        self.sure: dict[str, _Node] = {}
        self.changes: list[dict[str, _Node | None]] = []

    def change(self, names: "dict[str, _Node | None]") -> None:
        self.changes.append(names)
        self.names = _changed(self.names, names)

    def sync(self) -> None:
        self.sure, self.changes = self.names, []


_Node = _File | _Directory


def _changed(names: dict[str, _Node], change: dict[str, _Node | None]) -> dict[str, _Node]:
    merged: dict[str, _Node | None] = {**names, **change}
    return {name: node for name, node in merged.items() if node is not None}


class Power:
    """Watches what is done below `root`, and tells what a loss of power would leave of it."""

    def __init__(self, root: Path, *, lies: str = "", each: int = 6, seed: int = 2026) -> None:
        self._root = str(root)
        self._lies = lies
        """Which sync does nothing: that of a "file", or of a "directory"."""
        self._each = each
        """How many disks are chosen of each moment, besides the emptiest and the fullest."""
        self._rng = random.Random(seed)
        self._top = _Directory()
        self.disks: list[Disk] = []
        """Those of all moments, each once, in their order."""

    def some(self, most: int) -> list[Disk]:
        """Return so many of the disks at the most."""
        return self._rng.sample(self.disks, min(most, len(self.disks)))

    def look(self) -> None:
        """Note some of the disks that there may be now."""
        self._refresh()
        kept = [lambda _: 0.0, lambda _: 1.0, *[lambda _: self._rng.random()] * self._each]
        for keep in kept:
            disk: Disk = {}
            self._lay(self._top, "", keep, disk)
            if disk not in self.disks:
                self.disks.append(disk)

    def forget(self) -> None:
        """Forget the moments before: whoever asked was told that all is done."""
        self.disks = []
        self.look()

    @contextmanager
    def watching(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Watch the calls of this process."""
        self._begin(self._top, self._root)
        self.look()
        with monkeypatch.context() as patch:
            for name in ("open", "mkdir", "unlink", "rmdir", "rename", "replace", "link", "fsync"):
                real = getattr(os, name)
                done = getattr(self, f"_{'rename' if name == 'replace' else name}")
                patch.setattr(os, name, self._watched(real, done))
            patch.setattr(os, "remove", os.unlink)
            yield

    # --- calls -------------------------------------------------------------------------------

    def _watched(self, real: Callable[..., Any], done: Callable[..., None]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - as the real one
            self._refresh()
            result = real(*args, **more)
            done(*args, **more)
            self.look()
            return result

        return call

    def _open(self, path: str, flags: int, *_: int, dir_fd: int | None = None) -> None:
        if flags & os.O_CREAT:
            found = self._place(path, dir_fd)
            if found and found[1] not in found[0].names:
                found[0].change({found[1]: _File()})

    def _mkdir(self, path: str, *_: int) -> None:
        directory, name = self._place(path) or (_Directory(), "")
        directory.change({name: _Directory()})

    def _unlink(self, path: str, *, dir_fd: int | None = None) -> None:
        directory, name = self._place(path, dir_fd) or (_Directory(), "")
        directory.change({name: None})

    _rmdir = _unlink

    def _rename(self, old: str, new: str) -> None:
        (source, before), (target, after) = self._places(old, new)
        node = source.names[before]
        if source is target:
            source.change({before: None, after: node})
            return
        target.change({after: node})
        source.change({before: None})

    def _link(self, old: str, new: str) -> None:
        (source, before), (target, after) = self._places(old, new)
        target.change({after: source.names[before]})

    def _fsync(self, descriptor: int) -> None:
        node = self._node(os.readlink(f"/proc/self/fd/{descriptor}"))
        if isinstance(node, _File) and self._lies != "file":
            node.synced = len(node.data)
        if isinstance(node, _Directory) and self._lies != "directory":
            node.sync()

    # --- names -------------------------------------------------------------------------------

    def _places(self, *paths: str) -> list[tuple[_Directory, str]]:
        return [self._place(path) or (_Directory(), "") for path in paths]

    def _place(self, path: str, dir_fd: int | None = None) -> tuple[_Directory, str] | None:
        """Return the directory that a name is in, and the name; None where it lies elsewhere."""
        above = os.getcwd() if dir_fd is None else os.readlink(f"/proc/self/fd/{dir_fd}")
        directory, name = os.path.split(os.path.join(above, path))
        node = self._node(directory)
        return (node, name) if isinstance(node, _Directory) else None

    def _node(self, path: str) -> _Node | None:
        if path != self._root and not path.startswith(self._root + "/"):
            return None
        node: _Node = self._top
        for name in path.removeprefix(self._root).split("/"):
            if name:
                assert isinstance(node, _Directory)
                node = node.names[name]
        return node

    def _begin(self, directory: _Directory, path: str) -> None:
        """Take what is there for sure."""
        for entry in os.scandir(path):
            if entry.is_dir():
                below = _Directory()
                self._begin(below, entry.path)
                directory.names[entry.name] = below
            else:
                directory.names[entry.name] = _File(Path(entry.path).read_bytes(), sure=True)
        directory.sync()

    def _refresh(self) -> None:
        """Read what was written; nothing is there that was not watched, or written over."""
        self._read(self._top, self._root)

    def _read(self, directory: _Directory, path: str) -> None:
        assert {*directory.names} == {*os.listdir(path)}, path
        for name, node in directory.names.items():
            below = f"{path}/{name}"
            if isinstance(node, _Directory):
                self._read(node, below)
            else:
                data = Path(below).read_bytes()
                assert data.startswith(node.data), f"{below} was written over"
                node.data = data

    # --- disks -------------------------------------------------------------------------------

    def _lay(
        self, directory: _Directory, path: str, keep: Callable[[object], float], disk: Disk
    ) -> None:
        """Lay out a directory: of what is not sure `keep` says how much of it is there."""
        names = directory.sure
        for change in directory.changes:
            if keep(change) >= 0.5:
                names = _changed(names, change)
        for name, node in names.items():
            below = f"{path}{name}"
            if isinstance(node, _Directory):
                disk[below] = None
                self._lay(node, f"{below}/", keep, disk)
            else:
                more = len(node.data) - node.synced
                disk[below] = node.data[: node.synced + round(more * keep(node))]


def lay_out(disk: Disk, root: Path) -> None:
    """Make a directory hold what is on a disk, and nothing else."""
    shutil.rmtree(root)
    root.mkdir()
    for path, data in disk.items():  # a directory comes before what is in it
        if data is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(data)
