"""A worker process of a backfill, killed whatever it was about to do: what was done is kept.

Workers reach none of the named places: they read, and say what they read. Each is killed in one of
its calls to the system, up to its first answer; a seed chooses.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import workers
from tests.crash.killed import Words, at_each, run
from tests.crash.test_failpoints import History, Old, check
from tests.servers import tracer

SEED = 2026


@pytest.fixture(autouse=True, scope="module")
def _tracer() -> None:
    """Skip all of it where nothing may be traced."""
    tracer()


class OldByTwo(Old):
    """Two old files are backfilled by two processes."""

    numbers = (*range(15), *range(100, 120))

    @property
    def files(self) -> list[Path]:
        """Those that are compressed: it is chance which process reads which."""
        return super().files[:2]

    def words(self) -> Words:
        """Backfill."""
        return [("2" if word == "1" else word) for word in super().words()]


class HistoryByTwo(History):
    """History is made of two files by two processes."""

    def words(self) -> Words:
        """Make history."""
        return [("2" if word == "1" else word) for word in super().words()]


def place_in(root: Path, place: str) -> Path:
    """Return a directory for a place, which may stand in a list of directories."""
    return root / place.replace(":", "-")


def some(listen: Callable[[int], list[str]], most: int) -> list[str]:
    """Return some places of both workers: the last ones, and others that a seed chooses."""
    found: list[str] = []
    at_each(["1", "2"], lambda which: found.extend(listen(int(which))))
    last = [place for place in found if place.startswith("write:")]
    others = sorted({*found} - {*last})
    assert last
    return [*last, *random.Random(SEED).sample(others, most - len(last))]


def test_r60_a_worker_killed_in_any_call_ends_a_backfill_and_the_next_counts_each_line_once(
    tmp_path: Path,
) -> None:
    def listen(which: int) -> list[str]:
        scenario = OldByTwo(tmp_path / f"told{which}")
        scenario.before()
        return workers.listen(scenario.program, scenario.words(), which, scenario.prelude)

    def at(place: str) -> None:
        check(OldByTwo(place_in(tmp_path, place)), place, None, workers.kill)

    at_each(some(listen, 10), at)


def test_a_worker_killed_in_any_call_ends_a_history_and_the_next_completes_it(
    tmp_path: Path,
) -> None:
    told = [HistoryByTwo(tmp_path / f"told{which}", blocks=False) for which in (1, 2)]

    def listen(which: int) -> list[str]:
        made = told[which - 1]
        return workers.listen(made.program, made.words(), which)

    def at(place: str) -> None:
        made = HistoryByTwo(place_in(tmp_path, place), blocks=False)
        workers.kill(made.program, made.words(), place)
        assert not made.days()
        again = run(made.program, made.words())
        assert 0 == again.exit, again.err
        assert told[0].days() == made.days()
        assert told[0].manifest() == made.manifest()

    at_each(some(listen, 10), at)
