"""From compressed bytes to blocks: one loop over members, whatever the form.

Memory is bounded whatever a file claims to hold (R43), and time by its bytes: members may be tiny,
empty and many (R113). What lies between the last block and an error is not given out, so that the
same bytes always give the same blocks (R44).
"""

from collections.abc import Callable, Generator, Iterable, Iterator

from batchlog.codecs.decompressors import Maker, explain, maker
from batchlog.codecs.magic import LONGEST, may_begin
from batchlog.codecs.skipped import header_length, nothing

INPUT = 1 << 18
"""Compressed bytes asked for at a time: of a log they become a block of two or three MiB."""

OUTPUT = 1 << 22
"""Most decompressed bytes in one block."""

LITTLE = 1 << 10
"""Compressed bytes that a member is given first, where the one before it was small."""

TOGETHER, MEMBERS = 1 << 16, 1 << 12
"""Bytes, and members, that are one block where they are whole and small: what follows costs some
time for each block."""

Read = Callable[[int], bytes]
"""Returns at most so many of the file's next bytes, none at its end."""


class Truncated(Exception):  # noqa: N818 - a state of the file, which may still grow
    """The data end inside a member, or before the first."""

    def __str__(self) -> str:
        return "it ends in the middle"


class Corrupt(Exception):  # noqa: N818 - the same
    """The data are wrong, or what follows a member is no member; the text says which."""


def decode(form: str, read: Read) -> Iterator[tuple[bytes, bool]]:
    """Yield the content of a file of `form` as (block, verified), from its first byte on.

    `verified` says that everything up to the end of this block lies in members whose checksum was
    seen to be right. An empty block says that something was read; one comes at the latest after
    each `INPUT` bytes. Raises `Truncated` or `Corrupt` after the blocks before the fault, a whole
    block at a time; what `read` raises passes through.
    """
    if form == "plain":
        while data := read(OUTPUT):
            yield data, True
        return
    yield from _joined(_members(form, _Input(read)))


def _joined(blocks: Iterable[tuple[bytes, bool]]) -> Iterator[tuple[bytes, bool]]:
    """Join the small blocks of members that are whole."""
    waiting, size = list[bytes](), 0
    try:
        for block, verified in blocks:
            if verified and size < TOGETHER and len(block) < TOGETHER and len(waiting) < MEMBERS:
                waiting.append(block)
                size += len(block)
                continue
            if waiting:
                yield b"".join(waiting), True
                waiting, size = [], 0
            yield block, verified
    except (Truncated, Corrupt):
        if waiting:
            yield b"".join(waiting), True
        raise
    if waiting:
        yield b"".join(waiting), True


class _Input:
    """The file's bytes in order, to take from, and to give back to what stands behind a member."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._data = b""
        self._at = 0
        self._ended = False

    def look(self) -> tuple[bytes, int]:
        """Return some bytes, and where in them the next member begins, at their end if none does.

        All that is left of the file is there, or much of it:

        isal 1.9 fails on a header with extra field, comment or checksum that is cut in two.
        """
        if len(self._data) - self._at < INPUT // 2 and not self._ended:
            self._data, self._at = self._data[self._at :], 0
            while len(self._data) < INPUT and not self._ended:
                self._more()
        return self._data, self._at

    def take(self, most: int) -> bytes:
        """Take the next bytes, some of them at least; none at the end of the file."""
        if self._at == len(self._data) and not self._ended:
            self._data, self._at = b"", 0
            self._more()
        taken = self._data[self._at : self._at + most]
        self._at += len(taken)
        return taken

    def give_back(self, unused: int) -> None:
        """Give back the last bytes of those taken last."""
        self._at -= unused

    def _more(self) -> None:
        more = self._read(INPUT)
        self._ended = not more
        self._data += more


def _members(form: str, source: _Input) -> Iterator[tuple[bytes, bool]]:
    """Yield the blocks of one member after the other, zeros behind a member left out (R42)."""
    members = maker(form)
    fault, first = f"it is not {form}", INPUT
    data, at = source.look()
    if at == len(data):
        raise Truncated
    while at < len(data):
        if not may_begin(form, data[at : at + LONGEST]):
            raise Corrupt(fault)
        if form == "zstd" and (length := nothing(data, at)):
            yield from _skip(source, length)
            yield b"", True
        else:
            whole = header_length(data, at) if form == "gzip" else 0
            first = 2 * (yield from _member(members, source, max(first, LITTLE, whole)))
        data, at = source.look()
        if data[at : at + 1] == b"\0":
            yield from _skip_zeros(source)
            data, at = source.look()
        fault = f"what follows its last whole member is not {form}"


def _member(members: Maker, source: _Input, first: int) -> Generator[tuple[bytes, bool], None, int]:
    """Yield one member's blocks; return how many bytes it took.

    What it is given and does not use is copied, so it is given `first` bytes, then more.
    """
    member = members.begin()
    size, taken = min(first, INPUT), 0
    data = source.take(size)
    while True:
        taken += len(data)
        try:
            block = member.decompress(data, OUTPUT)
        except members.fault as error:
            raise Corrupt(explain(error)) from None
        if member.eof:
            unused = len(member.unused_data)
            source.give_back(unused)
            yield block, True
            return taken - unused
        yield block, False
        data = b""
        # After a full block there may be more inside, even where all input was used up.
        if member.needs_input and len(block) < OUTPUT:
            size = min(2 * size, INPUT)
            data = source.take(size)
            if not data:
                raise Truncated


def _skip(source: _Input, length: int) -> Iterator[tuple[bytes, bool]]:
    """Leave out a frame that is to be skipped, however long it says it is."""
    while length:
        taken = len(source.take(min(length, INPUT)))
        if not taken:
            raise Truncated
        length -= taken
        yield b"", False


def _skip_zeros(source: _Input) -> Iterator[tuple[bytes, bool]]:
    """Leave out the zeros that pad a member, all of them at the end of the file."""
    while data := source.take(INPUT):
        left = len(data.lstrip(b"\0"))
        source.give_back(left)
        if left:
            return
        yield b"", False
