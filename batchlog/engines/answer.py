"""What comes back from another host: a result as plain bytes, in an encoding of our own.

It is JSON of a closed schema, rows as flat arrays, compressed. To read it runs no code of whoever
sent it, and takes no more memory than `MOST`. Whether it can be true is the judge's affair.
"""

import zlib
from hashlib import blake2b

import msgspec

from batchlog.engines.task import Done, Task
from batchlog.segments.identity import Mark
from batchlog.segments.steps import End, Step
from batchlog.tally import PACK, Key, Row, Tally

MOST = 64 << 20
"""Most bytes of an answer before it is compressed: more than a million rows, which take ten times
as much when they are read. What is longer is left to whoever asked."""

_LONG = 1000
"""Letters of a reason that travel."""


class Versions(msgspec.Struct, frozen=True, array_like=True):
    """What must be the same for the same answer."""

    batchlog: str
    python: str

    def differ(self, worker: "Versions", name: str) -> str:
        """Return a sentence about a worker that has other ones, and "" where it has the same."""
        pairs = zip(
            ("batchlog", "Python"),
            (self.batchlog, self.python),
            (worker.batchlog, worker.python),
            strict=True,
        )
        return next(
            (
                f"worker {name} has {what} {theirs[:40]}, this host {ours}: "
                "install the same version on both"
                for what, ours, theirs in pairs
                if ours != theirs
            ),
            "",
        )


class Unusable(Exception):  # noqa: N818 - a state, as in `errors`
    """Bytes that are no answer of ours, or one that says that there is none."""


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A shape that nothing may be added to."""


class _Done(_Closed, frozen=True, tag=True):
    task: str
    by_rows: bool
    fault: str = ""
    mark: Mark | None = None
    context: str = ""
    read_bytes: int = 0
    end: End = "complete"
    waiting: int = 0
    damage: str = ""
    """The step's own fault."""
    rows: tuple[tuple[Key, Row], ...] = ()
    malformed: int = 0
    oversize: int = 0
    skipped: int = 0
    undated: int = 0
    newest: int | None = None


class _Differs(_Closed, frozen=True, tag=True):
    versions: Versions


class _Failed(_Closed, frozen=True, tag=True):
    pass


_read = msgspec.json.Decoder(_Done | _Differs | _Failed).decode


def done(result: Done) -> bytes:
    """Return the bytes of a result; of one that is too long those of `failed`."""
    step = result.step
    if step is None:
        return _packed(_Done(_name(result.task), result.by_rows, _plain(result.fault)))
    tally = step.tally
    found = _packed(
        _Done(
            task=_name(result.task),
            by_rows=result.by_rows,
            mark=step.mark,
            context=step.context,
            read_bytes=step.read_bytes,
            end=step.end,
            waiting=step.waiting,
            damage=_plain(step.fault),
            rows=tuple(tally.all_rows()),
            malformed=tally.malformed,
            oversize=tally.oversize,
            skipped=tally.skipped,
            undated=tally.undated,
            newest=tally.newest,
        )
    )
    return found or failed()


def differs(versions: Versions) -> bytes:
    """Return the answer of a worker that must not do the work, because its versions are these."""
    return _packed(_Differs(versions))


def failed() -> bytes:
    """Return the answer of a worker that could not do the work; why, is its host's affair."""
    return _packed(_Failed())


def read(data: object, task: Task) -> Done | Versions:
    """Return what an answer to `task` says.

    Raises Unusable with a reason where it is none of ours, or says nothing. The result is as it was
    sent: it is for the judge.
    """
    found = _unpacked(data)
    if isinstance(found, _Differs):
        return found.versions
    if isinstance(found, _Failed):
        raise Unusable("it failed")
    if found.task != _name(task):
        raise Unusable("it is not the answer to what was asked")
    try:
        return Done(task, _step(found), found.fault, found.by_rows)
    except (ValueError, OverflowError):
        raise Unusable("its rows are no rows") from None


def versions_in(data: object) -> Versions:
    """Return the versions that a worker has told; Unusable where it told none."""
    found = _unpacked(data)
    if not isinstance(found, _Differs):
        raise Unusable("it tells no versions")
    return found.versions


def _step(found: _Done) -> Step | None:
    if found.mark is None:
        return None
    tally = Tally(
        malformed=found.malformed,
        oversize=found.oversize,
        skipped=found.skipped,
        undated=found.undated,
        newest=found.newest,
    )
    for key, row in found.rows:
        tally.add(key, row)
        if len(tally.rows) > PACK:
            tally.pack()
    return Step(
        found.mark,
        found.context,
        tally,
        found.read_bytes,
        found.end,
        found.waiting,
        found.damage,
    )


def _unpacked(data: object) -> _Done | _Differs | _Failed:
    if not isinstance(data, bytes):
        raise Unusable("it is no bytes")
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, MOST + 1)
        if len(text) > MOST or not unpacker.eof:
            raise Unusable("it is too long, or breaks off")
        found: _Done | _Differs | _Failed = _read(text)
    except (zlib.error, msgspec.MsgspecError, RecursionError, ValueError):
        raise Unusable("it is in another form") from None
    return found


def _packed(answer: _Closed) -> bytes:
    text = msgspec.json.encode(answer)
    return zlib.compress(text, 1) if len(text) <= MOST else b""


def _name(task: Task) -> str:
    """Return a name for all that a task says, the same on every host of one version."""
    return blake2b(repr(task).encode(errors="backslashreplace"), digest_size=16).hexdigest()


def _plain(text: str) -> str:
    """Return a text as UTF-8 can hold it: paths need not be."""
    return text.encode(errors="backslashreplace").decode()
