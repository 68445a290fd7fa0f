"""Rows for little text, and for much what is quicker: the compiled part, else columns.

Where there is neither a compiled part nor NumPy, rows are for all of it.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from batchlog.scan.scanner import Scanner
from batchlog.tally import Tally

if TYPE_CHECKING:
    from ctypes import CDLL

SOME = 1 << 20
"""Bytes above which the compiled part is quicker, although it has to be loaded."""
MUCH = 12 << 20
"""Bytes above which columns are quicker, although NumPy has to be imported first."""
LITTLE = (1 << 16) + 2
"""Bytes of a chunk up to which rows are quicker, although it has been: of one cut line too."""


WITHOUT_NUMPY = "NumPy cannot be imported: what there is to read is read several times slower"
NOT_COMPILED = (
    "batchlog's compiled part is missing or cannot be loaded: much text is read more slowly; "
    "install it again with a C compiler at hand (pip install -v says what keeps it from that)"
)


class _Process:
    """What this process knows: NumPy is imported once, and many small files are much text too."""

    left_to_rows = 0
    """Bytes."""
    numpy_is_missing = False


def numpy_is_missing() -> bool:
    """Tell whether there was much to scan, and NumPy could not be imported."""
    return _Process.numpy_is_missing


def lacking() -> list[str]:
    """Say what is missing here that much text would be read faster with; this may import NumPy."""
    if _library() is not None:
        return []
    return [NOT_COMPILED] if _numpy_imports() else [NOT_COMPILED, WITHOUT_NUMPY]


Make = Callable[[], Scanner]


class Either:
    """Scans by rows, and as soon as there is much by what is quicker."""

    def __init__(
        self, rows: Scanner, compiled: Callable[["CDLL"], Scanner], columns: Make, size: int
    ) -> None:
        """`size` is about how many bytes are to come; the others make what scans them quicker."""
        self.context = rows.context
        self.apart = rows.apart
        self._rows = rows
        self._compiled = compiled
        self._columns = columns
        self._size = size
        self._quicker: Scanner | None = None

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        end = len(data) if end is None else end
        if end - begin <= LITTLE:
            return self._rows.scan(data, begin, end)
        if self._quicker is None:
            _Process.left_to_rows += end - begin
            self._quicker = self._chosen()
        return (self._quicker or self._rows).scan(data, begin, end)

    def _chosen(self) -> Scanner | None:
        """Return what scans from now on, None while that is not worth an import."""
        size = max(self._size, _Process.left_to_rows)
        library = _library() if size >= SOME else None
        if library is not None:
            return self._compiled(library)
        if _Process.numpy_is_missing or (size < MUCH and "numpy" not in sys.modules):
            return None
        try:
            return self._columns()
        except (ImportError, RuntimeError):  # RuntimeError: made for another processor
            _Process.numpy_is_missing = True
            return None


def _library() -> "CDLL | None":
    try:
        from batchlog.scan.library import library
    except ImportError:  # a Python without ctypes
        return None
    return library()


def _numpy_imports() -> bool:
    try:
        import numpy as np
    except (ImportError, RuntimeError):
        return False
    return bool(np)
