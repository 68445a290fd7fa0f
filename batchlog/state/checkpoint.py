"""The saved file: what it holds, and its bytes. No files, no clock.

Totals and positions are in one value so that one atomic replacement keeps them in step. It holds
no configuration, no secrets and no line of any log.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec
from msgspec.structs import replace

from batchlog.errors import CheckpointError
from batchlog.segments.known import Consumed, Counters, Log, Sight

VERSION = 1
"""Version that this program writes."""

OLDEST_READER = 1
"""Oldest version of the program's format that understands what this one writes."""

_ESCAPE = "\0"
"""Begins a path that is not UTF-8, percent-encoded: no path of a file holds it."""

_ESCAPE_IN_JSON = b'"\\u0000'

Count = Annotated[int, msgspec.Meta(ge=0)]


class Series(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the totals, carrying its own label names."""

    labels: tuple[tuple[str, str], ...]
    """Name and value of each label, sorted by name."""
    requests: Count
    bytes: Count
    created: int
    """Unix seconds of the commit that created it."""
    duration: Count | None = None
    """Sum of durations in nanoseconds; None where no line carried one."""
    buckets: tuple[Count, ...] | None = None
    """Count of each bucket, not cumulative; the last is what lies above every bound."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the user named, as given: an active path or a glob, made absolute."""

    path: str
    format: str = "auto"


class Group(msgspec.Struct, frozen=True):
    """The gateway's group that this checkpoint belongs to; fixed when first committed."""

    job: str
    grouping: dict[str, str]

    def __str__(self) -> str:
        labels = {"job": self.job, **self.grouping}
        return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


class Backfill(msgspec.Struct, frozen=True, omit_defaults=True):
    """What backfills have read: each content once ever, whatever file holds it."""

    contents: tuple[Consumed, ...] = ()
    counters: dict[str, Counters] = {}
    """By path of the log."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that a run needs from the run before."""

    state_id: str
    """Random name of this checkpoint's life."""
    generation: int = 0
    """Number of commits in it."""
    group: Group | None = None
    entries: tuple[Entry, ...] = ()
    bounds: tuple[int, ...] = ()
    """Upper bounds of the duration buckets, nanoseconds, ascending."""
    totals: tuple[Series, ...] = ()
    """Sorted by labels."""
    overflow: int = 0
    """Lines put into `other` because the limit of series was reached."""
    logs: tuple[Log, ...] = ()
    """Sorted by path."""
    left_alone: int = 0
    """Logs that patterns found in the run before, and for which there was no room."""
    retired: Counters = Counters()
    """Sum of the own counters of logs that are gone for so long that they are pushed no more."""
    backfill: Backfill = Backfill()


class _Envelope(msgspec.Struct, frozen=True):
    version: int
    oldest_reader: int
    checksum: str
    state: msgspec.Raw


def encode(state: State) -> bytes:
    """Return the file's bytes: one line of JSON with a checksum over the state's own bytes."""
    try:
        raw = msgspec.json.encode(state)
    except UnicodeEncodeError:  # some path is not UTF-8, which is rare: the walk is left for then
        raw = msgspec.json.encode(_with_paths(state, _escaped))
    envelope = _Envelope(VERSION, OLDEST_READER, checksum(raw), msgspec.Raw(raw))
    return msgspec.json.encode(envelope) + b"\n"


def decode(data: bytes) -> State:
    """Return the state in `data`; CheckpointError where it is damaged or from a newer version."""
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CheckpointError("it is not a whole checkpoint") from None
    if envelope.oldest_reader > VERSION:
        raise CheckpointError(
            f"it was written by a newer batchlog (format {envelope.version}, "
            f"this one reads up to {VERSION}); upgrade batchlog"
        )
    raw = bytes(envelope.state)
    if checksum(raw) != envelope.checksum:
        raise CheckpointError("its checksum does not match its content")
    try:
        state = msgspec.json.decode(raw, type=State)
        return _with_paths(state, _unescaped) if _ESCAPE_IN_JSON in raw else state
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(f"its content is not a checkpoint's: {error}") from None


def _escaped(path: str) -> str:
    """Return a path that is not UTF-8 (PEP 383 surrogates in it) as text that JSON can hold."""
    if path.isprintable():
        return path
    return _ESCAPE + quote_from_bytes(path.encode("utf-8", "surrogateescape"), safe="/")


def _unescaped(path: str) -> str:
    if not path.startswith(_ESCAPE):
        return path
    return unquote_to_bytes(path.removeprefix(_ESCAPE)).decode("utf-8", "surrogateescape")


def _with_paths(state: State, change: Callable[[str], str]) -> State:
    """Return the state with every path in it changed."""

    def sights(old: tuple[Sight, ...]) -> tuple[Sight, ...]:
        return tuple(replace(sight, path=change(sight.path)) for sight in old)

    logs = tuple(
        replace(
            log,
            path=change(log.path),
            entry=change(log.entry),
            segments=tuple(replace(s, bearers=sights(s.bearers)) for s in log.segments),
            unread=sights(log.unread),
            unfit=sights(log.unfit),
        )
        for log in state.logs
    )
    entries = tuple(replace(entry, path=change(entry.path)) for entry in state.entries)
    backfill = Backfill(
        tuple(
            replace(one, log=change(one.log), bearer=sights((one.bearer,))[0])
            for one in state.backfill.contents
        ),
        {change(path): counters for path, counters in state.backfill.counters.items()},
    )
    return replace(state, logs=logs, entries=entries, backfill=backfill)


def checksum(raw: bytes) -> str:
    """Return the checksum of a state's bytes: against accidents, not against a forger."""
    return blake2b(raw, digest_size=16).hexdigest()
