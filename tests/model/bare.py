"""Root without the power to read any file: a file's mode holds for it then (R70)."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION = 0x20080522
_READS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, see capability.h."""

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, sets: ctypes.Array[ctypes.c_uint32]) -> None:
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    if getattr(_libc, name)(header, sets):
        raise OSError(ctypes.get_errno(), name)


@contextmanager
def bare() -> Iterator[None]:
    """Lay down that power in this thread; nothing to do for whoever is not root."""
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, then their upper halves
    _call("capget", sets)
    before = sets[0]
    sets[0] = before & ~_READS
    _call("capset", sets)
    try:
        yield
    finally:
        sets[0] = before
        _call("capset", sets)
