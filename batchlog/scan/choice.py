"""Rows for little text, columns for much; where NumPy cannot be imported, rows for all of it."""

import sys
from collections.abc import Callable
from typing import Protocol

from batchlog.tally import Tally

MUCH = 12 << 20
"""Bytes above which columns are quicker, although NumPy has to be imported first."""
LITTLE = 1 << 16
"""Bytes of a chunk below which rows are quicker, although it has been."""


class Lines(Protocol):
    """What scans lines."""

    context: str
    apart: bool

    def scan(self, lines: bytes) -> Tally:
        """Count whole lines."""


class _Process:
    """What this process has left to rows (many small files are much text too), and why."""

    scanned = 0
    numpy_is_missing = False


def numpy_is_missing() -> bool:
    """Tell whether there was much to scan, and NumPy could not be imported."""
    return _Process.numpy_is_missing


class Either:
    """Scans by rows, and by columns as soon as there is much."""

    def __init__(self, rows: Lines, columns: Callable[[], Lines], size: int) -> None:
        """`size` is about how many bytes are to come; `columns` makes what scans by columns."""
        self.context = rows.context
        self.apart = rows.apart
        self._rows = rows
        self._make = columns
        self._size = size
        self._columns: Lines | None = None

    def scan(self, lines: bytes) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        if len(lines) < LITTLE:
            return self._rows.scan(lines)
        if self._columns is None and self._is_much(len(lines)):
            try:
                self._columns = self._make()
            except ImportError:
                _Process.numpy_is_missing = True
                self._columns = self._rows
        return (self._columns or self._rows).scan(lines)

    def _is_much(self, length: int) -> bool:
        _Process.scanned += length
        return max(self._size, _Process.scanned) >= MUCH or "numpy" in sys.modules
