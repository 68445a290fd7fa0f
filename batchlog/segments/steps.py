"""Values: a decision to read, and the step that it gives."""

import sys
from typing import Literal, NamedTuple

import msgspec

from batchlog.segments.identity import Mark
from batchlog.tally import Tally

End = Literal["more", "complete", "truncated", "corrupt"]


class Result(msgspec.Struct, frozen=True):
    """What a step says, less its rows; see `Step` and `Tally`."""

    mark: Mark
    context: str
    read_bytes: int
    end: End
    waiting: int
    fault: str
    counted: int
    malformed: int
    oversize: int
    skipped: int
    undated: int
    newest: int | None


class Step(msgspec.Struct, frozen=True):
    """One read's tally with the mark it leads to."""

    mark: Mark
    context: str
    tally: Tally
    read_bytes: int
    """Bytes between the mark before and this one, decompressed; those of holes are not read."""
    end: End
    """more: stopped at the limit, on request, or for lack of patience. complete: all that was there
    when the file was opened. truncated, corrupt: an archive that ends in mid-member, or whose bytes
    are wrong."""
    waiting: int = 0
    """Bytes of an unterminated last line, which waits."""
    fault: str = ""
    """What is wrong with an archive."""
    nuls: int = 0
    """Bytes of what waits that are NUL, with nothing behind them yet."""

    @property
    def result(self) -> Result:
        """What it says, less its rows."""
        tally = self.tally
        return Result(
            mark=self.mark,
            context=self.context,
            read_bytes=self.read_bytes,
            end=self.end,
            waiting=self.waiting,
            fault=self.fault,
            counted=tally.counted,
            malformed=tally.malformed,
            oversize=tally.oversize,
            skipped=tally.skipped,
            undated=tally.undated,
            newest=tally.newest,
        )


class Read(NamedTuple):
    """A decision to read."""

    mark: Mark
    final: bool = False
    """The content has ended: an unterminated last line counts (R50)."""
    salvage: bool = False
    """The archive will not be completed: its decodable lines count without a checksum (R33)."""
    end: int | None = None
    """Read no further than to this offset, which stands after a newline or inside a line beyond the
    cap. What lies beyond it in an archive is decoded only as far as a checksum is needed that
    vouches for what lies before."""
    patience: int = sys.maxsize
    """Bytes without a newline after which the rest is left for the next run; of a plain content, as
    in an archive nothing counts before a checksum."""
