"""From blocks of bytes to pieces of whole lines. No files."""

from typing import NamedTuple, Self

CAP = 1 << 16
"""Longest line in bytes, its newline included; a longer one is counted as oversize (R55)."""

_HALF = CAP // 2


class Piece(NamedTuple):
    """Whole lines in the midst of some bytes: to cut them out would be to copy nearly all."""

    data: bytes
    begin: int
    end: int

    @classmethod
    def of(cls, lines: bytes) -> Self:
        """Return a piece that is all of its bytes."""
        return cls(lines, 0, len(lines))

    @property
    def text(self) -> bytes:
        """The lines, cut out."""
        return self.data[self.begin : self.end]

    @property
    def lines(self) -> int:
        """Number of newlines."""
        return self.data.count(b"\n", self.begin, self.end)


class Lines:
    """Cuts what is fed to it at newlines, with bounded memory.

    `offset` stands after the last line that was handed out, `tail` holds the last bytes before it
    (at least `keep` of them, where there were as many).
    """

    def __init__(self, offset: int, tail: bytes, keep: int) -> None:
        self.offset = offset
        self.tail = tail
        self._keep = keep
        self._carry = b""
        self._carried = 0  # bytes of an unfinished line, of which an oversize one keeps no copy

    def feed(self, data: bytes) -> tuple[list[Piece], int]:
        """Return the whole lines that `data` completes, and how many oversize ones it left out."""
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._hold(data)
            return [], 0
        pieces, oversize, begin = list[Piece](), 0, 0
        if self._carried:
            begin = data.find(b"\n") + 1
            line, length = self._carry + data[:begin], self._carried + begin
            self._take(line, length)
            pieces += [Piece.of(line)] if length <= CAP else []
            oversize = int(length > CAP)
        self._carry, self._carried = b"", 0
        self._hold(data[cut:])
        if begin == cut:
            return pieces, oversize
        self._take(data[max(begin, cut - self._keep) : cut], cut - begin)
        whole = Piece(data, begin, cut)
        kept = _within_cap(whole)
        if kept is whole:
            return [*pieces, whole], oversize
        return [*pieces, kept], oversize + whole.lines - kept.lines

    def finish(self) -> tuple[list[Piece], int]:
        """Hand out the unterminated last line of a content that has ended (R50)."""
        rest, length = self._carry, self._carried
        if not length:
            return [], 0
        self._carry, self._carried = b"", 0
        self._take(rest, length)
        return ([Piece.of(rest)], 0) if length <= CAP else ([], 1)

    @property
    def waiting(self) -> int:
        """Bytes of the line that has no end yet."""
        return self._carried

    def _hold(self, data: bytes) -> None:
        self._carried += len(data)
        self._carry += data
        if self._carried > CAP:
            self._carry = self._carry[-self._keep :]

    def _take(self, data: bytes, length: int) -> None:
        self.offset += length
        self.tail = (self.tail + data[-self._keep :])[-self._keep :]


def _within_cap(whole: Piece) -> Piece:
    """Return lines without those above the cap."""
    data, begin, end = whole
    if all(data.find(b"\n", at, at + _HALF) >= 0 for at in range(begin, end - _HALF, _HALF)):
        return whole  # a newline in every half: no line is longer than two of them
    lines = whole.text.split(b"\n")  # the last one is empty: a newline ends them
    return Piece.of(b"".join(line + b"\n" for line in lines[:-1] if len(line) < CAP))
