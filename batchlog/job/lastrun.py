"""How the last run went, beside the checkpoint: for `status` and the run's gauges only."""

import os
from contextlib import suppress

import msgspec

from batchlog.metrics import RunStatus
from batchlog.state.store import Store

NAME = "last-run.json"


def read_last(store: Store) -> RunStatus | None:
    """Return how the last run went, None where that is not known."""
    try:
        with open(store.companion(NAME), "rb") as file:
            return msgspec.json.decode(file.read(), type=RunStatus)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_last(store: Store, status: RunStatus) -> None:
    """Keep how a run went; where that fails, nothing depends on it."""
    path = store.companion(NAME)
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path + ".new", flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(status))
        os.rename(path + ".new", path)
