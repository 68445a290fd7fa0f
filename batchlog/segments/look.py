"""Look at the files of a log: which are known by sight, which are open now, which stay unread."""

from collections.abc import Sequence
from contextlib import ExitStack

from msgspec.structs import replace

from batchlog.errors import LogError
from batchlog.segments.book import Book
from batchlog.segments.content import OpenFile, UnknownForm, open_file
from batchlog.segments.discover import File, Found
from batchlog.segments.findings import error
from batchlog.segments.identity import Mark
from batchlog.segments.known import Segment, Sight
from batchlog.segments.marks import is_complete
from batchlog.segments.read import PATIENCE, unread_mark
from batchlog.segments.sample import first_stamp, format_of
from batchlog.segments.source import HOLE
from batchlog.segments.take import QUIET_ARCHIVE, Opened, Tools

KEPT_OPEN = 32
"""Files of a log that stay open while they are decided on: descriptors and memory are bounded."""


class Look:
    """One look at the files that a directory showed.

    `known` maps the index of a segment to those of its files whose sight has not changed; `opened`
    are the others that hold something, oldest first. Files are closed with `files`.
    """

    def __init__(
        self, book: Book, found: Found, tools: Tools, files: ExitStack, marks: Sequence[Mark]
    ) -> None:
        """Look at nothing yet; `marks` are those that files of the log may begin like."""
        self.known: dict[int, list[Sight]] = {}
        self.opened: list[Opened] = []
        self.present = {file.key: file for file in found.files}
        self.hidden = bool(found.problems)
        """Whether something could not be looked at, so that nothing is known to be gone."""
        self.vanished = False
        """Whether names moved between listing and opening, so that a file may have been missed."""
        self._book = book
        self._tools = tools
        self._files = files
        self._marks = marks
        self._places: set[tuple[int, int]] = set()
        self._again: dict[tuple[int, int, int, int], Opened | None] = {}

    def at_all(self) -> None:
        """Sort out what is known by sight, and open the rest."""
        log = self._book.log
        sights = {
            sight.key: (index, sight)
            for index, segment in enumerate(log.segments)
            for sight in segment.bearers
            if not segment.behind
        }
        unread = {sight.key for sight in log.unread}
        if self._tools.format == "auto":
            unread |= {sight.key for sight in log.unfit}
        self._book.log = replace(
            log,
            unread=tuple(sight for sight in log.unread if sight.key in self.present),
            unfit=tuple(s for s in log.unfit if s.key in self.present and s.key in unread),
        )
        for file in self.present.values():
            if file.key in sights:
                index, sight = sights[file.key]
                self.known.setdefault(index, []).append(replace(sight, path=file.path))
            elif file.size and file.key not in unread:
                opened = self.into(file)
                if opened is not None:
                    self.opened.append(opened)
                    if len(self.opened) > KEPT_OPEN:
                        opened.content.rest()

    def again(self, sight: Sight) -> Opened | None:
        """Open a file that has not changed, once; one that has been opened is that one."""
        opened = (one for one in self.opened if one.sight.place == sight.place)
        file = self.present.get(sight.key)
        if file is not None and sight.key not in self._again:
            one = next(opened, None) or self.into(file, unchanged=True)
            if one is not None and len(self._again) > KEPT_OPEN:
                one.content.rest()
            self._again[sight.key] = one
        return self._again.get(sight.key)

    def into(self, file: File, *, unchanged: bool = False) -> Opened | None:
        """Open a file and tell its format; None where it cannot be followed (yet)."""
        content = self._open(file)
        if content is None:
            return None
        if content.empty:
            self._pass_over(content)
            return None
        try:
            spec = format_of(content, self._tools.format, self._book.log.segments)
        except LogError as problem:
            self._book.say(error(str(problem)))
            self._leave(unfit=content.sight)
            return None
        if spec is None:
            return None
        return Opened(content, file.active, first_stamp(content, spec), spec, unchanged)

    def _open(self, file: File) -> OpenFile | None:
        try:
            content = open_file(file.path, self._marks, PATIENCE, self._tools.stop)
        except FileNotFoundError:
            self.vanished = True
            return None
        except UnknownForm as problem:
            self._book.say(error(str(problem)))
            self._leave(unread=problem.sight)
            return None
        except LogError as problem:
            self.hidden = True
            self._book.say(error(str(problem)))
            return None
        self._files.enter_context(content)
        place = content.sight.place
        self.vanished |= place != file.place  # names moved meanwhile (R4)
        if place in self._places:
            return None
        self._places.add(place)
        return content

    def _pass_over(self, content: OpenFile) -> None:
        """Leave a file without content for later; an archive that stays so is said (R33, R34)."""
        if content.plain:
            self._remember_blank(content)
            return
        complete = is_complete(content)
        if not complete and not content.sight.is_quiet(self._tools.now, QUIET_ARCHIVE):
            return
        if not complete:
            path = content.sight.path
            self._book.say(error(f"{path} is damaged: nothing can be read of it"))
        self._leave(unread=content.sight)

    def _remember_blank(self, content: OpenFile) -> None:
        """Remember how many NULs there are, where that took long to read (R27, R111)."""
        if content.start < HOLE:
            return
        self.hidden |= not content.is_begun
        self._book.add(
            Segment(
                mark=unread_mark(content),
                state="open",
                begin=content.start,
                begin_lines=0,
                first=None,
                format="",
                bearers=(content.sight,),
                behind=not content.is_begun,
            )
        )

    def _leave(self, *, unread: Sight | None = None, unfit: Sight | None = None) -> None:
        """Remember a file that is not read, so that it is looked at again when it changes."""
        log = self._book.log
        self._book.log = replace(
            log,
            unread=log.unread if unread is None else (*log.unread, unread),
            unfit=log.unfit if unfit is None else (*log.unfit, unfit),
        )
