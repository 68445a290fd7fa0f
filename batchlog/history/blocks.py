"""From a history's day files to blocks of a server's database, all of them or none.

Each day's blocks are made in DIR/.work and the samples in them compared with those written, since
promtool drops samples without a word. Only when all days are right are the blocks renamed into
DIR. A run that was ended anywhere goes on where it was.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from typing import NamedTuple

from batchlog.errors import ConfigError, LogError, Stop
from batchlog.failpoints import reach
from batchlog.history.blockstore import BLOCK, NAME, BlockStore, Day, Record, samples_in
from batchlog.history.days import DayFile
from batchlog.history.files import writing
from batchlog.history.manifest import NAME as MANIFEST
from batchlog.history.owned import demand_own
from batchlog.history.promtool import Promtool
from batchlog.segments.findings import Finding, amount, decision, notice

_SERVER = ("wal", "chunks_head")
"""What only the data directory of a server holds."""


class Blocks(NamedTuple):
    """The blocks of a history, in their directory."""

    directory: str
    names: tuple[str, ...]
    samples: int
    first: int | None
    """Unix seconds of the first sample, and of the last; None where there is no sample."""
    last: int | None


def refuse_foreign(directory: str, *, apart: bool = False) -> None:
    """Raise ConfigError where `directory` holds blocks that are not a history's of ours.

    One that is for blocks alone, `apart`, may hold nothing else either.
    """
    if os.path.lexists(directory) and not os.path.isdir(directory):
        raise ConfigError(f"{directory} is not a directory; give --tsdb another")
    place = BlockStore(directory)
    with writing(directory):
        found = set(os.listdir(directory)) if os.path.isdir(directory) else set()
        record = place.record()
    if found.intersection(_SERVER):
        raise ConfigError(
            f"{directory} is the data directory of a Prometheus: give --tsdb another one; what to "
            "do with the blocks is said once they are made"
        )
    ours = record.blocks if record else ()
    foreign = sorted(name for name in found.difference(ours) if BLOCK.fullmatch(name))
    if foreign:
        raise ConfigError(
            f"{directory} holds a block that no history of batchlog brought there ({foreign[0]}): "
            "give --tsdb another directory"
        )
    if apart:
        demand_own(directory, NAME)
    if apart and MANIFEST in found:
        raise ConfigError(f"{directory} holds a history of its own; give --tsdb another directory")


def refuse_others(directory: str, files: Sequence[DayFile] = ()) -> None:
    """Raise ConfigError where `directory` holds all blocks of a history, but not of `files`."""
    with writing(directory):
        others = BlockStore(directory).holds_others(files)
    if others:
        raise ConfigError(
            f"{directory} holds the blocks of another history; give another directory, or "
            "--force to begin anew"
        )


def remove_blocks(directory: str) -> None:
    """Take away the blocks that an earlier history brought into `directory`, and blocks.json."""
    with writing(directory):
        BlockStore(directory).clear()


def make_blocks(
    files: Sequence[DayFile],
    directory: str,
    promtool: Promtool,
    stop: Stop,
    say: Callable[[Finding], object],
    *,
    force: bool = False,
) -> Blocks | None:
    """Make the blocks of `files` in `directory`; None where a stop was asked for.

    What an earlier run made of the same files is kept; of other files it is taken away where it is
    not complete, or with `force`. Raises LogError where promtool fails or leaves samples out,
    SinkUnreachable where a file cannot be written, ConfigError as `refuse_foreign` does and where
    the blocks of another history are in the way.
    """
    refuse_foreign(directory)
    place = BlockStore(directory)
    if not force:
        refuse_others(directory, files)
    with writing(directory):
        record = place.known(files) or _made(files, place, promtool, stop, say)
        if record is None:
            return None
        place.move(record)
    samples = sum(file.samples for file in files)
    made = f"{amount(len(record.blocks), 'block')} of {amount(len(files), 'day')}"
    say(
        notice(
            f"promtool {record.promtool} made {made} in {directory}; they hold all of the "
            f"{amount(samples, 'sample')} that were written"
        )
    )
    first = min((file.first for file in files), default=None)
    last = max((file.last for file in files), default=None)
    return Blocks(place.directory, record.blocks, samples, first, last)


def _made(
    files: Sequence[DayFile],
    place: BlockStore,
    promtool: Promtool,
    stop: Stop,
    say: Callable[[Finding], object],
) -> Record | None:
    """Return the record of all days' blocks, none of which is in place yet."""
    place.begin(promtool.version)
    days = []
    for file in files:
        day = place.waiting(file) or _make_day(file, place, promtool, stop)
        if day is None:
            return None
        made = amount(len(day.blocks), "block")
        say(decision(f"{file.path}: {amount(file.samples, 'sample')} in {made}"))
        days.append(day)
    return Record(promtool.version, tuple(days))


def _make_day(file: DayFile, place: BlockStore, promtool: Promtool, stop: Stop) -> Day | None:
    """Make the blocks of a day, and compare the numbers of samples."""
    if stop:
        return None
    with tempfile.TemporaryDirectory(dir=place.work, ignore_cleanup_errors=True) as scratch:
        into = os.path.join(scratch, "blocks")
        os.mkdir(into)
        if not promtool.convert(os.path.abspath(file.path), into, scratch, stop):
            return None
        reach("blocks.converted")
        found = samples_in(into)
        if found != file.samples:
            raise LogError(
                f"{file.day}: promtool {promtool.version} made blocks of {found:,} samples, and "
                f"{file.samples:,} were written to {file.path}: no block was moved into place"
            )
        os.rename(into, os.path.join(place.work, Day.of(file).key))
        reach("blocks.waiting")
    return place.waiting(file)
