"""A log as a run leaves it so far: the one place where following keeps what changes."""

from typing import NamedTuple

from msgspec.structs import replace

from batchlog.segments.findings import Finding
from batchlog.segments.known import Counters, Log, Segment, Sight
from batchlog.segments.steps import Step


class Progress(NamedTuple):
    """A log one step further: what is merged and committed together."""

    log: Log
    step: Step | None = None
    findings: tuple[Finding, ...] = ()
    file: str = ""
    """Path of the file that the step read."""


class Book:
    """The log, which of its segments were seen in this run, and what there is to say."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.seen: set[int] = set()
        self.findings: list[Finding] = []

    def segment(self, index: int) -> Segment:
        """Return a segment as it is now."""
        return self.log.segments[index]

    def put(self, index: int, segment: Segment) -> None:
        """Replace a segment."""
        segments = list(self.log.segments)
        segments[index] = segment
        self.log = replace(self.log, segments=tuple(segments))

    def add(self, segment: Segment) -> int:
        """Add a segment that some file holds and return its index."""
        self.log = replace(self.log, segments=(*self.log.segments, segment))
        self.seen.add(len(self.log.segments) - 1)
        return len(self.log.segments) - 1

    def bear(self, index: int, *sights: Sight, first: bool = True) -> None:
        """Note the files that hold a segment, before or after those already seen in this run."""
        segment = self.segment(index)
        keys = {sight.key for sight in sights}
        others = segment.bearers if index in self.seen else ()
        others = tuple(sight for sight in others if sight.key not in keys)
        bearers = (*sights, *others) if first else (*others, *sights)
        self.seen.add(index)
        self.put(index, replace(segment, bearers=bearers, absent=False))

    def advance(self, index: int, step: Step) -> None:
        """Move a segment on to the mark of a step, and add the step to the log's own counters."""
        segment = replace(self.segment(index), mark=step.mark, context=step.context)
        self.put(index, segment)
        self.log = replace(self.log, counters=plus(self.log.counters, step))

    def lose(self, segments: int, length: int) -> None:
        """Count what is known to be lost: a lower bound."""
        more = Counters(lost_segments=segments, lost_bytes=length)
        self.log = replace(self.log, counters=self.log.counters + more)

    def say(self, *findings: Finding) -> None:
        """Keep something to say."""
        self.findings += findings

    def progress(self, step: Step | None = None, file: str = "") -> Progress:
        """Return the log as it is now, with what there is to say since the last time."""
        said, self.findings = tuple(self.findings), []
        return Progress(self.log, step, said, file)


def plus(old: Counters, step: Step) -> Counters:
    """Return the counters of a log after a step."""
    tally = step.tally
    return old + Counters(
        counted=tally.counted,
        malformed=tally.malformed,
        oversize=tally.oversize,
        skipped=tally.skipped,
        read_bytes=step.read_bytes,
        newest=tally.newest,
    )
