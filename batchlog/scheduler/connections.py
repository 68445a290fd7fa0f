"""Connections of clients, all in one thread, none of which can keep the others or a run waiting.

The rules:

1. Nothing blocks: a connection goes on when its socket can, a bit at a time, in turn with others.
2. Each has the same time for everything, from its acceptance to its end: for a request that never
   ends, an answer that is never read, and whatever may come before the two (a TLS handshake).
3. There are at most so many. One more takes the place of another: of the oldest one of the network
   that has the most. So whoever holds thousands open loses them, and a scrape in between gets its
   answer.
4. Where descriptors run out all the same, the oldest one gives its own back, and no more are
   accepted for a moment.
5. Nothing that a client does makes more than one message.
"""

import errno
import logging
import selectors
import socket
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import NamedTuple

log = logging.getLogger(__name__)

_AT_ONCE = 32
"""Connections that are accepted in a row: those that wait must not become too many."""

_PIECE = 64 * 1024

_UNHEARD = 16
"""Pieces that a client may still send after its answer."""

_MOMENT = 1.0
"""Seconds without accepting once descriptors have run out."""

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Reply = Callable[[bytes], tuple[bytes, bytes] | None]
"""From what was received so far to the two parts of an answer; None while more is to come. All
clients may share one part, which is not copied for each."""


class Limits(NamedTuple):
    """What clients may take."""

    connections: int
    seconds: float = 30.0
    """For a whole connection. Prometheus gives a scrape up after 10 where nothing else is said."""


class _Client:
    def __init__(self, sock: socket.socket, host: str, end: float, reply: Reply) -> None:
        self.socket = sock
        self.network = _network(host)
        self.end = end
        self.events = 0
        self.conversation = _conversation(sock, reply)


class Connections:
    """The connections that a listening socket brings; `serve` goes on until `end` is called."""

    def __init__(
        self,
        listener: socket.socket,
        reply: Reply,
        limits: Limits,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._listener, self._reply, self._limits, self._clock = listener, reply, limits, clock
        self._clients: dict[socket.socket, _Client] = {}
        """In the order of their acceptance, which is that of their ends."""
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ, self._stop)
        self._accepts_from = clock()
        self._is_accepting = False
        self._has_complained = False
        self._is_ended = False

    def end(self) -> None:
        """Let `serve` end, where it has not; any thread may call this."""
        with suppress(OSError):
            self._wake.send(b"\0")

    def serve(self) -> None:
        """Serve until the end, then close all connections and what this holds, not the listener."""
        try:
            while not self._is_ended:
                self._accept_again()
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                self._let_go()
        finally:
            for client in list(self._clients.values()):
                self._close(client)
            self._selector.close()
            self._wake.close()
            self._woken.close()

    def _stop(self) -> None:
        self._is_ended = True

    def _patience(self) -> float | None:
        """Return the seconds after which something is to be done even if nothing comes."""
        moments = [client.end for client in self._clients.values()][:1]
        if not self._is_accepting:
            moments.append(self._accepts_from)
        return max(0.0, min(moments) - self._clock()) if moments else None

    def _let_go(self) -> None:
        """Close the connections whose time is over."""
        now = self._clock()
        while self._clients and (oldest := next(iter(self._clients.values()))).end <= now:
            self._close(oldest)

    def _accept_again(self) -> None:
        if not self._is_accepting and self._accepts_from <= self._clock():
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
            self._is_accepting = True

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, peer = self._listener.accept()
            except OSError as error:  # else: nobody waits, or has left, or a firewall said no
                if error.errno in _EXHAUSTED:
                    self._yield_descriptors(error)
                return
            self._welcome(sock, peer[0])

    def _welcome(self, sock: socket.socket, host: str) -> None:
        if len(self._clients) >= self._limits.connections:
            self._make_room()
        client = _Client(sock, host, self._clock() + self._limits.seconds, self._reply)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.events = next(client.conversation)
            self._selector.register(sock, client.events, partial(self._go_on, client))
        except OSError:  # it has left meanwhile, or the system has no room to watch it
            sock.close()
        else:
            self._clients[sock] = client
            self._go_on(client)  # so that it is heard before one more takes its place

    def _yield_descriptors(self, error: OSError) -> None:
        if self._clients:
            self._make_room()
        self._selector.unregister(self._listener)
        self._is_accepting = False
        self._accepts_from = self._clock() + _MOMENT
        if not self._has_complained:
            self._has_complained = True
            log.warning(
                "scrapes wait: no connection can be accepted: %s; see 'ulimit -n'", error.strerror
            )

    def _make_room(self) -> None:
        """Close the oldest connection of the network that has the most."""
        crowd = Counter(client.network for client in self._clients.values())
        oldest = max(self._clients.values(), key=lambda client: crowd[client.network])
        self._go_on(oldest)  # a request that has come meanwhile is answered
        if oldest.socket in self._clients:
            self._close(oldest)

    def _go_on(self, client: _Client) -> None:
        if client.socket not in self._clients:  # closed since its event was seen
            return
        try:
            events = next(client.conversation)
        except (StopIteration, OSError):
            self._close(client)
            return
        if events != client.events:
            client.events = events
            self._selector.modify(client.socket, events, partial(self._go_on, client))

    def _close(self, client: _Client) -> None:
        del self._clients[client.socket]
        self._selector.unregister(client.socket)
        client.conversation.close()
        client.socket.close()


def _conversation(sock: socket.socket, reply: Reply) -> Generator[int, None, None]:
    """Hear a request and answer it; yield the events to wait for before it goes on."""
    received = b""
    while (answer := reply(received)) is None:
        piece = yield from _piece(sock)
        if not piece:
            return
        received += piece
    for part in answer:
        unsent = memoryview(part)
        while unsent:
            with suppress(BlockingIOError):
                unsent = unsent[sock.send(unsent) :]
            if unsent:
                yield selectors.EVENT_WRITE
    # To close while something is unread would reset the connection, and the client might lose the
    # answer (RFC 9112, section 9.6).
    sock.shutdown(socket.SHUT_WR)
    for _ in range(_UNHEARD):
        if not (yield from _piece(sock)):
            return


def _piece(sock: socket.socket) -> Generator[int, None, bytes]:
    """Wait for something to read, once at least, so that nobody is heard without a break."""
    while True:
        yield selectors.EVENT_READ
        with suppress(BlockingIOError):
            return sock.recv(_PIECE)


def _network(host: str) -> str:
    """Return what one client has in common with itself: an IPv4 address, half an IPv6 one."""
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return host
    inner = address.ipv4_mapped
    return str(inner) if inner else address.exploded[:19]
