"""How many files this process may have open, and how many of them clients may take."""

import resource

_MOST_CLIENTS = 128

_FEWEST_CLIENTS = 2
"""One that hangs, and one that scrapes."""

_SHARE = 8
"""One in so many descriptors is for clients at the most: the rest are for runs."""

_USUAL = 1024


def limit() -> int:
    """Return how many files may be open at once; the usual number where that is not told."""
    try:
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    except OSError:  # a system call filter
        return _USUAL
    return _USUAL if soft == resource.RLIM_INFINITY else soft


def for_clients() -> int:
    """Return how many connections may be open at once."""
    return max(_FEWEST_CLIENTS, min(_MOST_CLIENTS, limit() // _SHARE))
