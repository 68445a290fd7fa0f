"""Connections to HTTP and S3 servers that give no more than is allowed, and do not wait for ever.

Both go through aiohttp, which reads a body as it comes: here each piece is counted (`allowance`).
"""

from typing import Any

import aiohttp

from batchlog.segments.allowance import ALLOWED, ANSWER, Allowance, TooMuch

CONNECT, SILENCE = 10, 20
"""Seconds to connect, and for the next bytes of an answer."""

_PIECE = 1 << 16


class _Counted:
    """The body of an answer; what is not about its bytes is aiohttp's own."""

    def __init__(self, body: Any, allowed: Allowance) -> None:  # noqa: ANN401 - aiohttp's stream
        self._body = body
        self._allowed = allowed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._body, name)

    async def read(self, length: int = -1) -> bytes:
        """Return so many bytes, or all."""
        if length >= 0:
            data: bytes = await self._body.read(length)
            self._allowed.take(len(data))
            return data
        pieces = []
        while piece := await self.read(_PIECE):
            pieces.append(piece)
        return b"".join(pieces)


def _counted(body: Any) -> Any:  # noqa: ANN401 - a stream
    allowed = ALLOWED.get()
    if allowed is None:
        return body
    allowed.take(ANSWER)
    return _Counted(body, allowed)


class Bounded(aiohttp.ClientResponse):
    """An answer of an HTTP server."""

    async def start(self, connection: Any) -> "Bounded":  # noqa: ANN401 - aiohttp's
        """Read its head."""
        await super().start(connection)
        self.content = _counted(self.content)
        return self


def http(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of an HTTP file system, by those that a person has set."""
    client = given.get("client_kwargs", {})
    headers = {"Accept-Encoding": "identity", **client.get("headers", {})}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=SILENCE)
    ours = {"response_class": Bounded, "timeout": timeout}
    return {**given, "client_kwargs": {**ours, **client, "headers": headers}}


def s3(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of an S3 file system, by those that a person has set."""
    from aiobotocore.config import AioConfig
    from aiobotocore.httpsession import AIOHTTPSession

    class Session(AIOHTTPSession):  # type: ignore[misc]
        """Reads the body of an answer only after it is one that is counted."""

        async def send(self, request: Any) -> Any:  # noqa: ANN401 - botocore's
            """Send a request and return its answer."""
            whole, request.stream_output = not request.stream_output, True
            answer = await super().send(request)
            answer.raw.content = _counted(answer.raw.content)
            if whole:
                await answer.content
            return answer

    ours: dict[str, Any] = {"connect_timeout": CONNECT, "read_timeout": SILENCE}
    if "http_session_cls" in AioConfig.__init__.__annotations__:  # aiobotocore 2.23 and later
        ours["http_session_cls"] = Session
    return {**given, "config_kwargs": {**ours, **given.get("config_kwargs", {})}}


__all__ = ["Bounded", "TooMuch", "http", "s3"]
