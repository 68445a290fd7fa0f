"""How far a backfill has come: a bar where a person watches, else a line a file in the log.

The bar is drawn by rich on standard error. It never tears a line of the log, which is written above
it, and what comes from file names is text to it: no control characters, no markup.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from batchlog.backfill.progress import Progress
from batchlog.cli import console
from batchlog.segments.findings import Finding, amount, decision, notice, size
from batchlog.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Drawn

_NAME = 36
"""Most characters of a file's name in the bar: its end tells more than its beginning."""

_A_SECOND = 4
"""How often the bar is drawn."""


@contextmanager
def shown(*, quiet: bool) -> Iterator[Progress]:
    """Show how far it has come while the block lasts; a bar is gone after it."""
    if quiet or not is_watched(sys.stderr):
        yield Lines(notice)
        return
    screen = terminal(sys.stderr)
    with _drawn(screen) as drawn, console.through(_Above(screen)):
        yield Bar(drawn, sys.stderr)


def is_watched(stream: TextIO) -> bool:
    """Tell whether a person sees the stream, at a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


def terminal(stream: TextIO) -> "Console":
    """Return the person's terminal for rich; without color where `NO_COLOR` says so."""
    from rich.console import Console

    return Console(
        file=stream,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        force_terminal=True,
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def fitting(text: str, stream: TextIO) -> str:
    """Return `text` as it can be on this stream, whose encoding may not have all characters."""
    encoding = stream.encoding or "ascii"
    return console.printable(text).encode(encoding, "backslashreplace").decode(encoding)


def _drawn(screen: "Console") -> "Drawn":
    """Return the bar's parts; nothing of it is wrapped or read as markup."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Drawn
    from rich.table import Column

    def text(name: str) -> TextColumn:
        column = Column(no_wrap=True, overflow="crop")
        return TextColumn(f"{{task.fields[{name}]}}", markup=False, table_column=column)

    return Drawn(
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        DownloadColumn(table_column=Column(no_wrap=True)),
        text("speed"),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        text("name"),
        console=screen,
        refresh_per_second=_A_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class Lines:
    """One line a file, when it is done."""

    def __init__(self, level: Callable[[str], Finding]) -> None:
        self._level = level
        self._path = ""
        self._lines = self._malformed = self._bytes = 0

    def begin(self, size: int, files: int) -> None:
        """Say nothing: the summary will."""

    def file(self, path: str) -> None:
        """Begin a file's line."""
        self._path = path
        self._lines = self._malformed = self._bytes = 0

    def advance(self, size: int) -> None:
        """Say nothing: a log is no place for a percentage."""

    def step(self, tally: Tally, read_bytes: int) -> None:
        """Add a step to the file's line."""
        self._lines += tally.lines
        self._malformed += tally.malformed
        self._bytes += read_bytes

    def done(self) -> None:
        """Say what was read of the file; nothing where none was begun."""
        if not self._path:
            return
        counts = f"{amount(self._lines, 'line')}, {size(self._bytes)}"
        malformed = f"; {self._malformed:,} malformed" if self._malformed else ""
        console.say(self._level(f"{self._path}: {counts}{malformed}"))
        self._path = ""


class Bar(Lines):
    """Bytes on disk, lines a second, time left and the file at hand; the line a file with -v."""

    def __init__(self, drawn: "Drawn", stream: TextIO) -> None:
        super().__init__(decision)
        self._drawn = drawn
        self._stream = stream
        self._task = drawn.add_task("", total=None, speed="", name="", visible=False)
        self._all_lines = 0

    def begin(self, size: int, files: int) -> None:
        """Draw the bar for the first time."""
        del files
        self._drawn.reset(self._task, total=size, visible=True)

    def file(self, path: str) -> None:
        """Show the file's name."""
        super().file(path)
        name = fitting(path, self._stream)
        self._drawn.update(self._task, name=name if len(name) <= _NAME else f"...{name[-_NAME:]}")

    def advance(self, size: int) -> None:
        """Move the bar."""
        self._drawn.advance(self._task, size)

    def step(self, tally: Tally, read_bytes: int) -> None:
        """Show how fast lines are read, on the whole."""
        super().step(tally, read_bytes)
        self._all_lines += tally.lines
        seconds = self._drawn.tasks[0].elapsed or 0
        if seconds:
            self._drawn.update(self._task, speed=f"{self._all_lines / seconds:,.0f} lines/s")


class _Above:
    """The log while a bar is drawn: its lines are written above it."""

    def __init__(self, screen: "Console") -> None:
        self._screen = screen

    def write(self, text: str) -> None:
        """Write a line as it is: not wrapped, its color kept."""
        from rich.text import Text

        self._screen.print(Text.from_ansi(text.removesuffix("\n")), soft_wrap=True)

    def flush(self) -> None:
        """Do nothing: rich flushes what it prints."""
