"""Standard error that keeps nobody waiting (R131).

Who reads it may have stopped: a pipe that is full, a terminal held by Ctrl-S, a socket. A run that
waits there holds the lock and hears no signal. So a message waits a moment for its reader and is
left out then, and how many were is said as soon as one is taken again.

The descriptor is not made non-blocking: others share it, and their messages would be torn.
"""

import io
import os
import select
import time

PATIENCE = 1.0
"""Seconds that messages wait in all, since one was last taken."""


class Unblocked(io.RawIOBase):
    """A descriptor to write to, each time as much as it takes without waiting for long."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._patience = PATIENCE
        self._lost = 0
        self._torn = False  # the last message is there without its end

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # a buffer, from all callers
        """Write a message, or leave it out; it counts as written either way."""
        message = bytes(data)
        if self._lost and self._took(self._said_of_lost()):
            self._lost = 0
        if self._lost or not self._took(message):
            self._lost += 1
        return len(message)

    def _said_of_lost(self) -> bytes:
        messages = "message was" if self._lost == 1 else "messages were"
        start = "\n" if self._torn else ""
        return f"{start}WARNING {self._lost} {messages} left out here: nobody read them\n".encode()

    def _took(self, message: bytes) -> bool:
        """Tell whether all of a message was taken."""
        rest = memoryview(message)
        while rest:
            try:
                if not self._is_ready():
                    break
                # What poll(2) promises room for, so that it does not block (pipe(7)).
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
            except OSError:  # a full disk, a reader that has left: nobody can be told
                break
        self._torn = bool(rest) and (self._torn or len(rest) < len(message))
        return not rest

    def _is_ready(self) -> bool:
        began = time.monotonic()
        ready = self._poll.poll(self._patience * 1000)
        spent = time.monotonic() - began
        self._patience = PATIENCE if ready else max(0.0, self._patience - spent)
        return bool(ready)
