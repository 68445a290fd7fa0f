r"""Regular expressions from the tokens of a format.

The rule that keeps them linear: a field is the shortest text before the literal that follows it,
within its quotes or outside any. So where a field ends follows from its text alone, and the engine
gains nothing by going back: each repeated part begins with a byte that the part before it cannot
be, and the literal cannot stand where a part was given back. No expression crosses a newline.

`scan.shape` and `scan.measures` rely on what is written here: they find the same without it.

Possessive repeats stand on single bytes only: around groups, CPython before 3.11.5 forgets to
step back (gh-106052).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from batchlog.formats.tokens import Field, Format, Role, Token

STATUS, SIZE, METHOD, PROTOCOL, VHOST, DURATION, STAMP = WANTS = (
    *("status", "size", "method", "protocol", "vhost", "duration", "stamp"),
)
"""The raw texts that a line can be asked for."""

_STATUS = rb"-?[0-9]++"
_SIZE = rb"-|[0-9]*+"
_ENDS = rb'(?=[ "\n%s]|\r\n)'
"""What must follow the last of status and bytes: a number that goes on there is torn."""

_NARROW = {Role.VHOST: rb'\[[^\] "\n]*+\]|[^]:/? "\\\n]*+', Role.DURATION: rb"[0-9.]*+"}
"""What fields hold that end without a literal; others that run into the next field are empty."""

_FIRST_WORD = rb'(?:(?=([^ "\\\n]*+)[ "])|)'
"""Looks ahead from the beginning of a request, and moves nothing."""
_LAST_WORD = rb"(?:(?<=(.{9}))|)"
"""Looks back from the end of a request at the longest protocol and the space before it."""


class Counting(NamedTuple):
    """An expression that matches any one line with its newline, and finds its raw texts."""

    regex: re.Pattern[bytes]
    wants: tuple[str, ...]
    """What each group holds; all are empty in a line that does not match."""


@lru_cache(maxsize=64)
def counting(form: Format, wants: frozenset[str]) -> Counting:
    """Make the expression that counts lines.

    What it matches is the same whatever is wanted: up to the last of status and bytes. What is
    wanted beyond is found where the line goes on as the format says.
    """
    groups = _groups(form, wants | {STATUS})
    last = max(i for i in (form.index(Role.STATUS), form.size) if i is not None) + 1
    core = _sequence(form, 0, last, groups)
    beyond = _beyond(form, last, groups)
    line = rb"(?:" + core + _ENDS % _first_byte(form, last) + beyond + rb"|).*+\n"
    found = tuple(want for i in sorted(groups) for want in groups[i])
    return Counting(re.compile(line), found)


@lru_cache(maxsize=64)
def stamped(form: Format) -> re.Pattern[bytes] | None:
    """Make the expression whose group is the text of a line's stamp."""
    at = form.index(Role.STAMP)
    if at is None:
        return None
    before, text = _sequence(form, 0, at, {}), _regex(form, at, ())
    return re.compile(before + b"(" + text + b")" + _closing(form, at))


@lru_cache(maxsize=64)
def reaching(form: Format) -> re.Pattern[bytes]:
    """Make an expression that matches as many tokens of a line as there are, a group for each."""
    nested = b""
    for i in reversed(range(len(form.tokens))):
        nested = b"(?:(" + _regex(form, i, ()) + b")" + nested + b")?"
    return re.compile(nested)


def places(form: Format) -> dict[str, int | None]:
    """Return which token holds each of the raw texts, None where the format has none that does."""
    return {
        STATUS: form.index(Role.STATUS),
        SIZE: form.size,
        METHOD: form.index(Role.METHOD, Role.REQUEST),
        PROTOCOL: form.index(Role.PROTOCOL, Role.REQUEST),
        VHOST: form.index(Role.VHOST),
        DURATION: form.index(Role.DURATION),
        STAMP: form.index(Role.STAMP),
    }


def _groups(form: Format, wants: frozenset[str]) -> dict[int, tuple[str, ...]]:
    """Return which wanted texts each token holds, in the order in which they stand there."""
    found = places(form)
    groups: dict[int, tuple[str, ...]] = {}
    for want in WANTS:
        place = found[want]
        if want in wants and place is not None:
            groups[place] = (*groups.get(place, ()), want)
    return groups


def _beyond(form: Format, begin: int, groups: dict[int, tuple[str, ...]]) -> bytes:
    """Return what finds the groups from `begin` on, each without need of those after it."""
    ends = sorted(i + 1 for i in groups if i >= begin)
    nested = b""
    for end, start in reversed([*zip(ends, [begin, *ends], strict=False)]):
        part = _sequence(form, start, end, groups) + _closing(form, end - 1)
        nested = b"(?:" + part + nested + b")?"
    return nested


def _closing(form: Format, i: int) -> bytes:
    """Look ahead at what must follow a field that may be torn: else its text is not all of it."""
    follower = form.tokens[i + 1] if i + 1 < len(form.tokens) else None
    if isinstance(follower, Field):
        return b""
    return rb'(?=[ "\r\n]|\Z)' if follower is None else b"(?=" + re.escape(follower) + b")"


def _sequence(form: Format, begin: int, end: int, groups: dict[int, tuple[str, ...]]) -> bytes:
    """Return the expression of the tokens from `begin` to `end`."""
    return b"".join(
        _regex(form, i, groups.get(i, ()), is_followed=i + 1 < end) for i in range(begin, end)
    )


def _regex(form: Format, i: int, groups: tuple[str, ...], *, is_followed: bool = False) -> bytes:
    """Return the expression of one token with its groups, none of which changes what it matches.

    `is_followed` says that the next token's expression comes right after it.
    """
    token = form.tokens[i]
    if isinstance(token, bytes):
        return re.escape(token)
    shape = _shape(form, i, token, b"*?" if is_followed else b"*")
    if token.role is Role.REQUEST:
        first = _FIRST_WORD if METHOD in groups else b""
        return first + shape + (_LAST_WORD if PROTOCOL in groups else b"")
    return b"(" + shape + b")" if groups else b"(?:" + shape + b")"


def _shape(form: Format, i: int, field: Field, repeat: bytes) -> bytes:
    """Return what a field may hold."""
    if field.role is Role.STATUS:
        return _STATUS
    if i == form.size:
        return _SIZE
    follower = form.tokens[i + 1] if i + 1 < len(form.tokens) else b""
    if isinstance(follower, Field):
        return _NARROW.get(field.role, b"")
    if field.role is Role.VHOST and follower.startswith(b":"):
        return _NARROW[Role.VHOST]
    return _text(form, i, repeat)


def _text(form: Format, i: int, repeat: bytes) -> bytes:
    """Return the shortest text before what follows a field.

    Repeated as `*?`, the literal is tried first at each place: faster, and right only where it
    comes next; `*` goes as far as the text does.
    """
    quoted = is_quoted(form.tokens, i)
    literal = next((t for t in form.tokens[i + 1 :] if isinstance(t, bytes)), b"")
    stop, rest = literal[:1], re.escape(literal[1:])
    if not quoted and _is_bare_request(form.tokens, i):
        rest += _STATUS + rb"(?![^ \r\n])"
    detours = [rb"\\."]
    if rest and stop != b'"':
        detours.append(re.escape(stop) + b"(?!" + rest + b")")
    if not quoted and stop != b'"':
        detours.append(b'""')  # how Apache writes an empty user
    usual = rb'[^"\\\n' + re.escape(stop or b" \r") + rb"]*+"
    return usual + b"(?:(?:" + b"|".join(detours) + b")" + usual + b")" + repeat


def is_quoted(tokens: tuple[Token, ...], i: int) -> bool:
    """Tell whether a token stands between quotes of the format."""
    return sum(token.count(b'"') for token in tokens[:i] if isinstance(token, bytes)) % 2 == 1


def _is_bare_request(tokens: tuple[Token, ...], i: int) -> bool:
    """Tell whether this is a request line without quotes, which only a status can end."""
    match tokens[i : i + 3]:
        case [Field(_, Role.REQUEST), bytes(), Field(_, Role.STATUS)]:
            return True
    return False


def _first_byte(form: Format, i: int) -> bytes:
    """Return the byte with which the format itself goes on, for a set of bytes."""
    token = form.tokens[i] if i < len(form.tokens) else b""
    return re.escape(token[:1]) if isinstance(token, bytes) else b""
