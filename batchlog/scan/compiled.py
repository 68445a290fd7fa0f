"""The compiled part of columns, where there is one: texts.c, which finds texts line by line.

It is built when batchlog is installed and a C compiler is at hand (hatch_build.py). It answers what
`fields.Finder` answers, and reads numbers and the seconds of stamps while it is at them.
"""

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import count
from typing import NamedTuple

import numpy as np

from batchlog.formats import Format, Role, pattern
from batchlog.scan.arrays import WORD, Chunk, Column, Flags, Integers
from batchlog.scan.count import LIMIT, UNITS
from batchlog.scan.fields import Finder, Texts
from batchlog.scan.shape import STAMPS, Shape

_VERSION = 1
"""Of texts.c: what is passed to it."""
_LINES = 1 << 15
"""Lines that are looked at in one go."""
_MARGIN = 2 * WORD
"""Bytes of a chunk before and behind a line whose texts are read."""

# The kinds of steps, as texts.c numbers them.
_SPAN_TO_QUOTE, _SPAN_TO_END, _SPAN_OF_REST, _LITERAL, _NOTHING, _SKIP, _CODE, _SEARCH, _REST = (
    range(9)
)


class _Step(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int32),
        ("length", ctypes.c_int32),
        ("literal", ctypes.c_char_p),
        ("wanted", ctypes.c_int32),
        ("behind", ctypes.c_int32),
        ("skipped", ctypes.c_int32),
    )


class _Column(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("unit", "largest", "length", "second")),
        *((name, ctypes.c_void_p) for name in ("begins", "ends", "values", "as_before")),
    )


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled part that was installed, None where there is none for this version."""
    return load(__file__.rpartition("/")[0] + "/texts.so")


def load(path: str) -> ctypes.CDLL | None:
    """Load a compiled part; None where it cannot be loaded or is another version."""
    with suppress(OSError, AttributeError):
        found = ctypes.CDLL(path)
        if found.texts_version() == _VERSION:
            number, few, array = ctypes.c_int64, ctypes.c_int32, ctypes.c_void_p
            found.find_texts.restype = number
            found.find_texts.argtypes = (
                *(array, number, number, number, number, ctypes.POINTER(_Step), few, number),
                *(array, ctypes.POINTER(number), array, ctypes.POINTER(_Column)),
            )
            return found
    return None


def finder(shape: Shape, form: Format) -> "CompiledFinder | Finder":
    """Make what finds the texts of a format's lines."""
    found = library()
    return Finder(shape) if found is None else CompiledFinder(found, shape, form)


class CompiledFinder:
    """Finds the texts of one shape, and reads numbers and the seconds of stamps."""

    def __init__(self, found: ctypes.CDLL, shape: Shape, form: Format) -> None:
        self._find = found.find_texts
        steps = list(_steps(shape))
        self._steps = (_Step * len(steps))(*steps)
        self._wanted = [text.wants for span in shape.spans for text in span.texts if text.wants]
        self._readings = [_reading(wants[0], form) for wants in self._wanted]

    def find(self, data: bytes, begin: int, end: int) -> Texts:
        """Find the texts in the whole lines from `begin` to `end`, or in as many as are not many.

        There must be at least one.
        """
        chunk, lines = Chunk(data), ctypes.c_int64()
        begins, numbers = _integers(_LINES + 1), _integers(_LINES)
        arrays = [_Arrays(reading) for reading in self._readings]
        kept = self._find(
            *(chunk.bytes.ctypes.data, begin, end, _MARGIN, len(data) - _MARGIN),
            *(self._steps, len(self._steps), _LINES),
            *(begins.ctypes.data, lines, numbers.ctypes.data),
            (_Column * len(arrays))(*(one.passed() for one in arrays)),
        )
        columns: dict[str, Column] = {}
        for wants, one in zip(self._wanted, arrays, strict=True):
            columns |= dict.fromkeys(wants, one.column(chunk, kept))
        return Texts(begins[: lines.value + 1], numbers[:kept], columns)


class _Reading(NamedTuple):
    """How a text is read, as texts.c says."""

    unit: int = 0
    largest: int = 0
    length: int = 0
    second: int = 0


def _reading(want: str, form: Format) -> _Reading:
    if want in (pattern.STATUS, pattern.SIZE):
        return _Reading(1, LIMIT)
    field = form.field(Role.DURATION if want == pattern.DURATION else Role.STAMP)
    if want == pattern.DURATION and field:
        unit = UNITS[field.unit]
        return _Reading(unit, LIMIT // unit)
    if want == pattern.STAMP and field:
        return _Reading(0, 0, *STAMPS[field.unit])
    return _Reading()


class _Arrays:
    """What one column is written to."""

    def __init__(self, reading: _Reading) -> None:
        self._reading = reading
        self._begins, self._ends = _integers(_LINES), _integers(_LINES)
        is_read = reading.unit or reading.length
        self._values = _integers(_LINES) if is_read else None
        self._as_before: Flags | None = np.empty(_LINES, np.bool_) if reading.length else None

    def passed(self) -> _Column:
        arrays = self._begins, self._ends, self._values, self._as_before
        places = (None if array is None else array.ctypes.data for array in arrays)
        return _Column(*self._reading, *places)

    def column(self, chunk: Chunk, kept: int) -> Column:
        values = None if self._values is None else self._values[:kept]
        as_before = None if self._as_before is None else self._as_before[:kept]
        return Column(chunk, self._begins[:kept], self._ends[:kept], values, as_before)


def _integers(size: int) -> Integers:
    return np.empty(size, np.int64)


def _steps(shape: Shape) -> Iterator[_Step]:
    """Yield what is done along a line."""
    wanted = count()
    for number, span in enumerate(shape.spans):
        at_quote = number < shape.quotes
        yield _Step(_SPAN_TO_QUOTE if at_quote else _SPAN_TO_END)
        if span.lead:
            yield _step(_LITERAL, span.lead)
        if not span.texts:
            yield _Step(_NOTHING)
        if span.dashes:
            yield _step(_SKIP, span.dashes, behind=span.behind, skipped=len(span.texts) - 1)
        for place, text in enumerate(span.texts):
            is_rest = not text.stop or (at_quote and place == len(span.texts) - 1)
            kind = _REST if is_rest else _CODE if pattern.STATUS in text.wants else _SEARCH
            yield _step(kind, text.stop, wanted=next(wanted) if text.wants else -1)
    if shape.closing:
        yield _Step(_SPAN_OF_REST)
        yield _step(_LITERAL, shape.closing)


def _step(
    kind: int, literal: bytes, *, wanted: int = -1, behind: int = 0, skipped: int = 0
) -> _Step:
    return _Step(kind, len(literal), literal, wanted, behind, skipped)
