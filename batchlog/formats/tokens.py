"""A format as data: the literal text and the fields of a line, in order.

Nothing here reads a line. Regular expressions, explanations and, for other scanners, their own
plans derive from the same tokens; what is measured is found by a field's role, never by its name,
so that formats which are no lines of text can carry the same fields.
"""

from collections.abc import Iterable
from enum import Enum

import msgspec


class Role(Enum):
    """What a field is measured for."""

    STATUS = "status"
    BODY = "bytes of the body"
    SENT = "bytes sent"
    REQUEST = "request line"
    METHOD = "method"
    PROTOCOL = "protocol"
    VHOST = "virtual host"
    STAMP = "time"
    DURATION = "duration"
    NONE = "not measured"


class Field(msgspec.Struct, frozen=True):
    """A place in a line whose text varies."""

    name: str
    """As the format writes it: `%>s`, `$status`."""
    role: Role = Role.NONE
    unit: str = ""
    """Of a duration `s`, `ms` or `us`; of a stamp its pattern (see `stamps`)."""


Token = bytes | Field
"""Literal text, or a field."""


class Format(msgspec.Struct, frozen=True):
    """What the lines of a log look like. Equal formats are interchangeable."""

    spec: str
    """What resolves to this format again: a preset's name, or a format string."""
    tokens: tuple[Token, ...]
    """No two literals stand side by side, and none is empty."""

    @property
    def fields(self) -> int:
        """Number of fields: of two formats that match a line, the one with more says more."""
        return sum(isinstance(token, Field) for token in self.tokens)

    @property
    def has_stamp(self) -> bool:
        """Whether lines carry a time that can be read."""
        return self.index(Role.STAMP) is not None

    @property
    def has_duration(self) -> bool:
        """Whether lines carry how long a request took."""
        return self.index(Role.DURATION) is not None

    @property
    def size(self) -> int | None:
        """Position of the bytes that count: the body's, else those sent."""
        body = self.index(Role.BODY)
        return self.index(Role.SENT) if body is None else body

    def index(self, *roles: Role) -> int | None:
        """Return the position of the first token with the first of `roles` that is there."""
        for role in roles:
            for position, token in enumerate(self.tokens):
                if isinstance(token, Field) and token.role is role:
                    return position
        return None

    def field(self, role: Role) -> Field | None:
        """Return the field that is measured for `role`."""
        position = self.index(role)
        token = None if position is None else self.tokens[position]
        return token if isinstance(token, Field) else None


def tidy(tokens: Iterable[Token]) -> tuple[Token, ...]:
    """Join literals that stand side by side, and drop empty ones."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if isinstance(token, bytes) and isinstance(last, bytes):
            joined[-1] = last + token
        elif token != b"":
            joined.append(token)
    return tuple(joined)
