"""What a run must do, and the comparison with what it did.

Two rules say what is counted, and none of them asks how batchlog finds out:

- a push counts what is there in whole lines and does not lie below the origin;
- a backfill counts what is there in the files it is given and lies below it, or has none yet.
"""

from collections.abc import Iterable
from pathlib import Path

from hypothesis.stateful import invariant

from batchlog.errors import Exit, GatewayRefused, SinkUnreachable, Stop
from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from tests.model.host import Held, Host
from tests.model.place import Key, key_of
from tests.model.sinks import SHORT, Plan
from tests.model.written import Counts, Token, count, size
from tests.site import Ran

WELL = Plan()


def counts(state: State) -> Counts:
    """Return what a checkpoint says was counted."""
    ran = Ran(Exit.OK, state, ())
    own = [*(log.counters for log in state.logs), *state.backfill.counters.values()]
    return Counts(*ran.totals, sum(one.malformed for one in own), sum(one.oversize for one in own))


class Judge(Host):
    """Runs, each compared with the model."""

    def __init__(self) -> None:
        super().__init__()
        self.doubt = 0
        """In how many of the next runs 65 may be right: something is gone that none had seen."""
        self.floor = 0
        """Generation from which on the checkpoint may be rolled back."""
        self.ahead = False
        """Whether a person went back: the gateways may hold more than the checkpoint."""

    # --- what is committed -------------------------------------------------------------------

    def state(self) -> State:
        """Return what is committed."""
        return Store(str(self.site.checkpoint)).load() or State(state_id="")

    def known(self) -> set[str]:
        """Return the paths of the logs that have an origin."""
        return {log.path for log in self.state().logs}

    def expected(self, counted: Iterable[Token] | None = None) -> Counts:
        """Return what the totals are when these were counted, by default what was."""
        return count(self.held.counted if counted is None else counted, self.kind)

    def commit(self, held: Held) -> None:
        """Take what is known to be committed for the checkpoint's generation, and compare."""
        self.held = held
        self.kept[self.state().generation] = held
        self.check()

    def judged(self) -> Counts:
        """Return the totals that are committed."""
        return counts(self.state())

    def check(self) -> None:
        """Compare the checkpoint with the model."""
        assert self.expected() == self.judged(), (self.expected(), self.judged())

    # --- what a push does --------------------------------------------------------------------

    def sights(self) -> frozenset[Key]:
        """Return how the files look now."""
        return frozenset(key_of(path) for path in self.files())

    def remembered(self) -> frozenset[Key]:
        """Return how the checkpoint remembers files: it need not have seen all of them."""
        logs = self.state().logs
        return frozenset(s.key for log in logs for one in log.segments for s in one.bearers)

    def new_in(self, path: Path, below: frozenset[Token]) -> frozenset[Token]:
        """Return what a push counts of a file; of a line without end see R50."""
        whole, rest = self.read(path)
        seen = key_of(path) in self.held.seen and self.is_quiet(path)
        if rest is not None and path.suffix != ".log" and (path.suffix == ".gz" or seen):
            whole.add(rest)
        return frozenset(whole) - below - self.held.retired - self.held.counted

    def all_new(self, below: frozenset[Token], hidden: Path | None = None) -> frozenset[Token]:
        """Return what a push counts, one file hidden from it if any."""
        found = (self.new_in(path, below) for path in self.files() if path != hidden)
        return self.held.counted.union(*found)

    def origin(self) -> frozenset[Token]:
        """Return what lies below the origin once a push has begun."""
        if self.since == "start" or self.state().entries:
            return self.held.below
        names = {self.active(self.log_of(path)) for path in self.files()}
        logs = [path for path in names if path.exists()]
        old = [p for p in self.files(rotated=True) if not any(p.samefile(log) for log in logs)]
        return frozenset().union(*map(self.tokens, old))

    def run(self, stop: Stop | None = None, plan: Plan = WELL, textfile: str = "") -> Ran:
        """Do one run over all logs."""
        self.site.patience = SHORT if "slow" in plan else 10.0
        try:
            return self.run_inside(stop, plan, textfile)
        finally:
            self.gateways.settle()

    def run_inside(self, stop: Stop | None = None, plan: Plan = WELL, textfile: str = "") -> Ran:
        """Do one run, perhaps inside another one that still waits for its gateways."""
        return self.site.run(
            self.pattern,
            stop=stop,
            since=self.since,
            format="combined",
            gateway=self.gateways.arrange(plan),
            textfile=textfile or str(self.site.textfile),
        )

    @property
    def pattern(self) -> str:
        """What runs are given."""
        return str(self.site.logs / "*.log")

    def push(self, plan: Plan = WELL, textfile: str = "", hidden: Path | None = None) -> Ran | None:
        """Do one run and compare all that it did; None where it had to refuse to begin."""
        below = self.origin()
        counted, seen = self.all_new(below, hidden), self.sights()
        first = not self.site.checkpoint.exists()
        ran = None
        try:
            ran = self.run(plan=plan, textfile=textfile)
        except (SinkUnreachable, GatewayRefused) as problem:
            refused = problem.exit
            if not first:
                raise
        if ran is None:
            assert plan.exits[0] is refused
            assert not self.site.checkpoint.exists()
            self.did["first run refused"] += 1
            return None
        self.did["push"] += 1
        self.did["push that counts"] += counted != self.held.counted
        self.did["push with something lost"] += ran.said("are lost$")
        self.commit(self.held.after(counted, below, seen))
        self._judge_exit(ran, plan, textfile=textfile, hidden=hidden)
        self.judge_sinks(plan)
        return ran

    def _judge_exit(self, ran: Ran, plan: Plan, *, textfile: str, hidden: Path | None) -> None:
        unsure = self.doubt or hidden or any(self.is_half(path) for path in self.files())
        sinks = [*plan.exits, *([Exit.UNAVAILABLE] if textfile else [])]
        right = {Exit.first([*sinks, Exit.DATA])} if unsure else set()
        assert ran.exit in {Exit.first(sinks), *right}, [f.text for f in ran.findings]
        self.doubt = max(0, self.doubt - 1)

    def judge_sinks(self, plan: Plan) -> None:
        """Compare what each gateway shows that was reached, and the other one not at all."""
        for gateway, fault in zip(self.gateways.both, plan, strict=True):
            if fault == "applies and drops" or (not fault and "slow" not in plan):
                assert self.expected() == gateway.counts()
        self.ahead = self.ahead and plan != WELL
        self.did["push into trouble"] += plan != WELL

    def lost(self) -> int:
        """Return the bytes that are said to be lost."""
        return sum(log.counters.lost_bytes for log in self.state().logs)

    def expect_losses(self) -> None:
        """Allow for 65 in the runs that may find that something is gone unread."""
        if self.destroyed():
            self.doubt = 3

    # --- what holds after each step ----------------------------------------------------------

    @invariant()
    def totals_are_those_of_the_model(self) -> None:
        """Compare after each step, also one that is no run."""
        self.check()

    @invariant()
    def no_gateway_ever_falls_or_is_ahead_of_the_checkpoint(self) -> None:
        """Look at what is shown: it was committed before."""
        for gateway in self.gateways.both:
            assert not gateway.fallen
            shown = gateway.counts()
            if shown is not None and not self.ahead:
                assert all(a <= b for a, b in zip(shown, self.expected(), strict=True))

    @invariant()
    def reported_loss_is_no_more_than_the_real_one(self) -> None:
        """Compare what is said to be lost with what is."""
        assert self.lost() <= size(self.destroyed(), self.kind)
