"""The head of an HTTP request, read, and that of an answer, written. No socket, no clock.

Whoever reaches the port may send anything. So a head is bounded, what it says is only compared with
what is known here, and nothing of it is repeated, neither to the client nor in a message.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import unquote

LONGEST = 16 * 1024
"""Bytes of a head that are read at the most: Prometheus sends some 500, with a long token 4,000."""

# RFC 9112, section 2.2: a line may end without CR. Two of them in a row end the head.
_ENDS = (b"\n\r\n", b"\n\n")

_REQUEST_LINE = re.compile(r"(?P<method>[!-~]+) (?P<target>[!-~\x80-\xff]+) HTTP/(?P<major>\d)\.\d")

# RFC 9112, section 3.2: a path, or a whole URL, which a server must take as well.
_TARGET = re.compile(r"(?:https?://[^/?]*)?(?P<path>/[^?]*)?(?:\?(?P<query>.*))?", re.IGNORECASE)

# RFC 9110, section 12.4.2.
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


class Asked(NamedTuple):
    """A request, less what nobody here looks at."""

    method: str
    path: str
    """Without percent-encoding; empty where the target has none, such as `*`."""
    query: str
    fields: dict[str, str]
    """By their names in lower case; those that come several times are joined by commas."""


class Answer(NamedTuple):
    """What a client gets."""

    status: HTTPStatus
    content_type: str
    body: bytes
    fields: tuple[tuple[str, str], ...] = ()


class Choice(NamedTuple):
    """An item of an Accept header."""

    name: str
    """In lower case."""
    version: str
    weight: float
    """0 where it is refused, and where its weight cannot be read."""


def read(received: bytes) -> Asked | HTTPStatus | None:
    """Return what is asked, the status that refuses it, or None while the head goes on."""
    text = received.lstrip(b"\r\n")
    if text and not text[:1].isalpha():  # a TLS client, for one, would wait for a word of ours
        return HTTPStatus.BAD_REQUEST
    end = min((at for mark in _ENDS if (at := text.find(mark)) >= 0), default=-1)
    if end > LONGEST or (end < 0 and len(received) > LONGEST):
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if end < 0:
        return None
    first, *rest = re.split("\r?\n", text[:end].rstrip(b"\r").decode("latin-1"))
    line = _REQUEST_LINE.fullmatch(first)
    fields = _fields(rest)
    if line is None or fields is None:
        return HTTPStatus.BAD_REQUEST
    if line["major"] != "1":
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    target = _TARGET.fullmatch(line["target"])
    path, query = (target["path"] or "/", target["query"] or "") if target else ("", "")
    return Asked(line["method"], unquote(path), query, fields)


def _fields(lines: list[str]) -> dict[str, str] | None:
    """Return the header's fields, None where a line is none."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return None
        name, value = name.lower(), value.strip()
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def choices(field: str) -> Iterator[Choice]:
    """Yield the items of Accept or Accept-Encoding in their order (RFC 9110, section 12.5)."""
    for item in field.split(","):
        name, *parameters = item.split(";")
        said = {
            key.strip().lower(): value.strip().strip('"')
            for key, _, value in (one.partition("=") for one in parameters)
        }
        weight = said.get("q", "1")
        readable = _WEIGHT.fullmatch(weight)
        version = said.get("version", "")
        yield Choice(name.strip().lower(), version, float(weight) if readable else 0.0)


def written(answer: Answer) -> bytes:
    """Return the head of an answer as it is sent; the connection ends after its body."""
    fields = (
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        *answer.fields,
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
    )
    head = f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields)
    return head.encode("ascii") + b"\r\n"
