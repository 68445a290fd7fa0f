"""From what a person names to files: paths, patterns and URLs, each file once."""

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from batchlog.errors import Busy, ConfigError, Interrupted, LogError, Stop
from batchlog.segments.discover import is_glob
from batchlog.segments.findings import Finding, decision, error
from batchlog.segments.listing import Found, listed
from batchlog.segments.remote import open_remote
from batchlog.segments.source import is_url, shown
from batchlog.segments.walk import is_deep, matches

INTERRUPTED = "interrupted before all files were found: run the same command again"

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


def inputs(named: Sequence[str], stop: Stop | None = None) -> Inputs:
    """Return the files that are named; ConfigError where there is not one.

    Raises Busy where a `stop` is asked for before all are found.
    """
    stop = Stop() if stop is None else stop
    try:
        return _inputs(named, stop)
    except Interrupted:
        raise Busy(INTERRUPTED) from None


def _inputs(named: Sequence[str], stop: Stop) -> Inputs:
    files: dict[tuple[int, int], Input] = {}
    findings = []
    for one in (one for name in named for one in _found(name, stop)):
        if isinstance(one, Finding):
            findings.append(one)
            continue
        first = files.setdefault(one.place, one)
        if first is not one:
            findings.append(decision(f"{one.path} is {first.path}, another name of it"))
    if not files:
        reasons = "; ".join(finding.text for finding in findings if finding.is_error)
        raise ConfigError(reasons or "no file is named: give old logs, or a quoted pattern of them")
    return Inputs(tuple(files.values()), tuple(findings))


def _found(name: str, stop: Stop) -> Iterator[Input | Finding]:
    """Yield the files of one argument, and why one of them cannot be had."""
    try:
        if is_url(name):
            found = _remotes(name, stop)
        elif is_glob(name):
            found = _matching(os.path.abspath(name), stop)
        else:
            found = [_local(os.path.abspath(name)) or error(_reason(name))]
    except LogError as problem:
        found = [error(str(problem))]
    yield from found or [error(f"no file matches {shown(name)}")]


def _remotes(name: str, stop: Stop) -> list[Input | Finding]:
    if shown(name) != name:
        raise ConfigError(
            f"{shown(name)} holds credentials: leave them out of it, and give them in the "
            "environment or the files that its protocol reads"
        )
    found: list[Input | Finding] = []
    for one in listed(name, stop):
        try:
            found.append(error(str(one)) if isinstance(one, LogError) else _remote(one, stop))
        except LogError as problem:
            found.append(error(str(problem)))
    return found


def _matching(pattern: str, stop: Stop) -> list[Input | Finding]:
    if not is_deep(pattern):
        paths = sorted(glob.glob(pattern))
    else:
        paths = matches(pattern, stop)
        _judge(stop)
    found: list[Input | Finding] = []
    for path in paths:
        try:
            one = _local(path)
        except LogError as problem:
            found.append(error(str(problem)))
        else:
            found += [one] if one is not None else []
    return found


def _judge(stop: Stop) -> None:
    if stop:
        raise Interrupted(INTERRUPTED)


def _remote(found: Found, stop: Stop) -> Input:
    """Return a file that was found, by what its listing says, or by a look at it."""
    url, look = found
    if look is None and not is_url(url):
        here = _local(url)
        if here is None:
            raise LogError(f"{url} is gone by now")
        return here
    if look is None:
        try:
            source = open_remote(url, stop)
        except FileNotFoundError:
            raise LogError(f"{shown(url)} is gone by now") from None
        look = source.look()
        source.close()
        assert look is not None  # it was open  # noqa: S101
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
