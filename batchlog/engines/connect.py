"""A client of a Dask scheduler: where it connects to, whom it trusts, and that it is quiet.

`distributed` is loaded only here, in `gate`, and where a client is used.
"""

import logging
import os
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from batchlog.errors import ConfigError, EngineUnreachable, Interrupted, Stop
from batchlog.segments.patience import awaited
from batchlog.smallfile import MOST_PEM, look_at

if TYPE_CHECKING:
    import distributed

_LOUD = ("distributed", "tornado", "asyncio")


class Tls(NamedTuple):
    """PEM files for the connection to the scheduler; Dask wants a certificate of its clients."""

    ca_file: str
    cert_file: str
    key_file: str | None = None
    """Where the key is not in `cert_file`."""


def connected(address: str, tls: Tls | None, stop: Stop, patience: float) -> "distributed.Client":
    """Return a client of the scheduler at `address`.

    ConfigError where an option is wrong, EngineUnreachable where the scheduler is not there,
    Interrupted where a stop is asked for before it answers.
    """
    from distributed import Client

    from batchlog.engines.gate import Checked

    security = Checked()  # by Dask's own settings
    if tls is not None:
        _check_files(tls)
        address = address if "://" in address else f"tls://{address}"
        security = Checked(
            tls_ca_file=tls.ca_file,
            tls_client_cert=tls.cert_file,
            tls_client_key=tls.key_file,
            require_encryption=True,
        )
    ours = _address(address, security)

    def connect() -> "distributed.Client":
        with warnings.catch_warnings():  # of versions, which are compared here, and of its own
            warnings.simplefilter("ignore")
            return Client(
                ours,
                security=security,
                timeout=patience,
                set_as_default=False,
                direct_to_workers=False,
            )

    try:
        return awaited(connect, 2 * patience, stop)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - it raises anything, even AssertionError
        reason = str(error) or type(error).__name__
        raise EngineUnreachable(
            f"the Dask scheduler at {address} cannot be reached: {reason.replace(ours, address)}"
        ) from None


def _address(address: str, security: "distributed.Security") -> str:
    """Return where a client of ours connects to (see `gate`).

    Raises ConfigError for an address that is none: Dask's client would hang on it at its end.
    """
    from distributed.comm import get_address_host_port, parse_address

    from batchlog.engines.gate import SCHEMES

    try:
        get_address_host_port(address)
    except ValueError as error:
        raise ConfigError(f"--scheduler {address}: {error}") from None
    scheme, place = parse_address(address)
    if scheme not in SCHEMES:
        raise ConfigError(f"--scheduler {address}: use tcp:// or tls://")
    if scheme == "tls" and not security.get_connection_args("client")["ssl_context"]:
        raise ConfigError(f"--scheduler {address} needs TLS files: a CA's and a certificate")
    return f"{SCHEMES[scheme]}://{place}"


def _check_files(tls: Tls) -> None:
    for name in filter(None, tls):
        try:
            look_at(name, MOST_PEM)
            os.close(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            raise ConfigError(f"cannot read {name}: {error.strerror}") from None
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except ssl.SSLError as error:
        names = ", ".join(filter(None, tls))
        raise ConfigError(
            f"the TLS files {names} cannot be used: {error.reason or error}"
        ) from None


@contextmanager
def silence() -> Iterator[None]:
    """Keep what Dask logs, tracebacks and all, from a person's terminal."""
    loggers = [
        logging.getLogger(name)
        for name in {*_LOUD, *logging.root.manager.loggerDict}
        if name.partition(".")[0] in _LOUD
    ]
    before = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
