"""What a Dask client hears of its scheduler: plain values, and nothing that runs code.

`distributed` unpickles what it receives in more places than its deserializers govern (2024.8 to
2026.8): frames marked `__Pickled__`, the class in the header of its own "dask" family, the `type`
of a key in memory, exceptions and their tracebacks, and warnings that a worker sends. So the client
gets connections of a kind of ours, under schemes of our own, and every message passes here first:

1. A message is MessagePack. Of what is serialized in it only `bytes` are taken, from their frame
   as they are, and handed on as an `Answer`: nobody can take that for a pickle. All other
   serialized values, and bytes in the message itself, become None.
2. Of what the scheduler reports only the operations of `_REPORTS` are heard, and of these the
   names of keys. An error is told as such, without what it was.
3. Lengths are bounded before they are read, and a peer that says anything else is left.

What is sent is left to `distributed`: the scheduler and its workers trust their client.
"""

import struct
from ssl import SSLCertVerificationError
from typing import Any

import msgpack
from distributed.comm.core import CommClosedError, FatalCommClosedError
from distributed.comm.registry import backends
from distributed.comm.tcp import TCP, TLS, TCPBackend, TCPConnector, TLSBackend, TLSConnector
from distributed.protocol.utils import unpack_frames
from distributed.security import Security
from tornado.iostream import StreamClosedError

SCHEMES = {"tcp": "plain-tcp", "tls": "plain-tls"}
"""From the scheme of a scheduler's address to that of a connection of ours."""

MOST = 256 << 20
"""Most bytes of a message: several results travel in one."""

_LENGTH = struct.Struct("Q")

_REPORTS = {
    "stream-start": ("op", "error"),
    "stream-closed": ("op",),
    "close": ("op",),
    "key-in-memory": ("op", "key"),
    "lost-data": ("op", "key"),
    "task-retried": ("op", "key"),
    "task-erred": ("op", "key"),
    "cancelled-keys": ("op", "keys"),
    "restart": ("op",),
}
"""What is heard of the operations that a scheduler reports."""

_BYTES = ("bytes", "builtins.bytes")
"""How the class of `bytes` is written, whose frame holds them as they are."""

_ERROR = "an error, of which nothing is heard"


class Answer:
    """Bytes that a worker has sent; of no kind that anything but we would read."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Checked(Security):  # type: ignore[misc]
    """Security that also checks whose certificate it is: Dask asks for one of the same CA alone.

    It has no `__slots__` of its own, since Dask's looks for its options in them.
    """

    def get_connection_args(self, role: str) -> dict[str, Any]:
        """Return what a connection is made with."""
        found: dict[str, Any] = super().get_connection_args(role)
        if found["ssl_context"] is not None:
            found["ssl_context"].check_hostname = True
        return found


def understood(frames: list[Any]) -> Any:  # noqa: ANN401 - any message
    """Return the message in these frames, without what is not to be heard.

    Raises ValueError where it is none.
    """

    def known(value: dict[Any, Any]) -> Any:  # noqa: ANN401 - what stands for it
        place = value.get("__Serialized__")
        if place is not None:
            return _answer(frames, place)
        if "__Set__" in value:
            return value.get("as-list")
        return None if {"__Pickled__", "__Enum__"} & value.keys() else value

    try:
        message = msgpack.loads(
            frames[0], object_hook=known, use_list=False, raw=False, strict_map_key=False
        )
        return _heard(_without_bytes(message))
    except (ValueError, TypeError, IndexError, RecursionError, msgpack.UnpackException) as error:
        raise ValueError("it is no message of a Dask scheduler") from error


def _answer(frames: list[Any], place: Any) -> Answer | None:  # noqa: ANN401 - as it was sent
    """Return serialized bytes; None where it is anything else."""
    header = msgpack.loads(frames[place], use_list=False, raw=False, strict_map_key=False)
    is_bytes = header.get("serializer") == "dask" and header.get("type") in _BYTES
    if not is_bytes or any(header.get("compression") or ()):
        return None
    begin = place + 1
    return Answer(b"".join(frames[begin : begin + header["num-sub-frames"]]))


def _without_bytes(value: Any) -> Any:  # noqa: ANN401 - any value
    if isinstance(value, dict):
        return {_without_bytes(key): _without_bytes(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_without_bytes(one) for one in value)
    return value if value is None or isinstance(value, bool | int | float | str | Answer) else None


def _heard(message: Any) -> Any:  # noqa: ANN401 - any message
    """Return what the client may hear: reports, or the answer to a question."""
    if isinstance(message, tuple):
        return tuple(one for one in map(_report, message) if one)
    if isinstance(message, dict) and "op" in message:
        return (_report(message) or {"op": "stream-closed"},)
    if isinstance(message, dict):
        for name in ("exception", "traceback"):
            message.pop(name, None)
        if "error" in str(message.get("status")) and "keys" not in message:
            message["exception"] = _ERROR
    return message


def _report(message: Any) -> dict[str, Any] | None:  # noqa: ANN401 - any message
    operation = message.get("op") if isinstance(message, dict) else None
    names = _REPORTS.get(operation) if isinstance(operation, str) else None
    if names is None:
        return None
    found = {name: message[name] for name in names if name in message}
    return {**found, "exception": _ERROR} if operation == "task-erred" else found


class _Plain(TCP):  # type: ignore[misc]
    """A connection on which nothing is unpickled."""

    async def read(self, deserializers: object = None) -> Any:  # noqa: ANN401 - any message
        """Return the next message."""
        del deserializers
        if self.stream is None:
            raise CommClosedError
        try:
            return understood(await self._frames())
        except (StreamClosedError, OSError) as error:
            self.abort()
            raise CommClosedError("the connection was closed") from error
        except ValueError as error:
            self.abort()
            raise CommClosedError(str(error)) from None
        except BaseException:
            self.abort()
            raise

    async def _frames(self) -> list[Any]:
        [length] = _LENGTH.unpack(await self._bytes(_LENGTH.size))
        try:
            frames, missing = unpack_frames(await self._bytes(length), partial=True)
        except (struct.error, AssertionError, MemoryError, OverflowError):
            raise ValueError("it is no message of a Dask scheduler") from None
        if sum(missing) > MOST:
            raise ValueError("its message is too long")
        return [*frames, *[await self._bytes(one) for one in missing]]

    async def _bytes(self, length: int) -> bytes:
        if length > MOST:
            raise ValueError("it is no Dask scheduler, or its message is too long")
        data: bytes = await self.stream.read_bytes(length)
        return data


class _PlainTls(_Plain, TLS):  # type: ignore[misc]
    pass


class _Connector(TCPConnector):  # type: ignore[misc]
    prefix = f"{SCHEMES['tcp']}://"
    comm_class = _Plain


class _TlsConnector(TLSConnector):  # type: ignore[misc]
    prefix = f"{SCHEMES['tls']}://"
    comm_class = _PlainTls

    async def connect(self, address: str, deserialize: bool = True, **given: Any) -> Any:  # noqa: ANN401 - Dask's own
        """Connect; a certificate that is refused is told with the reason."""
        try:
            return await super().connect(address, deserialize=deserialize, **given)
        except FatalCommClosedError as error:
            cause = error.__cause__
            if not isinstance(cause, SSLCertVerificationError):
                raise
            reason = f"its certificate is refused: {cause.verify_message}"
            raise FatalCommClosedError(reason) from None


class _Backend(TCPBackend):  # type: ignore[misc]
    _connector_class = _Connector


class _TlsBackend(TLSBackend):  # type: ignore[misc]
    _connector_class = _TlsConnector


backends[SCHEMES["tcp"]] = _Backend()
backends[SCHEMES["tls"]] = _TlsBackend()
