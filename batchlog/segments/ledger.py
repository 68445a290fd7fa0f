"""The ledger of a backfill: which contents were read, and how far. Values and contents only.

Each content counts once ever, whatever its name and compression: what is in the ledger is never
read again from its first byte, neither by a backfill nor by a push.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from batchlog.segments.identity import HEADS, Content, Likeness, Mark, compare, digest
from batchlog.segments.known import Consumed


class Match(NamedTuple):
    """An entry of the ledger that a content is like."""

    number: int
    entry: Consumed
    likeness: Likeness


class Ledger:
    """The contents that were read, by what they begin with."""

    def __init__(self, contents: Iterable[Consumed]) -> None:
        self._contents = list(contents)
        self._by_head: dict[str, list[int]] = {}
        self._by_sight: dict[tuple[int, int, int, int], int] = {}
        for number in range(len(self._contents)):
            self._index(number)

    def _index(self, number: int) -> None:
        entry = self._contents[number]
        numbers = self._by_head.setdefault(_first_head(entry.mark), [])
        if number not in numbers:
            numbers.append(number)
        self._by_sight[entry.bearer.key] = number

    @property
    def contents(self) -> Sequence[Consumed]:
        """The entries, in the order in which they were begun."""
        return self._contents

    def seen(self, key: tuple[int, int, int, int]) -> Consumed | None:
        """Return the entry that was read from a file that has not changed since."""
        number = self._by_sight.get(key)
        entry = None if number is None else self._contents[number]
        return entry if entry is not None and entry.bearer.key == key else None

    def number(self, key: tuple[int, int, int, int]) -> int | None:
        """Return the number of the entry that was read from that file last."""
        return self._by_sight.get(key)

    def find(self, content: Content) -> Match | None:
        """Return the entry that a content is most like; the one read furthest among equals."""
        head = content.span(content.start, content.start + HEADS[0])
        names = [""] if head is None else ["", digest(head)]
        numbers = [number for name in names for number in self._by_head.get(name, ())]
        found = None
        for number in sorted(numbers, key=lambda n: self._contents[n].mark.offset):
            likeness = compare(self._contents[number].mark, content)
            if likeness is Likeness.OTHER or (found and found.likeness < likeness):
                continue
            found = Match(number, self._contents[number], likeness)
        return found

    def begun_like(self, log: str, first: int | None) -> list[Consumed]:
        """Return the entries of a log whose first line has that stamp."""
        if first is None:
            return []
        return [one for one in self._contents if one.log == log and one.first == first]

    def put(self, entry: Consumed, number: int | None) -> int:
        """Add an entry, or replace the one of that number; return its number."""
        if number is None:
            number = len(self._contents)
            self._contents.append(entry)
        else:
            self._contents[number] = entry
        self._index(number)
        return number


def _first_head(mark: Mark) -> str:
    return mark.heads[0] if mark.heads else ""


def kin(one: Mark, other: Mark) -> bool:
    """Tell whether two marks may be of one content: by the longest head that both have."""
    filled = min(len(one.heads), len(other.heads))
    if not filled:
        return one.tail == other.tail
    return one.start == other.start and one.heads[filled - 1] == other.heads[filled - 1]
