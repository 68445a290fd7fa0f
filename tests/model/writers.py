"""What servers and people write: to logs, to files that were renamed meanwhile, and by halves."""

import gzip
import os
import shutil
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.endings import THEN, Endings, Then
from tests.model.written import HEADER

LOGS = st.sampled_from(["access", "access", "access", "other", "vhost"])
FILES = st.integers(0, 99)
KINDS = st.lists(
    st.sampled_from([*["line"] * 6, "crlf", "junk", "nul", "binary", "huge", "over"]),
    min_size=1,
    max_size=5,
)


class Writers(Endings):
    """Lines, whole and not, and where they may end up."""

    @rule(log=LOGS, kinds=KINDS, then=THEN)
    def append(self, log: str, kinds: list[str], then: Then) -> None:
        """Write to a log; to `vhost` and `other` perhaps for the first time (R18)."""
        self.did["new virtual host"] += not self.active(log).exists() and log != "access"
        self.write(self.active(log), kinds)
        self.did.update({f"written: {kind}": 1 for kind in kinds})
        self.then(then)

    @rule(log=LOGS, kind=st.sampled_from(["line", "line", "huge", "over"]), then=THEN)
    def leave_a_line_without_its_end(self, log: str, kind: str, then: Then) -> None:
        """Write the first half of a line (R47), or a long one (R112)."""
        self.begin_line(self.active(log), kind)
        self.did["half a line" if kind == "line" else "a long line without its end"] += 1
        self.then(then)

    @precondition(lambda self: self.plain())
    @rule(pick=FILES, kinds=KINDS, then=THEN)
    def write_late(self, pick: int, kinds: list[str], then: Then) -> None:
        """Write to a rotated file, as a worker does that still has it open (R49).

        Not while another file holds the same: lines that only one of them has are told apart by
        nothing once both have grown.
        """
        path = self.plain()[pick % len(self.plain())]
        if not self.holds_copy(path):
            self.write(path, kinds)
            self.did["late write"] += 1
        self.then(then)

    @rule(log=LOGS, kinds=KINDS, then=THEN)
    def truncate_and_regrow(self, log: str, kinds: list[str], then: Then) -> None:
        """Truncate without a copy; what grows is longer than what was there (R24)."""
        path = self.active(log)
        if path.exists() and 0 < path.stat().st_size < 100_000:
            size = path.stat().st_size
            os.truncate(path, 0)
            self.write(path, kinds)
            while path.stat().st_size <= size:
                self.write(path, ["huge" if size > 5000 else "line"])
            self.expect_losses()
            self.did["truncated and regrown"] += 1
        self.then(then)

    @rule(log=LOGS, kinds=KINDS, keep=st.integers(1, 5))
    def lose_the_end(self, log: str, kinds: list[str], keep: int) -> None:
        """Let a crash cost a log its last lines; a run follows before the writer does (R98)."""
        path = self.active(log)
        if str(path) not in self.known() or (path.exists() and self.has_twin(path)):
            return
        self.write(path, kinds)
        self.push()
        lines = path.read_bytes().split(b"\n")[:-1][:keep]
        left = b"".join(line + b"\n" for line in lines)
        if not lines or lines[-1].lstrip(b"\0") == HEADER or len(left) >= path.stat().st_size:
            return
        before = self.read(path)[0]
        os.truncate(path, len(left))
        self.stamp(path)
        cut = (before - self.read(path)[0]) & self.held.counted
        self.expect_losses()
        self.doubt = max(self.doubt, 1)
        ran = self.push()
        assert ran is not None
        assert not cut or ran.said("lost its last")
        self.floor = ran.state.generation
        self.did["a log lost its end"] += bool(cut)

    def may_be_masked(self, path: Path) -> bool:
        """Return whether a file is still known by what is left of it (R30).

        Not what lies below the origin, which a backfill leaves once it is rewritten; not while a
        copy with the old bytes is there; and not what nothing tells from a new file, since there
        is no request in its first 4 KiB.
        """
        whole, rest = self.read(path)
        torn = any((log, -n) in self.held.counted for log, n in whole)
        live = not whole & (self.held.below | self.held.retired) and not self.is_half(path)
        known = str(self.active(self.log_of(path))) in self.known() and self.has_stamp(path)
        return known and live and rest is None and not torn and not self.has_twin(path)

    @precondition(lambda self: any(map(self.may_be_masked, self.files(rotated=True))))
    @rule(pick=FILES, then=THEN)
    def mask(self, pick: int, then: Then) -> None:
        """Mask addresses in a rotated file every night, as `sed -i` does: line by line."""
        files = list(filter(self.may_be_masked, self.files(rotated=True)))
        self.site.mask(files[pick % len(files)])
        self.stamp(files[pick % len(files)])
        self.did["masked"] += 1
        self.then(then)

    @precondition(lambda self: self.files(rotated=True))
    @rule(pick=FILES, then=THEN)
    def delete(self, pick: int, then: Then) -> None:
        """Delete a rotated file, seen or not (R6); what was counted of it may come back (R26)."""
        path = self.files(rotated=True)[pick % len(self.files(rotated=True))]
        packed = path.with_name(path.name + ".gz")
        if packed.exists() and self.is_half(packed):
            packed.unlink()
        whole, rest = self.read(path)
        if whole and rest is None and whole <= self.held.counted and not self.is_old(path):
            kept = self.root / f"backup.{self.log_of(path)}.gz"
            data = path.read_bytes()
            kept.write_bytes(data if path.suffix == ".gz" else gzip.compress(data))
        path.unlink()
        self.expect_losses()
        self.did["deleted"] += 1
        self.did["deleted unread"] += bool(self.destroyed())
        self.then(then)

    @precondition(lambda self: any(self.root.glob("backup.*")))
    @rule(number=st.integers(20, 22))
    def put_back(self, number: int) -> None:
        """Put an old archive back that was deleted, all of it counted (R30)."""
        kept = min(self.root.glob("backup.*"))
        back = self.numbered(kept.suffixes[0][1:], number, ".gz")
        if not back.exists():
            shutil.copyfile(kept, back)
            if self.read(back)[0] <= self.held.counted:
                self.stamp(back)
                self.did["old archive put back"] += 1
            else:
                back.unlink()
