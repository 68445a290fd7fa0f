"""The five fields of a crontab line, read as cron reads them. No clock, no scheduler.

The source of every rule is crontab(5) and the behaviour of Debian's cron 3.0 (Vixie cron): what
it refuses is refused here, and so is an expression whose day never comes.
"""

from typing import NamedTuple

import msgspec

from batchlog.errors import ConfigError

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    """Names of the values from `low` on."""


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 7, _WEEKDAYS)
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


class Crontab(msgspec.Struct, frozen=True):
    """When an expression is due: the values each field allows, ascending."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday, 6 is Saturday."""
    either: bool
    """Day of month and day of week are both restricted: one of them is enough."""


def parse(expression: str) -> Crontab:
    """Return what a cron expression or one of `@hourly` and its kin means; else ConfigError."""
    text = expression.strip().lower()
    if text == "@reboot":
        raise ConfigError("'@reboot' has no rhythm; use --every, whose first run is at once")
    fields = _MACROS.get(text, text).split()
    if text.startswith("@") and text not in _MACROS:
        raise ConfigError(f"{expression!r} is not known; expected one of {', '.join(_MACROS)}")
    if len(fields) != len(_FIELDS):
        raise ConfigError(
            f"{expression!r} has {len(fields)} fields; expected five: "
            "minute, hour, day of month, month, day of week"
        )
    minutes, hours, days, months, weekdays = map(_values, _FIELDS, fields)
    crontab = Crontab(
        minutes,
        hours,
        days,
        months,
        tuple(sorted({day % 7 for day in weekdays})),
        # "If both fields are restricted (i.e., don't start with *)": */2 counts as a star.
        either=not (fields[2].startswith("*") or fields[4].startswith("*")),
    )
    if not crontab.either and not any(min(days) <= _DAYS_OF_MONTH[month - 1] for month in months):
        raise ConfigError(f"{expression!r} never comes: no such month has a day {min(days)}")
    return crontab


def _values(field: _Field, text: str) -> tuple[int, ...]:
    return tuple(sorted({value for part in text.split(",") for value in _part(field, part)}))


def _part(field: _Field, text: str) -> range:
    span, slash, step = text.partition("/")
    first, dash, last = span.partition("-")
    if span == "*":
        low, high = field.low, field.high
    else:
        low = _number(field, first, text)
        high = _number(field, last, text) if dash else low
    if high < low:
        raise ConfigError(f"{field.name} {text!r} runs backwards; write it as two parts with a ','")
    if slash and span != "*" and not dash:
        raise ConfigError(
            f"{field.name} {text!r} has a step without a range; write {first}-{field.high}/{step}"
        )
    if slash and not (_digits(step) and int(step)):
        raise ConfigError(
            f"{field.name} {text!r} has no step that can be used; expected one from 1"
        )
    return range(low, high + 1, int(step) if slash else 1)


def _number(field: _Field, text: str, part: str) -> int:
    if text in field.words:
        return field.words.index(text) + field.low
    if _digits(text) and field.low <= int(text) <= field.high:
        return int(text)
    names = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
    raise ConfigError(
        f"{field.name} {part!r} cannot be used; expected {field.low} to {field.high}{names}, "
        "'*', a range such as "
        f"{field.low}-{field.high}, a list, or a step such as */2"
    )


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4  # noqa: PLR2004 - a bound for int()
