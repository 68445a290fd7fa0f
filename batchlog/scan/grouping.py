"""Lines of arrays added up by their labels, exactly: every sum is one of integers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from batchlog.scan.arrays import Flags, Integers, Positions, dense, sums
from batchlog.scan.measures import Label
from batchlog.tally import UNTIMED, Key, Tally

_FEW = 4
"""Combinations a line up to which there is a table of all of them."""
_TABLE = 1 << 16
"""Spread of the slots of a chunk up to which they are numbered by a table, else by sorting."""


class Measures(NamedTuple):
    """What some lines say, each at the same place in every array."""

    begins: Positions
    """Where they begin in their chunk."""
    labels: list[Label]
    sizes: Integers
    durations: Integers | None = None
    observed: Flags | None = None
    """Whether a line has a duration that can be read."""
    stamps: Integers | None = None

    def only(self, kept: Flags) -> "Measures":
        """Return those lines alone."""

        def some(array: Integers | None) -> Integers | None:
            return None if array is None else array[kept]

        labels = [label._replace(numbers=label.numbers[kept]) for label in self.labels]
        return Measures(
            self.begins[kept],
            labels,
            self.sizes[kept],
            some(self.durations),
            None if self.observed is None else self.observed[kept],
            some(self.stamps),
        )


def add(
    tally: Tally, lines: Measures, bounds: Integers | None, slots: Integers | None = None
) -> None:
    """Add lines to a tally: with durations where there are `bounds`, by slot if there are any."""
    if not len(lines.begins):
        return
    keys = _Keys(lines.labels, slots, len(lines.begins))
    requests = np.bincount(keys.numbers, minlength=keys.count)
    columns = [requests, sums(keys.numbers, lines.sizes, keys.count)]
    if bounds is not None and lines.durations is not None and lines.observed is not None:
        seen = lines.observed
        columns += _durations(keys.numbers[seen], lines.durations[seen], bounds, keys.count)
    used = np.flatnonzero(requests)
    table = np.stack([column[used] for column in columns], axis=1).tolist()
    for key, row in zip(keys.of(used), table, strict=True):
        tally.add(key, row)


def _durations(key: Integers, durations: Integers, bounds: Integers, count: int) -> list[Integers]:
    """Return for each key the sum of its durations, and how many lie in each bucket."""
    width = len(bounds) + 1
    bucket = np.searchsorted(bounds, durations, side="left")
    table = np.bincount(key * width + bucket, minlength=count * width).reshape(count, width)
    return [sums(key, durations, count), *table.T]


class _Keys:
    """One number for slot and labels of each line, below `count`."""

    def __init__(self, labels: list[Label], slots: Integers | None, lines: int) -> None:
        self._low = 0 if slots is None else int(slots.min())
        self.numbers = np.zeros(lines, np.int64)
        self.count = 1
        self._parts: list[tuple[Integers, Sequence[str] | None]] = []
        for label in labels:
            self._append(*dense(label.numbers, len(label.values)), label.values)
        if slots is not None:
            self._append(*_distinct(slots - self._low), None)
        self._used: Integers | None = None
        if self.count > _FEW * lines:
            self._used, self.numbers = np.unique(self.numbers, return_inverse=True)
            self.count = len(self._used)

    def _append(self, numbers: Integers, used: Integers, values: Sequence[str] | None) -> None:
        if len(used) > 1:
            self.numbers = self.numbers * len(used) + numbers
        self.count *= len(used)
        self._parts.append((used, values))

    def of(self, numbers: Integers) -> list[Key]:
        """Return what the numbers stand for."""
        code = numbers if self._used is None else self._used[numbers]
        slots, labels = [UNTIMED] * len(code), []
        for used, values in reversed(self._parts):
            code, number = np.divmod(code, len(used))
            found = used[number].tolist()
            if values is None:
                slots = [self._low + one for one in found]
            else:
                labels.append([values[one] for one in found])
        texts = zip(*reversed(labels), strict=True) if labels else [()] * len(slots)
        return list(zip(slots, texts, strict=True))


def _distinct(numbers: Integers) -> tuple[Integers, Integers]:
    """Return a number for each distinct integer from 0 on, and the integer of each."""
    most = int(numbers.max())
    if most < _TABLE:
        return dense(numbers, most + 1)
    used, numbered = np.unique(numbers, return_inverse=True)
    return numbered, used
