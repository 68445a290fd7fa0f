"""The scanners that are to count what rows count."""

from collections.abc import Callable, Sequence
from ctypes import CDLL
from functools import partial
from typing import NamedTuple

from batchlog.formats import Format
from batchlog.scan import Scanner, Timing
from batchlog.scan.columns import Columns, Measurer, TimedColumns
from batchlog.scan.compiled import Compiled, TimedCompiled
from batchlog.scan.count import Wanted, wants
from batchlog.scan.line_groups import LineGroups
from batchlog.scan.rows import Rows
from batchlog.scan.shape import Shape, shape_of
from batchlog.scan.timed import TimedRows

TIMING = Timing(60)


def shape_for(form: Format, by: Sequence[str], *, timed: bool = False) -> Shape:
    found = shape_of(form, wants(form, tuple(by)) | ({"stamp"} if timed else set()))
    assert found is not None
    return found


class Read(NamedTuple):
    """What one go leaves to rows, and where it ends."""

    left: int
    end: int


class Quicker(NamedTuple):
    """One way to scan, in its parts."""

    untimed: Callable[[Rows, Shape], Scanner]
    timed: Callable[[TimedRows, Shape], Scanner]
    read: Callable[[Wanted, Shape, bytes, bool], Read | None]
    """What one go does with some bytes, by time or not; None where it leaves all of them."""


def _measured(what: Wanted, shape: Shape, data: bytes, timed: bool) -> Read | None:
    found = Measurer(what, shape, timed=timed).measure(data, 0, len(data))
    return Read(len(found.left), found.end) if found else None


def _counted(library: CDLL, what: Wanted, shape: Shape, data: bytes, timed: bool) -> Read | None:
    counter = LineGroups(library, what, shape, TIMING if timed else None)
    found = counter.count(data, 0, len(data))
    return Read(len(found.others), found.end) if found else None


COLUMNS = Quicker(Columns, TimedColumns, _measured)


def compiled_by(library: CDLL) -> Quicker:
    """Return the compiled scanner."""
    timed = partial(TimedCompiled, library)
    return Quicker(partial(Compiled, library), timed, partial(_counted, library))
