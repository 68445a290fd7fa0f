"""Rules for single values: which texts can be a URL, a label, a path, a part of the group.

Each function returns nothing, or raises a ConfigError that shows the value and what would do; it
does not know the key the value stands under. No file is read, and no secret is shown.
"""

import re
from collections.abc import Collection
from itertools import pairwise
from urllib.parse import urlsplit

from batchlog.errors import ConfigError
from batchlog.formats import presets

# https://prometheus.io/docs/concepts/data_model/: names with __ in front are Prometheus' own.
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")

_NAMESPACE = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def url(text: str) -> None:
    """Refuse what is no gateway's address, and any that carries a user or a password."""
    shown = _without_secrets(text)
    if "@" in text:
        raise ConfigError(
            f"{shown} has a user name or password in it; remove it there and set username and "
            "password_file under [gateway] in the configuration file"
        )
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise ConfigError(f"{shown!r} is not a URL; expected one such as http://localhost:9091")
    if parts.query or parts.fragment or "/metrics" in parts.path:
        raise ConfigError(
            f"{shown} goes too far; give the gateway's own address, without /metrics, '?' or '#' "
            "(job and grouping are settings)"
        )


def _without_secrets(text: str) -> str:
    """Return a URL without what a person may have put into it to log in."""
    scheme, slashes, rest = text.rpartition("://")
    return scheme.rpartition("@")[2] + slashes + re.split("[?#;]", rest.rpartition("@")[2])[0]


def path(text: str) -> None:
    """Refuse what cannot be the path of a file."""
    if not text or "\0" in text:
        raise ConfigError(f"{text!r} cannot be the path of a file")


def group_value(text: str) -> None:
    """Refuse a job or grouping value that cannot travel in the path of a URL."""
    # The gateway's server cleans paths, so that the two dots would be directories.
    if text in ("", ".", "..") or not text.isprintable():
        raise ConfigError(f"{text!r} cannot be part of the group; expected a name")


def label(name: str, taken: Collection[str]) -> None:
    """Refuse a label name that Prometheus would not take, or that is in use."""
    if name in taken or not _LABEL.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be a label; expected letters, digits and _, no __ in front, "
            f"and none of the names in use: {', '.join(sorted(taken))}"
        )


def label_value(text: str) -> None:
    """Refuse an empty value, which means the same as no label to Prometheus."""
    if not text:
        raise ConfigError("an empty label is no label; give it a value or remove it")


def username(text: str) -> None:
    """Refuse a user name that basic authentication cannot carry (RFC 7617)."""
    if not text or ":" in text or not text.isprintable():
        raise ConfigError(f"{text!r} cannot be a user name; expected one without ':'")


def namespace(text: str) -> None:
    """Refuse what cannot begin the name of a metric."""
    if not _NAMESPACE.fullmatch(text):
        raise ConfigError(f"{text!r} cannot begin a metric's name; expected letters, digits and _")


_LONGEST = 1_000_000
"""Seconds of the largest bound of a bucket, eleven days: no request takes as long."""


def buckets(seconds: tuple[float, ...]) -> None:
    """Refuse upper bounds that do not ascend from above 0, seen in whole nanoseconds."""
    bounds = [round(bound * 1e9) for bound in seconds if abs(bound) <= _LONGEST]
    if len(bounds) < max(len(seconds), 1) or any(a >= b for a, b in pairwise([0, *bounds])):
        raise ConfigError(
            f"expected seconds above 0, ascending, up to {_LONGEST:,}, got {list(seconds)}"
        )


def timezone(name: str) -> None:
    """Refuse a time zone that this machine does not know."""
    if name == "UTC":  # the default, which needs no data base of zones
        return
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ConfigError(
            f"{name!r} is not a time zone here; expected one such as UTC or Europe/Berlin"
        ) from None


def log_format(spec: str) -> None:
    """Refuse what is neither `auto` nor a format."""
    if spec != "auto":
        presets.resolve(spec)


def path_labels(pattern: str) -> tuple[str, ...]:
    """Return the labels that a `labels_from_path` gives; refuse what gives none."""
    try:
        names = tuple(re.compile(pattern).groupindex)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{pattern!r} is not a regular expression: {error}") from None
    if not names:
        raise ConfigError(f"{pattern!r} names no label; expected a group such as (?P<site>[^/]+)")
    return names


def rotated(pattern: str) -> None:
    """Refuse what cannot be a glob of rotated files."""
    if not pattern or "\0" in pattern or re.search("[{}]", pattern.replace("{name}", "")):
        raise ConfigError(
            f"{pattern!r} cannot be used; expected a glob, with {{name}} for the active file's name"
        )
