"""Backfills, whole, killed, and beside a run."""

import dataclasses
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import rule

from batchlog.errors import Exit, LogError, Stop
from tests.model.endings import PLANS, Endings
from tests.model.judge import WELL
from tests.model.sinks import SHORT, Plan
from tests.model.writers import FILES
from tests.model.written import Token
from tests.site import At, Killed, Ran, die

PICKS = st.lists(FILES, min_size=1, max_size=8)


class Backfills(Endings):
    """Old logs, any of them at any time, as often as one likes."""

    def below_of(self, paths: Iterable[Path]) -> list[frozenset[Token]]:
        """Return what a backfill of each of these files counts."""
        known = self.known()
        found = []
        for path in paths:
            whole, rest = self.read(path)
            if rest is not None and (path.suffix == ".gz" or self.is_quiet(path)):
                whole.add(rest)
            lives = str(self.active(self.log_of(path))) in known
            found.append(
                frozenset((whole & self.held.below if lives else whole) - self.held.retired)
            )
        return found

    def some(self, picks: Iterable[int]) -> list[Path]:
        """Return some of the files that hold something."""
        files = [path for path in self.files() if path.stat().st_size and not self.is_half(path)]
        return sorted({files[pick % len(files)] for pick in picks}) if files else []

    def fill(self, paths: Iterable[Path], stop: Stop | None = None, plan: Plan = WELL) -> Ran:
        """Backfill these."""
        self.site.patience = SHORT if "slow" in plan else 10.0
        urls = self.gateways.arrange(plan)
        try:
            return self.site.backfill(*paths, stop=stop, format="combined", gateway=urls)
        finally:
            self.gateways.settle()

    @rule(picks=PICKS, plan=st.one_of(st.just(Plan()), PLANS))
    def backfill(self, picks: list[int], plan: Plan) -> None:
        """Backfill some files."""
        paths = self.some(picks)
        if paths:
            counted = self.held.counted.union(*self.below_of(paths))
            plan = plan if self.state().generation else WELL
            ran = self.fill(paths, plan=plan)
            self.did["backfill"] += 1
            self.did["backfill that counts"] += counted != self.held.counted
            self.commit(dataclasses.replace(self.held, counted=counted))
            assert Exit.first(plan.exits) is ran.exit, [f.text for f in ran.findings]

    @rule(picks=PICKS, moment=st.integers(1, 30))
    def kill_a_backfill(self, picks: list[int], moment: int) -> None:
        """Kill a backfill: what is committed are files as a whole."""
        paths = self.some(picks)
        if paths:
            parts = self.below_of(paths)
            with suppress(Killed):
                self.fill(paths, At(moment, die))
                self.did["killed backfill"] -= 1
            self.did["killed backfill"] += 1
            if not self.resolve(parts, self.held):
                self.held = dataclasses.replace(self.held, counted=self.held.counted.union(*parts))
                self.fill(paths)
                self.commit(self.held)

    @rule(moment=st.integers(1, 30))
    def run_during_a_backfill(self, moment: int) -> None:
        """Whoever comes first counts it; afterwards both have counted all that there is."""
        for path in self.files():
            if path.suffix != ".gz":
                self.finish(path)
        paths = self.some(range(99))
        if not paths or any(self.read(path)[1] for path in self.files()):
            return
        below = self.origin()
        hook = At(moment, lambda _: self.run_inside())
        with suppress(LogError):  # a content that the push began to count
            self.fill(paths, hook)
        if not hook.happened:
            below = self.origin()
        self.run()
        self.fill(paths)
        counted = self.held.counted | self.on_disk() - self.held.retired
        self.commit(self.held.after(counted, below, self.sights()))
        self.did["a run during a backfill"] += hook.happened
