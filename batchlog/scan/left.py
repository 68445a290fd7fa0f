"""What quicker scanners leave to rows: how much may be left, and what follows each other."""

from collections.abc import Iterable
from typing import TypeVar

LEFT = 1 / 4
"""Share of lines that may be left to rows; where it is more, they take the whole chunk."""
_TRIES = 8
"""Chunks of which so much was left, one after the other, until none is tried any more."""

T = TypeVar("T")


class Patience:
    """Ends after some chunks in a row that were left to rows. Threads may share it."""

    def __init__(self) -> None:
        self._tries = _TRIES

    @property
    def is_over(self) -> bool:
        """Tell whether none is to be tried any more."""
        return self._tries <= 0

    def after(self, found: T | None) -> T | None:
        """Return what was found in a chunk; None is one that was left."""
        self._tries = self._tries - 1 if found is None else _TRIES
        return found


def joined(lines: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where lines that follow each other begin and end, given where each does."""
    found: list[tuple[int, int]] = []
    for begin, end in lines:
        follows = found and found[-1][1] == begin
        found.append((found.pop()[0] if follows else begin, end))
    return found
