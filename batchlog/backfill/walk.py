"""Which paths a pattern with `**` matches: as glob says, but each directory is gone through once.

A link may lead back to a directory above it, and glob would follow it as often as a path may be
long. Here a directory is known by device and inode, whatever path led to it; those that no link
leads to come first, so that a file has the name that its own directory gives it.
"""

import glob
import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import NamedTuple

from batchlog.errors import Stop

ANY = "**"
"""Any directories, or none; as the last part, any path."""


def is_deep(pattern: str) -> bool:
    """Return whether a pattern goes into directories of any depth."""
    return ANY in pattern.split("/")


def matches(pattern: str, stop: Stop) -> list[str]:
    """Return what an absolute pattern matches but for directories, sorted; less after a `stop`.

    A directory that cannot be listed has nothing in it, as for glob. What lies in a directory with
    several names is found under one of them.
    """
    return sorted(_Walk(pattern.strip("/").split("/"), stop).found())


class _Place(NamedTuple):
    """A directory, and the part of the pattern that is looked for in it."""

    path: str
    number: int


class _Walk:
    def __init__(self, parts: Sequence[str], stop: Stop) -> None:
        self._parts = parts
        self._stop = stop
        self._seen: set[tuple[int, int, int]] = set()
        self._direct = [_Place("/", 0)]
        self._by_link: deque[_Place] = deque()

    def found(self) -> Iterator[str]:
        """Yield what matches, in no order."""
        while (self._direct or self._by_link) and not self._stop:
            place = self._direct.pop() if self._direct else self._by_link.popleft()
            if self._is_new(place):
                yield from self._look(place)

    def _is_new(self, place: _Place) -> bool:
        try:
            status = os.stat(place.path)
        except OSError:
            return False
        before = len(self._seen)
        self._seen.add((status.st_dev, status.st_ino, place.number))
        return len(self._seen) > before

    def _look(self, place: _Place) -> Iterator[str]:
        part, is_last = self._parts[place.number], place.number == len(self._parts) - 1
        if part != ANY and not glob.has_magic(part):
            yield from self._named(os.path.join(place.path, part), place.number, is_last=is_last)
            return
        onward = place.number + (part != ANY)
        if part == ANY and not is_last:
            self._direct.append(_Place(place.path, onward + 1))
        for entry in _listed(place.path):
            if not _fits(entry.name, part):
                continue
            if _is_directory(entry):
                if part == ANY or not is_last:
                    self._put(_Place(entry.path, onward), by_link=entry.is_symlink())
            elif is_last:
                yield entry.path

    def _named(self, path: str, number: int, *, is_last: bool) -> Iterator[str]:
        """Go on with what has just that name."""
        if not is_last:
            self._put(_Place(path, number + 1), by_link=os.path.islink(path))
        elif os.path.lexists(path) and not os.path.isdir(path):
            yield path

    def _put(self, place: _Place, *, by_link: bool) -> None:
        (self._by_link if by_link else self._direct).append(place)


def _fits(name: str, part: str) -> bool:
    """Tell whether a name matches a part of the pattern: hidden names only where it begins so."""
    if name.startswith(".") and not part.startswith("."):
        return False
    return part == ANY or fnmatchcase(name, part)


def _listed(directory: str) -> list["os.DirEntry[str]"]:
    with suppress(OSError), os.scandir(directory) as entries:
        return sorted(entries, key=lambda entry: entry.name)
    return []


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
