"""What a person may change: start anew, forget what is gone, decide on what is quarantined."""

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NamedTuple

from msgspec.structs import replace

from batchlog.config.schema import LogEntry
from batchlog.entries import Entries, select, text_of
from batchlog.errors import ConfigError, Exit, LogError
from batchlog.job.admit import admit, told
from batchlog.job.reader import Reader
from batchlog.job.request import Request, Verdict, World
from batchlog.job.survey import begin_place, problems_of, remains, survey, unmatched
from batchlog.job.work import Work, commit
from batchlog.segments.book import Book
from batchlog.segments.content import OpenFile, open_file
from batchlog.segments.findings import Finding, amount, error, notice, warning
from batchlog.segments.identity import Likeness, compare
from batchlog.segments.known import Log, Segment
from batchlog.segments.marks import mark_at_end
from batchlog.segments.origin import Begin
from batchlog.segments.past import Past
from batchlog.segments.read import unread_mark
from batchlog.segments.take import Opened, Tools, take
from batchlog.state.checkpoint import Entry, State
from batchlog.state.store import Store

Choice = Literal["count", "ignore"]


def reset(request: Request, world: World) -> Exit:
    """Begin a new checkpoint: totals at zero, all that is on disk taken as counted."""
    store, verdict = Store(request.checkpoint), Verdict(world)
    with store.lock(request.lock_wait, world.stop):
        old = store.load_usable()
        remembered = old.entries if old else ()
        entries = select(request.settings, request.logs, remembered)
        known = {log.path: log for log in old.logs} if old else {}
        limit = request.settings.metrics.max_logs
        places, left = admit(survey(entries, known.values()), known, limit, world.now())
        new = [place for place in places if place.found.path not in known]
        problems = problems_of(new, places) + unmatched(entries, places)
        verdict.hear(*map(error, problems), *([warning(told(left, limit))] if left else []))
        logs = []
        for place in places:
            begun = begin_place(place, Begin.COUNTED, world.now(), world.stop)
            verdict.hear(*(error(text) for text in place.found.problems), *begun.findings)
            logs.append(begun.log)
        state = State(
            state_id=uuid.uuid4().hex,
            generation=1,
            group=old.group if old else None,
            entries=tuple(Entry(entry.path, entry.format) for entry in entries),
            bounds=request.settings.metrics.bounds,
            logs=tuple(sorted(logs, key=lambda log: log.path)),
            left_alone=left,
        )
        damaged = None if old else store.set_aside()
        store.commit(state)
    kept = damaged or (store.previous if old else None)
    world.say(
        notice(
            f"started anew with {amount(len(logs), 'log')} at the present end and totals at 0"
            + (f"; the state before is kept as {kept}" if kept else "")
        )
    )
    return verdict.exit


def forget_logs(request: Request, paths: Sequence[str], world: World) -> Exit:
    """Forget logs that are gone, their own metrics with them (R119); totals stay (R19)."""
    store = Store(request.checkpoint)
    with store.lock(request.lock_wait, world.stop):
        state = store.load()
        known = {log.path: log for log in state.logs} if state else {}
        wanted = [os.path.abspath(path) for path in paths]
        for path in wanted:
            if path not in known:
                raise ConfigError(
                    f"{text_of(path)} is no log of the checkpoint {store.path}; "
                    "'batchlog status' lists them"
                )
            _refuse_if_there(known[path])
        if state is not None:
            commit(store, state, _without(state, frozenset(wanted)), state.totals)
    for path in wanted:
        lines = known[path].counters.counted
        said = f"{path}: forgotten, with the {lines:,} lines of its own metrics; totals stay"
        world.say(notice(said))
    return Exit.OK


def _refuse_if_there(log: Log) -> None:
    """Raise a ConfigError where a file of a log is there: the next run would begin it anew."""
    there = remains(log)
    if there is not None:
        raise ConfigError(
            f"{text_of(log.path)} is not gone, as {text_of(there)} is there; what is not to be "
            "counted any more is left out of the LOG arguments or the configuration"
        )


def _without(state: State, paths: frozenset[str]) -> State:
    """Return the state without those logs, and without the entries that named them."""
    counters = {path: one for path, one in state.backfill.counters.items() if path not in paths}
    return replace(
        state,
        entries=tuple(entry for entry in state.entries if entry.path not in paths),
        logs=tuple(log for log in state.logs if log.path not in paths),
        backfill=replace(state.backfill, counters=counters),
    )


class _Quarantined(NamedTuple):
    log: Log
    number: int

    @property
    def segment(self) -> Segment:
        return self.log.segments[self.number]

    @property
    def path(self) -> str:
        bearers = self.segment.bearers
        return bearers[0].path if bearers else self.log.path


def resolve(request: Request, path: str, choice: Choice, world: World) -> Exit:
    """Decide on the quarantined segment in the file at `path`; what comes later counts anyway."""
    store, verdict = Store(request.checkpoint), Verdict(world)
    with store.lock(request.lock_wait, world.stop):
        state = store.load()
        waiting = [] if state is None else _quarantined(state)
        found = next((one for one in waiting if one.path == os.path.abspath(path)), None)
        if state is None or found is None:
            names = ", ".join(one.path for one in waiting) or "nothing"
            raise ConfigError(f"{path} is not quarantined; what waits: {names}")
        work = Work(store, state, request.settings, world.now())
        with _still_there(found) as content:
            if choice == "count":
                verdict.hear(*_count(work, found, content, request, world))
            else:
                segment = replace(found.segment, mark=mark_at_end(content), state="open")
                book = Book(found.log)
                book.put(found.number, replace(segment, behind=True))
                work.put(book.log)
        work.commit()
    verb = f"counted its {work.read.lines:,} lines" if choice == "count" else "taken as counted"
    world.say(notice(f"{path}: {verb}; the next push delivers"))
    return verdict.exit


def _quarantined(state: State) -> list[_Quarantined]:
    return [
        _Quarantined(log, index)
        for log in state.logs
        for index, segment in enumerate(log.segments)
        if segment.state == "quarantined"
    ]


@contextmanager
def _still_there(found: _Quarantined) -> Iterator[OpenFile]:
    """Open a quarantined file; LogError where another content stands there by now."""
    path = found.path
    try:
        with open_file(path) as content:
            if compare(found.segment.mark, content) is not Likeness.SAME:
                raise LogError(
                    f"{path} holds something else by now: "
                    "the next push looks for it, 'batchlog status' names where it is"
                )
            yield content
    except FileNotFoundError:
        raise LogError(
            f"{path} is not there any more: the next push looks for it under another name"
        ) from None


def _count(
    work: Work, found: _Quarantined, content: OpenFile, request: Request, world: World
) -> list[Finding]:
    """Count a quarantined file from its first line; return what there is to say."""
    entry = Entries(request.settings.log).of(found.log) or LogEntry(found.log.path)
    book = Book(found.log)
    fresh = replace(found.segment, mark=unread_mark(content), state="open", begin=content.start)
    book.put(found.number, replace(fresh, begin_lines=0, context=""))
    opened = Opened(content, active=False, first=fresh.first, format=fresh.format)
    findings: list[Finding] = []
    taken = False
    with Reader(request.settings.metrics, world.stop, request.workers) as reader:
        past, elsewhere = Past(None, 0), lambda _: None
        tools = Tools(world.now(), fresh.format, reader.read, past, elsewhere, world.stop)
        for progress in take(book, found.number, opened, tools):
            work.add(progress, entry)
            findings += progress.findings
            taken = True
    if not taken:
        raise LogError(f"{content.sight.path} cannot be counted now: {book.findings[-1].text}")
    work.put(book.log)
    return [*findings, *book.findings]
