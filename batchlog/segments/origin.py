"""Where live counting of a log begins: its origin, decided once and kept for ever.

What lies above it is counted by pushes, what lies below is left to `backfill`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from typing import NamedTuple

from msgspec.structs import replace

from batchlog import codecs
from batchlog.errors import ConfigError, LogError, Stop
from batchlog.formats import resolve
from batchlog.scan.count import stamper
from batchlog.segments.content import OpenFile, open_file
from batchlog.segments.discover import File, Found
from batchlog.segments.findings import Finding, decision, error
from batchlog.segments.identity import Likeness, Mark, compare
from batchlog.segments.known import Log, Segment
from batchlog.segments.lines import Lines
from batchlog.segments.marks import mark_after, mark_at_end, mark_of_head
from batchlog.segments.old import old_segment
from batchlog.segments.past import DISORDER
from batchlog.segments.sample import first_stamp, format_of, whole_lines


class Begin(Enum):
    """Where a log that the checkpoint does not know begins."""

    FIRST_LINE = "the first line of the active file"
    OLDEST = "the first line of the oldest file"
    END = "the present end"
    COUNTED = "the present end, and all that is there is taken as counted"


class Begun(NamedTuple):
    """A new log with what there is to say about it."""

    log: Log
    findings: tuple[Finding, ...]


def begin(
    found: Found, where: Begin | int, now: float, asked: str, stop: Stop | None = None
) -> Begun:
    """Return the log of `found` with its origin. `where` may be a moment in Unix seconds.

    ConfigError where a moment is asked for and the lines have no time stamps; Interrupted where a
    `stop` is asked for.
    """
    log = Log(found.path, int(now))
    if where is Begin.OLDEST:
        return Begun(replace(log, above=0), ())
    maker = _Origin(asked, stop)
    if isinstance(where, int):
        segments = maker.at_moment(found, where)
    elif where is Begin.COUNTED:
        segments = maker.at_end_of_all(found)
    else:
        segments = maker.at_active(found, at_end=where is Begin.END)
    log = Log(found.path, int(now), tuple(segments), above=maker.above)
    return Begun(log, tuple(maker.findings))


class Moved(LogError):  # noqa: N818 - a state of a file, as in `errors`
    """Names moved while the origin was looked for: what was found does not fit together."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} was moved while counting began: the next run begins")


class _Origin:
    def __init__(self, asked: str, stop: Stop | None) -> None:
        self._asked = asked
        self._stop = stop
        self.findings: list[Finding] = []
        self.above: int | None = None

    def at_active(self, found: Found, *, at_end: bool) -> list[Segment]:
        """Leave the rotated files below; the active one begins at its first line or its end."""
        active = next((file for file in found.files if file.active), None)
        segments = self._old([f for f in found.files if not f.active], active)
        if at_end and active is not None:
            with self._open(active) as content:
                segments += [self._from(content, mark_at_end(content))] if content else []
        return segments

    def at_end_of_all(self, found: Found) -> list[Segment]:
        """Take everything as counted; what is written to a plain file later counts."""
        segments = []
        for file in found.files:
            with self._open(file) as content:
                if content is None:
                    continue
                spec, first = self._known_by(content)
                if content.plain:
                    mark = mark_at_end(content)
                    live = _live(content, mark, spec, first)
                    segments.append(replace(live, begin=content.start, begin_lines=0))
                else:
                    segments.append(old_segment(content, content.start, first, spec))
        return segments

    def at_moment(self, found: Found, moment: int) -> list[Segment]:
        """Begin at the first line in file order that is stamped at or after `moment`."""
        files = found.files
        firsts = [self._first(file) for file in files]
        for number, file in enumerate(files):
            later = firsts[number + 1] if number + 1 < len(files) else None
            if later is not None and later < moment - DISORDER:
                continue  # the one after it begins long before the moment: not worth a search
            with self._open(file) as content:
                mark = None if content is None else self._line_at(content, moment)
                if content is not None and mark is not None:
                    stamps = [one for one in firsts[number + 1 :] if one is not None]
                    self.above = min([moment, *stamps])
                    return [*self._old(files[:number], file), self._from(content, mark)]
        return self.at_active(found, at_end=True)

    @contextmanager
    def _open(self, file: File) -> Iterator[OpenFile | None]:
        """Open a file; None where it holds nothing, is gone or cannot be opened, which is said."""
        try:
            content = open_file(file.path, stop=self._stop)
        except FileNotFoundError:
            raise Moved(file.path) from None
        except LogError as problem:
            self.findings.append(error(str(problem)))
            yield None
        else:
            with content:
                if content.sight.place != file.place:
                    raise Moved(file.path)
                yield None if content.empty else content

    def _old(self, files: Sequence[File], first_live: File | None) -> list[Segment]:
        """Return the files below the origin, but for copies of the first one above it (R26)."""
        segments = []
        for file in files:
            with self._open(file) as content:
                if content is None or self._is_copy(content, first_live):
                    continue
                spec, first = self._known_by(content)
                segments.append(old_segment(content, None, first, spec))
                self.findings.append(decision(f"{file.path}: from before counting began"))
        return segments

    def _is_copy(self, content: OpenFile, of: File | None) -> bool:
        if of is None:
            return False
        with self._open(of) as other:
            head = mark_of_head(content)
            return other is not None and compare(head, other) is Likeness.SAME

    def _known_by(self, content: OpenFile) -> tuple[str, int | None]:
        """Return format and first stamp, as far as they can be told without a fuss."""
        try:
            spec = format_of(content, self._asked, ())
        except LogError:
            return "", None
        return (spec, first_stamp(content, spec)) if spec else ("", None)

    def _first(self, file: File) -> int | None:
        with self._open(file) as content:
            return None if content is None else self._known_by(content)[1]

    def _from(self, content: OpenFile, mark: Mark) -> Segment:
        spec, first = self._known_by(content)
        return _live(content, mark, spec, first)

    def _line_at(self, content: OpenFile, moment: int) -> Mark | None:
        """Return the mark before the first line stamped at or after `moment`."""
        try:
            spec = format_of(content, self._asked, ())
        except LogError as problem:  # not a log: it holds no line at that moment
            self.findings.append(error(str(problem)))
            return None
        if spec is None:
            return None
        if not resolve(spec).has_stamp:
            raise ConfigError(
                f"--since with a moment needs time stamps, and the lines of "
                f"{content.sight.path} have none; use --since start or now"
            )
        lines = _lines_before(content, spec, moment)
        return None if lines is None else mark_after(content, lines)


def _lines_before(content: OpenFile, spec: str, moment: int) -> int | None:
    """Return the number of lines before the first one stamped at or after `moment`."""
    stamp = stamper(resolve(spec))
    cutter, before = Lines(content.start, b"", 1), 0
    with suppress(codecs.Truncated, codecs.Corrupt):
        for block in content.blocks(content.start):
            cutter.skip(block.nuls)
            for piece in cutter.feed(block.data):
                lines = whole_lines(piece.text)
                for number, line in enumerate(lines):
                    seconds = stamp(line)
                    if seconds is not None and seconds >= moment:
                        return before + number
                before += len(lines)
    return None


def _live(content: OpenFile, mark: Mark, spec: str, first: int | None) -> Segment:
    """Return a segment of which counting begins at `mark`."""
    return Segment(
        mark=mark,
        state="open",
        begin=mark.offset,
        begin_lines=mark.lines,
        first=first,
        format=spec,
        bearers=(content.sight,),
        behind=True,
    )
