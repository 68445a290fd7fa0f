"""Which content is which: marks, and how a file's content compares with one.

A segment is one content from a writer's first byte to its last, whatever file holds it. It is
known by its content alone; names, inodes and times never decide here. Everything is a function
of values: the one question asked of the world is `Content.span`, which a test answers from bytes.
"""

from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b
from typing import Protocol

import msgspec

HEADS = (64, 256, 1024, 4096)
"""Lengths of the hashed beginnings. The longest that was consumed identifies; the shorter ones
tell a file that lost its end from one that is another."""

TAIL = 1024
"""How many bytes before the offset are hashed: what tells two files with the same head apart."""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """The claim of what was consumed of a segment; offsets are in decompressed bytes."""

    start: int
    """First byte that is not NUL (a writer that does not append leaves a hole on truncation)."""
    offset: int
    """Consumed up to here: just after a newline, after a sealed unterminated last line, or inside a
    line that counted by its beginning."""
    heads: tuple[str, ...]
    """Hashes of the first `HEADS` bytes after `start`, as far as consumed."""
    tail: str
    """Hash of the last `TAIL` bytes before `offset`, fewer where there are fewer."""
    lines: int
    """Lines between `start` and `offset`, the one that it stands inside included: for content that
    a tool rewrites line by line."""
    inside: bool = False
    """Whether all up to the next newline belongs to a line that counted already (R112)."""


class Content(Protocol):
    """The bytes of an open file, decompressed."""

    @property
    def start(self) -> int:
        """First byte that is not NUL; the length where there is none."""

    def span(self, begin: int, end: int) -> bytes | None:
        """Return the bytes from `begin` to `end`, or None where the content ends before `end`."""

    def __hash__(self) -> int:
        """Let what was seen of it be remembered: it does not change."""


class Likeness(IntEnum):
    """How a content compares with a mark, the closest first."""

    SAME = 0
    """Longest head and tail agree: the mark's segment, perhaps grown."""
    SHORTER = 1
    """The longest head that the content still fills agrees, and it ends before the offset."""
    EDITED = 2
    """The longest head agrees, the tail does not."""
    OTHER = 3


def digest(data: bytes) -> str:
    """Return the hash that marks hold: 128 bits, so that chance never makes two alike."""
    return blake2b(data, digest_size=16).hexdigest()


def make_mark(  # noqa: PLR0917 - a mark's parts, in their order
    start: int, offset: int, head: bytes, tail: bytes, lines: int, inside: bool = False
) -> Mark:
    """Make the mark of a content consumed up to `offset`.

    `head` holds at least the first `min(4096, offset - start)` bytes after `start`, `tail` at
    least the last `min(1024, offset - start)` bytes before `offset`.
    """
    consumed = offset - start
    heads = tuple(digest(head[:length]) for length in HEADS if length <= consumed)
    last = digest(tail[-consumed:][-TAIL:] if consumed else b"")
    return Mark(start, offset, heads, last, lines, inside)


def tail_begin(mark: Mark) -> int:
    """Return where the hashed tail of `mark` begins."""
    return max(mark.start, mark.offset - TAIL)


def compare(mark: Mark, content: Content) -> Likeness:
    """Compare a known mark with an open content. An empty mark is like nothing."""
    if content.start != mark.start or mark.offset == mark.start:
        return Likeness.OTHER
    filled, agrees = _longest_head(mark.heads, content)
    if filled and not agrees:
        return Likeness.OTHER
    tail = content.span(tail_begin(mark), mark.offset)
    if tail is not None and filled == len(mark.heads):
        if digest(tail) == mark.tail:
            return Likeness.SAME
        return Likeness.EDITED if filled else Likeness.OTHER
    return Likeness.SHORTER if filled else Likeness.OTHER


def _longest_head(heads: Sequence[str], content: Content) -> tuple[int, bool]:
    """Return how many of `heads` the content fills, and whether the longest of those agrees."""
    for count in range(len(heads), 0, -1):
        head = content.span(content.start, content.start + HEADS[count - 1])
        if head is not None:
            return count, digest(head) == heads[count - 1]
    return 0, False


def same_first(one: int | None, other: int | None) -> bool:
    """Tell whether first stamps allow two contents to be one, edited or cut short.

    Another first stamp behind the same first bytes is another file with the same header (R13).
    """
    return one is None or other is None or one == other
