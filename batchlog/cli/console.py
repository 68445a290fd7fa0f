"""How batchlog speaks to a person: results on standard output, everything else as logging.

Control characters from logs or file names never reach a terminal.
"""

import io
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from batchlog.cli.unblocked import Unblocked
from batchlog.errors import Stop
from batchlog.nowhere import open_nowhere
from batchlog.segments.findings import Finding

log = logging.getLogger("batchlog")

_STANDARD_OUTPUT, _STANDARD_ERROR = 1, 2

_HEAD, _TAIL = 9000, 500
"""How many characters of a message stay: the longest paths (4096 bytes each), and the next step."""

_COLOURS = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m"}


class _Line(logging.Formatter):
    """A line a record: level and message; no time where journald or cron adds its own."""

    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        name, text = record.levelname, sentence(record.getMessage())
        colour = _COLOURS.get(record.levelno, "") if self._coloured else ""
        line = f"{colour}{name}{chr(27) + '[0m' if colour else ''} {text}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up(*, verbose: bool, quiet: bool, stream: TextIO | None = None) -> None:
    """Send logging to standard error: -v with every decision, -q errors only."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    coloured = stream.isatty() and not os.environ.get("NO_COLOR")
    handler.setFormatter(_Line(coloured=coloured))
    log.handlers[:] = [handler]
    log.propagate = False
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO
    log.setLevel(level)


@contextmanager
def through(stream: Any) -> Iterator[None]:  # noqa: ANN401 - all that has `write` and `flush`
    """Send the log's lines through `stream` while the block lasts: above what is drawn below."""
    handlers = [one for one in log.handlers if isinstance(one, logging.StreamHandler)]
    before = [one.stream for one in handlers]
    for one in handlers:
        one.setStream(stream)
    try:
        yield
    finally:
        for one, own in zip(handlers, before, strict=True):
            one.setStream(own)


def open_streams() -> None:
    """Make the standard streams fit to be written to.

    What the caller has closed of them is opened: no other file may take its place. What goes to
    standard error keeps nobody waiting (R131).
    """
    while (descriptor := open_nowhere()) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(open_nowhere(), "r+", encoding="utf-8"))  # noqa: SIM115 - it stays
    sys.stderr = io.TextIOWrapper(
        Unblocked(_STANDARD_ERROR),
        encoding=sys.stderr.encoding,
        errors="backslashreplace",
        write_through=True,
    )


@contextmanager
def stopped_by_signals() -> Iterator[Stop]:
    """Give a request to stop that SIGTERM and SIGINT make while the block lasts (R77).

    After it they end the program again, also where it waits for whoever reads standard output.
    """
    stop = Stop()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    before = [(number, signal.signal(number, ask)) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def leave_output() -> None:
    """Give up standard output: whoever read it has left, or it cannot be written (signal(7))."""
    os.dup2(open_nowhere(), _STANDARD_OUTPUT)


def say(finding: Finding) -> None:
    """Log what was found."""
    log.log(finding.level, "%s", finding.text)


def sentence(text: str) -> str:
    """Return a message, printable; what quotes more than anybody reads is cut in its middle."""
    if len(text) > _HEAD + _TAIL:
        text = f"{text[:_HEAD]} … {text[-_TAIL:]}"
    return printable(text)


def printable(text: str) -> str:
    """Return `text` with what is not printable written as an escape."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode()
