"""Formats with a name, and from what a user wrote to a format."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from batchlog.errors import ConfigError
from batchlog.formats import apache, nginx
from batchlog.formats.tokens import Format, Role

COMMON = '%h %l %u %t "%r" %>s %b'
"""The Common Log Format of NCSA httpd."""

COMBINED = COMMON + ' "%{Referer}i" "%{User-Agent}i"'
"""Apache's `combined`; nginx' `combined` writes the same lines."""

VHOST_COMMON = "%v " + COMMON
"""`COMMON` behind the virtual host; a port after it is no part of the label."""

VHOST_COMBINED = '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"'
"""Debian's `vhost_combined`; its bytes are those sent, headers and all."""

COMBINEDIO = COMBINED + " %I %O"
"""Apache's `combinedio` of mod_logio."""

_NAMED = {
    "common": COMMON,
    "combined": COMBINED,
    "vhost_common": VHOST_COMMON,
    "vhost_combined": VHOST_COMBINED,
    "combinedio": COMBINEDIO,
}


def _presets() -> dict[str, Format]:
    named = {name: Format(name, apache.tokens(text)) for name, text in _NAMED.items()}
    return {**named, "nginx": named["combined"]}


PRESETS: Mapping[str, Format] = MappingProxyType(_presets())
"""Each preset by its name; `nginx` is `combined`."""


_LONGEST = 8192
"""More characters than any line of a log is written with, and few enough to be read at once."""


@lru_cache(maxsize=64)
def resolve(spec: str) -> Format:
    """Return the format that a preset's name, a LogFormat or a log_format string stands for.

    A whole line pasted from a configuration will do. Raises ConfigError that names what is wrong.
    """
    spec = spec.strip()
    if spec in PRESETS:
        return PRESETS[spec]
    if len(spec) > _LONGEST:
        raise ConfigError(
            f"format {spec[:60]!r}… has {len(spec)} characters; expected at most {_LONGEST}"
        )
    tokens = nginx.tokens(spec) if _is_nginx(spec) else apache.tokens(spec)
    found = Format(spec, tokens)
    if not found.fields:
        raise ConfigError(
            f"format {spec!r} is not known: give one of {', '.join(PRESETS)}, auto, "
            'an Apache LogFormat string (%h … "%r" %>s %b) '
            'or an nginx log_format string ($remote_addr … "$request" $status $body_bytes_sent)'
        )
    if found.index(Role.STATUS) is None:
        raise ConfigError(f"format {spec!r} has no status: add %>s (Apache) or $status (nginx)")
    if any(isinstance(token, bytes) and b"\n" in token for token in tokens):
        raise ConfigError(f"format {spec!r} spans lines: a request must be one line of the log")
    return found


def _is_nginx(spec: str) -> bool:
    """Tell the two kinds of format strings apart; either may hold the other's sign as text."""
    if re.match(r"(?i)\s*(log_format|LogFormat)\s", spec):
        return spec.lower().startswith("log_format")
    return "$status" in spec or "${status}" in spec or "%" not in spec
