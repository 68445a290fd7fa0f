"""Runs that go well, and what comes between: gateways, kills, a stop, another run, permissions."""

import dataclasses
import os
from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from batchlog.errors import Busy, Exit
from tests.model.bare import bare
from tests.model.endings import MOMENTS, PLANS, RUN, Then
from tests.model.place import QUIET
from tests.model.rotators import Rotators
from tests.model.sinks import Plan
from tests.model.writers import FILES, KINDS, LOGS
from tests.site import At

NOTHING = Then()


class Runs(Rotators):
    """All that a run may meet."""

    @rule(what=RUN)
    def run_once(self, what: Then) -> None:
        """Do one run."""
        self.then(what)

    @rule(plan=PLANS, first=st.booleans())
    def restart_a_gateway(self, plan: Plan, *, first: bool) -> None:
        """Let a gateway forget everything (R88): the next run brings back all of it."""
        self.gateways.both[0 if first else 1].wipe()
        self.push(plan if first else Plan())
        self.did["gateway restarted empty"] += 1

    @rule(moment=MOMENTS, log=LOGS, kinds=KINDS)
    def two_at_once(self, moment: int, log: str, kinds: list[str]) -> None:
        """Start a run during a run: the second is refused (R67)."""
        if not self.state().generation:
            return
        self.write(self.active(log), kinds)
        below = self.origin()
        counted, seen = self.all_new(below), self.sights()

        def another(_: At) -> None:
            with pytest.raises(Busy):
                self.run_inside()

        hook = At(moment, another)
        self.run(hook)
        self.commit(self.held.after(counted, below, seen))
        self.did["two runs at once"] += hook.happened

    @rule(
        moment=MOMENTS,
        log=LOGS,
        kinds=KINDS,
        what=st.sampled_from(["append", "rotate", "copytruncate", "compress", "write late"]),
    )
    def meddle(self, moment: int, log: str, kinds: list[str], what: str) -> None:
        """Write and rotate in the midst of a run (R3, R4): the next one has all of it."""
        first = self.plain()[:1]
        does: dict[str, Callable[[], None]] = {
            "append": lambda: self.append(log, kinds, NOTHING),
            "rotate": lambda: self.rotate(log, kinds, NOTHING, create=True, ends=True),
            "copytruncate": lambda: self.copytruncate(log, kinds, NOTHING, appends=True),
            "compress": lambda: self.compress(0, "compressed", NOTHING),
            "write late": lambda: self.write_late(0, kinds, NOTHING),
        }
        if not first and what in ("compress", "write late"):
            return
        if not self.state().entries:
            return
        before = self.judged()
        hook = At(moment, lambda _: does[what]())
        self.run(hook)
        self.held = dataclasses.replace(self.held, seen=self.remembered())
        most = self.expected(self.all_new(self.held.below))
        assert all(a <= b <= c for a, b, c in zip(before, self.judged(), most, strict=True))
        self.doubt = max(self.doubt, 1)
        self.push()
        self.did["something happens during a run"] += hook.happened

    @rule(pick=FILES, kinds=KINDS)
    def take_permission(self, pick: int, kinds: list[str]) -> None:
        """Take the permission to read a file, and give it back after a run (R70)."""
        files = [p for p in self.files() if str(self.active(self.log_of(p))) in self.known()]
        if files:
            path = files[pick % len(files)]
            if path.suffix == ".log":
                self.write(path, kinds)
            news = bool(self.new_in(path, self.held.below))
            mode = path.stat().st_mode
            path.chmod(0)
            try:
                with bare():
                    ran = self.push(hidden=path)
            finally:
                path.chmod(mode)
            self.held = dataclasses.replace(self.held, seen=self.remembered())
            assert ran is not None
            assert ran.exit is Exit.DATA or not news
            self.did["permission taken"] += news

    @rule(log=LOGS, kinds=KINDS)
    def commit_fails(self, log: str, kinds: list[str]) -> None:
        """Let no checkpoint be written: what was durable is pushed, and nothing else (R62)."""
        new = self.root / "state" / "checkpoint.json.new"
        if self.state().generation:
            self.write(self.active(log), kinds)
            before, news = self.site.checkpoint.read_bytes(), self.all_new(self.held.below)
            new.mkdir()
            ran = self.run()
            new.rmdir()
            assert before == self.site.checkpoint.read_bytes()
            assert ran.exit is Exit.CHECKPOINT or news == self.held.counted
            self.judge_sinks(Plan())
            self.did["commit failed"] += ran.exit is Exit.CHECKPOINT

    @precondition(lambda self: self.state().logs)
    @rule()
    def textfile_cannot_be_written(self) -> None:
        """Let a sink fail that is none of the gateways (R79)."""
        (self.root / "directory").mkdir(exist_ok=True)
        self.push(textfile=str(self.root / "directory"))
        self.did["textfile failed"] += 1

    @precondition(lambda self: self.state().logs)
    @rule()
    def rest(self) -> None:
        """Nothing happens: after some runs a further one says and changes nothing."""
        for _ in range(3):
            self.push()
            self.site.clock += 2 * QUIET
        before = self.site.checkpoint.read_bytes()
        ran = self.push()
        assert ran is not None
        assert ran.is_quiet or any(map(self.is_half, self.files()))
        assert before == self.site.checkpoint.read_bytes()
        assert os.path.exists(self.site.textfile)
        self.did["rest"] += 1
