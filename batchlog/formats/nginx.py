"""nginx's log_format strings to tokens.

Variables that are not known are text that is not measured, so that a format of any module works.
"""

import re
from collections.abc import Iterator

from batchlog.errors import ConfigError
from batchlog.formats import stamps
from batchlog.formats.tokens import Field, Role, Token, tidy

VARIABLES = {
    "status": Field("$status", Role.STATUS),
    "body_bytes_sent": Field("$body_bytes_sent", Role.BODY),
    "bytes_sent": Field("$bytes_sent", Role.SENT),
    "request": Field("$request", Role.REQUEST),
    "request_method": Field("$request_method", Role.METHOD),
    "server_protocol": Field("$server_protocol", Role.PROTOCOL),
    "host": Field("$host", Role.VHOST),
    "server_name": Field("$server_name", Role.VHOST),
    "http_host": Field("$http_host", Role.VHOST),
    "time_local": Field("$time_local", Role.STAMP, stamps.CLF),
    "time_iso8601": Field("$time_iso8601", Role.STAMP, stamps.ISO),
    "msec": Field("$msec", Role.STAMP, "%s.%f"),
    "request_time": Field("$request_time", Role.DURATION, "s"),
}
"""What is measured; `$upstream_response_time` may hold several times, and is not."""

_VARIABLE = r"\$(?:\{(?P<braced>\w+)\}|(?P<bare>\w+))"
_PASTED = r"(?s)\s*log_format\s+\S+\s+(?:escape=\w+\s+)?(?P<pieces>.*)"
_PIECE = r"""(?s)'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s;'"]+)"""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def tokens(text: str) -> tuple[Token, ...]:
    """Read a log_format string, its quoted pieces, or a whole `log_format name '…' '…';`.

    Raises ConfigError where a dollar sign begins no variable.
    """
    pasted = re.match(_PASTED, text)
    if pasted:
        return tidy(_tokens(_join(pasted["pieces"])))
    return tidy(_tokens(_join(text) if text.startswith("'") else text))


def _join(pieces: str) -> str:
    """Join quoted pieces as nginx does: what stands between them is nothing."""
    found = ("".join(piece) for piece in re.findall(_PIECE, pieces))
    return "".join(re.sub(r"\\(['\"\\nrt])", _unescape, piece) for piece in found)


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])


def _tokens(text: str) -> Iterator[Token]:
    end = 0
    for found in re.finditer(_VARIABLE, text):
        yield _literal(text[end : found.start()])
        name = found["braced"] or found["bare"]
        yield VARIABLES.get(name, Field(f"${name}"))
        end = found.end()
    yield _literal(text[end:])


def _literal(text: str) -> bytes:
    if "$" in text:
        rest = text[text.index("$") :]
        raise ConfigError(f"log_format: {rest[:20]!r} begins no variable; nginx has none like it")
    return text.encode()
