"""lines.c as Python sees it: its structures, field by field, its numbers, and how it is loaded.

It is built when batchlog is installed and a C compiler is at hand (hatch_build.py).
"""

import ctypes
from contextlib import suppress
from functools import cache

_VERSION = 2
"""Of lines.c: what is passed to it."""

SPAN_TO_QUOTE, SPAN_TO_END, SPAN_OF_REST, LITERAL, NOTHING, SKIP, CODE, SEARCH, REST = range(9)
"""Kinds of steps."""
STATUS, HOST, FIRST, LAST, LAST_OF_REQUEST, SIZE, DURATION, STAMP = range(8)
"""What a text is read as."""

Integer, _Small = ctypes.c_int64, ctypes.c_int32
_Integers = ctypes.POINTER(Integer)


class Step(ctypes.Structure):
    """What is done at one place of a line."""

    _fields_ = (
        ("kind", _Small),
        ("length", _Small),
        ("literal", ctypes.c_char_p),
        ("text", _Small),
        ("behind", _Small),
        ("skipped", _Small),
    )


class Column(ctypes.Structure):
    """What one text is read as."""

    _fields_ = (("reading", _Small), ("text", _Small), ("is_word", _Small))


class Plan(ctypes.Structure):
    """What is counted; lines.c explains each field."""

    _fields_ = (
        *((name, Integer) for name in ("steps", "columns", "bounds", "words", "width")),
        *((name, Integer) for name in ("unit", "largest", "most", "length", "second")),
        *((name, Integer) for name in ("by_second", "escapes")),
        ("seed", ctypes.c_uint64),
        *((name, Integer) for name in ("groups", "others", "slots")),
        ("step", ctypes.POINTER(Step)),
        ("column", ctypes.POINTER(Column)),
        ("bound", _Integers),
    )


class Found(ctypes.Structure):
    """What was found."""

    _fields_ = (
        *((name, Integer) for name in ("lines", "groups", "others", "end", "last", "last_stamp")),
        *((name, _Integers) for name in ("rows", "words", "lasts", "other")),
        ("slot", ctypes.POINTER(_Small)),
    )


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled part that was installed, None where there is none for this version."""
    return load(__file__.rpartition("/")[0] + "/lines.so")


def load(path: str) -> ctypes.CDLL | None:
    """Load a compiled part; None where it cannot be loaded or is another version."""
    with suppress(OSError, AttributeError):
        found = ctypes.CDLL(path)
        if found.lines_version() == _VERSION:
            places = ctypes.c_char_p, Integer, Integer
            found.count_lines.argtypes = (ctypes.POINTER(Plan), *places, ctypes.POINTER(Found))
            found.count_lines.restype = ctypes.c_int32
            return found
    return None


def room(groups: int, words: int, width: int, others: int, slots: int) -> Found:
    """Make room for what will be found."""
    return Found(
        rows=(Integer * (groups * width))(),
        words=(Integer * (groups * 2 * words))(),
        lasts=(Integer * (groups * 2))(),
        other=(Integer * (others * 3))(),
        slot=(_Small * slots)(),
    )
