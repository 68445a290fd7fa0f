"""What is taken of a server's answer: little, however much it sends, and nothing that is wrong."""

import re
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import NamedTuple

LIMIT = 1 << 16
"""Most bytes that are read of an answer whose text is only shown, and of a line at once."""

KEPT = 8 << 20
"""Most bytes kept of an answer of which only some lines are."""


Keep = Callable[[bytes], bool]
"""Says of a line, its LF included, whether to keep it; it may raise what ends the reading.

Of a line longer than `LIMIT` it is given the beginning.
"""


class Garbled(HTTPException):
    """The answer breaks the rules of HTTP."""


class Flood(Exception):  # noqa: N818 - it names what came
    """More than `KEPT` bytes of an answer would have to be kept."""


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    reason: str
    location: str
    kind: str
    """Media type, such as text/plain."""
    body: bytes


class Response(HTTPResponse):
    """A response whose sizes are sizes.

    http.client takes a wrong length for none, and for a chunk of less than nothing it reads on and
    on.
    """

    def begin(self) -> None:
        """Read status and headers; Garbled where they give a length that is none."""
        super().begin()
        lengths = set(self.headers.get_all("Content-Length", ()))
        if len(lengths) > 1 or not all(re.fullmatch(r"[0-9]+[ \t]*", length) for length in lengths):
            raise Garbled

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise Garbled
        return size


def take(response: HTTPResponse, keep: Keep | None) -> Answer:
    """Read the answer; with `keep`, of a 200 only the lines that it wants.

    Flood where they are too much, HTTPException where the answer is wrong or not whole.
    """
    sifted = keep if response.status == HTTPStatus.OK else None
    try:
        body = _sift(response, sifted) if sifted else response.read(LIMIT)
    except (ValueError, OverflowError) as error:  # what it makes of a wrong size of a chunk
        raise Garbled from error
    # Neither way of reading says that something is missing.
    if response.length and (sifted or len(body) < LIMIT):
        raise IncompleteRead(body, response.length)
    return Answer(
        response.status,
        response.reason,
        response.headers.get("Location", ""),
        response.headers.get_content_type(),
        body,
    )


def _sift(response: HTTPResponse, keep: Keep) -> bytes:
    """Return the lines that `keep` wants, in pieces so that none is too long."""
    kept = bytearray()
    begins, wanted = True, False
    while piece := response.readline(LIMIT):
        ends = piece.endswith(b"\n")
        if begins and not (response.length and not ends and len(piece) < LIMIT):
            wanted = keep(piece)
        begins = ends
        if wanted:
            kept += piece
        if len(kept) > KEPT:
            raise Flood
    return bytes(kept)
