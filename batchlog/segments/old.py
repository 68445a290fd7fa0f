"""Files from before the origin of their log: a push remembers them and never reads them."""

from msgspec.structs import replace

from batchlog.segments.book import Book
from batchlog.segments.content import OpenFile
from batchlog.segments.findings import decision, warning
from batchlog.segments.known import Segment
from batchlog.segments.marks import mark_of_head
from batchlog.segments.take import Opened, Tools


def leave_old(book: Book, index: int, file: Opened, tools: Tools) -> None:
    """Remember a file from before the origin, and say once that backfill is for it, or had it."""
    mark = mark_of_head(file.content)
    if index >= 0:
        book.put(index, replace(book.segment(index), mark=mark))
        book.bear(index, file.sight)
        return
    book.add(old_segment(file.content, None, file.first, file.format))
    done = tools.backfilled(file)
    if done is not None:
        book.say(decision(f"{file.sight.path} {done.by}"))
        return
    book.say(
        warning(
            f"{file.sight.path} is older than where counting began: not counted, "
            f"'batchlog backfill {file.sight.path}' does"
        )
    )


def old_segment(content: OpenFile, begin: int | None, first: int | None, spec: str) -> Segment:
    """Return a file that was there when counting began: a push never reads it."""
    return Segment(
        mark=mark_of_head(content),
        state="old",
        begin=begin,
        begin_lines=0,
        first=first,
        format=spec,
        bearers=(content.sight,),
    )
