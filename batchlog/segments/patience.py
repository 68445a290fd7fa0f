"""Waits that end: for what asks something of the network, and may never be answered.

A call that blocks in a library does not hear a signal: Python runs its handlers between two steps
of the main thread alone. So such a call is made in a thread of its own, and who waits for it looks
at the clock and at the request to stop. Where nobody waits any more the call is left to itself: its
thread does not keep the process, and what it finds is lost.
"""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import TypeVar

from batchlog.errors import Interrupted, Stop

LOOK = 0.1
"""Seconds between two looks at the request to stop."""

INTERRUPTED = "interrupted: the same command goes on"

T = TypeVar("T")


class Late(Exception):  # noqa: N818 - a state, as in `errors`
    """There was no answer in time."""


def awaited(call: Callable[[], T], limit: float, stop: Stop) -> T:
    """Return what `call` returns, or raise what it raises.

    Raises Late after `limit` seconds, and Interrupted where a stop is asked for before.
    """
    if stop:  # looked at between quick answers too, of which there may be very many
        raise Interrupted(INTERRUPTED)
    found: list[T] = []
    raised: list[BaseException] = []
    ended = Event()

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again, by who waits
            raised.append(error)
        ended.set()

    Thread(target=run, name="batchlog-network", daemon=True).start()
    deadline = monotonic() + limit
    while not ended.wait(LOOK):
        if stop:
            raise Interrupted(INTERRUPTED)
        if monotonic() > deadline:
            raise Late(f"there was no answer in {limit:.0f} seconds")
    if raised:
        raise raised[0]
    return found[0]
