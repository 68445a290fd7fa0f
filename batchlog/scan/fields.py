"""Where the wanted texts of lines stand: a shape carried out over a chunk, for all lines at once.

Lines of which this is not sure are left out; what is kept holds the texts that the regular
expression of `formats.pattern` would find.
"""

from typing import NamedTuple

import numpy as np

from batchlog.formats import pattern
from batchlog.scan.arrays import WORD, Chunk, Column, Positions
from batchlog.scan.shape import Shape, Span

_NEWLINE, _QUOTE, _RETURN, _ESCAPE = b'\n"\r\\'


_STATUS_DIGITS = 3
_BLOCK = 1 << 20
"""Bytes that are looked through at a time: what is noted of them stays near the processor."""
_MOST = 300_000
"""Landmarks from which on no more are looked for in one go: lines may be as short as one byte."""
_FEW = 100
"""Lines with backslashes that are looked for one by one; more of them, all at once."""


class Texts(NamedTuple):
    """The lines that could be read, and where their wanted texts stand."""

    begins: Positions
    """Where every line begins that was looked at, and where the last one ends."""
    numbers: Positions
    """Which of these lines were read."""
    columns: dict[str, Column]
    """Each wanted text of those lines."""


class _Fitting:
    """Lines that still fit, and what was found in them."""

    def __init__(self, chunk: Chunk, lines: Positions) -> None:
        self.chunk = chunk
        self.lines = lines
        self.kept = np.ones(len(lines), np.bool_)
        self.places: dict[str, tuple[Positions, Positions]] = {}

    def span(self, span: Span, begin: Positions, end: Positions, *, at_quote: bool) -> None:
        """Find what a span holds between two landmarks."""
        at, texts = begin, span.texts
        if span.lead:
            self.kept &= (end - begin >= len(span.lead)) & self.chunk.holds(begin, span.lead)
            at = begin + len(span.lead)
        if not texts:
            self.kept &= at == end
            return
        if span.dashes:
            at, texts = self._after_dashes(span, at, end), texts[-1:]
        for number, text in enumerate(texts):
            if number == len(texts) - 1 and at_quote:
                stop = end - len(text.stop)
                if text.stop:
                    self.kept &= (stop >= at) & self.chunk.holds(np.maximum(stop, at), text.stop)
            elif not text.stop:
                stop = end
            elif pattern.STATUS in text.wants:
                stop = np.minimum(at + _STATUS_DIGITS, end)  # no other counts here
                self.kept &= self.chunk.holds(stop, text.stop)
            else:
                stop = self.chunk.find(at, text.stop, end)
                self.kept &= stop < end
            for want in text.wants:
                self.places[want] = at, stop
            at = np.minimum(stop + len(text.stop), end)

    def _after_dashes(self, span: Span, begin: Positions, end: Positions) -> Positions:
        """Return where the stamp begins; where no dashes are, its literals are searched."""
        stamp = end - span.behind
        at = stamp - len(span.dashes)
        usual = self.chunk.holds(np.maximum(at, begin), span.dashes) & (at >= begin)
        rest = np.flatnonzero(~usual)
        if len(rest):
            place = begin[rest]
            for text in span.texts[:-1]:
                stop = self.chunk.find(place, text.stop, end[rest])
                self.kept[rest] &= stop < end[rest]
                place = np.minimum(stop + len(text.stop), end[rest])
            stamp[rest] = place
        return stamp


class Finder:
    """Finds the texts of one shape; it keeps its buffers from one chunk to the next."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._margin = 2 * WORD + max(map(len, shape.literals))
        self._flags = np.empty((2, _BLOCK), np.bool_)

    def find(self, data: bytes, begin: int, end: int) -> Texts:
        """Find the texts in the whole lines from `begin` to `end`, or in as many as are not many.

        There must be at least one.
        """
        chunk = Chunk(data)
        marks, newlines = self._landmarks(chunk, begin, end)
        ends = marks[newlines]
        begins = np.empty(len(ends) + 1, np.int64)
        begins[0] = begin
        begins[1:] = ends + 1
        first = np.zeros(len(ends), np.int64)
        first[1:] = newlines[:-1] + 1  # of a line's quotes among the landmarks
        quotes = newlines - first
        fit = quotes >= self._shape.quotes
        if self._shape.open_end:
            fit = quotes == self._shape.quotes  # none in the last span either
        fit &= (begins[:-1] >= self._margin) & (ends <= len(data) - self._margin)
        fit[_escaped(chunk, begin, ends)] = False
        lines = np.flatnonzero(fit)
        fitting = _Fitting(chunk, lines)
        self._spans(fitting, begins[lines], first[lines], ends[lines], marks)
        kept = fitting.kept
        some = slice(None) if kept.all() else kept
        places = fitting.places.items()
        columns = {want: Column(chunk, at[some], stop[some]) for want, (at, stop) in places}
        return Texts(begins, lines[some], columns)

    def _spans(
        self, fitting: _Fitting, at: Positions, quote: Positions, ends: Positions, marks: Positions
    ) -> None:
        for number, span in enumerate(self._shape.spans):
            at_quote = number < self._shape.quotes
            if at_quote:
                end = marks[quote + number]
            else:
                end = ends - (fitting.chunk.bytes[ends - 1] == _RETURN)
            fitting.span(span, at, end, at_quote=at_quote)
            at = end + 1
        if self._shape.closing:
            fitting.kept &= fitting.chunk.holds(at, self._shape.closing)

    def _landmarks(self, chunk: Chunk, begin: int, end: int) -> tuple[Positions, Positions]:
        """Return where quotes and newlines stand, and which of those are newlines.

        A third of all time goes here; the buffers stay, for fresh memory costs as much again.
        """
        marks, count = list[Positions](), 0
        for at in range(begin, end, _BLOCK):
            if count > _MOST and chunk.data.find(b"\n", begin, at) >= 0:
                break
            part = chunk.bytes[at : min(at + _BLOCK, end)]
            quotes, either = self._flags[:, : len(part)]
            np.equal(part, _QUOTE, out=quotes)
            np.equal(part, _NEWLINE, out=either)
            np.logical_or(quotes, either, out=either)
            marks.append(np.flatnonzero(either))
            marks[-1] += at
            count += len(marks[-1])
        found = np.concatenate(marks) if len(marks) > 1 else marks[0]
        return found, np.flatnonzero(chunk.bytes[found] == _NEWLINE)


def _escaped(chunk: Chunk, begin: int, ends: Positions) -> list[int] | Positions:
    """Return the numbers of the lines that hold a backslash."""
    found: list[int] = []
    last = int(ends[-1])
    at = chunk.data.find(b"\\", begin, last)
    while at >= 0:
        if len(found) == _FEW:
            return np.searchsorted(ends, begin + np.flatnonzero(chunk.bytes[begin:last] == _ESCAPE))
        found.append(int(np.searchsorted(ends, at)))
        at = chunk.data.find(b"\\", int(ends[found[-1]]), last)
    return found
