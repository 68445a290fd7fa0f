"""Apache's LogFormat strings (mod_log_config) to tokens.

Directives that are not known are text that is not measured, so that a format of any module works.
"""

import re
from collections.abc import Iterator

from batchlog.errors import ConfigError
from batchlog.formats import stamps
from batchlog.formats.tokens import Field, Role, Token, tidy

ROLES = {
    "s": Role.STATUS,
    "b": Role.BODY,
    "B": Role.BODY,
    "O": Role.SENT,
    "r": Role.REQUEST,
    "m": Role.METHOD,
    "H": Role.PROTOCOL,
    "v": Role.VHOST,
    "V": Role.VHOST,
}
"""What directives without an argument are measured for; times and durations have units besides."""

_UNITS = {"": "s", "s": "s", "ms": "ms", "us": "us"}
"""`%T` is in seconds; `%{unit}T` since 2.4.13."""

_PATTERNS = {"sec": "%s", "msec_frac": "%f", "usec_frac": "%f"}
"""Arguments of `%t` that are not strftime patterns; `msec` and `usec` are patterns of ours."""

_DIRECTIVE = r"%(?P<when>[!,0-9<>]*)(?:\{(?P<argument>[^}]*)\})?(?P<letter>\^t[io]|[A-Za-z%])"
_PASTED = r"""(?is)\s*LogFormat\s+(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>[^']*)')"""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def tokens(text: str) -> tuple[Token, ...]:
    """Read a LogFormat string, or a whole `LogFormat "…" name` line, escapes and all.

    Raises ConfigError where a percent sign begins no directive.
    """
    return tuple(_prefer_final(_settle(_join_stamps(tidy(_tokens(_unescape(_unwrap(text))))))))


def _unwrap(text: str) -> str:
    """Take the format out of a configuration line, or out of quotes that hold escaped ones."""
    pasted = re.match(_PASTED, text)
    if pasted:
        return str(pasted["double"] or pasted["single"] or "")
    if text[:1] == text[-1:] == '"' and r"\"" in text:
        return text[1:-1]
    return text


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text)


def _tokens(text: str) -> Iterator[Token]:
    end = 0
    for found in re.finditer(_DIRECTIVE, text):
        yield _literal(text[end : found.start()])
        yield from _directive(found)
        end = found.end()
    yield _literal(text[end:])


def _literal(text: str) -> bytes:
    if "%" in text:
        rest = text[text.index("%") :]
        raise ConfigError(
            f"LogFormat: {rest[:20]!r} begins no directive; write %% for a percent sign"
        )
    return text.encode()


def _directive(found: re.Match[str]) -> Iterator[Token]:
    """Yield the tokens of one directive: one field, but for `%%` and the brackets of `%t`."""
    name, letter, argument = found[0], found["letter"], found["argument"] or ""
    if letter == "%":
        yield b"%"
    elif letter == "t" and not argument:
        yield from (b"[", Field(name, Role.STAMP, stamps.CLF), b"]")
    elif letter == "t":
        pattern = re.sub("^(begin|end):", "", argument)
        yield Field(name, Role.STAMP, _PATTERNS.get(pattern, pattern))
    elif letter == "D":
        yield Field(name, Role.DURATION, "us")
    elif letter == "T" and argument in _UNITS:
        yield Field(name, Role.DURATION, _UNITS[argument])
    else:
        yield Field(name, Role.NONE if argument else ROLES.get(letter, Role.NONE))


def _join_stamps(tokens: tuple[Token, ...]) -> list[Token]:
    """Make one field of a time in pieces, as `%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t`."""
    joined: list[Token] = []
    for token in tokens:
        match joined[-2:], token:
            case [Field(first, Role.STAMP, unit), bytes(between)], Field(
                last, Role.STAMP, piece
            ) if b'"' not in between and not stamps.readable(unit):
                text = between.decode()
                pattern = unit + text.replace("%", "%%") + piece
                joined[-2:] = [Field(first + text + last, Role.STAMP, pattern)]
            case _:
                joined.append(token)
    return joined


def _settle(tokens: list[Token]) -> Iterator[Token]:
    """Measure no time whose pattern says no instant."""
    for token in tokens:
        match token:
            case Field(name, Role.STAMP, pattern) if not stamps.readable(pattern):
                yield Field(name)
            case _:
                yield token


def _prefer_final(tokens: Iterator[Token]) -> Iterator[Token]:
    """Measure the final status (`%>s`) where the original one is there too."""
    found = list(tokens)
    statuses = [t for t in found if isinstance(t, Field) and t.role is Role.STATUS]
    final = next((t for t in statuses if ">" in t.name), None)
    for token in found:
        is_other = token in statuses and final is not None and token != final
        yield Field(token.name) if is_other and isinstance(token, Field) else token
