"""The gateways that runs push to, what goes wrong with them, and what they have ever held.

No value on a gateway may fall, whatever it answers and also after it forgot everything. That is
looked at here, at each push as it arrives, and not where the pushes are made.
"""

import socket
import sys
import threading
import traceback
from collections.abc import Iterable
from http.client import HTTPConnection
from typing import NamedTuple

from batchlog.errors import Exit
from batchlog.sinks.wire import THREAD
from tests.gateways import Drop, Fault, Group, Hang, Reply, StandIn
from tests.model.written import Counts

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]

_FAULTS: dict[str, Fault] = {
    "400": Reply(400, b"pushed metrics are invalid"),
    "413": Reply(413, b"too big"),
    "302": Reply(302, headers={"Location": "http://127.0.0.1:1/login"}),
    "page": Reply(200, b"please log in\n"),
    "500": Reply(500),
    "slow": Hang(),
    "drops": Drop(),
    "applies and drops": Drop(applied=True),
}

FAULTS = ("down", *_FAULTS)
FINE = ""

PATIENCE = 10.0
"""Seconds within which a stand-in is done with a request whose sender has gone."""

SHORT = 0.05
"""Seconds that a run waits for a gateway which is slow."""


class Watched(StandIn):
    """A gateway that looks whether a value falls."""

    def __init__(self) -> None:
        super().__init__()
        self.highest: Values = {}
        """What was pushed last, also by those who wiped it meanwhile."""
        self.fallen: list[str] = []

    def put(self, group: Group, text: str, *, whole: bool = True) -> str:
        """Compare a push with the one before."""
        wrong = super().put(group, text, whole=whole)
        values = self.values()
        for key, before in self.highest.items():
            if values.get(key, -1) < before:
                self.fallen.append(f"{key}: {before} → {values.get(key)}")
        self.highest = values
        return wrong

    def values(self) -> Values:
        """Return all counters that it holds."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for metrics in list(self.groups.values())
            for metric in metrics or ()
            if metric.type == "counter"
            for sample in metric.samples
        }

    def counts(self) -> Counts | None:
        """Return what it shows; None where it holds nothing."""
        values = self.values()
        if not values:
            return None

        def total(name: str, outcome: str = "") -> int:
            return sum(
                round(value)
                for (one, labels), value in values.items()
                if one == name and (not outcome or ("outcome", outcome) in labels)
            )

        return Counts(
            total("batchlog_http_requests_total"),
            total("batchlog_http_response_bytes_total"),
            total("batchlog_lines_total", "malformed"),
            total("batchlog_lines_total", "oversize"),
        )


def _join(threads: Iterable[threading.Thread]) -> None:
    """Wait for threads that nothing keeps any more, or tell what does."""
    for thread in threads:
        thread.join(PATIENCE)
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - no other way to see
        assert not thread.is_alive(), "".join(traceback.format_stack(frame))


def _knock(gateway: StandIn) -> None:
    """Return once a gateway has answered: whoever came before was let in before."""
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
    connection.request("HEAD", "/")
    connection.getresponse()
    connection.close()


class Plan(NamedTuple):
    """What goes wrong with each gateway in the next run; empty where nothing does."""

    first: str = FINE
    second: str = FINE

    @property
    def exits(self) -> list[Exit]:
        """What each of those that fail makes of the run's exit status."""
        refused = ("400", "413", "302", "page")
        return [Exit.REFUSED if f in refused else Exit.UNAVAILABLE for f in self if f]


class Gateways:
    """Two gateways, and an address for each where none is."""

    def __init__(self) -> None:
        self._older = set(threading.enumerate())
        """Threads of other tests in this process: none of our business."""
        self.both = (Watched(), Watched())
        self._nobody = (socket.socket(), socket.socket())
        for closed in self._nobody:
            closed.bind(("127.0.0.1", 0))

    def close(self) -> None:
        """Stop them."""
        for gateway in self.both:
            gateway.__exit__(None, None, None)
        for closed in self._nobody:
            closed.close()

    def anew(self) -> None:
        """Let them be as they were first."""
        for gateway in self.both:
            gateway.wipe()
            gateway.faults.clear()
            gateway.fallen.clear()
        self.forgive()

    def forgive(self) -> None:
        """Take a fall for right: a person began anew, or went back."""
        for gateway in self.both:
            gateway.highest.clear()

    def arrange(self, plan: Plan) -> tuple[str, ...]:
        """Prepare what goes wrong, and return the addresses to push to."""
        urls = []
        for gateway, closed, fault in zip(self.both, self._nobody, plan, strict=True):
            gateway.faults.extend([_FAULTS[fault]] if fault in _FAULTS else [])
            port = gateway.port if fault != "down" else closed.getsockname()[1]
            urls.append(f"http://127.0.0.1:{port}")
        return tuple(urls)

    def settle(self) -> None:
        """Let go whoever still waits for an answer, and forget faults that nobody met.

        What was sent has arrived afterwards: a gateway's late duplicates are another matter (R90).
        """
        for gateway in self.both:
            gateway.faults.clear()
            gateway.released.set()
        senders = (thread for thread in threading.enumerate() if thread.name == THREAD)
        _join(thread for thread in senders if thread not in self._older)
        for gateway in self.both:
            _knock(gateway)
            _join(gateway.serving)
            gateway.seen.clear()
            gateway.released.clear()
