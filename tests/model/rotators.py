"""What rotates: logrotate in all its ways, compressors that are interrupted, links and copies."""

import gzip
import os
import shutil

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from batchlog.config.times import Since
from tests.model.endings import THEN, Then
from tests.model.host import NEWEST
from tests.model.writers import FILES, KINDS, LOGS, Writers
from tests.model.written import HALF


class Rotators(Writers):
    """Files that get other names, other forms and other inodes."""

    @initialize(
        since=st.sampled_from(["start", "checkpoint"]),
        nights=st.lists(st.tuples(KINDS, THEN), min_size=1, max_size=4),
        headers=st.booleans(),
    )
    def begins(self, since: Since, nights: list[tuple[list[str], Then]], *, headers: bool) -> None:
        """Begin with some nights, with or without a run after each."""
        self.since = since
        self.headers = headers
        self.did["the same words at the head of each file"] += headers
        for kinds, then in nights:
            self.write(self.active("access"), kinds)
            self.rename("access", create=True)
            self.then(then)
        self.write(self.active("access"), ["line"])

    def shift(self, log: str) -> None:
        """Give rotated files the next number as logrotate does, highest first."""
        for number in range(NEWEST - 1, 0, -1):
            for suffix in ("", ".gz"):
                old = self.numbered(log, number, suffix)
                if old.exists():
                    old.rename(self.numbered(log, number + 1, suffix))

    def may_rotate(self, log: str) -> bool:
        """Return whether there is something to rotate, and a number free."""
        path = self.active(log)
        full = any(self.numbered(log, NEWEST, one).exists() for one in ("", ".gz"))
        return path.exists() and path.stat().st_size > 0 and not full

    def rename(self, log: str, *, create: bool) -> None:
        """Rotate as logrotate does, with `create` or `nocreate` (R1, R2)."""
        if self.may_rotate(log):
            self.shift(log)
            self.active(log).rename(self.numbered(log, 1))
            if create:
                self.active(log).touch()
                self.stamp(self.active(log))
            self.did["rotated with create" if create else "rotated without create"] += 1
            self.did["rotation"] += 1

    @rule(log=LOGS, kinds=KINDS, create=st.booleans(), ends=st.booleans(), then=THEN)
    def rotate(self, log: str, kinds: list[str], then: Then, *, create: bool, ends: bool) -> None:
        """Write, perhaps begin a line that has no end yet (R48), and rotate."""
        self.write(self.active(log), kinds)
        if not ends:
            self.begin_line(self.active(log))
        self.rename(log, create=create)
        self.then(then)

    @rule(log=LOGS, kinds=KINDS, nights=st.integers(2, 3), then=THEN)
    def rotate_several_times(self, log: str, kinds: list[str], nights: int, then: Then) -> None:
        """Let several nights go by without a run (R5)."""
        for _ in range(nights):
            self.write(self.active(log), kinds)
            self.rename(log, create=True)
        self.did["several rotations between runs"] += 1
        self.then(then)

    @rule(log=LOGS, kinds=KINDS)
    def lose_a_file(self, log: str, kinds: list[str]) -> None:
        """Delete what a run has seen and not read: half a line of it is lost, said once (R6)."""
        path = self.active(log)
        self.write(path, kinds)
        if not self.may_rotate(log) or self.has_twin(path) or self.push() is None:
            return
        self.push()  # what else is gone is said by now
        self.begin_line(path)
        self.push()
        before = self.lost()
        self.rename(log, create=True)
        self.numbered(log, 1).unlink()
        self.doubt = max(self.doubt, 2)
        self.push()
        assert before == self.lost()
        self.push()
        assert before + HALF == self.lost()
        self.did["reported as lost"] += 1

    @rule(log=LOGS, kinds=KINDS, appends=st.booleans(), then=THEN)
    def copytruncate(self, log: str, kinds: list[str], then: Then, *, appends: bool) -> None:
        """Copy and truncate; the writer appends, or goes on where it was behind a hole (R27)."""
        if self.may_rotate(log):
            path = self.active(log)
            self.finish(path)
            self.shift(log)
            size = path.stat().st_size
            shutil.copyfile(path, self.numbered(log, 1))
            self.stamp(self.numbered(log, 1))
            os.truncate(path, 0)
            self.stamp(path)
            self.did["copytruncate"] += 1
            self.did["rotation"] += 1
            if not appends:
                self.write(path, kinds, hole=size)
                self.did["copytruncate, then a hole"] += 1
        self.then(then)

    @rule(log=LOGS)
    def copy_before_truncation(self, log: str) -> None:
        """Copy, and look before the truncation: one content in two files (R26)."""
        path = self.active(log)
        if str(path) in self.known() and self.may_rotate(log) and not self.has_twin(path):
            self.finish(path)
            self.shift(log)
            shutil.copyfile(path, self.numbered(log, 1))
            self.stamp(self.numbered(log, 1))
            self.push()
            os.truncate(path, 0)
            self.stamp(path)
            self.did["a run between copy and truncation"] += 1

    @rule(log=LOGS, kinds=KINDS, nights=st.integers(1, 3), pushes=st.booleans())
    def swap_two_inodes(self, log: str, kinds: list[str], nights: int, *, pushes: bool) -> None:
        """Debian's rotation every night: `.1` is compressed, its inode is the next file's (R12)."""
        first = self.numbered(log, 1)
        if not first.exists():
            self.write(self.active(log), kinds)
            self.rename(log, create=True)
            self.write(self.active(log), kinds)
        for _ in range(nights):
            if not self.may_rotate(log) or not first.exists() or self.has_twin(first):
                return
            self.finish(first)
            self.site.compress(first, keep=True)
            first.rename(self.root / "inode")
            self.shift(log)
            self.active(log).rename(first)
            os.truncate(self.root / "inode", 0)
            (self.root / "inode").rename(self.active(log))
            self.write(self.active(log), kinds)
            self.did["inodes swapped"] += 1
            self.did["rotation"] += 1
            if pushes:
                self.push()

    @precondition(lambda self: self.plain())
    @rule(
        pick=FILES,
        how=st.sampled_from(["compressed", "side by side", "half an archive"]),
        then=THEN,
    )
    def compress(self, pick: int, how: str, then: Then) -> None:
        """To its end; to its end with the plain file still there; a part of it, beside that."""
        path = self.plain()[pick % len(self.plain())]
        packed = path.with_name(path.name + ".gz")
        if path.stat().st_nlink > 1 or (packed.exists() and not self.is_half(packed)):
            return
        if how != "compressed":
            self.finish(path)
        self.site.compress(path, keep=how != "compressed")
        if how == "half an archive":
            os.truncate(packed, packed.stat().st_size // 2)
            self.stamp(packed)
        self.did[how] += 1
        self.then(then)

    @rule(log=LOGS, kinds=KINDS, how=st.sampled_from(["to its end", "in vain", "plain gone"]))
    def watch_a_compressor(self, log: str, kinds: list[str], how: str) -> None:
        """Run while gzip is half-way; then it comes to its end, or is killed and was in vain.

        Or the plain file has gone before the archive is whole, as in a slow copy (R33).
        """
        path = next((p for p in self.plain() if self.log_of(p) == log), None)
        if path is None or self.has_twin(path) or str(self.active(log)) not in self.known():
            return
        self.write(path, kinds)
        packed = self.site.compress(path, keep=True)
        whole = packed.read_bytes()
        os.truncate(packed, len(whole) * 2 // 3)
        self.stamp(packed)
        if how == "plain gone" and not self.is_old(path):
            path.unlink()
        self.push()
        if how == "in vain":
            packed.unlink()
        else:
            packed.write_bytes(whole)
            self.stamp(packed)
            path.unlink(missing_ok=True)
        self.did["a run while a file is compressed"] += 1

    @rule(pick=FILES)
    def compress_in_members(self, pick: int) -> None:
        """Compress in two parts: an archive of several members (R40)."""
        plain = [p for p in self.plain() if not self.has_twin(p) and p.stat().st_size > 200]
        if plain:
            path = plain[pick % len(plain)]
            self.finish(path)
            data, packed = path.read_bytes(), path.with_name(path.name + ".gz")
            parts = data[: len(data) // 2], data[len(data) // 2 :]
            packed.write_bytes(b"".join(map(gzip.compress, parts)))
            self.stamp(packed)
            path.unlink()
            self.did["archive of two members"] += 1

    @rule(log=LOGS, number=st.integers(20, 22), pick=FILES)
    def copy(self, log: str, number: int, pick: int) -> None:
        """Copy a rotated file that was counted to another name (R26)."""
        files = [p for p in self.files(rotated=True) if self.log_of(p) == log]
        if files:
            path = files[pick % len(files)]
            whole, rest = self.read(path)
            copy = self.numbered(log, number, path.suffix if path.suffix == ".gz" else "")
            if whole and rest is None and whole <= self.held.counted and not copy.exists():
                shutil.copy2(path, copy)
                self.did["copy under another name"] += 1

    @precondition(lambda self: self.files())
    @rule(pick=FILES, number=st.integers(23, 25))
    def link(self, pick: int, number: int) -> None:
        """Give a file a second name, and a log a symbolic link (R16, R20)."""
        path = self.files()[pick % len(self.files())]
        name = self.numbered(self.log_of(path), number, ".gz" * (path.suffix == ".gz"))
        if not name.exists() and path.stat().st_nlink == 1 and path.stat().st_size:
            os.link(path, name)
            self.did["hard link"] += 1
        if not (self.site.logs / "current.log").is_symlink():
            (self.site.logs / "current.log").symlink_to("access.log")
            self.did["symbolic link"] += 1

    @rule(hours=st.sampled_from([0.05, 0.2, 1.5, 30]), then=THEN)
    def wait(self, hours: float, then: Then) -> None:
        """Let time go by."""
        self.site.clock += hours * 3600
        self.then(then)
