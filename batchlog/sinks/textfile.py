"""The file for node_exporter's textfile collector: whole or not at all.

The collector reads `*.prom` at any moment, so the file is replaced by a rename; it is readable by
others whatever the umask (0644), as another user's node_exporter has to read it.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import Metric

from batchlog.errors import SinkUnreachable
from batchlog.failpoints import reach
from batchlog.metrics import exposition
from batchlog.sinks.held import find
from batchlog.smallfile import read_small

MODE = 0o644

MOST = 1 << 30
"""Bytes of a textfile: far more than a collector takes."""


def write(path: str | Path, families: Iterable[Metric]) -> None:
    """Replace the file at `path` with `families`; SinkUnreachable where that cannot be done."""
    path = Path(path)
    # Not *.prom: the collector must not read it. One name, so that a kill leaves no pile of them.
    temporary = path.with_name(f".{path.name}.tmp")
    _demand_own(path)
    reach("textfile.begin")
    try:
        temporary.unlink(missing_ok=True)
        _write_through(temporary, exposition(families))
        reach("textfile.written")
        temporary.replace(path)
        reach("textfile.renamed")
        _sync(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise SinkUnreachable(
            f"textfile {path} cannot be written: {error.strerror}; see textfile.path, its "
            "directory's permissions and the space left there"
        ) from None


def holds_group(path: str | Path) -> str | None:
    """Return the `state_id` in the file, None where there is none or it is empty.

    Empty where something else stands there. SinkUnreachable where it cannot be read.
    """
    path = Path(path)
    _demand_own(path)
    try:
        data = read_small(path, MOST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SinkUnreachable(
            f"textfile {path} cannot be read: {error.strerror}; see textfile.path and its "
            "permissions"
        ) from None
    if not data.strip():
        return None
    try:
        held = find(data.decode(), {})
    except ValueError:
        return ""
    return held.state_id if held else ""


def _demand_own(path: Path) -> None:
    """Raise SinkUnreachable where a device, pipe or directory stands at `path`."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise SinkUnreachable(
            f"textfile {path} is not a regular file; textfile.path must name a file of its own"
        )


def _write_through(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, MODE)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
