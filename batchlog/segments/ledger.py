"""The ledger of a backfill: which contents were read, and how far.

Each content counts once ever, whatever its name and compression: what is in the ledger is never
read again from its first byte, neither by a backfill nor by a push.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from batchlog.segments.beside import is_copy
from batchlog.segments.content import OpenFile
from batchlog.segments.identity import HEADS, Content, Likeness, Mark, compare, digest, same_first
from batchlog.segments.known import Consumed, Segment

_Key = tuple[int, str]
"""A number of heads, and the hash of the longest of them."""


class Match(NamedTuple):
    """An entry of the ledger that a content is like."""

    number: int
    entry: Consumed
    likeness: Likeness


class Ledger:
    """The contents that were read, by what they begin with."""

    def __init__(self, contents: Iterable[Consumed]) -> None:
        self._contents = list(contents)
        self._by_beginning: dict[_Key, dict[int, None]] = {}
        self._by_first: dict[tuple[str, int | None], dict[int, None]] = {}
        self._by_sight: dict[tuple[int, int, int, int], int] = {}
        self._short: Counter[int] = Counter()  # lengths of what is too short for a head
        for number, entry in enumerate(self._contents):
            self._index(number, entry)

    def _index(self, number: int, entry: Consumed) -> None:
        for key in _beginnings(entry.mark):
            self._by_beginning.setdefault(key, {})[number] = None
        if not entry.mark.heads:
            self._short[entry.mark.offset - entry.mark.start] += 1
        self._by_first.setdefault((entry.log, entry.first), {})[number] = None
        self._by_sight.update(dict.fromkeys([entry.bearer.key, *entry.twins], number))

    def _take_out(self, number: int) -> None:
        entry = self._contents[number]
        for key in _beginnings(entry.mark):
            self._by_beginning[key].pop(number, None)
        if not entry.mark.heads:
            self._short[entry.mark.offset - entry.mark.start] -= 1
        self._by_first[entry.log, entry.first].pop(number, None)

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

    def find(self, content: OpenFile, log: str, first: int | None) -> Match | None:
        """Return the entry that a content is most like; the one read furthest among equals.

        Of another log only one of which it is a copy. `first` is the content's first stamp: a
        file with another one behind the same header is no beginning of an entry's (R13).
        """
        found = None
        for number in sorted(self._near(content), key=lambda n: self._contents[n].mark.offset):
            entry = self._contents[number]
            likeness = compare(entry.mark, content)
            if likeness is Likeness.OTHER or (found and found.likeness < likeness):
                continue
            if likeness is Likeness.SHORTER and not same_first(first, entry.first):
                continue
            if entry.log != log and not is_copy(content, entry.mark, likeness, [entry.bearer]):
                continue
            found = Match(number, entry, likeness)
        return found

    def _near(self, content: Content) -> set[int]:
        """Return the entries that a content may be like at all."""
        spans = [content.span(content.start, content.start + length) for length in HEADS]
        heads = [digest(span) for span in spans if span is not None]
        keys: list[_Key] = [(count, head) for count, head in enumerate(heads, 1)]
        keys += [(-len(heads), heads[-1])] if heads else []
        for length, entries in self._short.items():
            span = content.span(content.start, content.start + length) if entries else None
            keys += [] if span is None else [(0, digest(span))]
        return {number for key in keys for number in self._by_beginning.get(key, ())}

    def rewritten(
        self,
        match: Match | None,
        log: str,
        first: int | None,
        is_another: Callable[[Consumed], bool],
    ) -> Consumed | None:
        """Return the entry whose content seems to have been rewritten into another one (R30).

        `match` is what `find` tells of that one, `first` its first stamp, and `is_another` tells
        of an entry that it is another content all the same.
        """
        edited = [match.entry] if match is not None and match.entry.first == first else []
        numbers = () if first is None else self._by_first.get((log, first), ())
        alike = [self._contents[number] for number in numbers if self._contents[number].mark.lines]
        return next((one for one in [*edited, *alike] if not is_another(one)), None)

    def put(self, entry: Consumed, number: int | None) -> int:
        """Add an entry, or replace the one of that number; return its number."""
        if number is None:
            number = len(self._contents)
            self._contents.append(entry)
        else:
            self._take_out(number)
            self._contents[number] = entry
        self._index(number, entry)
        return number


def _beginnings(mark: Mark) -> list[_Key]:
    """Return by what a mark is found: its longest head, or what is shorter than any as a whole.

    The other heads find it for a content that ends between them; they have a negative count.
    """
    if not mark.heads:
        return [(0, mark.tail)]
    shorter = [(-count, head) for count, head in enumerate(mark.heads[:-1], 1)]
    return [(len(mark.heads), mark.heads[-1]), *shorter]


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
