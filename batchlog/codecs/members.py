"""From compressed bytes to blocks: one loop over members, whatever the form.

Memory is bounded whatever a file claims to hold (R43). What lies between the last block and an
error is not given out, so that the same bytes always give the same blocks (R44).
"""

from collections.abc import Callable, Generator, Iterator

from batchlog.codecs.decompressors import Maker, explain, maker
from batchlog.codecs.magic import may_begin

INPUT = 1 << 18
"""Compressed bytes asked for at a time: of a log they become a block of two or three MiB."""

OUTPUT = 1 << 22
"""Most decompressed bytes in one block."""

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
    seen to be right; such a block may be empty. Raises `Truncated` or `Corrupt` after the blocks
    before the fault, a whole block at a time; what `read` raises passes through.
    """
    if form == "plain":
        while data := read(OUTPUT):
            yield data, True
        return
    members = maker(form)
    data = read(INPUT)
    if not data:
        raise Truncated
    fault = f"it is not {form}"
    while data:
        # isal 1.9 fails on a header with extra field, comment or checksum that is cut in two.
        while len(data) < INPUT and (more := read(INPUT)):
            data += more
        if not may_begin(form, data):
            raise Corrupt(fault)
        data = _after_zeros((yield from _member(members, data, read)), read)
        fault = f"what follows its last whole member is not {form}"


def _member(members: Maker, data: bytes, read: Read) -> Generator[tuple[bytes, bool], None, bytes]:
    """Yield one member's blocks; return what was read beyond its end."""
    member = members.begin()
    while True:
        try:
            block = member.decompress(data, OUTPUT)
        except members.fault as error:
            raise Corrupt(explain(error)) from None
        if block or member.eof:
            yield block, member.eof
        if member.eof:
            return member.unused_data
        data = b""
        # After a full block there may be more inside, even where all input was used up.
        if member.needs_input and len(block) < OUTPUT:
            data = read(INPUT)
            if not data:
                raise Truncated


def _after_zeros(data: bytes, read: Read) -> bytes:
    """Return the data behind the zeros that pad a member (R42), none at the end of the file."""
    data = data.lstrip(b"\0")
    while not data and (more := read(INPUT)):
        data = more.lstrip(b"\0")
    return data
