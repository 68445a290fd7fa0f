"""The scanner that counts lines of text by their time, for a history.

It matches what the untimed one matches, and asks for the text of the stamp besides; each distinct
one is read once. Lines stand nearly in the order of their time, so those of one slot that follow
each other are counted at once.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from batchlog.formats import Format, Role, pattern, stamps
from batchlog.scan.count import Meter, Raw, Timing, Wanted, by_parts, parts, stamper, wants
from batchlog.tally import UNTIMED, Tally


class TimedRows:
    """Scans lines of a text format; from one chunk to the next it keeps the last stamp."""

    apart = False

    def __init__(
        self,
        form: Format,
        by: tuple[str, ...],
        bounds: tuple[int, ...],
        context: str,
        *,
        timing: Timing,
        before: int | None,
    ) -> None:
        self.context = context
        self.wanted = Wanted(form, by, bounds)
        self.timing = timing
        self.before = before
        """Stamp, in Unix seconds, that stands before the next line; None where there is none."""
        field = form.field(Role.STAMP)
        self._read = stamps.reader(field.unit) if field else lambda _text: None
        self._stamp = stamper(form)
        regex, order = pattern.counting(form, wants(form, by) | {pattern.STAMP})
        self._find = _finder(regex, order)
        order = tuple(want for want in order if want != pattern.STAMP)
        self._status = order.index(pattern.STATUS)
        self._meter = Meter(form, by, bounds, order)

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        """Count whole lines; the last one may lack its newline."""
        return by_parts(self._part, data, begin, end)

    def first(self, data: bytes, begin: int, end: int) -> tuple[Tally, int]:
        """Count as many of these lines as are counted at once, and tell where they end."""
        lines = next(parts(data, begin, end), b"")
        return self.scan(lines), begin + len(lines)

    def _part(self, lines: bytes) -> Tally:
        tally = Tally()
        texts, raws = self._find(lines)
        known = {text: self._slot(self._read(text)) for text in set(texts)}
        dated = list(map(known.__getitem__, texts))
        slots = self._filled(dated, raws, lines, tally) if None in known.values() else dated
        first = 0
        for slot, run in groupby(slots):
            last = first + len(list(run))
            self._add(raws[first:last], slot or UNTIMED, tally)
            first = last
        tally.newest = self._newest(texts, dated, raws) if tally.rows else None
        stamps_back = map(self._stamp, _backwards(lines))
        self.before = next((s for s in stamps_back if s is not None), self.before)
        return tally

    def _slot(self, stamp: int | None) -> int | None:
        return None if stamp is None else self.timing.slot(stamp)

    def _add(self, raws: Sequence[Raw], slot: int, tally: Tally) -> None:
        """Count lines of one slot, or those that are out of bounds."""
        lines = Counter(raws).items() if len(raws) > 1 else [(raws[0], 1)]
        if slot != UNTIMED:
            self._meter.add(lines, tally, slot)
            return
        beyond = Tally()
        self._meter.add(lines, beyond)
        tally.malformed += beyond.malformed
        tally.skipped += beyond.counted

    def _filled(
        self, dated: Sequence[int | None], raws: Sequence[Raw], lines: bytes, tally: Tally
    ) -> Sequence[int | None]:
        """Give undated lines the slot of the line before, counted or not, and count them.

        The expression finds no stamp in a line that it does not match.
        """
        undated = [i for i, slot in enumerate(dated) if slot is None and raws[i][self._status]]
        if not undated:
            return dated
        cut = lines.split(b"\n")
        slots, last = list(dated), self._slot(self.before)
        for i, raw in enumerate(raws):
            if slots[i] is None and not raw[self._status]:
                slots[i] = self._slot(self._stamp(cut[i]))
            last = slots[i] = last if slots[i] is None else slots[i]
        first = next((slot for slot in slots if slot is not None), None)
        slots = [first if slot is None else slot for slot in slots]
        counted = (i for i in undated if slots[i] and self._meter.read(raws[i]) is not None)
        tally.undated = sum(1 for _ in counted)
        return slots

    def _newest(
        self, texts: Sequence[bytes], dated: Sequence[int | None], raws: Sequence[Raw]
    ) -> int | None:
        """Return the stamp of the last line that counts and has one."""
        for i in reversed(range(len(dated))):
            if dated[i] and self._meter.read(raws[i]) is not None:
                return self._read(texts[i])
        return None


def _finder(
    regex: re.Pattern[bytes], order: tuple[str, ...]
) -> Callable[[bytes], tuple[list[bytes], list[Raw]]]:
    """Make what finds the text of each line's stamp, and its other texts."""
    rest = [place for place, want in enumerate(order) if want != pattern.STAMP]
    others = itemgetter(*rest) if len(rest) > 1 else itemgetter(slice(rest[0], rest[0] + 1))

    def find(lines: bytes) -> tuple[list[bytes], list[Raw]]:
        found = regex.findall(lines)
        if len(order) == 1:
            found = [(text,) for text in found]
        if len(order) == len(rest):  # a format without a time
            return [b""] * len(found), found
        stamp = order.index(pattern.STAMP)
        return [raw[stamp] for raw in found], list(map(others, found))

    return find


def _backwards(lines: bytes) -> Iterator[bytes]:
    """Yield whole lines from the last to the first."""
    end = len(lines)
    while end:
        begin = lines.rfind(b"\n", 0, end - 1) + 1
        yield lines[begin:end]
        end = begin
