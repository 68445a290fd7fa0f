"""What is remembered of a log between two runs. Values only; a change returns a new value."""

from typing import Literal

import msgspec

from batchlog.segments.identity import Mark

_FAR_AHEAD = 86_400

Condition = Literal["open", "sealed", "quarantined", "old"]


class Sight(msgspec.Struct, frozen=True):
    """A file as it was when it was last looked at; the same sight is not opened again."""

    path: str
    device: int
    inode: int
    size: int
    """Bytes on disk, that is compressed ones where `form` is not "plain"."""
    mtime: int
    """Time of last modification, nanoseconds since 1970."""
    form: str
    """"plain", "gzip", "bzip2", "xz" or "zstd"; "unknown" for what is not read."""

    @property
    def place(self) -> tuple[int, int]:
        """Device and inode: one file, whatever its names."""
        return self.device, self.inode

    @property
    def key(self) -> tuple[int, int, int, int]:
        """What makes two sights the same: everything but the name, which a rename changes."""
        return self.device, self.inode, self.size, self.mtime

    def is_quiet(self, now: float, seconds: int) -> bool:
        """Return whether nobody has written to it for so long; `now` in Unix seconds.

        A time far ahead of the clock was written by another clock, or by this one before it was set
        back (R72): to wait until it has passed might take years. Within a day it is waited for.
        """
        age = now - self.mtime / 1e9
        return age >= seconds or age < -_FAR_AHEAD


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One content from a writer's first byte to its last."""

    mark: Mark
    state: Condition
    """open: may grow. sealed: its end is known. quarantined: waits for a person's `resolve`.
    old: was on disk below the origin; a push never counts it."""
    begin: int | None
    """Where live counting of it starts, in decompressed bytes; None where none of it is live."""
    begin_lines: int
    """Lines before `begin`."""
    first: int | None
    """Stamp of its first line that has one, Unix seconds."""
    format: str
    """What `formats.resolve` takes."""
    context: str = ""
    """The scanner's context at the mark."""
    bearers: tuple[Sight, ...] = ()
    """The files that hold it, the one that is read first; none where it is gone."""
    behind: bool = False
    """Whether its first bearer, as it was seen, has not been read to its end yet: a run was
    stopped or killed between two steps. Then the sight alone does not say that nothing is new."""
    absent: bool = False
    """Whether the run before already saw no bearer of it."""
    nuls: int = 0
    """How many NULs were at the end of its first bearer when it was read: they wait, and are no
    loss where it goes."""

    def unread(self, size: int) -> int:
        """Return how many bytes of a plain file of that size wait to be read, NULs left out."""
        return max(0, size - self.mark.offset - self.nuls)


class Consumed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One content that a backfill has read: an entry of the ledger."""

    mark: Mark
    first: int | None
    """Stamp of its first line that has one, Unix seconds."""
    format: str
    log: str
    """Path of the log that it belongs to."""
    bearer: Sight
    """The file that it was read from, as it was then."""
    context: str = ""
    ended: bool = False
    """Whether nothing more is to be had from that file: an archive that was read to its end, or is
    damaged."""
    twins: tuple[tuple[int, int, int, int], ...] = ()
    """Keys of other files that held no more."""
    live: bool = False
    """Whether it was added to the living series (`--into-live`)."""


class Counters(msgspec.Struct, frozen=True, omit_defaults=True):
    """batchlog's own counters of one log."""

    counted: int = 0
    malformed: int = 0
    oversize: int = 0
    skipped: int = 0
    read_bytes: int = 0
    lost_bytes: int = 0
    lost_segments: int = 0
    newest: int | None = None
    """Stamp of the newest counted line, Unix seconds."""

    def __add__(self, other: "Counters") -> "Counters":
        """Return the sum, with the newer of the two stamps."""
        stamps = [stamp for stamp in (self.newest, other.newest) if stamp is not None]
        return Counters(
            counted=self.counted + other.counted,
            malformed=self.malformed + other.malformed,
            oversize=self.oversize + other.oversize,
            skipped=self.skipped + other.skipped,
            read_bytes=self.read_bytes + other.read_bytes,
            lost_bytes=self.lost_bytes + other.lost_bytes,
            lost_segments=self.lost_segments + other.lost_segments,
            newest=max(stamps, default=None),
        )


class Log(msgspec.Struct, frozen=True, omit_defaults=True):
    """An active path with its segments, oldest first."""

    path: str
    origin: int
    """When live counting of it began: Unix seconds of the commit that recorded its segments."""
    segments: tuple[Segment, ...] = ()
    counters: Counters = Counters()
    entry: str = ""
    """Path or pattern of the entry that named it first: of a log whose files have only stamps the
    pattern need not match the path."""
    above: int | None = None
    """A first stamp from which on a file lies above the origin, however old it is by now; None
    where the origin is the active file's first line or end."""
    forgotten: int | None = None
    """Newest first stamp of the segments that are not remembered any more."""
    counted_from: int | None = None
    """Oldest first stamp of those of them that were counted: what begins before it lies below the
    origin."""
    gone: int | None = None
    """Unix seconds of the first run that saw nothing of it any more; None while it is there."""
    retired: bool = False
    """Whether its own metrics are pushed no more, its counters having begun anew."""
    unread: tuple[Sight, ...] = ()
    """Files that were said once to be damaged or no log, so that they are not said again."""
    unfit: tuple[Sight, ...] = ()
    """Files that were said once to be in no known format: until a format is named for them."""

    def begun(self, now: float) -> int:
        """Return when counting began, as far as the clock can tell; `now` is Unix seconds.

        An origin that lies in the future was noted before the clock was set back (R72): which files
        were written before it cannot be known by their times then, and 0 is before all of them.
        """
        return self.origin if self.origin <= now else 0
