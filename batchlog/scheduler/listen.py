"""Metrics served over HTTP for a Prometheus that scrapes, beside or instead of a push.

What is served comes from a callable that is asked at each scrape, in a thread of its own.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric

from batchlog.errors import ConfigError, SinkUnreachable

DEFAULT_PORT = 8000

_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 - only where the user leaves the host out

_LAST_PORT = 65_535

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


class _Asked:
    """A collector of prometheus_client that passes the question on."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()


@contextmanager
def served(at: Address, families: Callable[[], Iterable[Metric]]) -> Iterator[Address]:
    """Serve `families` while the context lasts; give the address with the port in use.

    `families` is called from other threads and must not raise. An address that cannot be taken is
    a SinkUnreachable.
    """
    registry = CollectorRegistry(support_collectors_without_names=True)
    registry.register(_Asked(families))
    try:
        server, thread = start_http_server(at.port, at.host, registry)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SinkUnreachable(
            f"cannot listen on {at}: {reason}; give --listen another HOST:PORT"
        ) from None
    try:
        yield Address(at.host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
