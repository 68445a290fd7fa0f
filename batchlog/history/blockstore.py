"""Where a history's blocks stand: made one day after the other, then moved into place together.

DIR/.work/blocks holds the blocks that are made, DIR those in place. DIR/blocks.json names them
before the first is moved, and says last that they are complete. It is there, if empty, before
anything else is: where it is not, DIR is not ours.
"""

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import msgspec

from batchlog.errors import ConfigError
from batchlog.failpoints import reach
from batchlog.history.days import DayFile
from batchlog.history.files import MOST, make_below, make_directory, replace
from batchlog.history.journal import NAME as WORK
from batchlog.smallfile import read_small
from batchlog.state.directory import sync_directory

NAME = "blocks.json"

BLOCK = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
"""A block's directory has a ULID for its name."""


class Day(msgspec.Struct, frozen=True):
    """The blocks of a day file; equal digests are equal files."""

    day: str
    digest: str
    samples: int
    blocks: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: DayFile) -> Self:
        """Return the day of a file, without its blocks."""
        return cls(file.day, file.digest, file.samples)

    @property
    def key(self) -> str:
        """The name of the directory where they wait."""
        return f"{self.day}-{self.digest}"


class Record(msgspec.Struct, frozen=True):
    """What stands in blocks.json: what is to be moved, or was."""

    promtool: str
    days: tuple[Day, ...] = ()
    complete: bool = False

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of all blocks."""
        return tuple(name for day in self.days for name in day.blocks)

    def is_of(self, files: Sequence[DayFile]) -> bool:
        """Tell whether it is about exactly these files."""
        return [day.key for day in self.days] == [Day.of(file).key for file in files]


class _Stats(msgspec.Struct):
    num_samples: int = msgspec.field(default=0, name="numSamples")


class _Meta(msgspec.Struct):
    """A block's own meta.json, as far as it is looked at."""

    stats: _Stats


def samples_in(directory: str) -> int:
    """Return the number of samples in all blocks in a directory."""
    total = 0
    for name in os.listdir(directory):
        data = read_small(os.path.join(directory, name, "meta.json"), MOST)
        total += msgspec.json.decode(data, type=_Meta).stats.num_samples
    return total


class BlockStore:
    """DIR, where blocks stand in the end, and the work below it, where they are made."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)
        self.work = os.path.join(self.directory, WORK, "blocks")
        self._record = os.path.join(self.directory, NAME)

    def record(self) -> Record | None:
        """Return what was moved here, or was going to be; ConfigError where that is not ours."""
        try:
            record = msgspec.json.decode(read_small(self._record, MOST), type=Record)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            record = None
        if record is None or not all(map(BLOCK.fullmatch, record.blocks)):  # one is a path
            raise ConfigError(f"{self._record} is not a record of blocks; give another directory")
        return record

    def begin(self, promtool: str) -> None:
        """Take away what an earlier run moved here, and make the place where blocks are made."""
        make_directory(self.directory)
        self._empty()
        reach("blocks.emptied")
        replace(self._record, _text(Record(promtool)))
        make_below(self.directory, WORK, "blocks")

    def holds_others(self, files: Sequence[DayFile]) -> bool:
        """Tell whether blocks of other files stand here, all of which were moved into place."""
        record = self.record()
        if record is None or not record.complete or record.is_of(files):
            return False
        return any(os.path.isdir(os.path.join(self.directory, name)) for name in record.blocks)

    def known(self, files: Sequence[DayFile]) -> Record | None:
        """Return the record of exactly these files where all their blocks are still here."""
        record = self.record()
        if record is None or not record.is_of(files):
            return None
        places = (self._places(day, name) for day in record.days for name in day.blocks)
        return record if all(any(map(os.path.isdir, either)) for either in places) else None

    def waiting(self, file: DayFile) -> Day | None:
        """Return the blocks that were made of a file and not moved; None where some are missing."""
        day = Day.of(file)
        path = os.path.join(self.work, day.key)
        if not os.path.isdir(path):
            return None
        if samples_in(path) != file.samples:  # some were moved, and taken from there
            shutil.rmtree(path)
            return None
        return msgspec.structs.replace(day, blocks=tuple(sorted(os.listdir(path))))

    def move(self, record: Record) -> None:
        """Rename the blocks into place: once more where an earlier run was ended while it did."""
        replace(self._record, _text(record))
        reach("blocks.named")
        for day in record.days:
            for name in day.blocks:
                waiting, there = self._places(day, name)
                with suppress(FileNotFoundError):  # it is there already
                    os.rename(waiting, there)
                reach("blocks.moved")
        sync_directory(self.directory)
        replace(self._record, _text(msgspec.structs.replace(record, complete=True)))
        reach("blocks.complete")
        shutil.rmtree(self.work, ignore_errors=True)
        with suppress(OSError):  # the journal may be there too
            os.rmdir(os.path.dirname(self.work))
        reach("blocks.done")

    def clear(self) -> None:
        """Take away what an earlier run moved here; what it is in comes last."""
        if self._empty():
            os.unlink(self._record)

    def _empty(self) -> bool:
        """Take away the blocks that the record names; tell whether there is one."""
        record = self.record()
        if record is None:
            return False
        replace(self._record, _text(msgspec.structs.replace(record, complete=False)))
        for name in record.blocks:
            with suppress(FileNotFoundError):
                shutil.rmtree(os.path.join(self.directory, name))
        return True

    def _places(self, day: Day, name: str) -> tuple[str, str]:
        """Return where a block waits, and where it is in place."""
        return os.path.join(self.work, day.key, name), os.path.join(self.directory, name)


def _text(record: Record) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record)) + b"\n"
