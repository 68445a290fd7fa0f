"""What the texts of lines say, for all lines at once: label values as numbers, bytes, durations.

Each reading comes with the lines of which it is sure, and says of those what `labels` and
`scan.count` say of one line.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from batchlog import labels
from batchlog.formats import Format, Role, pattern
from batchlog.scan.arrays import WORD, Column, Flags, Integers, Positions, numbers
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


def status(text: Column) -> Label:
    """Read status codes; those of three digits are sure."""
    code, sure = text.numbers()
    sure &= text.length == len("200")
    return Label(np.where(sure, code, 0), _STATUSES, sure)


def status_class(text: Column) -> Label:
    """Read the classes of status codes."""
    return status(text)._replace(values=_CLASSES)


def method(text: Column) -> Label:
    """Read the first words of request lines, or whole methods."""
    word, length = text.chunk.word(text.begin), text.length
    code = np.full(len(word), len(labels.METHODS))
    for number, name in enumerate(labels.METHODS):
        code[_begins(word, f"{name} ".encode()) & (length >= len(name))] = number
    rest = np.flatnonzero(code == len(labels.METHODS))
    for number, name in enumerate(labels.METHODS if len(rest) else ()):
        alone = _begins(word[rest], name.encode()) & (length[rest] == len(name))
        code[rest[alone]] = number
    return Label(code, _METHODS)


def protocol(text: Column) -> Label:
    """Read the last words of whole protocols."""
    return _protocol(text, least=0)


def protocol_of_request(text: Column) -> Label:
    """Read the last words of request lines; the first one is none."""
    found = _protocol(text, least=1)
    other = found.numbers == len(labels.PROTOCOLS)
    return found._replace(sure=other | (text.length > WORD))


def _protocol(text: Column, least: int) -> Label:
    word, length = text.chunk.word(text.end - WORD), text.length
    code = np.full(len(word), len(labels.PROTOCOLS))
    for number, name in enumerate(labels.PROTOCOLS):
        size = len(name)
        alike = word >> np.uint64(8 * (WORD - size)) == np.uint64(int.from_bytes(name, "little"))
        alike &= length >= size + least
        alike &= (length == size) | (text.chunk.bytes[text.end - size - 1] == _SPACE)
        code[alike] = number
    return Label(code, _PROTOCOLS)


class Hosts:
    """Reads virtual hosts: as many as there are, so each distinct one is read once."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}
        self._values: list[str] = []

    def read(self, text: Column) -> Label:
        """Read hosts; those that might hold a bracket or what no host holds are not sure."""
        if len(self._known) > _MANY:
            self._known, self._values = {}, []
        known, values, data = self._known, self._values, text.chunk.data
        places = zip(text.begin.tolist(), text.end.tolist(), strict=True)
        hosts = [data[begin:end] for begin, end in places]
        for host in set(hosts).difference(known):
            plain = not host.startswith(b"[") and not set(host) & _NO_HOST
            known[host] = len(values) if plain else -1
            values += [labels.vhost(host)] if plain else []
        found = np.fromiter(map(known.__getitem__, hosts), np.int64, len(hosts))
        return Label(np.maximum(found, 0), values or [labels.OTHER], found >= 0)


Reader = Callable[[Column], Label]


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


def sizes(text: Column) -> Measured:
    """Read bytes; none and `-` are 0."""
    value, sure = text.numbers()
    sure &= text.length <= _DIGITS
    none = np.flatnonzero(~sure)
    none = none[(text.length[none] == 0) | _are_dashes(text, none)]
    value[none], sure[none] = 0, True
    return Measured(value, sure)


def durations(text: Column, unit: int) -> tuple[Measured, Flags]:
    """Read durations in nanoseconds, given those of the unit, and tell which lines have one."""
    value, observed = _decimals(text, unit)
    sure, rest = observed.copy(), np.flatnonzero(~observed)
    sure[rest] = _are_dashes(text, rest)
    return Measured(value, sure), observed


def _decimals(text: Column, unit: int) -> tuple[Integers, Flags]:
    """Read whole numbers, and those with three or six digits behind a point, in parts of a unit."""
    chunk, begin, end, length = text.chunk, text.begin, text.end, text.length
    value = np.zeros(len(begin), np.int64)
    sure = np.zeros(len(begin), np.bool_)
    left = np.ones(len(begin), np.bool_)
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
    return np.where(sure, value, 0), sure


def _are_dashes(text: Column, lines: Positions) -> Flags:
    """Tell in which of some lines the text is `-`."""
    begin, end = text.begin[lines], text.end[lines]
    found: Flags = (end - begin == 1) & (text.chunk.bytes[begin] == _DASH)
    return found


def _begins(word: np.ndarray[tuple[int], np.dtype[np.uint64]], text: bytes) -> Flags:
    """Tell which words begin with a text of at most eight bytes."""
    mask = np.uint64((1 << 8 * len(text)) - 1)
    found: Flags = (word & mask) == np.uint64(int.from_bytes(text, "little"))
    return found
