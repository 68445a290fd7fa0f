"""Killed at a place, and again while it makes up for that: what follows counts each line once.

The second places are those that the run after the first kill reaches, which differ from kill to
kill. There are more pairs than there is time for: a seed chooses.
"""

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from batchlog.failpoints import STORE
from tests.cli.program import Program
from tests.crash.killed import Words, at_each, kill, listen_quickly, run
from tests.crash.test_failpoints import First, History, Old, Pushed, Scenario, check, names
from tests.gateways import StandIn

SEED = 2026


def pairs(
    firsts: Iterable[str], look: Callable[[str], list[str]], each: int
) -> list[tuple[str, str]]:
    """Return so many pairs for each first place; `look` says what is reached after one.

    A second place that has a name which was not chosen yet comes first.
    """
    reached: dict[str, list[str]] = {}

    def at(first: str) -> None:
        reached[first] = look(first)

    at_each(firsts, at)
    rng, chosen = random.Random(SEED), set[str]()
    found = []
    for first, places in sorted(reached.items()):
        shuffled = rng.sample(places, len(places))
        some = sorted(shuffled, key=lambda place: names([place]) <= chosen)[:each]
        chosen |= names(some)
        found += [(first, second) for second in some]
    return found


def sample(places: list[str], most: int) -> list[str]:
    """Return so many places at the most."""
    return random.Random(SEED).sample(places, min(most, len(places)))


def at_each_of(some: Iterable[tuple[str, str]], check: Callable[[str, str], None]) -> None:
    """Do a check for each pair."""
    named = {f"{first} {second}": (first, second) for first, second in some}
    at_each(named, lambda name: check(*named[name]))


# --- counters ----------------------------------------------------------------------------------


def listened(scenario: Scenario, first: str = "") -> list[str]:
    """Return the places that a command reaches, where it was killed before at a first one."""
    scenario.before()
    program, words, prelude = scenario.program, scenario.words(), scenario.prelude
    if first:
        kill(program, words, first, prelude)
        between(scenario)
    return listen_quickly(program, words, prelude)


def between(scenario: Scenario) -> None:
    """Let a log be rotated that is counted from its beginning."""
    if isinstance(scenario, Pushed):
        scenario.site.rotate()


@pytest.mark.parametrize(("kind", "most", "each"), [(First, 99, 2), (Pushed, 20, 2), (Old, 15, 2)])
def test_r60_killed_again_while_it_recovers_each_line_is_counted_once(
    kind: type[Scenario], most: int, each: int, tmp_path: Path
) -> None:
    def made(name: str, gateway: StandIn) -> Scenario:
        return kind(tmp_path / name, gateway.url if kind is Pushed else "")

    def look(first: str) -> list[str]:
        with StandIn() as gateway:
            return listened(made(f"look {first}", gateway), first)

    def at(first: str, second: str) -> None:
        def twice(program: Program, words: Words, place: str, prelude: str) -> None:
            kill(program, words, place, prelude)
            between(scenario)
            kill(program, words, second, prelude)

        with StandIn() as gateway:
            scenario = made(f"{first} {second}", gateway)
            check(scenario, first, gateway if scenario.url else None, twice)

    firsts: list[str] = []
    with StandIn() as gateway:
        at_each([""], lambda _: firsts.extend(listened(made("told", gateway))))
    some = pairs(sample(firsts, most), look, each)
    assert names(second for _, second in some) >= {*STORE}
    at_each_of(some, at)


# --- history -----------------------------------------------------------------------------------


def test_killed_again_a_history_is_made_as_if_nothing_had_been(tmp_path: Path) -> None:
    told = History(tmp_path / "told", blocks=False)

    def look(first: str) -> list[str]:
        made = History(tmp_path / f"look {first}", blocks=False)
        kill(made.program, made.words(), first)
        return listen_quickly(made.program, made.words())

    def at(first: str, second: str) -> None:
        made = History(tmp_path / f"{first} {second}", blocks=False)
        kill(made.program, made.words(), first)
        kill(made.program, made.words(), second)
        again = run(made.program, made.words())
        assert 0 == again.exit or (2 == again.exit and "holds a complete history" in again.err)
        assert told.days() == made.days()
        assert told.manifest() == made.manifest()

    firsts: list[str] = []
    at_each([""], lambda _: firsts.extend(listen_quickly(told.program, told.words())))
    unfinished = firsts[: firsts.index("history.written:1")]
    at_each_of(pairs(sample(unfinished, 10), look, 2), at)
