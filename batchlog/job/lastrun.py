"""How the last run went, beside the checkpoint: for `status` and the run's gauges only."""

import os
from contextlib import suppress

import msgspec

from batchlog.errors import CheckpointError
from batchlog.failpoints import reach
from batchlog.metrics import RunStatus
from batchlog.smallfile import MIB, read_small
from batchlog.state.store import Store

NAME = "last-run.json"


class LastRun(msgspec.Struct, frozen=True):
    """How the last run went, its push included."""

    status: RunStatus
    arrived: tuple[str, ...] = ()
    """Sinks that took the metrics."""
    failed: tuple[str, ...] = ()
    """What went wrong with the others, one sentence each."""


def read_last(store: Store) -> LastRun | None:
    """Return how the last run went, None where that is not known."""
    try:
        with store.inside() as base:
            data = read_small(os.path.join(base, NAME), MIB, follow=False)
        return msgspec.json.decode(data, type=LastRun)
    except (OSError, CheckpointError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def write_last(store: Store, last: LastRun) -> None:
    """Keep how a run went; where that fails, nothing depends on it."""
    with suppress(OSError, CheckpointError), store.inside() as base:
        path = os.path.join(base, NAME)
        with suppress(FileNotFoundError):
            os.unlink(path + ".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path + ".new", flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(last))
        reach("lastrun.written")
        os.rename(path + ".new", path)
        reach("lastrun.renamed")
