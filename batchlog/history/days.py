"""From the journal to a file a UTC day, one after the other, each written whole or not at all.

A file holds the samples of [00:00, 24:00) of its day; counters go on from one file to the next.
Memory holds the rows of one day as plain numbers, and the running sum of each series.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from batchlog.errors import Stop
from batchlog.failpoints import reach
from batchlog.history.files import create, settle, writing
from batchlog.history.gather import Added, Ceilings, Clamped, above, day
from batchlog.history.journal import Journal
from batchlog.history.options import Options
from batchlog.history.seam import Seams
from batchlog.history.series import DAY, Course, courses, limits, plus, runs
from batchlog.openmetrics import Piece, Run, Trace, render, samples_a_time
from batchlog.state.directory import sync_directory
from batchlog.state.totals import Labels
from batchlog.tally import Row

NAME = "batchlog-{day}.om.txt"
OURS = re.compile(r"batchlog-\d{4}-\d\d-\d\d\.om\.txt")


class DayFile(msgspec.Struct, frozen=True):
    """One file of history."""

    path: str
    day: str
    """As in 2015-05-17, in UTC."""
    samples: int
    first: int
    """Time of its first sample, Unix seconds."""
    last: int
    """Time of its last sample."""
    lines: int
    """Requests that it adds to what the file before ended with."""
    digest: str
    """BLAKE2b of its bytes, 128 bits."""


class Outline(NamedTuple):
    """What will be written, told before a row is read."""

    samples: int
    first: int | None
    """Time of the first sample; None where there are none."""
    courses: dict[Labels, Course]


class Built(NamedTuple):
    """A history that was written."""

    files: tuple[DayFile, ...]
    samples: int
    left_out: int
    """Lines that are too new, of logs that no push knows."""
    clamped: int
    """Lines whose samples were moved back to the seam."""
    series: dict[Labels, Row]
    """What each series has counted at its end."""


def outline(journal: Journal, options: Options, seams: Seams) -> Outline:
    """Return what `build` will write."""
    made = courses(journal.extents, seams, options.step)
    return Outline(
        sum(
            course.times(options.step) * samples_a_time(options.bounds, timed=course.timed)
            for course in made.values()
        ),
        min((course.start for course in made.values()), default=None),
        made,
    )


def build(
    journal: Journal, options: Options, seams: Seams, planned: Outline, stop: Stop | None = None
) -> Built | None:
    """Write the files, and remove those that an earlier build left; None where asked to stop.

    `planned` is the outline of the same. SinkUnreachable where a file cannot be written.
    """
    stop = Stop() if stop is None else stop  # one that is not asked for yet is false
    made = planned.courses
    ceilings = limits(journal.extents, seams)
    with writing(journal.directory):
        clamped = above(journal, ceilings)
        writer = _Writer(journal, options, made, ceilings, clamped)
        files = []
        for number in _days(made.values()):
            file = writer.write(number, stop)
            if file is None:
                return None
            files.append(file)
        remove_others(journal.directory, files)
    return Built(
        tuple(files),
        sum(file.samples for file in files),
        clamped.left_out,
        clamped.lines,
        writer.sums,
    )


def _days(made: Iterable[Course]) -> list[int]:
    """Return the days on which there is a sample, in order."""
    found: set[int] = set()
    for course in made:
        found.update(range(course.start // DAY, course.last // DAY + 1))
        found.update([] if course.zero is None else [course.zero // DAY])
    return sorted(found)


def remove_others(directory: str, files: Sequence[DayFile]) -> None:
    """Remove files of days on which there is nothing any more."""
    kept = {os.path.basename(file.path) for file in files}
    for name in os.listdir(directory):
        if OURS.fullmatch(name) and name not in kept:
            os.unlink(os.path.join(directory, name))
    sync_directory(directory)


class _Writer:
    """Writes one day after the other; `sums` is what each series has counted so far."""

    def __init__(
        self,
        journal: Journal,
        options: Options,
        made: Mapping[Labels, Course],
        ceilings: Ceilings,
        clamped: Clamped,
    ) -> None:
        self._journal = journal
        self._options = options
        self._made = made
        self._ceilings = ceilings
        self._clamped = clamped
        wide = 4 + len(options.bounds)
        self._lengths = {labels: wide if one.timed else 2 for labels, one in made.items()}
        self.sums = {labels: [0] * length for labels, length in self._lengths.items()}

    def write(self, number: int, stop: Stop) -> DayFile | None:
        """Write the file of a day; None where asked to stop."""
        span = number * DAY, (number + 1) * DAY
        added = day(self._journal, number, self._ceilings, self._lengths)
        here = [course for course in self._made.values() if course.spans(*span)]
        traces = [
            Trace(course.labels, course.timed, partial(self._runs, course, span, added))
            for course in here
        ]
        pieces = render(self._options.namespace, self._options.bounds, traces)
        name = f"{datetime.fromtimestamp(span[0], UTC):%Y-%m-%d}"
        path = os.path.join(self._journal.directory, NAME.format(day=name))
        written = _write(path, self._journal.path, pieces, stop)
        if written is None:
            return None
        samples, digest = written
        bounds = [course.bounds(*span, self._options.step) for course in here]
        return DayFile(
            path,
            name,
            samples,
            min(first for first, _ in bounds),
            max(last for _, last in bounds),
            self._advance(span, added),
            digest,
        )

    def _runs(
        self, course: Course, span: tuple[int, int], added: Mapping[Labels, Added]
    ) -> Iterator[Run]:
        """Yield the samples of one series on this day."""
        by_time = self._by_time(course.labels, span, added)
        return runs(course, self._options.step, span, by_time, self.sums[course.labels])

    def _by_time(
        self, labels: Labels, span: tuple[int, int], added: Mapping[Labels, Added]
    ) -> dict[int, Row]:
        begin, end = span
        clamped = self._clamped.rows.get(labels, {})
        today = {time: row for time, row in clamped.items() if begin <= time < end}
        rows = added.get(labels) or Added(self._lengths[labels])
        return rows.by_time(today)

    def _advance(self, span: tuple[int, int], added: Mapping[Labels, Added]) -> int:
        """Add the day to the sums, and return how many lines it has."""
        lines = 0
        for labels in added.keys() | self._clamped.rows.keys():
            for row in self._by_time(labels, span, added).values():
                self.sums[labels] = plus(self.sums[labels], row)
                lines += row[0]
        return lines


def _write(path: str, work: str, pieces: Iterable[Piece], stop: Stop) -> tuple[int, str] | None:
    """Write a file whole or not at all; return the number of samples and the digest."""
    temporary = os.path.join(work, "day")
    samples, digest = 0, blake2b(digest_size=16)
    reach("day.begin")
    with create(temporary) as file:
        for piece in pieces:
            file.write(piece.text)
            digest.update(piece.text)
            samples += piece.samples
            if stop:
                return None
        settle(file)
    reach("day.written")
    os.rename(temporary, path)
    reach("day.renamed")
    return samples, digest.hexdigest()
