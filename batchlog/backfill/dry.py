"""What a backfill would read, without reading it."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from batchlog.backfill.inputs import Input
from batchlog.backfill.plan import Part, Planner, Skipped


class Planned(NamedTuple):
    """What would be done with a file."""

    path: str
    size: int
    """Bytes on disk."""
    what: str
    is_read: bool = True
    is_error: bool = False
    why: str = ""
    """Why it is refused or cannot be read, where that is longer than a word."""


def planned(
    planner: Planner,
    files: Sequence[Input],
    refuse: Callable[[Part], str] = lambda _part: "",
) -> Iterator[Planned]:
    """Yield what would be done with each file.

    `refuse` returns why a part may not be read, an empty text where it may. Whether two files that
    begin alike hold the same content is not known before one of them is read.
    """
    heads: dict[bytes, str] = {}
    for file in files:
        what = planner.plan(file)
        if isinstance(what, Skipped):
            said = "cannot be read" if what.is_error else f"skipped: {what.reason}"
            why = what.reason if what.is_error else ""
            yield Planned(file.path, file.size, said, False, what.is_error, why)
            continue
        refused = refuse(what)
        if refused:
            yield Planned(file.path, file.size, "refused", False, True, refused)
            continue
        said = "read"
        if what.begin.offset > what.begin.start:
            said += f" from byte {what.begin.offset:,} on"
        if what.end is not None:
            said += f" up to byte {what.end:,}, where counting began"
        like = heads.setdefault(what.head, file.path)
        if like != file.path:
            said = f"read what {like} does not hold, which begins alike"
        yield Planned(file.path, file.size, said)
