"""What a backfill tells about itself while it goes on; who listens is a terminal or a log."""

from typing import Protocol

from batchlog.tally import Tally


class Progress(Protocol):
    """Hears of the files in plan order, one after the other; `advance` comes at any time."""

    def begin(self, size: int, files: int) -> None:
        """Hear once, before all else, how many bytes on disk and how many files are to be read."""

    def file(self, path: str) -> None:
        """Hear that this file's steps come now."""

    def advance(self, size: int) -> None:
        """Hear that so many more bytes on disk were taken in, of whichever file."""

    def step(self, tally: Tally, read_bytes: int) -> None:
        """Hear of a step of the file: its counts, and its bytes as they are read, decompressed."""

    def done(self) -> None:
        """Hear that the file was read as far as it is to be; or that one failed before it began."""
