"""Which lines of a format columns can read, and where their fields stand: values, no arrays.

Quotes are the landmarks. No field holds one but with a backslash before it or as an empty `""`, so
in a line without a backslash the quotes are those of the format, one after the other; or the
literals around them do not fit, and the line is left to rows. What ends at a landmark, a quote or
the end of the line, is a span.
"""

from typing import NamedTuple

from batchlog.formats import Field, Format, Role, pattern, stamps
from batchlog.formats.pattern import WANTS

STAMPS = {stamps.CLF: (26, 18), stamps.ISO: (25, 17)}
"""Bytes of a stamp, where they are always as many, and where its second stands."""

_NUMBERS = (Role.STATUS, Role.DURATION, Role.BODY, Role.SENT)


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


Piece = list[bytes | int]
"""Literals without a quote, and the places of fields, by turns."""


def shape_of(form: Format, wants: frozenset[str]) -> Shape | None:
    """Return the shape of a format's lines; None where only rows can tell where fields end."""
    places = pattern.places(form)
    wanted = {want: i for want in wants if (i := places[want]) is not None}
    last = max(wanted.values())
    if any(_adjoins(form, i) or _is_bare(form, i) for i in range(last + 1)):
        return None
    pieces, closing = _pieces(form, last)
    open_end = closing is None
    if open_end and not _ends_well(form, pieces[-1]):
        return None
    spans = [_span(form, piece, wanted) for piece in pieces]
    quoted = len(spans) - open_end
    usual = [_with_dashes(form, span) for span in spans[:quoted]]
    return Shape((*usual, *spans[quoted:]), open_end, closing or b"")


def _pieces(form: Format, last: int) -> tuple[list[Piece], bytes | None]:
    """Cut the tokens at quotes, up to and with the literal behind the `last` field.

    The second value is what follows the last quote of that literal, None where it has no quote.
    """
    pieces: list[Piece] = []
    piece: Piece = []
    for place, token in enumerate(form.tokens[: last + 2]):
        if isinstance(token, Field):
            if place <= last:
                piece.append(place)
            continue
        first, *others = token.split(b'"')
        piece += [first] if first else []
        for part in others:
            pieces.append(piece)
            piece = [part] if part else []
        if place > last and others:
            return pieces, others[-1]
    return [*pieces, piece], None


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
        if field.role is Role.VHOST and stop.startswith(b":"):
            names = (pattern.VHOST,)  # it holds no more than a host: to be looked at
        texts.append(Text(names, field.role, stop))
    return Span(lead, tuple(texts))


def _with_dashes(form: Format, span: Span) -> Span:
    """Note what the usual `host - - [stamp] ` holds before its stamp."""
    *skipped, stamp = span.texts or (None,)
    if not skipped or stamp is None or stamp.role is not Role.STAMP or not stamp.stop:
        return span
    field = form.field(Role.STAMP)
    layout = STAMPS.get(field.unit) if field else None
    if layout is None or any(text.wants or text.role is not Role.NONE for text in skipped):
        return span
    dashes = skipped[0].stop + b"".join(b"-" + text.stop for text in skipped[1:])
    return span._replace(dashes=dashes, behind=layout[0] + len(stamp.stop))


def _adjoins(form: Format, place: int) -> bool:
    """Tell whether no literal stands between a field and the next one."""
    both = form.tokens[place : place + 2]
    return len(both) == 2 and all(isinstance(token, Field) for token in both)  # noqa: PLR2004


def _is_bare(form: Format, place: int) -> bool:
    """Tell whether this is a request line without quotes, which only a status can end."""
    token = form.tokens[place]
    is_request = isinstance(token, Field) and token.role is Role.REQUEST
    return is_request and not pattern.is_quoted(form.tokens, place)
