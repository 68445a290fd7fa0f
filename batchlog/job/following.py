"""Follow every log of a run, look a second time for what was missing, then settle it."""

import shlex
from collections.abc import Sequence
from functools import partial
from typing import Literal

from msgspec.structs import replace

from batchlog.config.schema import Settings
from batchlog.job.reader import Reader
from batchlog.job.request import Verdict
from batchlog.job.survey import Place, remains, survey
from batchlog.job.work import Work
from batchlog.segments.beside import stands_beside
from batchlog.segments.book import Progress
from batchlog.segments.findings import Finding, error, warning
from batchlog.segments.follow import Seen, follow, settle_missing
from batchlog.segments.gaps import gap
from batchlog.segments.gone import is_long_gone, looked_at
from batchlog.segments.identity import HEADS, Content, Likeness, compare, digest
from batchlog.segments.known import Log, Segment
from batchlog.segments.ledger import live_after
from batchlog.segments.past import Past, oldest_first
from batchlog.segments.take import Elsewhere, Opened, Tools

LEAST_MALFORMED = 100
"""Malformed lines of a log in one run below which their share is not judged."""

_FIRST_KIB = HEADS.index(1024)
"""Number of the head by which a content is known in another log (R100)."""


class Following:
    """The logs of one run, followed into its work."""

    def __init__(
        self, work: Work, settings: Settings, verdict: Verdict, now: float, reader: Reader
    ) -> None:
        self._reader = reader
        self._work = work
        self._settings = settings
        self._verdict = verdict
        self._now = now
        self._seen: dict[str, Seen] = {}
        self._there: dict[str, bool] = {}  # whether a file of the log is there, or may be
        self._lines: dict[str, tuple[int, int]] = {}  # malformed, all
        self._by_head: dict[str, set[str]] = {}  # hash of a first KiB to the logs that hold it
        self._before = dict(work.logs)
        for log in work.logs.values():
            self._index(log)

    def follow(self, places: Sequence[Place]) -> None:
        """Follow each log that has an origin: those that count already come first (R100)."""
        known = [place for place in places if place.found.path in self._work.logs]
        known.sort(key=lambda place: not _counts(self._work.logs[place.found.path]))
        for place in known:
            if not self._verdict.world.stop:
                self._follow(place)
        again = [place for place in known if self._wants_another_look(place.found.path)]
        paths = {place.found.path for place in again}
        logs = [self._work.logs[path] for path in paths]
        for place in survey(list({p.entry.path: p.entry for p in again}.values()), logs):
            if place.found.path in paths:
                self._follow(place)
        for place in known:
            self._settle(place)
        followed = {place.found.path for place in known}
        for log in [log for path, log in self._work.logs.items() if path not in followed]:
            self._look_at_other(log)

    def _look_at_other(self, log: Log) -> None:
        """Look whether a log is there that this run is not about: no entry may name it any more.

        One that is back after long needs room first.
        """
        there = remains(log) is not None
        if not (there and is_long_gone(log, self._now)):
            self._work.put(looked_at(log, self._now, there=there))

    def _follow(self, place: Place) -> None:
        log = self._work.logs[place.found.path]
        missing = gap(log, place.found.files)
        if missing is not None:
            self._verdict.hear(
                warning(
                    f"{log.path}: a rotated file came and went between two runs ({missing}), its "
                    "lines are not counted: keep rotated files for at least three runs"
                )
            )
        tools = Tools(
            now=self._now,
            format=place.entry.format,
            read=self._reader.read,
            past=Past(
                oldest_first(self._before[log.path].segments),
                log.begun(self._now),
                log.above,
                log.forgotten,
            ),
            elsewhere=partial(self._elsewhere, log),
            stop=self._verdict.world.stop,
            soon=self._reader.soon,
            backfilled=partial(self._backfilled, log.path),
        )
        self._seen.pop(place.found.path, None)
        self._there[log.path] = bool(place.found.files or place.found.problems)
        for progress in follow(log, place.found, tools):
            if isinstance(progress, Seen):
                self._seen[place.found.path] = progress
                self._index(progress.log)
            else:
                self._add(progress, place)

    def _add(self, progress: Progress, place: Place) -> None:
        self._work.add(progress, place.entry)
        self._verdict.hear(*progress.findings)
        if progress.step is not None:
            tally, path = progress.step.tally, progress.log.path
            malformed, lines = self._lines.get(path, (0, 0))
            self._lines[path] = malformed + tally.malformed, lines + tally.lines - tally.skipped

    def _wants_another_look(self, path: str) -> bool:
        """Return whether a file may have been renamed between listing and opening (R4, R6)."""
        seen = self._seen.get(path)
        if seen is None:
            return False
        fresh = (seen.log.segments[index] for index in seen.missing)
        return seen.vanished or any(s.bearers and not s.absent for s in fresh)

    def _settle(self, place: Place) -> None:
        seen = self._seen.get(place.found.path)
        if seen is None:
            return
        # The log may have changed since it was seen: a segment of it may have moved elsewhere.
        log = self._work.logs[place.found.path]
        self._add(settle_missing(seen._replace(log=log)), place)
        log = self._work.logs[place.found.path]
        there = self._there[log.path] or any(one.bearers for one in log.segments)
        self._work.put(looked_at(log, self._now, there=there))
        malformed, lines = self._lines.get(log.path, (0, 0))
        limit, spec = self._settings.max_malformed, place.entry.format
        finding = judge_malformed(log.path, malformed, lines, limit, spec)
        self._verdict.hear(*([finding] if finding else []))

    # --- one content under two logs ------------------------------------------------------------

    def _index(self, log: Log) -> None:
        for segment in log.segments:
            if len(segment.mark.heads) > _FIRST_KIB and segment.state in ("open", "sealed"):
                self._by_head.setdefault(segment.mark.heads[_FIRST_KIB], set()).add(log.path)

    def _elsewhere(self, log: Log, file: Opened) -> Elsewhere | None:
        """Return where a content was consumed that comes up as new in a log.

        In another log only for one that counted nothing before this run.
        """
        segment = None if _counts(log) else self._in_another_log(file.content)
        if segment is not None:
            return Elsewhere(segment, "was moved or copied from another log", "moved")
        return self._backfilled(log.path, file)

    def _backfilled(self, path: str, file: Opened) -> Elsewhere | None:
        """Return what a backfill has consumed of a content: a push begins after it."""
        match = self._work.ledger.find(file.content, path, file.first)
        if match is not None and match.likeness is not Likeness.EDITED:
            kind: Literal["backfilled", "shorter"] = (
                "backfilled" if match.likeness is Likeness.SAME else "shorter"
            )
            by = f"was backfilled for {match.entry.mark.lines:,} lines"
            return Elsewhere(live_after(match.entry), by, kind)

        is_another = partial(stands_beside, file.content, file.first)
        entry = self._work.ledger.rewritten(match, path, file.first, is_another)
        if entry is None:
            return None
        return Elsewhere(live_after(entry), "was backfilled and rewritten since", "rewritten")

    def _in_another_log(self, content: Content) -> Segment | None:
        """Return the segment of another log that has this content (R100)."""
        head = content.span(content.start, content.start + HEADS[_FIRST_KIB])
        if head is None:
            return None
        paths = sorted(self._by_head.get(digest(head), ()))
        for path in paths:
            log = self._work.logs[path]
            index = _holding(log, content)
            if index is not None:
                self._moved(log, index)
                return log.segments[index]
        for path in paths:  # both have grown since the copy was made: from where they parted
            index = _holding(self._before[path], content)
            if index is not None:
                return self._before[path].segments[index]
        return None

    def _moved(self, log: Log, index: int) -> None:
        """Take a segment that another log goes on with as no loss of the first one."""
        seen = self._seen.get(log.path)
        if seen is not None and index in seen.missing:
            segments = list(log.segments)
            segments[index] = replace(segments[index], state="sealed", bearers=(), absent=False)
            self._work.put(replace(log, segments=tuple(segments)))


def judge_malformed(
    path: str, malformed: int, lines: int, limit: float, spec: str
) -> Finding | None:
    """Return that too large a share of a log's lines is malformed, None where it is not.

    `limit` is that share, `spec` the format that was asked for.
    """
    if malformed < LEAST_MALFORMED or malformed <= limit * lines:
        return None
    asked = "" if spec == "auto" else f"--format {shlex.quote(spec)} "
    return error(
        f"{path}: {malformed:,} of {lines:,} new lines are malformed; "
        f"'batchlog detect {asked}{path}' shows where they stop matching"
    )


def _holding(log: Log, content: Content) -> int | None:
    """Return the number of the log's segment that has this content, as far as it was consumed."""
    for index, segment in enumerate(log.segments):
        live = segment.state in ("open", "sealed") and len(segment.mark.heads) > _FIRST_KIB
        if live and compare(segment.mark, content) is Likeness.SAME:
            return index
    return None


def _counts(log: Log) -> bool:
    """Return whether something of the log was counted already, or is to be."""
    return any(segment.state != "old" for segment in log.segments)
