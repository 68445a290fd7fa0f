"""How many bytes a call to the network may be answered with, whatever its server sends.

Libraries read an answer whole, and a server may never end it. What is allowed travels with the
call, in its context, to where the bytes arrive (`sessions`): coroutines that a library starts for
it in a thread of its own have a copy of that context.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

ANSWER = 1 << 10
"""Bytes that each answer takes at least: many empty ones come to an end too."""

T = TypeVar("T")


class TooMuch(Exception):  # noqa: N818 - a state, as in `errors`
    """A server sends more than was asked for."""

    def __init__(self) -> None:
        super().__init__("its server sends more than was asked for")


class Allowance:
    """What is left of the bytes that are allowed."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, length: int) -> None:
        """Take so many of them; TooMuch where there are fewer."""
        self._left -= length
        if self._left < 0:
            raise TooMuch

    @property
    def left(self) -> int:
        """Bytes that may still come."""
        return self._left


ALLOWED: ContextVar[Allowance | None] = ContextVar("ALLOWED", default=None)
"""Of the call under way."""


def within(most: int, call: Callable[[], T]) -> T:
    """Return what a call returns, which is answered with so many bytes at most."""
    token = ALLOWED.set(Allowance(most))
    try:
        return call()
    finally:
        ALLOWED.reset(token)
