"""What a backfill is asked to do."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from batchlog.backfill.inputs import Input
from batchlog.backfill.summary import Summary
from batchlog.engines import Engine
from batchlog.errors import Exit
from batchlog.job.request import Request
from batchlog.segments.read import LIMIT

LITTLE = 64 << 20
"""Bytes on disk below which one process is enough."""


class Wanted(msgspec.Struct, frozen=True):
    """A backfill as the user asked for it."""

    request: Request
    paths: tuple[str, ...]
    """Files, patterns and URLs, as given."""
    engine: Engine
    automatic: bool = True
    """Whether nobody asked for a number of processes: little work is done in this one."""

    def engine_for(self, files: Sequence[Input]) -> Engine:
        """Return where files are best read: to start processes takes longer than to read 64 MB.

        There are no more of them than tasks, as far as can be told from the sizes, and than there
        is memory for; where there are fewer than cores, each may use several.
        """
        asked = self.engine.workers
        if self.automatic and sum(file.size for file in files) < LITTLE:
            return self.engine._replace(workers=1, cores=asked)
        tasks = sum(-(-file.size // LIMIT) for file in files)
        workers = max(1, min(asked, tasks, self.engine.room or asked))
        return self.engine._replace(workers=workers, cores=asked // workers)


class Outcome(NamedTuple):
    """How a backfill ended."""

    exit: Exit
    summary: Summary
    advice: tuple[str, ...] = ()
    """What to do next, for standard output."""
