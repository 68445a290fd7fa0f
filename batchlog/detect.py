"""Which format lines are in, and what a format makes of one line."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

from batchlog import labels
from batchlog.formats import PRESETS, Field, Format, Role, pattern, stamps
from batchlog.scan.count import UNITS, Meter, duration_of, size_of, wants

LOOKED_AT = 100
"""Number of lines at the beginning of a segment that decide."""


class Part(NamedTuple):
    """A field of a line."""

    field: str
    raw: str
    meaning: str
    """What is counted of it; empty where nothing is."""


class Mismatch(NamedTuple):
    """Where a line stops being in a format."""

    column: int
    """The first byte that does not fit, counted from 1."""
    expected: str


class Explanation(NamedTuple):
    """What a format makes of a line: its fields as far as they go, and where it stops."""

    parts: list[Part]
    mismatch: Mismatch | None
    """None where the line is complete; what follows a complete line after a space is not read."""
    counts: bool
    """Whether the line counts: it need not be complete for that."""
    rest: str
    """What follows a complete line, which the format does not name."""


def detect(lines: Sequence[bytes]) -> Format | None:
    """Return the preset that the first hundred lines are in; None where fewer than half match one.

    Of presets that match as many lines, the one that leaves nothing over in more of them wins, then
    the one whose last field more of them reach, then the one with more fields. A line that ends
    behind its bytes matches: it was torn.
    """
    heads = [line.rstrip(b"\r\n") for line in islice(lines, LOOKED_AT)]
    found, (matching, *_) = max(
        ((form, _likeness(form, heads)) for form in dict.fromkeys(PRESETS.values())),
        key=lambda pair: pair[1],
    )
    return found if heads and 2 * matching >= len(heads) else None


def explain(form: Format, line: bytes) -> Explanation:
    """Return what a format makes of one line, with or without its newline."""
    line = line.rstrip(b"\r\n")
    reached, end, texts = _reach(pattern.reaching(form), line)
    parts = [
        Part(token.name, _shown(text), _meaning(form, i, text))
        for i, (token, text) in enumerate(zip(form.tokens, texts, strict=False))
        if isinstance(token, Field)
    ]
    is_complete = reached == len(form.tokens) and line[end : end + 1] in (b"", b" ")
    mismatch = None if is_complete else Mismatch(end + 1, _expected(form, reached))
    rest = _shown(line[end:].strip()) if is_complete else ""
    return Explanation(parts, mismatch, _counts(form, line), rest)


def _likeness(form: Format, lines: Iterable[bytes]) -> tuple[int, int, int, int]:
    """Return how many lines match, with nothing left over, to the last field; and the fields."""
    matching = whole = complete = 0
    regex = pattern.reaching(form)
    counted = max(form.index(Role.STATUS) or 0, form.size or 0) + 1
    for line in lines:
        reached, end, _ = _reach(regex, line)
        is_at_end = end == len(line)
        is_complete = reached == len(form.tokens)
        is_torn = is_at_end and counted <= reached < len(form.tokens)
        is_complete = is_complete and (is_at_end or line[end : end + 1] == b" ")
        matching += is_torn or is_complete
        whole += is_complete and is_at_end
        complete += is_complete
    return matching, whole, complete, form.fields


def _reach(regex: re.Pattern[bytes], line: bytes) -> tuple[int, int, tuple[bytes, ...]]:
    """Return how many tokens a line has, where the last of them ends, and their texts."""
    found = regex.match(line)
    if found is None or found.lastindex is None:
        return 0, 0, ()
    return found.lastindex, found.end(), found.groups()[: found.lastindex]


def _counts(form: Format, line: bytes) -> bool:
    regex, order = pattern.counting(form, wants(form, ()))
    found = regex.match(line + b"\n")
    return found is not None and Meter(form, (), (), order).read(found.groups(b"")) is not None


def _expected(form: Format, i: int) -> str:
    """Name the token with that number."""
    if i == len(form.tokens):
        return "a space or the end of the line"
    token = form.tokens[i]
    return token.name if isinstance(token, Field) else repr(token.decode())


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _meaning(form: Format, i: int, raw: bytes) -> str:
    """Say what is counted of a token's text."""
    token = form.tokens[i]
    if not isinstance(token, Field):
        return ""
    if i == form.size:
        size = size_of(raw)
        return "bytes that cannot be read" if size is None else f"{size} bytes"
    if form.index(token.role) != i:
        return ""
    return _MEANINGS[token.role](raw, token) if token.role in _MEANINGS else ""


def _stamp(raw: bytes, field: Field) -> str:
    seconds = stamps.reader(field.unit)(raw)
    if seconds is None:
        return "time that cannot be read"
    return f"time {datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _duration(raw: bytes, field: Field) -> str:
    took = duration_of(raw, UNITS[field.unit])
    return "duration that cannot be read" if took is None else f"duration {took / 1e9:g} s"


_MEANINGS: Mapping[Role, Callable[[bytes, Field], str]] = {
    Role.STATUS: lambda raw, _: f"status {labels.status(raw)}",
    Role.REQUEST: lambda raw, _: f"method {labels.method(raw)}, protocol {labels.protocol(raw)}",
    Role.METHOD: lambda raw, _: f"method {labels.method(raw)}",
    Role.PROTOCOL: lambda raw, _: f"protocol {labels.protocol(raw)}",
    Role.VHOST: lambda raw, _: f"vhost {labels.vhost(raw)}",
    Role.STAMP: _stamp,
    Role.DURATION: _duration,
}
