"""A load for real web servers.

Each request has a number in its address. So a line is known wherever it has gone to, two lines are
never the same bytes, and of any moment it can be said which lines may be on their way.
"""

import socket
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from random import Random
from threading import Event, Lock, Thread
from typing import Self

from tests.integration.webservers import VISITS

MIX = [visit for visit in VISITS if visit[1] != "/large"]
"""What is asked for: enough statuses and sizes, and nothing that would only heat the machine."""

CONNECTIONS = 2
"""Connections that a load keeps alive."""


@dataclass(frozen=True)
class Moment:
    """Which requests had begun at a moment, and which of them were without an answer."""

    begun: int
    open: frozenset[int]

    def until(self, later: "Moment") -> set[int]:
        """Return every request whose line may have been written between the two moments."""
        return {*self.open, *range(self.begun, later.begun)}


class Load:
    """Threads that ask a server in bursts, and requests that stay without an end for a while."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._lock = Lock()
        self._begun = 0
        self._open: set[int] = set()
        self._held: list[tuple[int, socket.socket]] = []
        self._over = Event()
        self._threads = [
            Thread(target=self._work, args=(Random(seed + number),))
            for number in range(CONNECTIONS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End all requests and connections."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self.release()

    def moment(self) -> Moment:
        """Return where the load is now."""
        with self._lock:
            return Moment(self._begun, frozenset(self._open))

    def answered(self) -> int:
        """Return how many requests have their answer."""
        now = self.moment()
        return now.begun - len(now.open)

    def missing_in(self, logged: Container[int]) -> int:
        """Return how many requests have an answer and no line in a log."""
        now = self.moment()
        return sum(number not in logged for number in range(now.begun) if number not in now.open)

    def hold(self) -> None:
        """Begin a request whose head does not end: an old child of Apache waits for it."""
        number = self._begin()
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        connection.sendall(b"GET /page?%d HTTP/1.1\r\nHost: site.example.org\r\n" % number)
        self._held.append((number, connection))

    def release(self) -> None:
        """Let the held requests end; their lines go to whatever file the child has open."""
        while self._held:
            number, connection = self._held.pop()
            with connection, suppress(OSError):
                connection.sendall(b"Connection: close\r\n\r\n")
                while connection.recv(1 << 16):
                    pass
                self._end(number)

    def _work(self, random: Random) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self._over.is_set():
            for _ in range(random.choice((1, 3, 30))):
                self._ask(connection, *random.choice(MIX))
            self._over.wait(random.uniform(0, 0.3))
        connection.close()

    def _ask(
        self, connection: HTTPConnection, method: str, path: str, headers: dict[str, str]
    ) -> None:
        number = self._begin()
        try:
            connection.request(method, f"{path}?{number}", headers=headers)
            connection.getresponse().read()
        except (OSError, HTTPException):  # a restart has ended it: whether it is logged is unknown
            connection.close()
        else:
            self._end(number)

    def _begin(self) -> int:
        with self._lock:
            self._begun += 1
            self._open.add(self._begun - 1)
            return self._begun - 1

    def _end(self, number: int) -> None:
        with self._lock:
            self._open.discard(number)
