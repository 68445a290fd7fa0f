"""Directories that survive a loss of power: what is made in one is durable once it was synced."""

import os
from contextlib import suppress

PRIVATE = 0o700


def make_private(path: str) -> None:
    """Make a directory, and those above it that are not there, for this user alone."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    if above != path:
        make_private(above)
    with suppress(FileExistsError):
        os.mkdir(path, PRIVATE)
    sync_directory(above)


def nearest(path: str) -> str:
    """Return the directory at `path`, or the nearest one above it that is there."""
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def sync_directory(path: str) -> None:
    """Make durable which names stand in a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
