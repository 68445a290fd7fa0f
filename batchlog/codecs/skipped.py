"""Where members stand that hold nothing, and where headers end: from bytes to lengths. Pure.

An archive may consist of millions of them (R113), and a decompressor for each is what takes time.
"""

import re

_SKIPPABLE_FIRST, _SKIPPABLE = 0x5, b"\x2a\x4d\x18"
"""Half of the first byte, and the others of how a frame begins that is to be skipped."""
_SKIPPABLE_HEADER = 8
"""Bytes: that, and the length of what follows (RFC 8878, 3.1.2)."""

_EMPTY = re.compile(
    rb"""(?:
        (?: \x28\xb5\x2f\xfd                       # a Zstandard frame (RFC 8878, 3.1.1)
            (?: (?: \x00[\x00-\x80] | \x20\x00       # a window of at most 64 MiB, or no length
                  | \x80[\x00-\x80]\x00{4} | \xa0\x00{4}
                  | \xc0[\x00-\x80]\x00{8} | \xe0\x00{8} ) \x01\x00\x00     # a last raw block
              | (?: \x04[\x00-\x80] | \x24\x00                       # the same with a checksum
                  | \x84[\x00-\x80]\x00{4} | \xa4\x00{4}
                  | \xc4[\x00-\x80]\x00{8} | \xe4\x00{8} ) \x01\x00\x00 \x99\xe9\xd8\x51 ) )
      | [\x50-\x5f]\x2a\x4d\x18\x00{4}             # a skippable frame without a byte
    )+""",
    re.VERBOSE | re.DOTALL,
)
"""Zstandard frames in a row that hold nothing, as compressors write them."""

_GZIP_FIXED = 10
_CRC, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16
"""Flags of a gzip header (RFC 1952, 2.3.1)."""


def nothing(data: bytes, at: int) -> int:
    """Return the length of the Zstandard frames from a place on that hold nothing, 0 for none.

    The last one may go beyond the data, when it is to be skipped.
    """
    begin, size = at, len(data)
    while True:
        empty = _EMPTY.match(data, at)
        at = empty.end() if empty else at
        if (
            data[at + 1 : at + 4] != _SKIPPABLE
            or data[at] >> 4 != _SKIPPABLE_FIRST
            or at + _SKIPPABLE_HEADER > size
        ):
            return at - begin
        at += _SKIPPABLE_HEADER + int.from_bytes(data[at + 4 : at + 8], "little")


def header_length(data: bytes, at: int) -> int:
    """Return the length of the gzip header at a place, up to the end of the data where it is cut.

    0 where it has none of the parts that make a header long.
    """
    flags = data[at + 3] if len(data) - at > _GZIP_FIXED else 0
    end = at + _GZIP_FIXED
    if flags & _EXTRA:
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for text in (_NAME, _COMMENT):
        if flags & text:
            end = data.find(b"\0", end) + 1 or len(data)
    end += 2 if flags & _CRC else 0
    return min(end, len(data)) - at if flags else 0
