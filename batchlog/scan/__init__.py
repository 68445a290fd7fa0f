"""From lines to tallies."""

from functools import partial
from typing import TYPE_CHECKING

from batchlog.formats import Format, Role, pattern
from batchlog.scan.choice import MUCH, WITHOUT_NUMPY, Either, lacking, numpy_is_missing
from batchlog.scan.count import Timing, wants
from batchlog.scan.rows import Rows
from batchlog.scan.scanner import Scanner
from batchlog.scan.shape import STAMPS, Shape, shape_of
from batchlog.scan.timed import TimedRows

if TYPE_CHECKING:
    from ctypes import CDLL

__all__ = [
    "MUCH",
    "WITHOUT_NUMPY",
    "Scanner",
    "Timing",
    "lacking",
    "numpy_is_missing",
    "scanner",
]


def scanner(  # noqa: PLR0917 - all of it is what one read is about
    form: Format,
    by: tuple[str, ...],
    bounds: tuple[int, ...],
    context: str = "",
    timing: Timing | None = None,
    before: int | None = None,
    size: int = 0,
) -> Scanner:
    """Make the scanner of a format.

    `by` names labels of `labels.READERS`, and values in a key stand in its order; one that the
    format does not carry is `other`. `bounds` are upper bounds of duration buckets in ascending
    nanoseconds, without infinity. A row is `[requests, bytes]`, and where the format carries a
    duration also `[…, nanoseconds, count of each bucket…, count above the last bound]`.

    With `timing` the lines are counted by their time, and those out of its bounds are skipped.
    A line whose stamp cannot be read is undated and takes the stamp of the last line before it
    that has one, or of the first one after it in the same chunk where there is none yet; where
    there is neither, it is skipped. `before` is the stamp, in Unix seconds, that stands before the
    first line. Which lines count does not depend on any of this.

    `size` is about how many bytes are to come: it makes much text quicker, and changes nothing.
    """
    if timing is None:
        rows = Rows(form, by, bounds, context)
        shape = shape_of(form, wants(form, by))
        if shape is None:
            return rows
        return Either(rows, partial(_compiled, rows, shape), partial(_columns, rows, shape), size)
    timed = TimedRows(form, by, bounds, context, timing=timing, before=before)
    shape = shape_of(form, wants(form, by) | {pattern.STAMP})
    stamp = form.field(Role.STAMP)
    if shape is None or stamp is None or stamp.unit not in STAMPS:
        return timed
    compiled, columns = (
        partial(_timed_compiled, timed, shape),
        partial(_timed_columns, timed, shape),
    )
    return Either(timed, compiled, columns, size)


def _compiled(rows: Rows, shape: Shape, library: "CDLL") -> Scanner:
    from batchlog.scan.compiled import Compiled

    return Compiled(library, rows, shape)


def _timed_compiled(rows: TimedRows, shape: Shape, library: "CDLL") -> Scanner:
    from batchlog.scan.compiled import TimedCompiled

    return TimedCompiled(library, rows, shape)


def _columns(rows: Rows, shape: Shape) -> Scanner:
    from batchlog.scan.columns import Columns

    return Columns(rows, shape)


def _timed_columns(rows: TimedRows, shape: Shape) -> Scanner:
    from batchlog.scan.columns import TimedColumns

    return TimedColumns(rows, shape)
