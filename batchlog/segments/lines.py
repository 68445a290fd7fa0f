"""From blocks of bytes to chunks of whole lines. No files."""

CAP = 1 << 16
"""Longest line in bytes, its newline included; a longer one is counted as oversize (R55)."""

_HALF = CAP // 2


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

    def feed(self, data: bytes) -> tuple[bytes, int]:
        """Return the whole lines that `data` completes, and how many oversize ones it left out."""
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._hold(data)
            return b"", 0
        oversize = 0
        if self._carried > CAP:
            head = data.find(b"\n") + 1
            self._take(self._carry + data[:head], self._carried + head)
            whole, oversize = data[head:cut], 1
        else:
            whole = b"".join((self._carry, memoryview(data)[:cut]))  # copied once
        self._carry, self._carried = b"", 0
        self._hold(data[cut:])
        self._take(whole, len(whole))
        kept = _within_cap(whole)
        return kept, oversize + (whole.count(b"\n") - kept.count(b"\n") if kept != whole else 0)

    def finish(self) -> tuple[bytes, int]:
        """Hand out the unterminated last line of a content that has ended (R50)."""
        rest, length = self._carry, self._carried
        if not length:
            return b"", 0
        self._carry, self._carried = b"", 0
        self._take(rest, length)
        return (rest, 0) if length <= CAP else (b"", 1)

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


def _within_cap(whole: bytes) -> bytes:
    """Return `whole` without its lines above the cap."""
    if all(whole.find(b"\n", at, at + _HALF) >= 0 for at in range(0, len(whole) - _HALF, _HALF)):
        return whole  # a newline in every half: no line is longer than two of them
    lines = whole.split(b"\n")  # the last piece is empty: `whole` ends with a newline
    return b"".join(line + b"\n" for line in lines[:-1] if len(line) < CAP)
