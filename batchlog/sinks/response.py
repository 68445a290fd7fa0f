"""What is taken of a server's answer: little, however much it sends, and nothing that is wrong."""

import re
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import NamedTuple

LIMIT = 1 << 16
"""Most bytes that are read of an answer whose text is only shown, and of a line at once."""

KEPT = 8 << 20
"""Most bytes kept of an answer of which only some lines are."""


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


def take(response: HTTPResponse, keep: tuple[bytes, ...]) -> Answer:
    """Read the answer; with `keep`, of a 200 only the lines that begin with one of its members.

    Flood where they are too much, HTTPException where the answer is wrong or not whole.
    """
    sifted = bool(keep) and response.status == HTTPStatus.OK
    try:
        body = _sift(response, keep) if sifted else response.read(LIMIT)
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


def _sift(response: HTTPResponse, keep: tuple[bytes, ...]) -> bytes:
    """Return the lines that begin with a member of `keep`, in pieces so that none is too long."""
    kept = bytearray()
    begins, wanted = True, False
    while piece := response.readline(LIMIT):
        wanted = piece.startswith(keep) if begins else wanted
        begins = piece.endswith(b"\n")
        if wanted:
            kept += piece
        if len(kept) > KEPT:
            raise Flood
    return bytes(kept)
