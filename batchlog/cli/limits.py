"""What the process that runs a command may take of its host."""

import resource
from contextlib import suppress

_MACOS_MOST = 10_240
"""OPEN_MAX there: setrlimit(2) refuses more, although the hard limit says infinity."""


def raise_files() -> None:
    """Allow as many open files as the hard limit does; where that is forbidden all stays.

    The soft limit is low (1,024) for programs that use select(2), which cannot count further; a
    first run opens each archive of a log.
    """
    with suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft in (hard, resource.RLIM_INFINITY):
            return
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            return
        resource.setrlimit(resource.RLIMIT_NOFILE, (_MACOS_MOST, hard))
