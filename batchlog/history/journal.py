"""DIR/.work, the journal of a history in the making: a directory a finished task.

A task's rows are written and synced under another name, then renamed: that its directory is there
means that it is finished, whatever became of the run. Memory holds no rows beyond a packet, only
what is said of each series in each source, and where in the files the rows of a day are.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from batchlog.failpoints import reach
from batchlog.history import rows
from batchlog.history.files import (
    MOST,
    create,
    make_below,
    make_directory,
    settle,
    write_through,
    writing,
)
from batchlog.history.options import Options
from batchlog.history.rows import Packet
from batchlog.history.series import Extent, Names
from batchlog.segments.steps import Result, Step
from batchlog.smallfile import look_at, read_small
from batchlog.state.directory import sync_directory
from batchlog.state.totals import Labels

NAME = ".work"
_ROWS, _META = "rows", "meta"


class LogLabels(NamedTuple):
    """Where lines come from: one log."""

    name: str
    """Its active path, the same in each of its tasks."""
    static: Mapping[str, str]
    """Labels of all its lines."""
    open_names: frozenset[str]
    """Labels without bounds, which give way where series are too many."""


class Finished(Result, frozen=True):
    """What a finished task said, less its rows."""

    first: int | None
    """Begin of the first slot that holds a line, Unix seconds; None where none does."""
    last: int | None
    """End of the last one."""
    overflow: int
    """Lines put into `other`."""


class _Meta(msgspec.Struct, frozen=True):
    source: bytes
    """The log and its labels, encoded: a name need not be UTF-8."""
    outcome: Finished
    table: list[Labels]
    extents: list[Extent]
    packets: list[Packet]


class _Stored(NamedTuple):
    """Where the rows of a task are, and what their numbers of labels mean."""

    path: str
    source: str
    table: list[Labels]


class Found(NamedTuple):
    """Some rows of one task, of one day."""

    source: str
    table: list[Labels]
    rows: Iterator[tuple[int, int, list[int]]]
    """BlockStore of the labels in the table, time of the sample, and the row."""


_decode = msgspec.msgpack.Decoder(_Meta).decode


class Journal:
    """The journal below `directory`.

    For each task in the order of the plan `finished` is asked, and where it answers None `put` is
    called: series are admitted in that order. What was stored of other tasks is no matter.
    """

    def __init__(self, directory: str, options: Options) -> None:
        self.directory = directory
        self.path = os.path.join(directory, NAME)
        self._steps = os.path.join(self.path, "steps")
        self._step = options.step
        self._names = Names(options.by, options.labels, options.max_series)
        self._taken: set[str] = set()
        self._days: dict[int, list[tuple[_Stored, list[Packet]]]] = {}
        self.extents: dict[tuple[str, Labels], Extent] = {}
        """What is known of each series in each source, before a row is read."""
        with writing(directory):
            make_directory(directory)
            make_below(directory, NAME, "steps")

    def has(self, task_id: str, source: LogLabels) -> bool:
        """Tell whether a task was finished; nothing follows from asking."""
        return self._load(task_id, source) is not None

    def finished(self, task_id: str, source: LogLabels) -> Finished | None:
        """Return what a task gave that was finished before, and build with it."""
        meta = self._load(task_id, source)
        if meta is None:
            return None
        self._take(task_id, source, meta)
        return meta.outcome

    def put(self, task_id: str, source: LogLabels, step: Step) -> Finished:
        """Make a task's step durable, and build with it. `task_id` serves as a file's name.

        The slots of its tally are at least 1. SinkUnreachable where it cannot be written.
        """
        path = os.path.join(self._steps, task_id)
        new = path + ".new"
        with writing(self.directory):
            for leftover in (new, path):
                shutil.rmtree(leftover, ignore_errors=True)
            os.mkdir(new)
            reach("journal.created")
            meta = self._write(new, source, step)
            reach("journal.rows")
            write_through(os.path.join(new, _META), msgspec.msgpack.encode(meta))
            sync_directory(new)
            reach("journal.written")
            os.rename(new, path)
            reach("journal.renamed")
            sync_directory(self._steps)
        reach("journal.durable")
        self._take(task_id, source, meta)
        return meta.outcome

    def _write(self, new: str, source: LogLabels, step: Step) -> _Meta:
        with create(os.path.join(new, _ROWS)) as file:
            writer = rows.Writer(file, self._step)
            for (slot, values), row in step.tally.all_rows():
                writer.add(slot, values, row)
            writer.flush()
            settle(file)
        final = self._names.resolve(writer.table, source.static, source.open_names)
        changed = [
            lines for v, lines in zip(writer.table, writer.lines, strict=True) if final[v][1]
        ]
        return _Meta(
            _encoded(source),
            _finished(step, writer, self._step, sum(changed)),
            [final[values][0] for values in writer.table],
            writer.extents,
            writer.packets,
        )

    def _load(self, task_id: str, source: LogLabels) -> _Meta | None:
        try:
            meta = _decode(read_small(os.path.join(self._steps, task_id, _META), MOST))
            look_at(os.path.join(self._steps, task_id, _ROWS), sys.maxsize)
        except (OSError, msgspec.MsgspecError):
            return None
        return meta if meta.source == _encoded(source) else None

    def _take(self, task_id: str, source: LogLabels, meta: _Meta) -> None:
        if task_id in self._taken:  # asked for twice, built with once
            return
        self._taken.add(task_id)
        table = [self._names.admit(labels) for labels in meta.table]
        stored = _Stored(os.path.join(self._steps, task_id, _ROWS), source.name, table)
        by_day: dict[int, list[Packet]] = {}
        for packet in meta.packets:
            by_day.setdefault(packet.day, []).append(packet)
        for day, packets in by_day.items():
            self._days.setdefault(day, []).append((stored, packets))
        for labels, extent in zip(table, meta.extents, strict=True):
            key = (source.name, labels)
            old = self.extents.get(key)
            self.extents[key] = old.plus(extent) if old else extent

    @property
    def days(self) -> list[int]:
        """The days of which there are rows, counted from 1970, in order."""
        return sorted(self._days)

    def rows(self, day: int) -> Iterator[Found]:
        """Yield the rows of a day, in the order of the plan."""
        for stored, packets in self._days.get(day, ()):
            with open(stored.path, "rb") as file:
                for packet in packets:
                    yield Found(stored.source, stored.table, rows.read(file, packet))

    def remove(self) -> None:
        """Remove the journal: the history is complete."""
        with suppress(OSError):
            shutil.rmtree(self.path)


def _encoded(source: LogLabels) -> bytes:
    """Return bytes that are equal where sources are; a path need not be UTF-8."""
    value = (source.name, sorted(source.static.items()), sorted(source.open_names))
    return repr(value).encode("utf-8", "backslashreplace")


def _finished(step: Step, written: rows.Writer, width: int, overflow: int) -> Finished:
    extents = written.extents
    return Finished(
        **msgspec.structs.asdict(step.result),
        first=min((extent.first - width for extent in extents), default=None),
        last=max((extent.last for extent in extents), default=None),
        overflow=overflow,
    )
