"""Whether a result can be true of its task, whoever computed it: one judge for all of them.

A worker of a cluster is trusted with counts alone, and a process may be at fault like any other.
So nothing of a result is taken before it was held against the task. Values in, a verdict out:

1. It is a result of this task, and its mark lies in the range that was asked for, in the content
   that was planned: it begins where that does, and its first bytes are those that were seen.
2. It reads no more than there is, less where a plain file has holes. A line has at least its
   newline, one that counts a status too, so the bytes bound the lines.
3. Labels are of the closed sets (`labels.is_value`), times within those asked for, and numbers as
   large as a scanner may make them.
4. Numbers agree: a mark's lines are those of the tally, as many durations stand in the buckets as
   there are at most requests, and their sum is one that the buckets allow.
5. Texts are short and printable.

What passes may still be a lie about how many lines said what: that is what a worker is trusted
with.
"""

from collections.abc import Iterator
from typing import NamedTuple

from batchlog.engines.task import Done, Task
from batchlog.formats import resolve
from batchlog.labels import is_value
from batchlog.scan.count import LIMIT, width
from batchlog.segments.identity import HEADS, Mark, digest
from batchlog.segments.source import shown
from batchlog.segments.steps import Step
from batchlog.tally import UNTIMED, Row

EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""Unix seconds of the years 1 and 9999: no stamp that can be read lies beyond (`stamps`)."""

_A_ZONE = 86_400
"""Seconds by which a stamp with an offset may lie beyond those."""

_DENSEST = 1 << 21
"""More bytes than a compressed one yields: bzip2 packs nothing but zeros 1.2 million to one."""

_LONGEST = 500
"""Letters of a text beside the name of its file."""

_DIGEST = 32
"""Letters of a hash in a mark."""


class Seen(NamedTuple):
    """What was seen of a file before its task was made, and how large it is by now."""

    size: int
    """Bytes on disk; a plain file may have grown."""
    start: int | None = None
    """Where its content begins; None where that is not known."""
    head: bytes = b""
    """Its first bytes."""


def doubt(task: Task, done: object, seen: Seen) -> str:
    """Return why a result cannot be true of its task, an empty text where it can."""
    if not isinstance(done, Done) or done.task != task:
        return "it is not the answer to what was asked"
    if done.step is None:
        return "" if _is_told(task, done.fault) and done.fault else "it has no reason"
    if done.fault:
        return "it has a fault and a result"
    return next(_doubts(task, done.step, seen), "")


def _doubts(task: Task, step: Step, seen: Seen) -> Iterator[str]:
    yield from _of_mark(task, step.mark, seen)
    yield from _of_step(task, step, seen)
    tally = step.tally
    others = (tally.malformed, tally.oversize, tally.skipped, tally.undated)
    if any(number < 0 for number in others):
        yield "it has fewer lines than none"
    last = LATEST + _A_ZONE
    if tally.newest is not None and not EARLIEST - _A_ZONE <= tally.newest <= last:
        yield "its newest line is of no time"
    yield from _of_rows(task, step)
    if not 0 <= 2 * tally.counted + sum(others[:3]) <= step.read_bytes + 1:  # no newline at the end
        yield "it has more lines than its bytes hold"
    if tally.undated > (tally.lines if task.timing else 0):
        yield "it has more undated lines than lines"
    if step.mark.lines != tally.lines:
        yield "its mark and its counts have different lines"


def _of_mark(task: Task, mark: Mark, seen: Seen) -> Iterator[str]:
    begin = max(task.begin, mark.start)
    if mark.start < 0 or (seen.start is not None and mark.start != seen.start):
        yield "it begins elsewhere"
    if not begin <= mark.offset <= _end(task, seen):
        yield "it ends elsewhere"
    consumed = mark.offset - mark.start
    if len(mark.heads) != sum(length <= consumed for length in HEADS):
        yield "its mark does not fit its length"
    if not all(len(one) == _DIGEST and _is_hex(one) for one in (*mark.heads, mark.tail)):
        yield "its mark is none"
    first = HEADS[0]
    if mark.heads and len(seen.head) >= first and mark.heads[0] != digest(seen.head[:first]):
        yield "it is of another content"


def _end(task: Task, seen: Seen) -> int:
    """Return the last place that a task may read to."""
    plain = task.sight.form == "plain"
    size = max(seen.size, task.sight.size) if plain else task.sight.size * _DENSEST
    return min(size, LIMIT) if task.end is None else min(size, task.end)


def _of_step(task: Task, step: Step, seen: Seen) -> Iterator[str]:
    plain = task.sight.form == "plain"
    passed = step.mark.offset - max(task.begin, step.mark.start) - step.read_bytes
    if step.read_bytes < 0 or passed < 0 or (passed and not plain):  # the holes of a plain file
        yield "it read other bytes than its mark says"
    if step.end == "more" or (plain and step.end != "complete"):
        yield "it did not come to an end"
    if bool(step.fault) != (step.end != "complete") or not _is_told(task, step.fault):
        yield "its fault is none"
    if not 0 <= step.waiting <= _end(task, seen) - (step.mark.offset if plain else 0):
        yield "more waits than there is"
    if not _is_told(task, step.context):
        yield "its context is none"


def _of_rows(task: Task, step: Step) -> Iterator[str]:
    length = width(resolve(task.spec), task.bounds)
    first, last = _slots(task)
    known: set[tuple[str, ...]] = set()
    for packet in step.tally.packed:
        if packet.counted != sum(row[0] for _, row in packet.all_rows()):
            yield "its lines do not add up"
    for (slot, labels), row in step.tally.all_rows():
        if not first <= slot <= last:
            yield "it has lines of another time"
        if labels not in known:
            if len(labels) != len(task.by) or not all(map(is_value, task.by, labels)):
                yield "it has a label that no line can have"
            known.add(labels)
        if len(row) != length or not _fits(row, task.bounds):
            yield "it has numbers that no lines can have"


def _slots(task: Task) -> tuple[int, int]:
    """Return the first and the last slot that a line may have."""
    timing = task.timing
    if timing is None:
        return UNTIMED, UNTIMED
    since = 0 if timing.since is None else timing.since
    until = LATEST + _A_ZONE if timing.until is None else timing.until - 1
    return max(1, since // timing.step), max(1, until // timing.step)


def _fits(row: Row, bounds: tuple[int, ...]) -> bool:
    """Tell whether the numbers of a row are such as lines may add up to."""
    requests, size, *durations = row
    if requests < 1 or not 0 <= size <= requests * LIMIT:
        return False
    if not durations:
        return True
    total, *buckets = durations
    least = sum(count * (below + 1) for count, below in zip(buckets[1:], bounds, strict=True))
    most = sum(count * bound for count, bound in zip(buckets, (*bounds, LIMIT), strict=True))
    return min(buckets) >= 0 and sum(buckets) <= requests and least <= total <= most


def _is_told(task: Task, text: str) -> bool:
    """Tell whether a text can be shown to a person; its file's name is what a person gave."""
    name = shown(task.sight.path)
    return len(text) <= _LONGEST + 2 * len(name) and text.replace(name, "").isprintable()


def _is_hex(text: str) -> bool:
    return not text.strip("0123456789abcdef")
