"""What the checkpoint holds, as values for `status`: nothing is locked and nothing changed."""

import os

import msgspec

from batchlog.entries import text_of
from batchlog.job.lastrun import LastRun
from batchlog.metrics import RunStatus
from batchlog.segments.known import Counters, Log, Segment
from batchlog.state.checkpoint import Backfill, Group, Series, State


class SegmentReport(msgspec.Struct, frozen=True):
    """A segment of a log."""

    state: str
    format: str
    files: tuple[str, ...]
    counted_to: int
    """Offset of its mark, decompressed bytes."""
    unread_bytes: int | None
    """What its file holds beyond the mark by now; None where only reading it would tell."""


class LogReport(msgspec.Struct, frozen=True):
    """A log."""

    path: str
    origin: int
    counted: int
    malformed: int
    oversize: int
    skipped: int
    read_bytes: int
    lost_bytes: int
    lost_segments: int
    newest: int | None
    gone_since: int | None
    """Unix seconds of the first run that saw nothing of it any more; None while it is there."""
    retired: bool
    """Whether its own metrics are pushed no more."""
    segments: tuple[SegmentReport, ...]
    not_read: tuple[str, ...]
    """Files that cannot be read as a log: in an unknown format, or damaged."""


class BackfillReport(msgspec.Struct, frozen=True):
    """What backfills have added to the totals."""

    contents: int
    """Different files, whatever they are called."""
    counted: int
    malformed: int
    read_bytes: int


class RetiredReport(msgspec.Struct, frozen=True):
    """Logs that are gone for so long that their own metrics are pushed no more."""

    logs: int
    """As far as they are remembered."""
    counters: Counters
    """Of all there ever were."""


class Report(msgspec.Struct, frozen=True):
    """All that `status` shows."""

    checkpoint: str
    state_id: str
    generation: int
    group: Group | None
    entries: tuple[str, ...]
    last_run: RunStatus | None
    pushed_to: tuple[str, ...]
    not_pushed: tuple[str, ...]
    """Why the last run's push did not arrive, one sentence a sink."""
    logs: tuple[LogReport, ...]
    totals: tuple[Series, ...]
    quarantined: tuple[str, ...]
    backfill: BackfillReport
    retired: RetiredReport
    left_alone: int
    """Logs that patterns found, and for which there was no room (`max_logs`)."""


def report(path: str, state: State, last: LastRun | None) -> Report:
    """Return what `status` shows of a state, with the files' present sizes looked up."""
    return Report(
        checkpoint=path,
        state_id=state.state_id,
        generation=state.generation,
        group=state.group,
        entries=tuple(text_of(entry.path) for entry in state.entries),
        last_run=last.status if last else None,
        pushed_to=last.arrived if last else (),
        not_pushed=last.failed if last else (),
        logs=tuple(_log(log) for log in state.logs),
        totals=state.totals,
        quarantined=tuple(
            text_of(sight.path)
            for log in state.logs
            for segment in log.segments
            if segment.state == "quarantined"
            for sight in segment.bearers[:1]
        ),
        backfill=_backfill(state.backfill),
        retired=RetiredReport(sum(log.retired for log in state.logs), state.retired),
        left_alone=state.left_alone,
    )


def _backfill(done: Backfill) -> BackfillReport:
    counters = done.counters.values()
    return BackfillReport(
        contents=len(done.contents),
        counted=sum(one.counted for one in counters),
        malformed=sum(one.malformed for one in counters),
        read_bytes=sum(one.read_bytes for one in counters),
    )


def _log(log: Log) -> LogReport:
    counters = log.counters
    return LogReport(
        path=text_of(log.path),
        origin=log.origin,
        counted=counters.counted,
        malformed=counters.malformed,
        oversize=counters.oversize,
        skipped=counters.skipped,
        read_bytes=counters.read_bytes,
        lost_bytes=counters.lost_bytes,
        lost_segments=counters.lost_segments,
        newest=counters.newest,
        gone_since=log.gone,
        retired=log.retired,
        segments=tuple(_segment(segment) for segment in log.segments),
        not_read=tuple(text_of(sight.path) for sight in (*log.unread, *log.unfit)),
    )


def _segment(segment: Segment) -> SegmentReport:
    return SegmentReport(
        state=segment.state,
        format=segment.format,
        files=tuple(text_of(sight.path) for sight in segment.bearers),
        counted_to=segment.mark.offset,
        unread_bytes=_unread(segment),
    )


def _unread(segment: Segment) -> int | None:
    """Return how far the segment's plain file has grown beyond the mark."""
    if segment.state != "open" or not segment.bearers:
        return 0
    sight = segment.bearers[0]
    if sight.form != "plain":
        return None if segment.behind else 0
    try:
        now = os.stat(sight.path)
    except OSError:
        return None
    same = (now.st_dev, now.st_ino) == sight.place
    return segment.unread(now.st_size) if same else None
