"""What a run has to say about a log: values, which the shell logs and turns into an exit code."""

import logging
from typing import NamedTuple


class Finding(NamedTuple):
    """One sentence about one thing, at a level of `logging`.

    DEBUG: a decision, shown with -v. WARNING: nothing was lost. ERROR: something was lost, or a
    person is needed; the run ends with 65.
    """

    level: int
    text: str

    @property
    def is_error(self) -> bool:
        """Whether the run ends with an exit status other than 0 for it."""
        return self.level >= logging.ERROR

    @property
    def is_warning(self) -> bool:
        """Whether it deserves a look although nothing is lost."""
        return self.level == logging.WARNING


def amount(count: int, noun: str) -> str:
    """Return a number of things as people write it: `1 file`, `1,000 files`."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def size(length: int) -> str:
    """Return a number of bytes as people write it: `999 bytes`, `7.9 MB`."""
    for unit, one in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if length >= one:
            return f"{length / one:.1f} {unit}"
    return amount(length, "byte")


def resolving(path: str) -> str:
    """Return the commands by which a person decides on a quarantined file."""
    return f"'batchlog resolve {path} --count' or '--ignore'"


def decision(text: str) -> Finding:
    """Return why a file is treated as it is."""
    return Finding(logging.DEBUG, text)


def notice(text: str) -> Finding:
    """Return what is worth knowing once."""
    return Finding(logging.INFO, text)


def warning(text: str) -> Finding:
    """Return what deserves a look; nothing was lost."""
    return Finding(logging.WARNING, text)


def error(text: str) -> Finding:
    """Return what was lost, or what needs a person."""
    return Finding(logging.ERROR, text)
