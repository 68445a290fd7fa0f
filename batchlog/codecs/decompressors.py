"""What decompresses one member of each form, made only when that form is met.

All have the interface of `bz2.BZ2Decompressor`; where a library's has another, it is adapted here.
"""

import re
import sys
import zlib
from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

WINDOW_LOG = 26
"""Largest window (xz: dictionary) that is kept in memory, as a power of two: 64 MiB are what
`xz -9` needs; a large file that was written with `zstd --long` needs twice that."""

_XZ_MEMORY = (1 << WINDOW_LOG) + (1 << 20)
"""Bytes: what liblzma needs besides the dictionary counts too."""


class Decompressor(Protocol):
    """One member being decompressed."""

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached and its checksum is right."""

    @property
    def needs_input(self) -> bool:
        """Whether all input was used up."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member's end."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Take in `data` and return at most `max_length` bytes."""


class Maker(NamedTuple):
    """How members of one form are decompressed."""

    begin: Callable[[], Decompressor]
    fault: type[Exception]
    """What a decompressor raises on wrong data."""


class ZlibMember:
    """A gzip member by the standard library, where isal is not to be had."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the end of the member was reached and its checksum is right."""
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Whether all input was used up."""
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member's end."""
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Take in `data` and return at most `max_length` bytes."""
        return self._stream.decompress(self._stream.unconsumed_tail + data, max_length)


def explain(error: Exception) -> str:
    """Return what `error`, a maker's fault, says of the file."""
    text = str(error)
    # liblzma's "Memory usage limit exceeded", libzstd's "Frame requires too much memory".
    if re.search("memory usage limit|too much memory", text, re.IGNORECASE):
        most = f"{1 << WINDOW_LOG >> 20} MiB"
        return f"its window is too large, {most} are the most; compress it anew with a smaller one"
    return text


def maker(form: str) -> Maker:
    """Return what decompresses members of `form`: "gzip", "bzip2", "xz" or "zstd"."""
    return {"gzip": _gzip, "bzip2": _bzip2, "xz": _xz, "zstd": _zstd}[form]()


def _gzip() -> Maker:
    try:
        from isal import igzip_lib
    except ImportError:
        return Maker(ZlibMember, zlib.error)

    def begin() -> Decompressor:
        member: Decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        return member

    # isal's stub calls the class an instance.
    return Maker(begin, cast("type[Exception]", igzip_lib.IsalError))


def _bzip2() -> Maker:
    import bz2

    return Maker(bz2.BZ2Decompressor, OSError)


def _xz() -> Maker:
    import lzma

    def begin() -> Decompressor:
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)

    return Maker(begin, lzma.LZMAError)


def _zstd() -> Maker:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    limit: dict[int, int] = {zstd.DecompressionParameter.window_log_max: WINDOW_LOG}
    return Maker(lambda: zstd.ZstdDecompressor(options=limit), zstd.ZstdError)
