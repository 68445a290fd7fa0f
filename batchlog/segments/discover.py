"""From the paths that a user names to logs with their files, as they are on disk now.

Each directory is listed once and each file looked at once. Nothing is opened, nothing decided
about content. An unreadable directory is told apart from an empty one (R71).
"""

import errno
import fnmatch
import glob
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from batchlog.errors import Stop
from batchlog.segments.disk import Disk, Member
from batchlog.segments.findings import Finding, decision, warning
from batchlog.segments.names import Rotated, is_leftover, readings
from batchlog.segments.walk import directories, is_deep

_NOWHERE = {errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG}
"""What is wrong with a link that can lead to no file: there is nothing of a log behind it."""


class File(NamedTuple):
    """A regular file as the directory showed it; times in nanoseconds since 1970."""

    path: str
    device: int
    inode: int
    size: int
    mtime: int
    active: bool
    """Whether the writer is expected to write to it."""

    @property
    def place(self) -> tuple[int, int]:
        """Device and inode: one file, whatever its names."""
        return self.device, self.inode

    @property
    def key(self) -> tuple[int, int, int, int]:
        """What makes two looks at it the same (see `Sight.key`)."""
        return self.device, self.inode, self.size, self.mtime


class Wanted(NamedTuple):
    """One path or glob that the user named, absolute, and where else its rotated files lie."""

    path: str
    rotated: tuple[str, ...] = ()
    """Globs relative to the active file's directory; `{name}` is the active file's name."""


class Found(NamedTuple):
    """A log on disk."""

    path: str
    """The active path, or what the stamped names have in common."""
    entry: int
    """Index of the wanted path that found it."""
    files: tuple[File, ...]
    """Oldest first, the active one last."""
    stamped: bool
    """Whether it has no active path: its newest member is the active one (R21)."""
    problems: tuple[str, ...] = ()
    """What could not be looked at, one sentence each; its files may be there all the same."""
    notes: tuple[Finding, ...] = ()
    """What was left aside on purpose."""


def discover(wanted: Sequence[Wanted], disk: Disk) -> list[Found]:
    """Return the logs that `wanted` names; a path that is not there is a log without files.

    A file that two of them would claim belongs to the first (R16).
    """
    claimed: dict[tuple[int, int], str] = {}
    logs: dict[str, Found] = {}
    for number, entry in enumerate(wanted):
        for base, stamped in _bases(entry.path, disk):
            if base in logs:
                if logs[base].entry != number:
                    logs[base] = _named_twice(logs[base])
            else:
                found = _look(base, number, entry, disk, stamped=stamped)
                logs[base] = _claim(found, claimed)
    return list(logs.values())


def is_glob(path: str) -> bool:
    """Return whether `path` is a pattern rather than one file (a file of that name wins)."""
    return glob.has_magic(path) and not os.path.lexists(path)


def _bases(pattern: str, disk: Disk) -> list[tuple[str, bool]]:
    """Return the active paths that `pattern` stands for, and whether each has only stamps."""
    if not is_glob(pattern):
        return [(pattern, False)]
    parent, name = os.path.split(pattern)
    return [found for place in _parents(parent) for found in _bases_in(place, name, disk)]


def _parents(pattern: str) -> list[str]:
    """Return the directories that the pattern's files may lie in, sorted."""
    if is_deep(pattern):
        return directories(pattern, Stop())
    return sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]


def _bases_in(directory: str, pattern: str, disk: Disk) -> list[tuple[str, bool]]:
    try:
        names = disk.names(directory)
    except NotADirectoryError:
        return []
    except OSError:
        return [(os.path.join(directory, pattern), False)]
    present = set(names)
    bases: dict[str, bool] = {}
    for name in names:
        if is_leftover(name) and not pattern.startswith("."):
            continue
        ways = readings(name)
        if fnmatch.fnmatchcase(name, pattern):
            base = ways[0].base if ways else name
            if ways and base not in present and ways[0].inside and not ways[0].stamp:
                base = name  # web.1.log, and there is no web.log: a log of its own
            stamped = bool(ways) and base not in present and bool(ways[0].stamp)
            bases[base] = bases.get(base, True) and stamped
        elif ways and fnmatch.fnmatchcase(ways[0].base, pattern):
            bases[ways[0].base] = False
    return [
        (os.path.join(directory, base), stamped)
        for base, stamped in sorted(bases.items())
        if not os.path.isdir(os.path.join(directory, base))
    ]


def _look(base: str, number: int, entry: Wanted, disk: Disk, *, stamped: bool) -> Found:
    members, problems = _members(base, entry, disk)
    files: dict[tuple[int, int], tuple[File, Rotated | None]] = {}
    notes = []
    for member in members:
        active = member.path == base
        try:
            status = os.stat(member.path)
        except FileNotFoundError:
            continue
        except OSError as error:
            if active or error.errno not in _NOWHERE:
                problems.append(f"cannot look at {member.path}: {error.strerror}")
            continue
        if not stat.S_ISREG(status.st_mode):
            if active:
                problems.append(f"{member.path} is {_kind(status.st_mode)}, not a regular file")
            continue
        key = status.st_dev, status.st_ino
        if key in files:
            notes.append(decision(f"{member.path} is {files[key][0].path}, another name of it"))
            continue
        file = File(member.path, *key, status.st_size, status.st_mtime_ns, active)
        files[key] = file, member.rotated
    ordered = _ordered(list(files.values()), stamped=stamped)
    return Found(base, number, ordered, stamped, tuple(problems), tuple(notes))


def _members(base: str, entry: Wanted, disk: Disk) -> tuple[list[Member], list[str]]:
    """Return what may be a file of the log, the active path first, and what hid some."""
    members, problems = [Member(base, None)], []
    places = [(os.path.dirname(base), os.path.basename(base))]
    if os.path.islink(base):
        target = os.path.realpath(base)
        name = os.path.basename(target)
        ways = readings(name)
        places.append((os.path.dirname(target), ways[0].base if ways else name))
    for directory, name in places:
        try:
            members += [m for m in disk.family(directory, name) if m.path != base]
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"cannot list {directory}: {error.strerror}")
    for pattern in entry.rotated:
        members += _elsewhere(base, pattern)
    return members, problems


def _elsewhere(base: str, pattern: str) -> list[Member]:
    """Return the rotated files that the configuration's own pattern names (R10)."""
    directory, name = os.path.split(base)
    found = glob.glob(os.path.join(directory, pattern.replace("{name}", glob.escape(name))))
    members = []
    for path in sorted(found):
        ways = readings(os.path.basename(path))
        members.append(Member(path, ways[0] if ways else Rotated(name, "", -1, inside=False)))
    return members


def _ordered(files: list[tuple[File, Rotated | None]], *, stamped: bool) -> tuple[File, ...]:
    """Return the files oldest first. Names are hints: where they do not agree, times decide."""
    rotated = [(file, way) for file, way in files if way is not None]
    active = [file for file, way in files if way is None]
    if all(way.stamp for _, way in rotated):
        rotated.sort(key=lambda pair: (pair[1].stamp, pair[0].path))
    elif all(way.number >= 0 for _, way in rotated):
        rotated.sort(key=lambda pair: (-pair[1].number, pair[0].path))
    else:
        rotated.sort(key=lambda pair: (pair[0].mtime, pair[0].path))
    ordered = [file for file, _ in rotated] + active
    if stamped and ordered and not active:
        ordered[-1] = ordered[-1]._replace(active=True)
    return tuple(ordered)


def _claim(found: Found, claimed: dict[tuple[int, int], str]) -> Found:
    """Leave out the files that an earlier log has already."""
    files, notes = [], list(found.notes)
    for file in found.files:
        owner = claimed.setdefault(file.place, found.path)
        if owner == found.path:
            files.append(file)
        else:
            text = f"{file.path} is a file of {owner} already; the first one counts it"
            notes.append(decision(text) if os.path.islink(found.path) else warning(text))
    return found._replace(files=tuple(files), notes=tuple(notes))


def _named_twice(found: Found) -> Found:
    said = warning(f"{found.path} is named by two entries; the first one counts it")
    return found if said in found.notes else found._replace(notes=(*found.notes, said))


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
