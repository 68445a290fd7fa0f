r"""Names that rotators give: which base a rotated name belongs to, and its place in time.

Names only say which files to look at and in which order; what was counted is decided by content.
Sources: logrotate(8) (`rotate`, `dateext`, `dateformat`, `extension`, the compress commands),
rotatelogs(8) (`%Y-%m-%d`, seconds since 1970, `-n`), Debian's and RHEL's configurations.
"""

import re
from functools import lru_cache
from typing import NamedTuple

# Those that batchlog does not read stand here too: their files are surfaced, not passed over.
_PACKED = r"\.(?:gz|bz2|xz|lzma|zst|zstd|lz4|lz|lzo|7z|zip|Z)"
_COMPRESSED = rf"(?P<packed>{_PACKED})"
_DATE = (
    r"(?:19|20)\d\d[-._]?(?:0[1-9]|1[0-2])[-._]?(?:0[1-9]|[12]\d|3[01])"
    r"(?:[-._T]?(?:[01]\d|2[0-3])(?:[-._:]?[0-5]\d(?:[-._:]?[0-6]\d)?)?)?"
    r"(?:-\d{10})?"
)
_STAMP = rf"(?P<stamp>{_DATE}|1\d{{9}})"
_NUMBER = r"(?P<number>\d{1,5})"
_SHAPES = tuple(
    re.compile(rf"(?s:{shape})\Z")
    for shape in (
        rf"(?P<base>.+?)[-._]{_STAMP}(?:[-.]\d{{1,3}})?{_COMPRESSED}?",
        rf"(?P<base>.+)\.{_NUMBER}{_COMPRESSED}?",
        rf"(?P<base>.+?)[-._]{_STAMP}(?P<extension>\.[A-Za-z]{{1,8}}){_COMPRESSED}?",
        rf"(?P<base>.+)\.{_NUMBER}(?P<extension>\.log){_COMPRESSED}?",
        rf"(?P<base>.+){_COMPRESSED}",
    )
)
_LEFTOVER = re.compile(
    r"(?s:.*)(?:~|\.(?:backup|bak|tmp|temp|swp|swo|part|filepart|orig|save|old~|dpkg-\w+|rpm\w+))\Z"
    r"|(?s:[.#].*)\Z"
)
_QUICK = re.compile(rf"\d|{_PACKED}\Z")


class Rotated(NamedTuple):
    """One way to read a name as a rotated one."""

    base: str
    """Name of the active file that it was."""
    stamp: str
    """Its date and time as digits, or empty."""
    number: int
    """Its number, or -1."""
    inside: bool
    """Whether the number or stamp stands before an extension: such a name may be a log's own."""


@lru_cache(maxsize=1 << 16)
def readings(name: str) -> tuple[Rotated, ...]:
    """Return every way to read `name` as a rotated one, the one that strips most first."""
    if not _QUICK.search(name):
        return ()
    found: dict[str, Rotated] = {}
    for shape in _SHAPES:
        match = shape.match(name)
        if match is not None:
            parts = match.groupdict()
            base = parts["base"] + (parts.get("extension") or "")
            stamp = re.sub(r"\D", "", parts.get("stamp") or "")
            number = int(parts.get("number") or -1)
            found.setdefault(base, Rotated(base, stamp, number, bool(parts.get("extension"))))
    return tuple(sorted(found.values(), key=lambda reading: len(reading.base)))


def is_leftover(name: str) -> bool:
    """Return whether an editor, a package manager or a rotator left it aside (R9)."""
    return _LEFTOVER.match(name) is not None
