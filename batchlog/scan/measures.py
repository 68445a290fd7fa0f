"""What the texts of lines say, for all lines at once: label values as numbers, bytes, durations.

Each reading comes with the lines of which it is sure, and says of those what `labels` and
`scan.count` say of one line.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from batchlog import labels
from batchlog.formats import Format, Role, pattern
from batchlog.scan.arrays import WORD, Chunk, Flags, Integers, Positions, numbers
from batchlog.scan.count import LIMIT

_DIGITS = 15
"""Most digits of a number that is believed without a look at the limit."""
_SPACE, _DASH, _DOT = b" -."
_NO_HOST = frozenset(b']/? "\\')
"""What ends a host that is followed by its port, whatever comes next."""
_MANY = 4096
"""Hosts that are kept in mind: they are as many as clients care to invent."""


class Label(NamedTuple):
    """The value of a label in each line: a number, and the text of each number."""

    numbers: Integers
    values: Sequence[str]
    sure: Flags | None = None
    """The lines that were read; None where all of them were."""


class Measured(NamedTuple):
    """A number of each line, and the lines of which it is sure."""

    numbers: Integers
    sure: Flags


_STATUSES = [labels.status(b"%03d" % code) for code in range(1000)]
_CLASSES = [labels.status_class(b"%03d" % code) for code in range(1000)]
_METHODS = [*labels.METHODS, labels.OTHER]
_PROTOCOLS = [*labels.PROTOCOLS.values(), labels.OTHER]


def constant(lines: int) -> Label:
    """Return a label that the format does not carry."""
    return Label(np.zeros(lines, np.int64), [labels.OTHER])


def status(chunk: Chunk, begin: Positions, end: Positions) -> Label:
    """Read status codes; those of three digits are sure."""
    code, sure = numbers(chunk, begin, end)
    sure &= end - begin == len("200")
    return Label(np.where(sure, code, 0), _STATUSES, sure)


def status_class(chunk: Chunk, begin: Positions, end: Positions) -> Label:
    """Read the classes of status codes."""
    return status(chunk, begin, end)._replace(values=_CLASSES)


def method(chunk: Chunk, begin: Positions, end: Positions) -> Label:
    """Read the first words of request lines, or whole methods."""
    word, length = chunk.word(begin), end - begin
    code = np.full(len(begin), len(labels.METHODS))
    for number, name in enumerate(labels.METHODS):
        code[_begins(word, f"{name} ".encode()) & (length >= len(name))] = number
    rest = np.flatnonzero(code == len(labels.METHODS))
    for number, name in enumerate(labels.METHODS if len(rest) else ()):
        alone = _begins(word[rest], name.encode()) & (length[rest] == len(name))
        code[rest[alone]] = number
    return Label(code, _METHODS)


def protocol(chunk: Chunk, begin: Positions, end: Positions) -> Label:
    """Read the last words of whole protocols."""
    return _protocol(chunk, begin, end, least=0)


def protocol_of_request(chunk: Chunk, begin: Positions, end: Positions) -> Label:
    """Read the last words of request lines; the first one is none."""
    found = _protocol(chunk, begin, end, least=1)
    other = found.numbers == len(labels.PROTOCOLS)
    return found._replace(sure=other | (end - begin > WORD))


def _protocol(chunk: Chunk, begin: Positions, end: Positions, least: int) -> Label:
    code = np.full(len(begin), len(labels.PROTOCOLS))
    word, length = chunk.word(end - WORD), end - begin
    for number, name in enumerate(labels.PROTOCOLS):
        size = len(name)
        alike = word >> np.uint64(8 * (WORD - size)) == np.uint64(int.from_bytes(name, "little"))
        alike &= length >= size + least
        alike &= (length == size) | (chunk.bytes[end - size - 1] == _SPACE)
        code[alike] = number
    return Label(code, _PROTOCOLS)


class Hosts:
    """Reads virtual hosts: as many as there are, so each distinct one is read once."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}
        self._values: list[str] = []

    def read(self, chunk: Chunk, begin: Positions, end: Positions) -> Label:
        """Read hosts; those that might hold a bracket or what no host holds are not sure."""
        if len(self._known) > _MANY:
            self._known, self._values = {}, []
        known, values, data = self._known, self._values, chunk.data
        texts = [data[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
        for text in set(texts).difference(known):
            plain = not text.startswith(b"[") and not set(text) & _NO_HOST
            known[text] = len(values) if plain else -1
            values += [labels.vhost(text)] if plain else []
        found = np.fromiter(map(known.__getitem__, texts), np.int64, len(texts))
        return Label(np.maximum(found, 0), values or [labels.OTHER], found >= 0)


Reader = Callable[[Chunk, Positions, Positions], Label]


def reader(label: str, form: Format) -> tuple[str, Reader]:
    """Return the raw text that a label is read from, and what reads it."""
    if label == "vhost":
        return pattern.VHOST, Hosts().read
    if label == "protocol" and form.index(Role.PROTOCOL) is None:
        return pattern.PROTOCOL, protocol_of_request
    return _READERS[label]


_READERS: Mapping[str, tuple[str, Reader]] = {
    "status": (pattern.STATUS, status),
    "status_class": (pattern.STATUS, status_class),
    "method": (pattern.METHOD, method),
    "protocol": (pattern.PROTOCOL, protocol),
}


def sizes(chunk: Chunk, begin: Positions, end: Positions) -> Measured:
    """Read bytes; none and `-` are 0."""
    value, sure = numbers(chunk, begin, end)
    length = end - begin
    sure &= length <= _DIGITS
    none = (length == 0) | ((length == 1) & (chunk.bytes[begin] == _DASH))
    value[none] = 0
    return Measured(value, sure | none)


def durations(chunk: Chunk, begin: Positions, end: Positions, unit: int) -> tuple[Measured, Flags]:
    """Read durations in nanoseconds, given those of the unit, and tell which lines have one."""
    length = end - begin
    value = np.zeros(len(begin), np.int64)
    sure = np.zeros(len(begin), np.bool_)
    dash = (length == 1) & (chunk.bytes[begin] == _DASH)
    left = ~dash
    for digits in (3, 6):
        dotted = left & (length > digits + 1) & (chunk.bytes[end - digits - 1] == _DOT)
        at = np.flatnonzero(dotted)
        if len(at):
            whole, fine = numbers(chunk, begin[at], end[at] - digits - 1)
            part, well = numbers(chunk, end[at] - digits, end[at])
            value[at] = whole * unit + part * unit // 10**digits
            sure[at] = fine & well & (whole < LIMIT // unit)
            left &= ~dotted
    at = np.flatnonzero(left)
    if len(at):
        whole, fine = numbers(chunk, begin[at], end[at])
        value[at] = whole * unit
        sure[at] = fine & (whole <= LIMIT // unit)
    return Measured(np.where(sure, value, 0), sure | dash), sure


def _begins(word: np.ndarray[tuple[int], np.dtype[np.uint64]], text: bytes) -> Flags:
    """Tell which words begin with a text of at most eight bytes."""
    mask = np.uint64((1 << 8 * len(text)) - 1)
    found: Flags = (word & mask) == np.uint64(int.from_bytes(text, "little"))
    return found
