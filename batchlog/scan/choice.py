"""Rows for little text, columns for much; where NumPy cannot be imported, rows for all of it."""

import sys
from collections.abc import Callable

from batchlog.scan.scanner import Scanner
from batchlog.tally import Tally

MUCH = 12 << 20
"""Bytes above which columns are quicker, although NumPy has to be imported first."""
LITTLE = 1 << 16
"""Bytes of a chunk below which rows are quicker, although it has been."""


WITHOUT_NUMPY = "NumPy cannot be imported: what there is to read is read several times slower"
NOT_COMPILED = (
    "batchlog was installed without its compiled part: much text is read more slowly; "
    "install it again with a C compiler at hand"
)


class _Process:
    """What this process knows: NumPy is imported once, and many small files are much text too."""

    left_to_rows = 0
    """Bytes."""
    numpy_is_missing = False


def numpy_is_missing() -> bool:
    """Tell whether there was much to scan, and NumPy could not be imported."""
    return _Process.numpy_is_missing


def lacking() -> str | None:
    """Say what is missing here that much text would be read faster with; this imports NumPy."""
    try:
        from batchlog.scan.compiled import library
    except (ImportError, RuntimeError):
        return WITHOUT_NUMPY
    return None if library() else NOT_COMPILED


class Either:
    """Scans by rows, and by columns as soon as there is much."""

    def __init__(self, rows: Scanner, columns: Callable[[], Scanner], size: int) -> None:
        """`size` is about how many bytes are to come; `columns` makes what scans by columns."""
        self.context = rows.context
        self.apart = rows.apart
        self._rows = rows
        self._make = columns
        self._size = size
        self._columns: Scanner | None = None

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        end = len(data) if end is None else end
        if end - begin < LITTLE:
            return self._rows.scan(data, begin, end)
        if self._columns is None:
            _Process.left_to_rows += end - begin
            self._columns = self._chosen()
        return (self._columns or self._rows).scan(data, begin, end)

    def _chosen(self) -> Scanner | None:
        """Return what scans from now on, None while that is not worth an import."""
        much = max(self._size, _Process.left_to_rows) >= MUCH or "numpy" in sys.modules
        if _Process.numpy_is_missing or not much:
            return None
        try:
            return self._make()
        except (ImportError, RuntimeError):  # RuntimeError: made for another processor
            _Process.numpy_is_missing = True
            return None
