"""From lines to tallies."""

from typing import Protocol

from batchlog.formats import Format
from batchlog.scan.rows import Rows
from batchlog.tally import Tally


class Scanner(Protocol):
    """Counts the lines of one read; never shared between two."""

    context: str
    """What later lines need of earlier ones (a header in force); it travels with the mark."""

    def scan(self, lines: bytes) -> Tally:
        r"""Count whole lines, each with its newline but perhaps the last.

        A `\r` before the newline is no part of the line. No line is refused: what does not count
        is in the tally as malformed.
        """


def scanner(
    form: Format, by: tuple[str, ...], bounds: tuple[int, ...], context: str = ""
) -> Scanner:
    """Make the scanner of a format.

    `by` names labels of `labels.READERS`, and values in a key stand in its order; one that the
    format does not carry is `other`. `bounds` are upper bounds of duration buckets in ascending
    nanoseconds, without infinity. A row is `[requests, bytes]`, and where the format carries a
    duration also `[…, nanoseconds, count of each bucket…, count above the last bound]`.
    """
    return Rows(form, by, bounds, context)
