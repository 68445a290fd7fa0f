"""The ledger of a backfill: which contents were read, and how far. Values and contents only.

Each content counts once ever, whatever its name and compression: what is in the ledger is never
read again from its first byte, neither by a backfill nor by a push.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from batchlog.segments.identity import HEADS, Content, Likeness, Mark, compare, digest
from batchlog.segments.known import Consumed, Segment

_SURE = 1024
"""Bytes that two logs do not begin with by chance."""


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
        self._by_sight.update(dict.fromkeys([entry.bearer.key, *entry.twins], number))

    @property
    def contents(self) -> Sequence[Consumed]:
        """The entries, in the order in which they were begun."""
        return self._contents

    def seen(self, key: tuple[int, int, int, int]) -> Consumed | None:
        """Return the entry that was read from a file that has not changed since."""
        number = self._by_sight.get(key)
        entry = None if number is None else self._contents[number]
        return entry if entry is not None and key in (entry.bearer.key, *entry.twins) else None

    def number(self, key: tuple[int, int, int, int]) -> int | None:
        """Return the number of the entry that was read from that file last."""
        return self._by_sight.get(key)

    def find(self, content: Content, log: str) -> Match | None:
        """Return the entry that a content is most like; the one read furthest among equals.

        Files of different logs may begin alike (the same health check in each): across logs only
        what was read counts, not how it begins.
        """
        head = content.span(content.start, content.start + HEADS[0])
        names = [""] if head is None else ["", digest(head)]
        numbers = [number for name in names for number in self._by_head.get(name, ())]
        found = None
        for number in sorted(numbers, key=lambda n: self._contents[n].mark.offset):
            entry = self._contents[number]
            likeness = compare(entry.mark, content)
            if likeness is Likeness.OTHER or (found and found.likeness < likeness):
                continue
            if entry.log != log and not is_whole(entry.mark, likeness, content):
                continue
            found = Match(number, entry, likeness)
        return found

    def rewritten(
        self,
        content: Content,
        log: str,
        first: int | None,
        stands: Callable[[Consumed], bool],
    ) -> Consumed | None:
        """Return the entry whose content seems to have been rewritten into this one (R30).

        `first` is the content's first stamp, and `stands` tells whether another file still holds
        what an entry stands for.
        """
        match = self.find(content, log)
        edited = [match.entry] if match is not None and match.entry.first == first else []
        alike = [
            one
            for one in self._contents
            if one.first == first is not None and one.log == log and one.mark.lines
        ]
        return next((one for one in [*edited, *alike] if not stands(one)), None)

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


def live_after(entry: Consumed) -> Segment:
    """Return a segment that is counted from where a backfill has read it to."""
    return Segment(
        mark=entry.mark,
        state="open",
        begin=entry.mark.offset,
        begin_lines=entry.mark.lines,
        first=entry.first,
        format=entry.format,
        context=entry.context,
    )


def kin(one: Mark, other: Mark) -> bool:
    """Tell whether two marks may be of one content: by the longest head that both have."""
    filled = min(len(one.heads), len(other.heads))
    if one.start != other.start:
        return False
    return not filled or one.heads[filled - 1] == other.heads[filled - 1]


def is_whole(mark: Mark, likeness: Likeness, content: Content) -> bool:
    """Tell whether a content is surely that of `mark`, whatever log it comes up in (R100).

    Its tail agrees, and either as much was consumed as cannot be alike by chance or all of it was.
    """
    if likeness is not Likeness.SAME:
        return False
    enough = mark.offset - mark.start >= _SURE
    return enough or content.span(mark.offset, mark.offset + 1) is None
