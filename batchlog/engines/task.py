"""One step's worth of work as a value, and how it is carried out, wherever that is.

A task says which file, as it was planned, and which range of it; what comes back is one step, or a
sentence that says why there is none. A file that is not the planned one any more, or that changes
while it is read, gives none: so a task may be carried out twice, and the result does not depend on
which of the two is taken. Nothing here knows of processes, clusters or totals.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from batchlog.errors import LogError, Stop
from batchlog.formats import resolve
from batchlog.scan import Timing, numpy_is_missing, scanner
from batchlog.segments.content import OpenFile, open_file
from batchlog.segments.identity import Mark
from batchlog.segments.known import Sight
from batchlog.segments.read import read
from batchlog.segments.reopened import Open
from batchlog.segments.source import shown
from batchlog.segments.steps import Read, Step

Report = Callable[[int], None]
"""Takes the bytes of a task's part of its file that were read so far, as they lie on disk."""


class Task(msgspec.Struct, frozen=True):
    """A range of one file, to be read into one step."""

    sight: Sight
    """The file as it was planned; its path may be a URL."""
    spec: str
    """What `formats.resolve` takes."""
    by: tuple[str, ...]
    bounds: tuple[int, ...]
    context: str
    begin: int
    """Where to begin, in decompressed bytes."""
    inside: bool = False
    """Whether that is inside a line that counts before it (see `Mark`)."""
    end: int | None = None
    """Where to end; None at the file's end."""
    final: bool = False
    salvage: bool = False
    timing: Timing | None = None
    before: int | None = None

    @property
    def weight(self) -> int:
        """Bytes on disk that are to be read, what an archive holds before `begin` included."""
        if self.sight.form != "plain":
            return self.sight.size
        end = self.sight.size if self.end is None else self.end
        return max(0, end - self.begin)

    def taken(self, position: int) -> int:
        """Return how many of them were read where the file was read up to `position`."""
        begin = self.begin if self.sight.form == "plain" else 0
        return min(max(0, position - begin), self.weight)


class Done(msgspec.Struct, frozen=True):
    """What became of a task."""

    task: Task
    step: Step | None
    fault: str = ""
    """Why there is no step, a sentence that names the file."""
    by_rows: bool = False
    """Whether there was much to scan where it was read, and NumPy is missing there."""
    doubt: str = ""
    """Why it was read once more, in this process; a sentence that names the file."""


def carry_out(
    task: Task,
    report: Report | None = None,
    stop: Stop | None = None,
    *,
    cores: int = 1,
    opener: Open = open_file,
) -> Done:
    """Read what the task says; where `stop` is asked for, what there is of its step.

    `opener` may have the file open already, where it was planned in this process.
    """
    name = shown(task.sight.path)
    try:
        with opener(task.sight.path, stop=stop) as content:
            if not _planned(task.sight, content.sight):
                return Done(task, None, f"{name} is not the file any more that was planned to be")
            step = _step(content, task, report, Stop() if stop is None else stop, cores)
            if not content.still_holds(step.mark):
                return Done(task, None, f"{name} was changed while it was read")
    except FileNotFoundError:
        return Done(task, None, f"{name} is not there any more")
    except LogError as error:
        return Done(task, None, str(error))
    except OSError as error:  # of what it goes through: a cache on a disk that is full
        return Done(task, None, f"cannot read {name}: {error.strerror or type(error).__name__}")
    return Done(task, step, by_rows=numpy_is_missing())


def _planned(then: Sight, now: Sight) -> bool:
    """Whether it is the file that was planned: a plain one may have grown since.

    Devices are not compared: the number of one network file system differs between hosts.
    """
    if (now.inode, now.form) != (then.inode, then.form):
        return False
    return (now.size, now.mtime) == (then.size, then.mtime) or (
        now.form == "plain" and now.size > then.size
    )


def _step(content: OpenFile, task: Task, report: Report | None, stop: Stop, cores: int) -> Step:
    """Read the range; several steps of it, as of a large one, are merged into one."""
    mark = Mark(content.start, max(task.begin, content.start), (), "", 0, task.inside)
    what = Read(mark, task.final, task.salvage, task.end)
    scan = scanner(
        resolve(task.spec),
        task.by,
        task.bounds,
        task.context,
        task.timing,
        task.before,
        size=task.weight if content.plain else content.expected(0),
    )

    def tell(position: int) -> None:
        if report is not None:
            report(task.taken(position))

    first, *others = read(content, what, scan, stop, tell, cores=cores)
    for step in others:
        first.tally.merge(step.tally)
        first = replace(step, tally=first.tally, read_bytes=first.read_bytes + step.read_bytes)
    return first
