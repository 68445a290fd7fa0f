"""Memory that is freed is kept for the next chunk, whose bytes and arrays are as large.

A setting of the whole process, which changes nothing that is counted.
"""

import ctypes
from contextlib import suppress
from functools import cache

# malloc.h; see mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3

_LARGEST = 32 << 20
"""Bytes of the largest piece that can be kept: glibc takes no more."""
_KEPT = 64 << 20
"""Bytes that may lie unused at the end of a heap; what is more goes back to the system."""


@cache
def keep_freed() -> None:
    """Let malloc keep what is freed; nothing happens where it is not glibc's.

    Else it gives back each chunk and large array and asks for it anew, and the kernel clears the
    pages: a fifth of all time, and more.
    """
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _KEPT)
