"""A file replaced as a whole, so that it survives a kill and a loss of power, and the one before.

The order matters: the new file is on disk before it takes the name, the old one keeps its name
until then, and the directory is synced last (R60, R61).
"""

import os
import shutil
from contextlib import suppress

from batchlog.failpoints import reach
from batchlog.state.directory import sync_directory


def replace_kept(path: str, data: bytes) -> None:
    """Replace the file at `path`, and keep the one before as `.previous`.

    OSError where that fails; the old one is intact then, and nothing of the new one is left.
    """
    try:
        _write(path + ".new", data)
        reach("store.synced")
        _keep_previous(path)
        reach("store.kept")
        os.rename(path + ".new", path)
        reach("store.renamed")
        sync_directory(os.path.dirname(path))
    except OSError:
        with suppress(OSError):
            os.unlink(path + ".new")
        raise


def _write(path: str, data: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)  # left by a run that was killed, or something that is no file
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    reach("store.created")
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        reach("store.written")
        os.fsync(descriptor)  # never tried twice: a second one may lie (R62)
    finally:
        os.close(descriptor)


def _keep_previous(path: str) -> None:
    """Keep the last generation under its other name without taking its own away."""
    temporary = path + ".previous.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        os.link(path, temporary)
    except FileNotFoundError:
        return
    except OSError:  # a file system without hard links
        shutil.copy2(path, temporary)
    reach("store.linked")
    os.rename(temporary, path + ".previous")
