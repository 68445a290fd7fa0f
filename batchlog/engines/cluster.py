"""Tasks on a Dask cluster, by `distributed`, which is loaded only here.

Only batchlog's own code runs on the workers, so it must be installed there, in the client's
version: another one might read the same bytes in another way. Dask repeats a task whose worker
has died; its result is taken once, by the future that waits for it.
"""

import logging
import os
import ssl
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from batchlog import __version__
from batchlog.engines.task import Done, Task, carry_out
from batchlog.engines.window import LOOK, Runner
from batchlog.errors import BatchlogError, ConfigError, EngineUnreachable, LogError, Stop
from batchlog.segments.source import shown
from batchlog.smallfile import MOST_PEM, look_at

if TYPE_CHECKING:
    import distributed

PATIENCE = 10.0
"""Seconds for the scheduler to answer, and then for a first worker."""

RETRIES = 3
"""How often a task that raises is tried again. How many workers may die of one, the scheduler's
`distributed.scheduler.allowed-failures` says (3)."""

A_THREAD = 3
"""Tasks that are out for each thread of the cluster."""

_LOUD = ("distributed", "tornado", "asyncio")


class Tls(NamedTuple):
    """PEM files for the connection to the scheduler; Dask wants a certificate of its clients."""

    ca_file: str
    cert_file: str
    key_file: str | None = None
    """Where the key is not in `cert_file`."""


class Versions(NamedTuple):
    """What must be the same for the same answer."""

    batchlog: str
    python: str

    def differ(self, worker: "Versions", name: str) -> str:
        """Return a sentence about a worker that has other ones, and "" where it has the same."""
        pairs = zip(("batchlog", "Python"), self, worker, strict=True)
        return next(
            (
                f"worker {name} has {what} {theirs}, this host {ours}: "
                "install the same version on both"
                for what, ours, theirs in pairs
                if ours != theirs
            ),
            "",
        )


def versions() -> Versions:
    """Return those of this process."""
    return Versions(__version__, "{}.{}".format(*sys.version_info))


def on_worker(ours: Versions, task: Task) -> Done:
    """Carry out a task in a worker, which may have joined after versions were compared."""
    differs = ours.differ(versions(), "of the cluster")
    if differs:
        raise ConfigError(differs)
    return carry_out(task)


@contextmanager
def cluster(
    address: str, tls: Tls | None, stop: Stop, patience: float = PATIENCE
) -> Iterator[Runner]:
    """Yield what runs tasks on the cluster of the scheduler at `address`.

    ConfigError where the extra is not installed, an option is wrong or versions differ,
    EngineUnreachable where the scheduler or its workers are not there.
    """
    try:
        import distributed
    except ImportError:
        raise ConfigError(
            "--engine dask needs packages that are not installed: pip install 'batchlog[dask]'"
        ) from None
    with _silence():
        client = _connected(address, tls, patience)
        try:
            threads = _joined(client, address, stop, patience)
            executor = client.get_executor(pure=False, retries=RETRIES)

            def explain(error: BaseException, task: Task) -> BatchlogError | None:
                if isinstance(error, distributed.KilledWorker):
                    return LogError(
                        f"too many workers of the cluster died while they read "
                        f"{shown(task.sight.path)}, perhaps for want of memory: "
                        "run again with larger or fewer ones; what was done is kept"
                    )
                lost = isinstance(error, CancelledError) or client.status != "running"
                return _gone(address) if lost and not isinstance(error, BatchlogError) else None

            def check() -> None:
                if client.status != "running":  # Dask cancels what is out, and may say nothing
                    raise _gone(address)

            function = partial(on_worker, versions())
            size = A_THREAD * threads
            yield Runner(executor, function, size, check=check, explain=explain)
            executor.shutdown(wait=False)
        finally:
            client.close(timeout=patience)


def _gone(address: str) -> EngineUnreachable:
    return EngineUnreachable(
        f"the connection to the Dask scheduler at {address} was lost: "
        "run again; what was done is kept"
    )


def _connected(address: str, tls: Tls | None, patience: float) -> "distributed.Client":
    import distributed

    security = None
    if tls is not None:
        _check_files(tls)
        address = address if "://" in address else f"tls://{address}"
        security = distributed.Security(
            tls_ca_file=tls.ca_file,
            tls_client_cert=tls.cert_file,
            tls_client_key=tls.key_file,
            require_encryption=True,
        )
    _check_address(address, tls)
    try:
        with warnings.catch_warnings():  # of versions, which are compared here, and of its own
            warnings.simplefilter("ignore")
            return distributed.Client(
                address, security=security, timeout=patience, set_as_default=False
            )
    except Exception as error:  # noqa: BLE001 - it raises anything, even AssertionError
        reason = str(error) or type(error).__name__
        raise EngineUnreachable(
            f"the Dask scheduler at {address} cannot be reached: {reason}"
        ) from None


def _check_address(address: str, tls: Tls | None) -> None:
    """Raise ConfigError for an address that is none: Dask's client would hang on it at its end."""
    from distributed import Security
    from distributed.comm import get_address_host_port, parse_address

    try:
        get_address_host_port(address)
    except ValueError as error:
        raise ConfigError(f"--scheduler {address}: {error}") from None
    secure = tls or Security().get_connection_args("client")["ssl_context"]  # Dask's own settings
    if parse_address(address)[0] == "tls" and not secure:
        raise ConfigError(f"--scheduler {address} needs TLS files: a CA's and a certificate")


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


def _joined(client: "distributed.Client", address: str, stop: Stop, patience: float) -> int:
    """Look at the workers; return the number of their threads."""
    try:
        threads = _threads(client, address, stop, patience)
        _compare(client)
    except BatchlogError:
        raise
    except Exception:  # noqa: BLE001 - whatever it raises when a connection breaks
        raise _gone(address) from None
    return threads


def _threads(client: "distributed.Client", address: str, stop: Stop, patience: float) -> int:
    """Wait for a first worker; return the threads of all there are."""
    waited = 0.0
    while not (threads := sum(client.nthreads().values())) and not stop and waited < patience:
        waited += LOOK
        try:
            client.wait_for_workers(1, timeout=LOOK)
        except TimeoutError:
            continue
    if not threads and not stop:
        raise EngineUnreachable(
            f"the Dask scheduler at {address} has no workers: start one (dask worker {address})"
        )
    return int(threads)


def _compare(client: "distributed.Client") -> None:
    """Raise ConfigError where a worker has other versions, or no batchlog of this kind at all."""
    for worker, found in client.run(versions, on_error="return").items():
        if isinstance(found, Exception):
            raise ConfigError(
                f"worker {worker} cannot load batchlog {__version__}, which this host has: "
                f"install it there ({type(found).__name__}: {found})"
            )
        differs = versions().differ(Versions(*found), worker)
        if differs:
            raise ConfigError(differs)


@contextmanager
def _silence() -> Iterator[None]:
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
