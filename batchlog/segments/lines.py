r"""From blocks of bytes to pieces of whole lines. No files.

A line longer than the cap is handed out once, cut: its first `CAP` bytes, as soon as they are known
to be too few. From there on what was consumed ends *inside* that line, and all up to its newline is
passed over, so that each byte is read once however long the line grows (R55, R112).

NULs at the end are not consumed: whoever writes may fill them yet. They wait without being held,
so a hole of any size costs nothing (R111).
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

CAP = 1 << 16
"""Longest line in bytes, its newline included; a longer one counts by so much of its beginning."""

_TORN = b"\0\n"
"""Ends a line that was cut: no number ends before a NUL, so one that was cut is not read."""


class Piece(NamedTuple):
    """Whole lines in the midst of some bytes: to cut them out would be to copy nearly all."""

    data: bytes
    begin: int
    end: int
    is_cut: bool = False
    """Whether it is the beginning of one line that is longer than the cap."""

    @classmethod
    def of(cls, lines: bytes) -> Self:
        """Return a piece that is all of its bytes."""
        return cls(lines, 0, len(lines))

    @classmethod
    def cut(cls, line: bytes) -> Self:
        """Return the beginning of a line that is longer than the cap."""
        text = beginning(line)
        return cls(text, 0, len(text), is_cut=True)

    @property
    def text(self) -> bytes:
        """The lines, cut out."""
        return self.data[self.begin : self.end]

    @property
    def lines(self) -> int:
        """Number of newlines."""
        return self.data.count(b"\n", self.begin, self.end)


def beginning(line: bytes) -> bytes:
    """Return a line as it is scanned where it is longer than the cap."""
    return line[:CAP] + _TORN


class Lines:
    """Cuts what is fed to it at newlines, with bounded memory.

    What was consumed ends at `offset`: after the last line that was handed out, or inside one that
    was handed out cut (`inside`). `tail` holds the last bytes before it, at least `keep` of them
    where there were as many.
    """

    def __init__(self, offset: int, tail: bytes, keep: int, *, inside: bool = False) -> None:
        self.offset = offset
        self.tail = tail
        self.inside = inside
        self.passed = 0
        """Bytes before the offset that were not read."""
        self._unread = 0  # among the NULs
        self._keep = keep
        self._begun = b""  # of the unfinished line what lies behind the offset
        self.nuls = 0
        """And behind that: NULs with nothing behind them yet."""

    def feed(self, data: bytes) -> list[Piece]:
        """Return the lines that `data` completes, and the beginning of one that is too long."""
        begin, pieces = 0, list[Piece]()
        if self.inside or self.waiting:
            begin = data.find(b"\n") + 1
            if not begin:
                return self._hold(data)
            pieces += self._complete(data[:begin])
        cut = data.rfind(b"\n", begin) + 1
        if cut:
            self._take(data[max(begin, cut - self._keep) : cut], cut - begin)
            pieces += _pieces(data, begin, cut)
        return [*pieces, *self._hold(data[cut or begin :])]

    def skip(self, nuls: int) -> None:
        """Take in so many NULs that were not read, more than a line within the cap holds."""
        self.nuls += nuls
        self._unread += nuls

    def take_nuls(self) -> list[Piece]:
        """Consume the NULs at the end as well, where the line they stand in is too long."""
        return self._complete(b"") if self.inside or self.waiting > CAP else []

    def finish(self) -> list[Piece]:
        """Hand out the unterminated last line of a content that has ended (R50)."""
        return self._complete(b"") if self.waiting else []

    @property
    def waiting(self) -> int:
        """Bytes of the line that has no end yet, which are not consumed."""
        return len(self._begun) + self.nuls

    def _hold(self, data: bytes) -> list[Piece]:
        """Take in the beginning of a line, or more of it."""
        length = len(data)
        if data.endswith(b"\0"):
            data = b"" if data == bytes(length) else data.rstrip(b"\0")
        pieces = list[Piece]()
        if self.inside or self.waiting + len(data) > CAP:
            pieces = self._complete(data) if data else []
        elif data:
            self._begun, self.nuls = self._joined(data), 0
        self.nuls += length - len(data)
        return pieces

    def _complete(self, rest: bytes) -> list[Piece]:
        """Consume the unfinished line with the rest of it, which may lack the newline."""
        line, length = self._joined(rest), self.waiting + len(rest)
        was_inside, is_long = self.inside, length > CAP
        self._begun, self.nuls = b"", 0
        self.passed, self._unread = self.passed + self._unread, 0
        self._take(line, length)
        self.inside = (was_inside or is_long) and not rest.endswith(b"\n")
        if was_inside:
            return []
        return [Piece.cut(line) if is_long else Piece.of(line)]

    def _joined(self, rest: bytes) -> bytes:
        """Return the unfinished line with more of it, right as far as both ends are looked at."""
        return self._begun + bytes(min(self.nuls, CAP)) + rest

    def _take(self, data: bytes, length: int) -> None:
        self.offset += length
        self.tail = (self.tail + data[-self._keep :])[-self._keep :]


def _pieces(data: bytes, begin: int, end: int) -> Iterator[Piece]:
    """Yield whole lines in order: those within the cap together, each longer one cut."""
    at = begin
    while end - at > CAP:
        newline = data.rfind(b"\n", at, at + CAP)
        if newline >= 0:
            at = newline + 1
            continue
        if at > begin:
            yield Piece(data, begin, at)
        yield Piece.cut(data[at : at + CAP])
        begin = at = data.index(b"\n", at + CAP) + 1
    if end > begin:
        yield Piece(data, begin, end)
