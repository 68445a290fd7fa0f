"""What a pattern with `**` matches: as glob says, but each directory is gone through once.

A link may lead back to a directory above it, and glob would follow it as often as a path may be
long; and it calls itself for each directory inside another one. Whoever may make directories could
keep a run for ever, or end it. Here a directory is known by device and inode, whatever path led to
it; those that no link leads to come first, so that a file has the name that its own directory gives
it.
"""

import glob
import os
import stat
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
    parent, name = os.path.split(pattern)
    if name == ANY:
        parent, name = pattern, "*"
    return sorted(path for place in directories(parent, stop) for path in _inside(place, name))


def directories(pattern: str, stop: Stop) -> list[str]:
    """Return the directories that an absolute pattern matches, sorted; less after a `stop`."""
    return sorted(_Walk([part for part in pattern.split("/") if part], stop).found())


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
            if not self._is_new(place):
                continue
            if place.number == len(self._parts):
                yield place.path
            else:
                self._go_on(place)

    def _is_new(self, place: _Place) -> bool:
        try:
            status = os.stat(place.path)
        except OSError:
            return False
        before = len(self._seen)
        self._seen.add((status.st_dev, status.st_ino, place.number))
        return len(self._seen) > before and stat.S_ISDIR(status.st_mode)

    def _go_on(self, place: _Place) -> None:
        part, after = self._parts[place.number], place.number + 1
        if part == ANY:
            self._put(_Place(place.path, after), by_link=False)
        elif not glob.has_magic(part):
            path = os.path.join(place.path, part)
            self._put(_Place(path, after), by_link=os.path.islink(path))
            return
        onward = place.number if part == ANY else after
        for entry in _listed(place.path):
            if _fits(entry.name, part) and _is_directory(entry):
                self._put(_Place(entry.path, onward), by_link=entry.is_symlink())

    def _put(self, place: _Place, *, by_link: bool) -> None:
        (self._by_link if by_link else self._direct).append(place)


def _inside(directory: str, name: str) -> Iterator[str]:
    """Yield what has that name, or fits it, in one directory and is none itself."""
    if not glob.has_magic(name):
        path = os.path.join(directory, name)
        if os.path.lexists(path) and not os.path.isdir(path):
            yield path
        return
    for entry in _listed(directory):
        if _fits(entry.name, name) and not _is_directory(entry):
            yield entry.path


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
