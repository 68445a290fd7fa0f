"""Where nothing comes from and what goes there is forgotten: /dev/null, which a chroot may lack."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def open_nowhere() -> int:
    """Return a descriptor to read nothing from, and to write to. Raises OSError."""
    try:
        return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        if sys.platform != "linux":
            raise
        return os.memfd_create("nowhere")


@contextmanager
def nowhere() -> Iterator[int]:
    """Give such a descriptor while the block lasts."""
    descriptor = open_nowhere()
    try:
        yield descriptor
    finally:
        os.close(descriptor)
