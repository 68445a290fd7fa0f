"""Chunks scanned in threads while the next one is read, their tallies given back in order.

Arrays and decompression leave the interpreter to others, so two threads do more than one.
"""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from batchlog.scan import Scanner
from batchlog.segments.lines import Piece
from batchlog.tally import Tally

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_MOST = 4
"""Threads that the one that reads can keep busy."""

_WAITING = 2
"""Chunks that wait for a thread, besides one to each: what bounds the memory."""


class Ahead:
    """A scanner, and the threads that it scans in."""

    def __init__(self, scanner: Scanner, threads: int) -> None:
        """`threads` are those that scan, 0 for none besides the one that reads."""
        self._scanner = scanner
        self._size = min(threads, _MOST if scanner.apart else 1)
        self._pool = _threads(self._size) if self._size else None
        self._out: deque[Future[Tally]] = deque()
        self.put = 0
        """Chunks that were taken in."""

    def scan(self, pieces: Sequence[Piece]) -> list[Tally]:
        """Take in a chunk of whole lines, and return the tallies that are next and overdue."""
        self.put += 1
        if self._pool is None:
            return [self._tally(pieces)]
        self._out.append(self._pool.submit(self._tally, pieces))
        return self.rest(self._size + _WAITING)

    def _tally(self, pieces: Sequence[Piece]) -> Tally:
        tally, *others = map(self._scanned, pieces)
        for other in others:
            tally.merge(other)
        return tally

    def _scanned(self, piece: Piece) -> Tally:
        tally = self._scanner.scan(piece.data, piece.begin, piece.end)
        if piece.is_cut:  # too long to count, where it does not count by its beginning
            tally.oversize, tally.malformed = tally.malformed, 0
        return tally

    def rest(self, out: int = 0) -> list[Tally]:
        """Wait until only so many are out, and return the tallies of the others."""
        over = range(len(self._out) - out)
        return [self._out.popleft().result() for _ in over]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _threads(number: int) -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(number, "scan")
