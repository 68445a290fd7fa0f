"""What lines.c is asked for one format, and what its answer says.

It counts groups of lines with the same words; what those say is read once for each group, by what
`rows` ask too.
"""

import ctypes
from collections.abc import Iterator
from itertools import count
from threading import local
from typing import NamedTuple

from batchlog.formats import Format, Role, pattern, stamps
from batchlog.scan import library as c
from batchlog.scan.count import LIMIT, UNITS, Labels, Timing, Wanted, sources
from batchlog.scan.left import LEFT, Patience
from batchlog.scan.memory import keep_freed
from batchlog.scan.shape import STAMPS, Shape
from batchlog.tally import Row

_GROUPS = 1 << 14
_OTHERS = 1 << 13
"""Groups, and lines of which it is not sure, that are counted in one go."""
_FEW = 100
"""Groups that are read whatever share of the lines they are."""
_MINUTE = 60

_READINGS = {
    pattern.STATUS: c.STATUS,
    pattern.VHOST: c.HOST,
    pattern.METHOD: c.FIRST,
    pattern.PROTOCOL: c.LAST,
    pattern.SIZE: c.SIZE,
    pattern.DURATION: c.DURATION,
    pattern.STAMP: c.STAMP,
}
"""How texts are read, in the order of columns: that of a stamp is the last."""


class Group(NamedTuple):
    """Lines with the same words."""

    labels: tuple[str, ...]
    row: Row
    last: int
    """Where the last of them begins."""
    stamp: int
    """Its stamp, in the same slot as that of the others; 0 where none is asked for."""


class Other(NamedTuple):
    """Where a line is that is left to rows."""

    begin: int
    end: int
    before: int | None
    """The last stamp before it, None where the lines that are sure have none."""


class Counts(NamedTuple):
    """What some lines say, and where the last one ends."""

    groups: list[Group]
    others: list[Other]
    end: int
    last: int
    """Where the last line in a group begins."""
    stamp: int | None
    """And its stamp."""


class LineGroups:
    """Counts lines of one shape; threads may share it."""

    def __init__(
        self, found: ctypes.CDLL, wanted: Wanted, shape: Shape, timing: Timing | None = None
    ) -> None:
        keep_freed()
        form, by, bounds = wanted
        self._count = found.count_lines
        self._patience = Patience()
        self._own = local()  # what is found is written there: each thread has its own
        words = tuple(want for want in _READINGS if want in sources(by) and want in _places(shape))
        self._labels, self._words = Labels(by, words), len(words)
        stamp = form.field(Role.STAMP) if timing else None
        self._reader = stamps.reader(stamp.unit) if stamp else None
        self._plan = _plan(form, shape, words, bounds, timing)

    def count(self, data: bytes, begin: int, end: int) -> Counts | None:
        """Count as many whole lines as there is room for; None where rows are to take all."""
        if self._patience.is_over:
            return None
        found = self._room()
        if not self._count(self._plan, data, begin, end, found):
            return self._patience.after(None)
        most = LEFT * found.lines  # of groups too: to read one takes as long as rows take for some
        few = found.others <= most and (found.groups <= most or found.groups <= _FEW)
        return self._patience.after(self._read(found, data) if few else None)

    def _room(self) -> c.Found:
        found: c.Found | None = getattr(self._own, "found", None)
        if found is None:
            plan = self._plan
            room = c.room(plan.groups, plan.words, plan.width, plan.others, plan.slots)
            found = self._own.found = room
        return found

    def _read(self, found: c.Found, data: bytes) -> Counts | None:
        """Read what was found; None where it is nothing, or a stamp cannot be read."""
        size, width = found.groups, self._plan.width
        rows, lasts = found.rows[: width * size], found.lasts[: 2 * size]
        read = [stamp for at in lasts[1::2] if (stamp := self._stamp(data, at)) is not None]
        if not size or len(read) < size:
            return None
        cut = (rows[at : at + width] for at in range(0, width * size, width))
        groups = list(map(Group, self._labels_of(found, data), cut, lasts[::2], read))
        places = found.other[: 3 * found.others]
        befores = (self._stamp(data, place) for place in places[2::3])
        others = list(map(Other, places[::3], places[1::3], befores))
        return Counts(groups, others, found.end, found.last, self._stamp(data, found.last_stamp))

    def _labels_of(self, found: c.Found, data: bytes) -> Iterator[tuple[str, ...]]:
        size = 2 * self._plan.words
        places = found.words[: size * found.groups]
        for first in range(0, size * found.groups, size) if size else (0,):
            mine = places[first : first + 2 * self._words]
            words = zip(mine[::2], mine[1::2], strict=True)
            yield self._labels.of(tuple([data[at : at + length] for at, length in words]))

    def _stamp(self, data: bytes, place: int) -> int | None:
        """Read the stamp at a place; 0 where none is asked for, None where it cannot be read."""
        if self._reader is None:
            return 0
        return None if place < 0 else self._reader(data[place : place + self._plan.length])


def _places(shape: Shape) -> dict[str, int]:
    """Return the number of the text that holds each wanted one."""
    texts = [text.wants for span in shape.spans for text in span.texts if text.wants]
    return {want: place for place, wants in enumerate(texts) for want in wants}


def _plan(
    form: Format,
    shape: Shape,
    words: tuple[str, ...],
    bounds: tuple[int, ...],
    timing: Timing | None,
) -> c.Plan:
    """Say what is counted; `words` are the texts that groups differ by."""
    stamp, duration = form.field(Role.STAMP) if timing else None, form.field(Role.DURATION)
    length, second = STAMPS[stamp.unit] if stamp else (0, 0)
    unit = UNITS[duration.unit] if duration else 1
    steps, places = list(_steps(shape)), _places(shape)
    wants = [want for want in _READINGS if want in places]
    columns = [c.Column(_reading(want, form), places[want], want in words) for want in wants]
    return c.Plan(
        *(len(steps), len(columns), len(bounds)),
        words=len(words) + (2 if stamp else 0),
        width=2 + (2 + len(bounds) if duration else 0),
        unit=unit,
        largest=LIMIT // unit,
        most=LIMIT,
        length=length,
        second=second,
        by_second=timing is not None and _tells_seconds(timing),
        escapes=not shape.is_hidden_by(b"xu"),
        seed=hash("seed"),  # another one in each process
        groups=_GROUPS,
        others=_OTHERS,
        slots=2 * _GROUPS,
        step=(c.Step * len(steps))(*steps),
        column=(c.Column * len(columns))(*columns),
        bound=(c.Integer * len(bounds))(*bounds),
    )


def _tells_seconds(timing: Timing) -> bool:
    """Tell whether lines of one minute may lie in different slots."""
    moments = (timing.step, timing.since, timing.until)
    return any(moment is not None and moment % _MINUTE for moment in moments)


def _reading(want: str, form: Format) -> int:
    if want == pattern.PROTOCOL and form.index(Role.PROTOCOL) is None:
        return c.LAST_OF_REQUEST
    return _READINGS[want]


def _steps(shape: Shape) -> Iterator[c.Step]:
    """Yield what is done along a line."""
    texts = count()
    for number, span in enumerate(shape.spans):
        at_quote = number < shape.quotes
        yield c.Step(c.SPAN_TO_QUOTE if at_quote else c.SPAN_TO_END)
        if span.lead:
            yield _step(c.LITERAL, span.lead)
        if not span.texts:
            yield c.Step(c.NOTHING)
        if span.dashes:
            yield _step(c.SKIP, span.dashes, behind=span.behind, skipped=len(span.texts) - 1)
        for place, text in enumerate(span.texts):
            is_rest = not text.stop or (at_quote and place == len(span.texts) - 1)
            kind = c.REST if is_rest else c.CODE if pattern.STATUS in text.wants else c.SEARCH
            yield _step(kind, text.stop, text=next(texts) if text.wants else -1)
    if shape.closing:
        yield c.Step(c.SPAN_OF_REST)
        yield _step(c.LITERAL, shape.closing)


def _step(
    kind: int, literal: bytes, *, text: int = -1, behind: int = 0, skipped: int = 0
) -> c.Step:
    return c.Step(kind, len(literal), literal, text, behind, skipped)
