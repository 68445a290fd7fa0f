"""What is written to logs: lines that say their own number, and what they count.

A line's number is its identity. It is in its text, and the size in it is the third power of it:
sums of those differ where sums of the numbers would not, 1 and 6 against 2 and 5.
"""

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.site import BEGINNING

HALF = 40
"""Bytes of a line that was begun and not finished: they name it, and are no line."""

HEADER = b"#Fields: " + b"the same words at the top of each file; " * 30
"""Longer than the first KiB by which a content is known in another log (R13, R100)."""

KINDS = ("line", "crlf", "junk", "nul", "binary", "huge", "over", "headed")

REQUESTS = ("line", "crlf", "huge", "headed")
_MALFORMED = ("junk", "nul", "binary", "headed")

Token = tuple[str, int]
"""A line in a log: the name of the log and the line's number; negative is its first half alone."""

Kinds = Mapping[int, str]
"""By the numbers of lines."""


def written(number: int, kind: str) -> bytes:
    """Return what is written for a number; `headed` is a line with the header before it."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(BEGINNING + number))
    name = f"192.0.2.{number % 250} /n/{number} - [{stamp}] "
    whole = f'{name}"GET / HTTP/1.1" 200 {number**3} "-" "t"'.encode()
    texts = {
        "line": whole,
        "crlf": whole + b"\r",
        "junk": f"{name}torn by a full disk, and never a request".encode(),
        "nul": b"\0" * 30 + f"{name}after a crash of the host".encode(),
        "binary": name.encode() + bytes([*range(128, 256), *range(10), *range(11, 32)]),
        "huge": whole + b"h" * 70_000,
        "over": name.encode() + b"o" * 70_000,
        "headed": HEADER + b"\n" + whole,
    }
    return texts[kind] + b"\n"


def number_of(text: bytes) -> int:
    """Return the number that a line names."""
    return int(text.partition(b"/n/")[2].partition(b" ")[0])


class Counts(NamedTuple):
    """What there is to compare."""

    requests: int
    bytes: int
    malformed: int
    oversize: int


def count(tokens: Iterable[Token], kinds: Kinds) -> Counts:
    """Return the totals once these were counted, each once.

    A half that was counted as a line (R50) is malformed, and so is what is written of it later.
    """
    found = set(tokens)
    whole = [(log, n) for log, n in found if n > 0 and (log, -n) not in found]
    torn = sum(n > 0 for _, n in found) - len(whole)
    halves = sum(n < 0 for _, n in found)
    good = [n for _, n in whole if kinds[n] in REQUESTS]
    malformed = sum(kinds[n] in _MALFORMED for _, n in whole) + torn + halves
    oversize = sum(kinds[n] == "over" for _, n in whole)
    return Counts(len(good), sum(n**3 for n in good), malformed, oversize)


def size(tokens: Iterable[Token], kinds: Kinds) -> int:
    """Return the bytes of lines and halves."""
    return sum(len(written(n, kinds[n])) if n > 0 else HALF for _, n in tokens)
