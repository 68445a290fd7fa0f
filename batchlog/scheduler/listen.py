"""Metrics served over HTTP for a Prometheus that scrapes, beside or instead of a push.

What is served comes from a callable that is asked at each scrape, in a thread of its own.
"""

import errno
import logging
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from threading import Thread
from typing import NamedTuple

from prometheus_client.core import Metric

from batchlog.errors import ConfigError, SinkUnreachable, Stop
from batchlog.scheduler import descriptors, head
from batchlog.scheduler.connections import Connections, Limits
from batchlog.scheduler.pages import Pages, refusal
from batchlog.segments.patience import Late, awaited

log = logging.getLogger(__name__)

DEFAULT_PORT = 8000

_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - only where the user leaves the host out

_LAST_PORT = 65_535

_LOOKUP = 60.0
"""Seconds in which a name server may say what addresses a host has."""

_WAITING = 1024
"""Connections that the system keeps until they are accepted. Beyond them it is silent, and a client
tries again after a second."""

_UNSENT = 128 * 1024
"""Bytes of an answer that the system keeps for a client that does not read: it would keep
megabytes for each."""

_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

_NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})

_ADDRESS = re.compile(
    r"""
    (?: \[ (?P<six> [^\s\[\]]+ ) \] | (?P<host> [^\s\[\]:]* ) ) (?: : (?P<port> [0-9]{1,5} ) )?
    | (?P<bare> [^\s\[\]]* : [^\s\[\]]* : [^\s\[\]]* )  # an IPv6 address without a port
    """,
    re.VERBOSE,
)


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int
    """0 lets the system choose."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def address(text: str) -> Address:
    """Return what `--listen` asks for: `HOST`, `HOST:PORT`, `:PORT`, `[::1]` or `[::1]:PORT`."""
    found = _ADDRESS.fullmatch(text)
    if not found or not text or text.isdigit() or int(found["port"] or 0) > _LAST_PORT:
        raise ConfigError(
            f"--listen: {text!r} is not an address; expected HOST, HOST:PORT, :PORT or [::1]:PORT"
        )
    host = found["six"] or found["host"] or found["bare"] or _ALL_INTERFACES
    return Address(host, DEFAULT_PORT if found["port"] is None else int(found["port"]))


@contextmanager
def served(
    at: Address,
    families: Callable[[], Iterable[Metric]],
    limits: Limits | None = None,
    stop: Stop | None = None,
) -> Iterator[Address]:
    """Serve `families` while the context lasts; give the address with the port in use.

    `families` is called from another thread. Clients may take what `limits` says, by default a
    small part of the files that may be open. An address that cannot be taken is a SinkUnreachable,
    and a `stop` that is asked for while its name is looked up Interrupted.
    """
    with _listening(at, Stop() if stop is None else stop) as listener:
        limits = limits or Limits(descriptors.for_clients())
        connections = Connections(listener, _Replies(Pages(families)), limits)
        thread = Thread(target=connections.serve, name="batchlog-listen", daemon=True)
        thread.start()
        try:
            yield Address(at.host, listener.getsockname()[1])
        finally:
            connections.end()
            thread.join()


class _Replies:
    """From what a client sent to what it gets; a mistake of ours does not end the thread."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._has_failed = False

    def __call__(self, received: bytes) -> tuple[bytes, bytes] | None:
        asked = head.read(received)
        if asked is None:
            return None
        answer = refusal(asked) if isinstance(asked, HTTPStatus) else self._answer(asked)
        is_bare = isinstance(asked, head.Asked) and asked.method == "HEAD"
        return head.written(answer), b"" if is_bare else answer.body

    def _answer(self, asked: head.Asked) -> head.Answer:
        try:
            return self._pages.answer(asked)
        except Exception:
            if not self._has_failed:
                log.exception("a scrape failed, which should not be")
            self._has_failed = True
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR)


@contextmanager
def _listening(at: Address, stop: Stop) -> Iterator[socket.socket]:
    """Give a socket that listens; SinkUnreachable where the address cannot be taken."""
    try:
        listener = _bound(at, stop)
    except (OSError, UnicodeError, Late) as error:
        reason = getattr(error, "strerror", None) or error
        step = "give --listen another HOST:PORT"
        if isinstance(error, OSError) and error.errno in _NO_DESCRIPTOR:
            step = f"raise the limit of open files ('ulimit -n' is {descriptors.limit()})"
        raise SinkUnreachable(f"cannot listen on {at}: {reason}; {step}") from None
    with listener:
        yield listener


def _bound(at: Address, stop: Stop) -> socket.socket:
    """Return a socket that listens on the first of a host's addresses that this host has."""
    kind, flags = socket.SOCK_STREAM, socket.AI_PASSIVE
    look_up = partial(socket.getaddrinfo, at.host, at.port, type=kind, flags=flags)
    # A name server may say nothing, and a lookup in this thread would hear no signal.
    found = awaited(look_up, _LOOKUP, stop)
    for left, (family, kind, protocol, _, address) in enumerate(found, 1 - len(found)):
        listener = None
        try:
            listener = socket.socket(family, kind, protocol)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT)
            listener.bind(address)
            listener.listen(_WAITING)
            listener.setblocking(False)
        except OSError as error:
            if listener is not None:
                listener.close()
            if not left or error.errno not in _NO_SUCH_ADDRESS:
                raise
        else:
            return listener
    raise OSError(errno.EADDRNOTAVAIL, "no address")
