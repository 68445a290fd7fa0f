"""Durations and points in time as people write them.

Texts become numbers of seconds here and nowhere else. The clock is an argument; a text that
cannot be read is a ConfigError that shows what would do.
"""

import re
import warnings
from datetime import UTC, datetime
from typing import Literal

from batchlog.errors import ConfigError

Since = Literal["checkpoint", "start", "now"] | int
"""Where a log that the checkpoint does not know begins; an int is Unix seconds."""

_PLACES: dict[str, Since] = {"checkpoint": "checkpoint", "start": "start", "now": "now"}

_UNITS = {"y": 365 * 86_400, "w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}

# The syntax of https://prometheus.io/docs/prometheus/latest/querying/basics/ ("durations"):
# whole numbers, each unit once, the longest first.
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit}(?![a-z]))?" for unit in _UNITS))

_LONGEST = 100 * _UNITS["y"]

_LONGEST_TEXT = 100

# The stamp of an access log, which people paste; dateutil does not read the colon before the hour.
_LOG_STAMP = re.compile(r"\[?(\d{1,2}/[A-Za-z]{3}/\d{4}):([^\]]*)\]?")


def duration(text: str) -> float:
    """Return the seconds of a duration such as `10s`, `1h30m`, `7d`, `250ms` or `0`."""
    found = _DURATION.fullmatch(text) if text else None
    if found is None and text != "0":
        raise ConfigError(f"{text!r} is not a duration; expected one such as 30s, 5m, 1h30m or 7d")
    counts = found.groups() if found else ()
    seconds = sum(
        int(count) * size for count, size in zip(counts, _UNITS.values(), strict=False) if count
    )
    if seconds > _LONGEST:
        raise ConfigError(f"{text!r} is too long; durations end at 100y")
    return float(seconds)


def since(text: str, now: float) -> Since:
    """Return what `--since` asks for; `now` is Unix seconds, and what comes after it is refused.

    Besides the three words: an age such as `36h`, or a time that dateutil reads, which is local
    unless it carries an offset. What a time leaves out is today's.
    """
    if text in _PLACES:
        return _PLACES[text]
    when = _when(text, now, "checkpoint, start, now, ")
    if when > now:
        raise ConfigError(f"{text!r} lies in the future; give a time that has passed, or now")
    return int(when)


def bound(text: str, now: float) -> int:
    """Return the moment that an age or a time stands for, Unix seconds; `now` is, too."""
    return int(_when(text, now))


def _when(text: str, now: float, places: str = "") -> float:
    """Read an age or a time; `places` are the words that would do as well."""
    if text != "0" and text and _DURATION.fullmatch(text):
        return now - duration(text)
    if len(text) > _LONGEST_TEXT:
        raise ConfigError(f"{text[:20]!r}… is not a time: it has {len(text)} characters")
    return _moment(text, now, places)


def _moment(text: str, now: float, places: str) -> float:
    from dateutil import parser

    today = datetime.fromtimestamp(now, UTC).astimezone().replace(tzinfo=None)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0)
    stamp = _LOG_STAMP.fullmatch(text)
    with warnings.catch_warnings():
        # A zone's name that dateutil does not know would be read as local time, with a warning.
        warnings.simplefilter("error", parser.UnknownTimezoneWarning)
        try:
            plain = f"{stamp[1]} {stamp[2]}" if stamp else text
            return parser.parse(plain, default=midnight).timestamp()
        except parser.UnknownTimezoneWarning:
            reason = "names a time zone that is not known here; write its offset, such as +01:00"
        except (ValueError, ArithmeticError):  # decimal's, for one, of too many digits
            reason = (
                f"is not a time; expected {places}an age such as 36h or 7d, "
                "or a time such as '2026-11-01 10:00'"
            )
    raise ConfigError(f"{text!r} {reason}")
