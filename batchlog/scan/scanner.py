"""What scans lines."""

from typing import Protocol

from batchlog.tally import Tally


class Scanner(Protocol):
    """Counts the lines of one read; never shared between two."""

    context: str
    """What later lines need of earlier ones (a header in force); it travels with the mark. None of
    the scanners of text needs any; for one that does `segments.read` must not scan in threads: it
    looks at the context when a chunk is handed in."""
    apart: bool
    """Whether chunks may be scanned in any order, several at once."""

    def scan(self, data: bytes, begin: int = 0, end: int | None = None) -> Tally:
        r"""Count the whole lines from `begin` to `end`, with a newline each but perhaps the last.

        What is around them is not looked at.

        A `\r` before the newline is no part of the line. No line is refused: what does not count
        is in the tally as malformed.
        """
