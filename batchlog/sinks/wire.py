"""One HTTP request under one deadline, and nothing about gateways.

No redirect is followed, so that credentials never reach another host; proxies from the environment
are honoured; a response of any status is an answer, not an exception.
"""

import re
import ssl
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import (
    AbstractHTTPHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    getproxies,
    proxy_bypass,
)

from batchlog.errors import Stop
from batchlog.sinks.response import Answer, Keep, Response, take

GRACE = 4.0
"""Seconds for everything that is still to be sent once a stop was asked for (R77): with what comes
before and after it, no more than five."""

SLICE = 0.1
"""Seconds between two looks at the time and at `stop`."""

THREAD = "batchlog-request"
"""Name of the threads that wait for servers."""


class Tunnel(OSError):  # noqa: N818 - it names what failed
    """A proxy opened no way to the server behind it."""

    def __init__(self, status: int | None) -> None:
        super().__init__("the proxy opened no way")
        self.status = status
        """What it answered; None where that was no answer."""


class OddProxy(OSError):  # noqa: N818 - the same
    """The environment names a proxy that is not spoken to by plain HTTP: nothing was sent to it."""


class Budget:
    """Seconds that are left, never more than `within` has; fewer once a stop is asked for."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float],
        stop: Stop,
        within: Self | None = None,
        grace: float | None = None,
    ) -> None:
        self._clock = clock
        self._stop = stop
        self._within = within
        self._grace = GRACE if grace is None else grace
        self._end = clock() + seconds

    def left(self) -> float:
        """Return the seconds left, at most `grace` since this first saw the stop."""
        now = self._clock()
        if self._stop:
            self._end = min(self._end, now + self._grace)
        left = self._end - now
        return left if self._within is None else min(left, self._within.left())


def exchange(
    request: Request,
    context: ssl.SSLContext | None,
    timeout: float,
    budget: Budget,
    keep: Keep | None = None,
) -> Answer:
    """Send `request` and return the answer; TimeoutError once nothing is left of `budget`.

    Besides, it raises OSError, HTTPException, or ValueError for a URL or header of no use; OddProxy
    for a proxy of another scheme, which urllib would send its password in clear.

    `timeout` (seconds) bounds each operation of the socket. Looking up a host knows no deadline
    and a slow server moves on each time: so all of it happens in a thread that can be left alone.
    With `keep`, only those lines of a 200's body are kept that it wants; Flood where they are too
    much.
    """
    if _speaks_otherwise(_proxy_of(request.full_url) or ""):
        raise OddProxy
    flight = _Flight()
    opener = OpenerDirector()
    for handler in (ProxyHandler(), _Http(flight, context)):
        opener.add_handler(handler)
    work = (opener, request, timeout, keep)
    Thread(target=flight.run, args=work, name=THREAD, daemon=True).start()
    while not flight.done.wait(max(0.0, min(SLICE, budget.left()))):
        if budget.left() <= 0:
            flight.abort()
            raise TimeoutError  # whatever the flight makes of its end
    if isinstance(flight.outcome, Answer):
        return flight.outcome
    raise flight.outcome


def proxied(url: str) -> bool:
    """Whether a request for `url` goes through a proxy that the environment names."""
    return _proxy_of(url) is not None


def _proxy_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:  # the request will say so
        return None
    proxy = getproxies().get(parts.scheme)
    return None if proxy is None or proxy_bypass(parts.hostname or "") else proxy


def _speaks_otherwise(proxy: str) -> bool:
    scheme, slashes, _ = proxy.partition("://")
    return bool(slashes) and scheme.lower() != "http"


class _Flight:
    """A request on its way."""

    def __init__(self) -> None:
        self.done = Event()
        self.outcome: Answer | Exception = TimeoutError()
        self.sock: socket | None = None
        """Set once a connection stands."""
        self._aborted = False

    def run(
        self, opener: OpenerDirector, request: Request, timeout: float, keep: Keep | None
    ) -> None:
        try:
            with closing(opener.open(request, timeout=timeout)) as response:
                self.outcome = take(response, keep)
        except Exception as error:  # noqa: BLE001 - `exchange` raises it
            self.outcome = error
        finally:
            self.done.set()

    def connected(self, sock: socket) -> None:
        """Take note of the connection; TimeoutError where nobody waits for it any more.

        What is sent so late would undo a newer push (R90).
        """
        self.sock = sock
        if self._aborted:
            raise TimeoutError

    def abort(self) -> None:
        """End the connection, now or as soon as it stands; this wakes a thread that waits."""
        self._aborted = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(SHUT_RDWR)


class _Connection(HTTPConnection):
    """A connection that its flight can end, and whose answer is read even to a half-sent body.

    Headers and body are sent as one: a Pushgateway takes headers without a body, as a sender that
    is killed between the two leaves them, for a push of nothing, and empties the group.
    """

    response_class = Response

    def __init__(self, flight: _Flight, *args: Any, **more: Any) -> None:  # noqa: ANN401 - as there
        super().__init__(*args, **more)
        self._flight = flight
        self._parts: list[bytes] | None = None

    def _tunnel(self) -> None:
        answers: list[Response] = []

        def response(*args: Any, **more: Any) -> Response:  # noqa: ANN401 - as there
            answers.append(Response(*args, **more))
            return answers[-1]

        self.response_class = response  # type: ignore[assignment]  # to close it: before 3.11.5
        try:  # http.client leaves that to chance, and with it the connection open
            super()._tunnel()  # type: ignore[misc]
        except TimeoutError:
            raise
        except (OSError, HTTPException) as error:
            # The only word of it that is known is what http.client says of the proxy's status.
            status = re.match(r"Tunnel connection failed: (\d+)", str(error))
            self.close()
            raise Tunnel(int(status[1]) if status else None) from None
        finally:
            self.response_class = Response
            for one in answers:
                one.close()

    def connect(self) -> None:
        super().connect()
        self._flight.connected(self.sock)

    def request(self, *args: Any, **more: Any) -> None:  # noqa: ANN401 - as in http.client
        self._parts = []
        super().request(*args, **more)
        whole, self._parts = b"".join(self._parts), None
        try:
            self.send(whole)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            # A server may answer 413, or send TLS's alert for a missing certificate, and hang up
            # while we send: its answer is still there.
            if self._flight.sock is None:
                raise

    def send(self, data: Any) -> None:  # noqa: ANN401 - as in http.client
        if self._parts is None:
            super().send(data)
        else:
            self._parts.append(data)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Http(AbstractHTTPHandler):
    """Opens http and https; the library's own makes a TLS context even where none is needed."""

    http_request = https_request = AbstractHTTPHandler.do_request_

    def __init__(self, flight: _Flight, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self._plain = partial(_Connection, flight)
        self._secure = partial(_SecureConnection, flight, context=context)

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._plain, req)

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(self._secure, req)
