"""How a run may end: well, with a gateway in trouble, killed, or stopped."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from hypothesis import strategies as st

from batchlog.errors import Exit, GatewayRefused, Interrupted, SinkUnreachable
from tests.model.host import Held
from tests.model.judge import WELL, Judge
from tests.model.sinks import FAULTS, FINE, Plan
from tests.model.written import Counts, Token
from tests.site import At, Killed, die

PLANS = st.one_of(
    st.builds(Plan, st.sampled_from(FAULTS), st.just(FINE)),
    st.builds(Plan, st.just(FINE), st.sampled_from(FAULTS)),
    st.builds(Plan, *[st.sampled_from([fault for fault in FAULTS if fault != "slow"])] * 2),
)
"""One of the two gateways, or both; a run that waits for a slow one is too short for trouble."""

MOMENTS = st.integers(1, 25)
"""Looks at the request to stop, after which something happens (see `At`)."""


class Then(NamedTuple):
    """Whether and how a run comes before anything else happens."""

    how: str = ""
    moment: int = 0
    plan: Plan = WELL


WELL_OR_NOT = st.one_of(st.just(WELL), PLANS)

RUN = st.one_of(
    st.builds(Then, st.just("push"), st.just(0), WELL_OR_NOT),
    st.builds(Then, st.just("kill"), MOMENTS, WELL_OR_NOT),
    st.builds(Then, st.just("stop"), MOMENTS, st.just(WELL)),
)
THEN = st.one_of(st.just(Then()), RUN)


class Endings(Judge):
    """Runs that come to their end, and others."""

    def then(self, what: Then) -> None:
        """Run, or do not."""
        match what.how:
            case "push":
                self.push(what.plan)
                self.did.update({f"gateway: {fault}": 1 for fault in what.plan if fault})
            case "kill":
                self.kill(what.moment, what.plan)
            case "stop":
                self.stop(what.moment)
            case _:
                pass

    def kill(self, moment: int, plan: Plan) -> None:
        """Kill a run: all of it is committed, or nothing but the origins (R60, R99)."""
        below, before = self.origin(), self.state()
        counted, seen = self.all_new(below), self.sights()
        try:
            with suppress(Killed):
                self.run(At(moment, die), plan)
                self.did["killed"] -= 1
            self.did["killed"] += 1
        except (SinkUnreachable, GatewayRefused):
            assert before == self.state()
            return
        after = self.state()
        news = self.expected(counted) != self.expected()
        if news and self.expected(counted) == self.judged():
            self.did["killed after the commit"] += 1
            self.commit(self.held.after(counted, below, seen))
            return
        # Without a commit nothing was seen; with one where nothing was new, all that is remembered.
        went_on = after.logs != before.logs and all(one.segments for one in after.logs)
        self.did["killed before the commit"] += news
        self.commit(
            self.held.after(
                self.held.counted,
                below if after.logs else self.held.below,
                self.remembered() if went_on else self.held.seen,
            )
        )

    def stop(self, moment: int) -> None:
        """Ask a run to end: what it has read of whole files is committed and pushed (R77)."""
        below = self.origin()
        parts = [self.new_in(path, below) for path in self.files()]
        hook, before = At(moment, At.set), self.state()
        try:
            ran = self.run(hook)
        except Interrupted:  # of a first run, while its gateway was asked what it holds
            assert before == self.state()
            assert not self.site.checkpoint.exists()
            self.did["stopped before the first"] += 1
            return
        told = self.resolve(parts, self.held.after(self.held.counted, below, self.remembered()))
        assert ran.exit in (Exit.OK, Exit.DATA, Exit.BUSY)
        assert hook.happened or ran.exit is not Exit.BUSY
        self.did["stopped"] += ran.exit is Exit.BUSY
        self.did["stopped before the end"] += self.all_new(below) != self.held.counted
        if not told:
            self.push()

    def resolve(self, parts: Iterable[frozenset[Token]], held: Held) -> bool:
        """Take as counted those parts that make the totals what they are.

        Return whether only one choice does. With two malformed lines there are several: then the
        caller goes on to the end, where all of them are counted.
        """
        new = [part for part in parts if part - self.held.counted]
        several = set(self._choices(self.held.counted, new, self.judged()))
        assert several, (self.judged(), self.expected())
        self.commit(dataclasses.replace(held, counted=min(several, key=sorted)))
        return len(several) == 1

    def _choices(
        self, counted: frozenset[Token], parts: Sequence[frozenset[Token]], now: Counts
    ) -> Iterator[frozenset[Token]]:
        """Return all that may be counted when the totals are these: some of the parts."""
        totals = self.expected(counted)
        if totals == now:
            yield counted
        if all(one <= most for one, most in zip(totals, now, strict=True)):
            for number, part in enumerate(parts):
                yield from self._choices(counted | part, parts[number + 1 :], now)
