"""Label values from raw log text: the closed sets, and the host names that are let through.

Whatever a client sends ends in a log, so nothing becomes a label value unless it stands in a
closed set here, or is a valid host name or address. Everything else is `OTHER`. Text arrives as
bytes, because a log is not bound to any encoding; only values that passed are decoded.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache

OTHER = "other"
"""What a value becomes that cannot be read or is in no closed set."""

_SEEDS = (
    "200 201 204 206 301 302 304 307 308 400 401 403 404 405 408 410 413 429 499 500 502 503 504"
)
SEED_STATUSES = tuple(_SEEDS.split())
"""Codes that are present with 0 from the first push where the labels are exactly `status`."""

SEED_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
"""The same for `status_class`."""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
"""The methods of RFC 9110 section 9.3, and PATCH of RFC 5789; they are case-sensitive."""

_STATUSES = {b"%d" % code: str(code) for code in range(100, 600)}
_METHODS = {name.encode(): name for name in METHODS}
PROTOCOLS: Mapping[bytes, str] = {
    b"HTTP/0.9": "HTTP/0.9",
    b"HTTP/1.0": "HTTP/1.0",
    b"HTTP/1.1": "HTTP/1.1",
    b"HTTP/2": "HTTP/2.0",
    b"HTTP/2.0": "HTTP/2.0",
    b"HTTP/3": "HTTP/3.0",
    b"HTTP/3.0": "HTTP/3.0",
}
"""How a protocol is written in logs, and the label value of each."""

_NAME_LIMIT = 253
_PART_LIMIT = 63
"""Lengths of a host name without its last dot, and between two dots: RFC 1035 section 2.3.4."""
_IPV4_PARTS, _IPV4_LARGEST = 4, 255
_IPV6_GROUPS, _IPV6_DIGITS = 8, 4


def status(raw: bytes) -> str:
    """Return the status code as a label value: 100 to 599, else `OTHER`."""
    return _STATUSES.get(raw, OTHER)


def status_class(raw: bytes) -> str:
    """Return the class of a status code: `1xx` to `5xx`, else `OTHER`."""
    return f"{chr(raw[0])}xx" if raw in _STATUSES else OTHER


def method(raw: bytes) -> str:
    """Return the method of a request line, or of its first word alone."""
    return _METHODS.get(raw.partition(b" ")[0], OTHER)


def protocol(raw: bytes) -> str:
    """Return the protocol of a request line, or of its last word alone."""
    return PROTOCOLS.get(raw.rpartition(b" ")[2], OTHER)


def vhost(raw: bytes) -> str:
    """Return a host name or address in lower case, without port, brackets and final dot.

    Underscores are let through: they are no part of a host name (RFC 1123), and common in the
    names of containers. nginx's catch-all `_` is no name.
    """
    if len(raw) > _NAME_LIMIT + len(":65535."):
        return OTHER
    found = _split().fullmatch(raw.lower())
    if found is None:
        return OTHER
    if found["name"] is not None:
        text = found["name"].decode()
        return text if _is_ipv4(text) or _is_name(text) else OTHER
    text = (found["boxed"] or found["bare"]).decode()
    return text if _is_ipv6(text) else OTHER


READERS: Mapping[str, Callable[[bytes], str]] = {
    "status": status,
    "status_class": status_class,
    "method": method,
    "protocol": protocol,
    "vhost": vhost,
}
"""How each label that may be asked for is read from raw text."""

OPEN = frozenset({"vhost"})
"""Labels of `READERS` whose values are no closed set: these give way where series are too many."""


def is_value(name: str, text: str) -> bool:
    """Tell whether a text is a value that a label of `READERS` may have.

    What a reader lets through it lets through again as it is; only a class is read from a code.
    """
    if text == OTHER:
        return name in READERS
    if name == "status_class":
        return text in SEED_CLASSES
    raw = text.encode(errors="backslashreplace")
    return name in READERS and READERS[name](raw) == text


@cache
def _split() -> re.Pattern[bytes]:
    """Return what tells a name from an IPv6 address, and leaves a port aside."""
    return re.compile(
        rb"(?P<name>[a-z0-9._-]+?)\.?(?::[0-9]{0,5})?"
        rb"|\[(?P<boxed>[0-9a-f:.]+)\](?::[0-9]{0,5})?"
        rb"|(?P<bare>[0-9a-f:.]+)"
    )


def _is_name(text: str) -> bool:
    """Tell whether this is a host name; one that ends in a number would be an address."""
    parts = text.split(".")
    return (
        len(text) <= _NAME_LIMIT
        and not parts[-1].isdigit()
        and any(character.isalnum() for character in text)
        and all(0 < len(part) <= _PART_LIMIT for part in parts)
        and not any(part.startswith("-") or part.endswith("-") for part in parts)
    )


def _is_ipv4(text: str) -> bool:
    """Tell whether this is an address in four decimal numbers."""
    parts = text.split(".")
    return len(parts) == _IPV4_PARTS and all(_is_octet(part) for part in parts)


def _is_octet(text: str) -> bool:
    """Tell whether this is a number from 0 to 255 without a leading zero."""
    return text.isdigit() and str(int(text[:4])) == text and int(text) <= _IPV4_LARGEST


def _is_ipv6(text: str) -> bool:
    """Tell whether this is an address of RFC 4291 section 2.2."""
    head, gap, tail = text.partition("::")
    groups = [part for side in (head, tail) if side for part in side.split(":")]
    length = len(groups)
    if groups and _is_ipv4(groups[-1]) and not (gap and not tail):
        groups.pop()
        length += 1
    if not all(0 < len(group) <= _IPV6_DIGITS and "." not in group for group in groups):
        return False
    return length < _IPV6_GROUPS if gap else length == _IPV6_GROUPS
