"""How the time of a line is written: strftime patterns and counts since 1970, both to Unix seconds.

A pattern is what Apache's `%{pattern}t` takes: a strftime(3) format, or `msec` or `usec`; `%f`
stands for digits of a second, which are left out. Only a pattern that names the day, the time
*and* the offset from UTC can be read: what a server meant by local time is not in its log.
Month names are English, whatever the locale.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import cache

CLF = "%d/%b/%Y:%H:%M:%S %z"
"""The common log format, as `[10/Oct/2000:13:55:36 -0700]` between its brackets."""

ISO = "%Y-%m-%dT%H:%M:%S%z"
"""ISO 8601 to the second, as nginx' `$time_iso8601`."""

_EPOCHS = {"msec": (rb"[0-9]{1,14}", 1_000), "usec": (rb"[0-9]{1,17}", 1_000_000)}
_SHORTHANDS = {"%T": "%H:%M:%S", "%R": "%H:%M", "%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%h": "%b"}
_CODES = {
    "Y": rb"[0-9]{4}",
    "y": rb"[0-9]{2}",
    "m": rb"[0-9]{2}",
    "b": rb"Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec",
    "d": rb"[0-9]{2}",
    "e": rb"[ 0-9][0-9]",
    "H": rb"[0-9]{2}",
    "M": rb"[0-9]{2}",
    "S": rb"[0-9]{2}",
    "z": rb"[+-][0-9]{2}:?[0-9]{2}|Z",
    "s": rb"[0-9]{1,11}",
    "f": rb"[0-9]++",
    "a": rb"[A-Z][a-z]{2}",
    "A": rb"[A-Z][a-z]{5,8}",
}
_MONTHS = b"JanFebMarAprMayJunJulAugSepOctNovDec"
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60
_LONG, _MANY = 64, 4096
"""Bytes of a text, and number of minutes, that are kept in mind."""

Reader = Callable[[bytes], int | None]
"""From the text of a stamp to Unix seconds; None where it cannot be read."""


def readable(pattern: str) -> bool:
    """Tell whether text of this pattern says an instant."""
    return pattern in _EPOCHS or _says_instant(set(_codes(pattern)))


@cache
def reader(pattern: str) -> Reader:
    """Make the reader of a `readable` pattern.

    It reads the end of the text, from the last bracket if there is one: a user name that holds
    ` [` leaves its rest in front of the stamp.
    """
    if pattern in _EPOCHS:
        digits, unit = _EPOCHS[pattern]
        count = re.compile(digits)
        return lambda text: int(text) // unit if count.fullmatch(text) else None
    shape = re.compile(rb"(?:\A|\[)" + _shape(_expand(pattern)) + rb"\Z")
    if "s" in shape.groupindex:
        return lambda text: int(found["s"]) if (found := shape.search(text)) else None
    return _Clock(shape).read


class _Clock:
    """Reads stamps that follow each other: most differ from one before in their second only."""

    def __init__(self, shape: re.Pattern[bytes]) -> None:
        self._shape = shape
        self._at = 0  # where the second stood in the last text that was read in full
        self._minutes: dict[tuple[bytes, bytes], int] = {}  # by what is around the second

    def read(self, text: bytes) -> int | None:
        at = self._at
        minute = self._minutes.get((text[:at], text[at + 2 :]))
        second = text[at : at + 2]
        if minute is None or len(second) < 2 or not second.isdigit():  # noqa: PLR2004
            return self._read(text)
        return minute + int(second) if second <= b"60" else None  # a leap second

    def _read(self, text: bytes) -> int | None:
        """Read all of a text, and remember its minute."""
        found = self._shape.search(text)
        minute = _minute(found.groupdict()) if found else None
        if not found or minute is None:
            return None
        if len(text) <= _LONG:
            self._at = at = found.start("S")
            if len(self._minutes) >= _MANY:
                self._minutes.clear()
            self._minutes[text[:at], text[at + 2 :]] = minute
        return minute + int(found["S"]) if found["S"] <= b"60" else None


def _expand(pattern: str) -> str:
    """Spell shorthands such as `%T` out."""
    return re.sub("%.", lambda code: _SHORTHANDS.get(code[0], code[0]), pattern)


def _codes(pattern: str) -> list[str]:
    """List the letters of the codes in a pattern."""
    return re.findall("%(.)", _expand(pattern))


def _says_instant(codes: set[str]) -> bool:
    """Tell whether the codes name an instant, and none of them is unknown."""
    if not codes <= {*_CODES, "%"}:
        return False
    day = codes & {"Y", "y"} and codes & {"m", "b"} and codes & {"d", "e"}
    return "s" in codes or bool(day and {"H", "M", "S", "z"} <= codes)


def _shape(pattern: str) -> bytes:
    """Turn a pattern into a regex with a group for each code."""
    shape, seen = [], set()
    for part in re.split("(%.)", pattern):
        code = part[1:]
        if part[:1] != "%" or code == "%":
            shape.append(re.escape(part[:1] + code if part[:1] != "%" else "%").encode())
        elif code in seen:
            shape.append(b"(?:" + _CODES[code] + b")")
        else:
            seen.add(code)
            shape.append(b"(?P<" + code.encode() + b">" + _CODES[code] + b")")
    return b"".join(shape)


def _minute(parts: dict[str, bytes]) -> int | None:
    """Return when a minute begins; None where the calendar or the clock has no such time."""
    year = int(parts["Y"]) if "Y" in parts else 1969 + (int(parts["y"]) - 69) % 100
    month = int(parts["m"]) if "m" in parts else _MONTHS.index(parts["b"]) // 3 + 1
    hour, minute = int(parts["H"]), int(parts["M"])
    try:
        day = date(year, month, int(parts["d"] if "d" in parts else parts["e"])).toordinal()
    except ValueError:
        return None
    if hour > 23 or minute > 59:  # noqa: PLR2004
        return None
    return (day - _EPOCH_DAY) * _DAY + hour * _HOUR + minute * _MINUTE - _offset(parts["z"])


def _offset(text: bytes) -> int:
    """Return the seconds by which a zone is ahead of UTC."""
    if text == b"Z":
        return 0
    ahead = int(text[1:3]) * _HOUR + int(text[-2:]) * _MINUTE
    return -ahead if text[:1] == b"-" else ahead
