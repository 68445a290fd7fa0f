"""From what a person names to files: paths, patterns and URLs, each file once."""

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from batchlog.errors import ConfigError, LogError
from batchlog.segments.discover import is_glob
from batchlog.segments.findings import Finding, decision, error
from batchlog.segments.remote import expand, open_remote
from batchlog.segments.source import is_url, shown

Key = tuple[int, int, int, int]
"""Device, inode, size and time of last modification, as `Sight.key`."""


class Input(NamedTuple):
    """A file that is there."""

    path: str
    """Absolute, or a URL."""
    size: int
    """Bytes on disk."""
    key: Key

    @property
    def place(self) -> tuple[int, int]:
        """One file, whatever its names."""
        return self.key[:2]


class Inputs(NamedTuple):
    """The files to read, in the order given, and what cannot be read."""

    files: tuple[Input, ...]
    findings: tuple[Finding, ...]


def inputs(named: Sequence[str]) -> Inputs:
    """Return the files that are named; ConfigError where there is not one."""
    files: dict[tuple[int, int], Input] = {}
    findings = []
    for name in named:
        try:
            for file in _files(name):
                if file.place in files:
                    known = files[file.place].path
                    findings.append(decision(f"{file.path} is {known}, another name of it"))
                files.setdefault(file.place, file)
        except LogError as problem:
            findings.append(error(str(problem)))
    if not files:
        reasons = "; ".join(finding.text for finding in findings if finding.is_error)
        raise ConfigError(reasons or "no file is named: give old logs, or a quoted pattern of them")
    return Inputs(tuple(files.values()), tuple(findings))


def _files(name: str) -> Iterator[Input]:
    if is_url(name):
        if shown(name) != name:
            raise ConfigError(
                f"{shown(name)} holds credentials: leave them out of it, and give them in the "
                "environment or the files that its protocol reads"
            )
        found = [_remote(url) for url in expand(name)]
    elif is_glob(name):
        paths = sorted(glob.glob(os.path.abspath(name), recursive=True))
        found = [one for path in paths if (one := _local(path)) is not None]
    else:
        one = _local(os.path.abspath(name))
        if one is None:
            raise LogError(_reason(name))
        found = [one]
    if not found:
        raise LogError(f"no file matches {shown(name)}")
    yield from found


def _remote(url: str) -> Input:
    source = open_remote(url)
    look = source.look()
    source.close()
    if look is None:
        raise LogError(f"{shown(url)} is gone by now")
    return Input(url, look.size, (*look.place, look.size, look.mtime))


def _local(path: str) -> Input | None:
    """Return a regular file; None for a directory or what is no file, LogError if it is hidden."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise LogError(f"cannot look at {path}: {reason}") from None
    if not stat.S_ISREG(status.st_mode):
        return None
    key = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    return Input(path, status.st_size, key)


def _reason(name: str) -> str:
    if os.path.isdir(name):
        return f"{name} is a directory: name the files in it, such as '{name.rstrip('/')}/*'"
    if os.path.lexists(name):
        return f"{name} is not a regular file"
    return f"{name}: there is no such file"
