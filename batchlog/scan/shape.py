"""Which lines of a format can be read without an expression, and where their fields stand.

Quotes are the landmarks, and what ends at one, or at the end of the line, is a span. A line that
`columns` or `compiled` take counts as the expression of `formats.pattern` counts it, because:

- No backslash is in it. (`compiled` also takes lines in which each stands before an `x` or `u`, as
  nginx and Apache write what cannot be printed; but not where a literal begins with one of these,
  or holds a backslash: see `Shape.is_hidden_by`.) No field of an expression holds a quote but
  behind a backslash, or as an empty `""` outside of quotes. So its quotes are those of the format,
  one after the other, or what stands between two of them does not fit, and it is left to rows.
- A field is the shortest text before the whole literal behind it. A literal that goes up to a quote
  can stand at that quote alone; any other is searched from where the field begins.
- The literal behind the last wanted field is looked at up to a quote, which is more than the
  expression asks: it is content with what it needs to know that the field is not torn.
- Fields that hold less than any text are looked at: the status (three digits, else rows), bytes,
  and a host with a port behind it. A second one of those that is not wanted has no shape at all.
- A request is read only where it fills its quotes: the expression looks for its first word up to a
  blank or a quote, and for its last one back from its end.

tests/scan/test_columns.py draws formats, lines and damage to them, and compares with rows.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from batchlog.formats import Field, Format, Role, pattern, stamps
from batchlog.formats.pattern import WANTS
from batchlog.formats.tokens import Token

STAMPS = {stamps.CLF: (26, 18), stamps.ISO: (25, 17)}
"""Bytes of a stamp, where they are always as many, and where its second stands."""

_NUMBERS = (Role.STATUS, Role.DURATION, Role.BODY, Role.SENT)
_PORT = b":"


class Text(NamedTuple):
    """A field in a span, and the literal behind it; empty where the span ends."""

    wants: tuple[str, ...]
    """The raw texts that are read from it."""
    role: Role
    stop: bytes


class Span(NamedTuple):
    """What stands between two landmarks: perhaps a literal, then fields each with its literal."""

    lead: bytes
    texts: tuple[Text, ...]
    dashes: bytes = b""
    """Where only the stamp at the end may be wanted: what stands before it when the fields in the
    middle are `-`, as they mostly are. Such a span need not be searched."""
    behind: int = 0
    """Bytes of that stamp and its literal."""


class Shape(NamedTuple):
    """The spans of a line, as far as anything is wanted of it."""

    spans: tuple[Span, ...]
    open_end: bool
    """Whether the last span ends at the end of the line; a quote ends every other one."""
    closing: bytes
    """What stands behind the last quote."""

    @property
    def quotes(self) -> int:
        """Number of quotes that a line must have at least."""
        return len(self.spans) - self.open_end

    @property
    def literals(self) -> list[bytes]:
        """Everything that is looked for."""
        stops = [text.stop for span in self.spans for text in span.texts]
        return [
            self.closing,
            *stops,
            *(part for one in self.spans for part in (one.lead, one.dashes)),
        ]

    def is_hidden_by(self, escapes: bytes) -> bool:
        r"""Tell whether an escape such as `\x`, of one of these letters, may hide a literal."""
        stops = b"".join(text.stop[:1] for span in self.spans for text in span.texts)
        return b"\\" in b"".join(self.literals) or not set(stops).isdisjoint(escapes)


Piece = list[bytes | int]
"""Literals without a quote, and the places of fields, by turns."""


def shape_of(form: Format, wants: frozenset[str]) -> Shape | None:
    """Return the shape of a format's lines; None where only rows can tell where fields end."""
    places = pattern.places(form)
    wanted = {want: i for want in wants if (i := places[want]) is not None}
    last = max(wanted.values())
    quote = _next_quote(form, last)
    end = last + 1 if quote is None else quote
    if any(b"\r" in _literal(form, i) for i in range(end + 1)):
        return None
    if any(_adjoins(form, i) or _is_for_rows(form, i, wanted) for i in range(end)):
        return None
    *pieces, rest = _pieces(form.tokens[: end + 1])
    if quote is not None:
        closing = b"".join(part for part in rest if isinstance(part, bytes))
        spans = [_with_dashes(form, _span(form, piece, wanted)) for piece in pieces]
        return Shape(tuple(spans), open_end=False, closing=closing)
    if not _ends_well(form, rest):
        return None
    spans = [_with_dashes(form, _span(form, piece, wanted)) for piece in pieces]
    return Shape((*spans, _span(form, rest, wanted)), open_end=True, closing=b"")


def _literal(form: Format, place: int) -> bytes:
    """Return the literal at a place, nothing where a field or no token stands there."""
    token = form.tokens[place] if 0 <= place < len(form.tokens) else b""
    return token if isinstance(token, bytes) else b""


def _next_quote(form: Format, last: int) -> int | None:
    """Return the place of the first literal with a quote behind the `last` field."""
    places = range(last + 1, len(form.tokens))
    return next((place for place in places if b'"' in _literal(form, place)), None)


def _pieces(tokens: Sequence[Token]) -> list[Piece]:
    """Cut tokens at quotes."""
    pieces: list[Piece] = [[]]
    for place, token in enumerate(tokens):
        if isinstance(token, Field):
            pieces[-1].append(place)
            continue
        first, *others = token.split(b'"')
        pieces[-1] += [first] if first else []
        pieces += [[part] if part else [] for part in others]
    return pieces


def _ends_well(form: Format, piece: Piece) -> bool:
    """Tell whether the end of the line can end the last piece: a literal, or digits before it."""
    if not piece or isinstance(piece[-1], bytes):
        return True
    field = form.tokens[piece[-1]]
    return isinstance(field, Field) and field.role in _NUMBERS


def _span(form: Format, piece: Piece, wanted: dict[str, int]) -> Span:
    lead = piece[0] if piece and isinstance(piece[0], bytes) else b""
    places = [(i, place) for i, place in enumerate(piece) if isinstance(place, int)]
    texts = []
    for i, place in places:
        field, stop = form.tokens[place], piece[i + 1] if i + 1 < len(piece) else b""
        assert isinstance(field, Field) and isinstance(stop, bytes)  # noqa: S101, PT018
        names = tuple(want for want in WANTS if wanted.get(want) == place)
        if field.role is Role.VHOST and stop == _PORT:
            names = (pattern.VHOST,)  # it holds no more than a host: to be looked at
        texts.append(Text(names, field.role, stop))
    return Span(lead, tuple(texts))


def _with_dashes(form: Format, span: Span) -> Span:
    """Note what the usual `host - - [stamp] ` holds before its stamp.

    Wherever the fields before it end: their literals stand there in this order. The stamp is read
    from its last bracket on, so what else may be left in front of it does no harm.
    """
    *skipped, stamp = span.texts or (None,)
    if not skipped or stamp is None or stamp.role is not Role.STAMP or not stamp.stop:
        return span
    field = form.field(Role.STAMP)
    layout = STAMPS.get(field.unit) if field else None
    if layout is None or any(text.wants or text.role is not Role.NONE for text in skipped):
        return span
    if not skipped[-1].stop.endswith(b"["):
        return span
    dashes = skipped[0].stop + b"".join(b"-" + text.stop for text in skipped[1:])
    return span._replace(dashes=dashes, behind=layout[0] + len(stamp.stop))


def _adjoins(form: Format, place: int) -> bool:
    """Tell whether no literal stands between a field and the next one."""
    both = form.tokens[place : place + 2]
    return len(both) == 2 and all(isinstance(token, Field) for token in both)  # noqa: PLR2004


def _is_for_rows(form: Format, place: int, wanted: Mapping[str, int]) -> bool:
    """Tell whether this is a field of which columns cannot say where it ends, or what is in it."""
    token = form.tokens[place]
    if not isinstance(token, Field):
        return False
    before, behind = _literal(form, place - 1), _literal(form, place + 1)
    is_number = place in (wanted[pattern.STATUS], form.size)
    match token.role:
        case _ if is_number and (
            behind[:1].isdigit() or (place == form.size and behind[:1] == b"-")
        ):
            return True  # a dash alone is no bytes, or where that literal begins
        case Role.STATUS:
            return not is_number
        case Role.VHOST if behind.startswith(_PORT):
            return behind != _PORT or place != form.index(Role.VHOST)
        case Role.REQUEST:
            fills = before.endswith(b'"') and behind.startswith(b'"')
            is_quoted = pattern.is_quoted(form.tokens, place)
            return not (fills if place in wanted.values() else is_quoted)
    return False
