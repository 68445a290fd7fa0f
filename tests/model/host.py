"""The host that everything happens to: its files, what was written to them, what became of it.

The model knows each line by its number: which are on disk, which a run could see, which are gone
for ever. It knows nothing of how batchlog finds that out.
"""

import dataclasses
import gzip
import os
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hypothesis.stateful import RuleBasedStateMachine

from batchlog.config.times import Since
from batchlog.segments.lines import CAP
from tests.model.place import QUIET, Key, Place, key_of
from tests.model.sinks import Gateways
from tests.model.written import HALF, HEADER, REQUESTS, Token, number_of, written
from tests.site import BEGINNING

NEWEST = 19
"""Highest number of a rotated file; the numbers above it are for links and what is put back."""


@dataclass(frozen=True)
class Held:
    """What the model knows of one generation of the checkpoint."""

    counted: frozenset[Token] = frozenset()
    below: frozenset[Token] = frozenset()
    """What stands in files that lie below the origin: no push counts it."""
    seen: frozenset[Key] = frozenset()
    """Files as the last run saw them."""
    retired: frozenset[Token] = frozenset()
    """What was on disk when a person began anew: it is taken as counted."""

    def after(
        self, counted: frozenset[Token], below: frozenset[Token], seen: frozenset[Key]
    ) -> "Held":
        """Return what is known once more was counted."""
        return Held(counted, below, seen, self.retired)


class Host(RuleBasedStateMachine):
    """Files and their lines; who writes, rotates and runs comes on top."""

    gateways: ClassVar[Gateways]
    happened: ClassVar[Counter[str]] = Counter()
    """How often each thing really happened, over all examples."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="batchlog-model-"))
        self.site = Place(self.root, float(BEGINNING + 1_000_000))
        self.gateways.anew()
        self.kind: dict[int, str] = {}
        self.begun: set[Token] = set()
        """All lines that were written, and halves of lines."""
        self.held = Held()
        self.kept: dict[int, Held] = {}
        """By generation."""
        self.since: Since = "start"
        self.headers = False
        """Whether each new file begins with the same words."""
        self.did: Counter[str] = Counter()
        self._ticks = 0

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.gateways.settle()
        shutil.rmtree(self.root)
        Host.happened.update(self.did)
        Host.happened.update(
            {f"examples with {name}": 1 for name, times in self.did.items() if times}
        )
        Host.happened["examples"] += 1

    # --- names -------------------------------------------------------------------------------

    def active(self, log: str) -> Path:
        """Return the path of a log."""
        return self.site.logs / f"{log}.log"

    def numbered(self, log: str, number: int, suffix: str = "") -> Path:
        """Return the path of a rotated file."""
        return self.site.logs / f"{log}.log.{number}{suffix}"

    def log_of(self, path: Path) -> str:
        """Return the log that a file belongs to by its name."""
        return path.name.partition(".")[0]

    def files(self, *, rotated: bool = False) -> list[Path]:
        """Return the files, links left out but for what only they hold."""
        places = set()
        found = []
        for path in sorted(self.site.logs.iterdir(), key=lambda p: (len(p.name), p.name)):
            place = key_of(path)[:2] if path.exists() and not path.is_symlink() else None
            if place is not None and place not in places:
                places.add(place)
                found.append(path)
        return [path for path in found if not rotated or path.suffix != ".log"]

    def plain(self) -> list[Path]:
        """Return the rotated files that are not compressed."""
        return [path for path in self.files(rotated=True) if path.suffix != ".gz"]

    # --- what files hold ---------------------------------------------------------------------

    def content(self, path: Path) -> bytes:
        """Return what a file holds, decompressed; nothing of half an archive."""
        data = path.read_bytes() if path.exists() else b""
        if path.suffix != ".gz":
            return data
        try:
            return gzip.decompress(data)
        except (EOFError, OSError, zlib.error):
            return b""

    def read(self, path: Path) -> tuple[set[Token], Token | None]:
        """Return the lines of a file, and the one that has no end."""
        *whole, rest = self.content(path).split(b"\n")
        if len(rest) > CAP:  # it counts without its end (R112)
            whole, rest = [*whole, rest], b""
        tokens = {
            (self.log_of(path), number_of(line)) for line in whole if line.lstrip(b"\0") != HEADER
        }
        return tokens, (self.log_of(path), -number_of(rest)) if rest else None

    def tokens(self, path: Path) -> set[Token]:
        """Return all that a file holds, also a line without end."""
        whole, rest = self.read(path)
        return whole if rest is None else {*whole, rest}

    def on_disk(self) -> set[Token]:
        """Return all that is there."""
        return set().union(*map(self.tokens, self.files()))

    def destroyed(self) -> set[Token]:
        """Return what was written, not counted, and is nowhere any more."""
        gone = self.begun - self.held.counted - self.on_disk()
        return {(log, n) for log, n in gone if n > 0 or (log, -n) not in self.begun}

    def is_old(self, path: Path) -> bool:
        """Return whether a file lies below the origin."""
        return bool(self.held.below & self.tokens(path))

    def is_half(self, path: Path) -> bool:
        """Return whether a file is half an archive."""
        return path.suffix == ".gz" and not self.read(path)[0]

    def is_quiet(self, path: Path) -> bool:
        """Return whether nobody has written to a file for an hour."""
        return self.site.clock - path.stat().st_mtime_ns / 1e9 >= QUIET

    def holds_copy(self, path: Path) -> bool:
        """Return whether another file than half an archive holds lines of this one."""
        mine = self.read(path)[0]
        return any(mine & self.read(one)[0] for one in self.files() if not one.samefile(path))

    def has_twin(self, path: Path) -> bool:
        """Return whether a file has another name, a copy, or an archive beside it, or half one."""
        beside = path.with_name(path.name + ".gz").exists()
        return path.stat().st_nlink > 1 or beside or self.holds_copy(path)

    def has_stamp(self, path: Path) -> bool:
        """Return whether a request stands in a file's first 4 KiB, by whose time it is known."""
        lines = self.content(path).lstrip(b"\0")[:4096].split(b"\n")[:-1]
        return any(self.kind[number_of(line)] in REQUESTS for line in lines if line != HEADER)

    # --- writing -----------------------------------------------------------------------------

    def stamp(self, path: Path) -> None:
        """Give a change a time of its own: the file system's clock may tick every 4 ms only."""
        self._ticks += 1
        at = int(self.site.clock) * 10**9 + self._ticks * 10**6
        os.utime(path, ns=(at, at))

    def new_line(self, kind: str) -> int:
        """Return the number of a line that is about to be written."""
        self.kind[len(self.kind) + 1] = kind
        return len(self.kind)

    def begin(self, token: Token, *, old: bool) -> None:
        """Note what is about to be written to a file, `old` if that lies below the origin."""
        self.begun.add(token)
        if old:
            self.sink({token})

    def sink(self, tokens: Iterable[Token]) -> None:
        """Take lines as written below the origin: they stand in a file that lies there."""
        below = self.held.below
        more = frozenset(tokens)
        self.held = dataclasses.replace(self.held, below=below | more)
        self.kept = {
            number: dataclasses.replace(one, below=one.below | more) if below & one.below else one
            for number, one in self.kept.items()
        }

    def finish(self, path: Path) -> None:
        """Write the rest of a line without end."""
        self.write(path, [])

    def write(self, path: Path, kinds: Sequence[str], hole: int = 0) -> None:
        """Finish the line without end, then append lines, behind a hole of NULs if any."""
        old = path.exists() and self.is_old(path)
        _, rest = self.read(path)
        fresh = kinds and not (path.exists() and path.stat().st_size)
        is_long = len(self.content(path).rpartition(b"\n")[2]) > CAP
        data = b"\0" * hole + b"its end\n" * is_long
        log = self.log_of(path)
        if rest is not None:
            data += written(-rest[1], "line")[HALF:]
            self.begin((log, -rest[1]), old=old)
        for kind in [*(["headed"] if fresh and self.headers else []), *kinds]:
            number = self.new_line(kind)
            data += written(number, kind)
            self.begin((log, number), old=old)
        if data:
            with path.open("ab") as file:
                file.write(data)
            self.stamp(path)

    def begin_line(self, path: Path, kind: str = "line") -> None:
        """Leave a line without its end (R47), a long one perhaps (R112)."""
        if path.exists() and self.read(path)[1] is None:
            self.finish(path)
            old = self.is_old(path)
            number = self.new_line(kind)
            text = written(number, kind)
            is_long = len(text) > CAP
            self.begin((self.log_of(path), number if is_long else -number), old=old)
            with path.open("ab") as file:
                file.write(text[:-1] if is_long else text[:HALF])
            self.stamp(path)
