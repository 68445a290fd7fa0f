"""Directories as they are, each listed once in a run, their names sorted out by base."""

import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from batchlog.segments.known import Sight
from batchlog.segments.names import Rotated, is_leftover, readings
from batchlog.segments.source import is_url


class Member(NamedTuple):
    """A name in a directory, and how it is a rotated one of the base that was asked for."""

    path: str
    rotated: Rotated | None


class Disk:
    """The directories as they are, each listed once."""

    def __init__(self) -> None:
        self._families: dict[str, dict[str, list[Member]] | OSError] = {}

    def family(self, directory: str, base: str) -> list[Member]:
        """Return what may be the rotated files of `base`; OSError where it cannot be listed."""
        return self._index(directory).get(base, [])

    def names(self, directory: str) -> list[str]:
        """Return the names in `directory`, sorted; OSError where it cannot be listed."""
        return sorted(
            {os.path.basename(m.path) for ms in self._index(directory).values() for m in ms}
        )

    def _index(self, directory: str) -> dict[str, list[Member]]:
        known = self._families.get(directory)
        if known is None:
            try:
                known = _families(directory, os.listdir(directory))
            except OSError as error:
                known = error
            self._families[directory] = known
        if isinstance(known, OSError):
            raise known
        return known


def _families(directory: str, names: Iterable[str]) -> dict[str, list[Member]]:
    families: dict[str, list[Member]] = defaultdict(list)
    for name in names:
        path = os.path.join(directory, name)
        families[name].append(Member(path, None))
        if not is_leftover(name):
            for rotated in readings(name):
                families[rotated.base].append(Member(path, rotated))
    return families


def is_elsewhere(sight: Sight, place: tuple[int, int]) -> bool:
    """Tell whether another file than the one at `place` still looks like that."""
    return sight.place != place and is_there(sight)


def is_there(sight: Sight) -> bool:
    """Tell whether a file still looks as it did; of a URL that is not known."""
    try:
        now = os.stat(sight.path)
    except OSError:
        return False
    return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) == sight.key


def whereabouts(sight: Sight) -> str | None:
    """Return where a file is now, perhaps renamed in its directory; None if it is gone."""
    if is_url(sight.path):
        return sight.path
    there: list[str] = []
    for path in {sight.path, os.path.realpath(sight.path)}:  # a link's file lies beside its target
        with suppress(OSError), os.scandir(os.path.dirname(path)) as entries:
            there += [entry.path for entry in entries if entry.inode() == sight.inode]
    return min(there, key=lambda path: path != sight.path, default=None)
