"""Killed from outside, at any call to the system; and calls on the checkpoint that fail.

As with the named places of `test_failpoints`, but nothing in the program helps: strace ends it in
a call on a file, a directory or a socket. A push and a backfill are gone through call by call as
far as they change something; of what they only look at, and of larger scenarios, a seed chooses.
"""

import re
from pathlib import Path

import pytest

from tests.cli.program import fails
from tests.crash import traced
from tests.crash.killed import at_each, run
from tests.crash.test_failpoints import First, History, Old, Pushed, Scenario, check, shown, sums
from tests.crash.traced import CHANGES, LOOKS, SOCKETS, among, sample, trace
from tests.gateways import StandIn
from tests.servers import Pushgateway, tracer
from tests.site import total

SEED = 2026

KINDS = {kind.__name__: kind for kind in (Pushed, First, Scenario, Old)}


@pytest.fixture(autouse=True, scope="module")
def _tracer() -> None:
    """Skip all of it where nothing may be traced."""
    tracer()


def made(name: str, root: Path, gateway: StandIn) -> Scenario:
    """Make a scenario; old logs go to a textfile only."""
    return KINDS[name](root, "" if name == "Old" else gateway.url)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the places of each scenario's command."""
    root = tmp_path_factory.mktemp("traced")
    found = {}

    def at(name: str) -> None:
        with StandIn() as gateway:
            scenario = made(name, root / name, gateway)
            scenario.before()
            found[name] = trace(scenario.program, scenario.words(), scenario.prelude)

    at_each(KINDS, at)
    return found


# --- killed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "calls", "most"),
    [
        ("Pushed", CHANGES + SOCKETS, 99),
        ("Pushed", LOOKS, 10),
        ("First", CHANGES + LOOKS + SOCKETS, 35),
        ("Scenario", CHANGES + LOOKS + SOCKETS, 25),
        ("Old", CHANGES, 99),
        ("Old", LOOKS, 15),
    ],
)
def test_r60_killed_in_any_call_each_line_is_counted_once(
    name: str, calls: tuple[str, ...], most: int, tmp_path: Path, places: dict[str, list[str]]
) -> None:
    def at(place: str) -> None:
        with StandIn() as gateway:
            scenario = made(name, tmp_path / place, gateway)
            check(scenario, place, gateway if scenario.url else None, traced.kill)

    some = among(places[name], calls)
    at_each(some if len(some) <= most else sample(some, most, SEED), at)


def test_r60_the_program_itself_killed_in_some_call_counts_each_line_once(
    tmp_path: Path, places: dict[str, list[str]]
) -> None:
    def at(place: str) -> None:
        with StandIn() as gateway:
            check(Pushed(tmp_path / place, gateway.url), place, gateway, traced.kill_itself)

    for place in ["write:1", "fsync:1", "rename:2", *among(places["Pushed"], ["sendto"])]:
        at(place)


def test_killed_in_some_call_a_history_is_made_as_if_nothing_had_been(tmp_path: Path) -> None:
    told = History(tmp_path / "told", blocks=False)

    def at(place: str) -> None:
        history = History(tmp_path / place, blocks=False)
        traced.kill(history.program, history.words(), place)
        again = run(history.program, history.words())
        assert 0 == again.exit or (2 == again.exit and "holds a complete history" in again.err)
        assert told.days() == history.days()
        assert told.manifest() == history.manifest()

    found: list[str] = []
    at_each([""], lambda _: found.extend(trace(told.program, told.words())))
    at_each(sample(among(found, CHANGES), 40, SEED), at)


# --- no room, and a disk that fails --------------------------------------------------------------

COMMIT = {
    "opened": ("openat:1", "checkpoint.json.new"),
    "written": ("write:1", "checkpoint.json.new"),
    "synced": ("fsync:1", "checkpoint.json.new"),
    "kept": ("rename:1", "checkpoint.json.previous.new"),
    "renamed": ("rename:1", "checkpoint.json.new"),
    "durable": ("fsync:1", "."),
}
"""What a commit asks of the system, and of which file in the state directory."""


def check_failing(root: Path, step: str, error: str) -> None:
    """Let one call of a commit fail: one line says so, and the next run is exact."""
    with StandIn() as gateway:
        scenario = Pushed(root, gateway.url)
        scenario.before()
        checkpoint = scenario.site.checkpoint
        before, pushed = checkpoint.read_bytes(), shown(scenario, gateway)
        place, name = COMMIT[step]
        path = checkpoint.parent / name
        done = traced.fail(scenario.program, scenario.words(), place, path, error)
        fails(done, 74, f"ERROR cannot write the checkpoint {checkpoint}: ")
        assert 1 == len(re.findall("^(?:ERROR|WARNING) ", done.err, re.MULTILINE))
        assert not checkpoint.with_name("checkpoint.json.new").exists()
        # What was renamed stands there, whether a loss of power would leave it or not.
        assert (before == checkpoint.read_bytes()) == (step != "durable")
        assert pushed == shown(scenario, gateway), "what is durable is pushed, and nothing else"
        text = scenario.site.textfile.read_text()
        assert re.search(r"^batchlog_last_run_exit_status 74\.0$", text, re.MULTILINE)
        scenario.go_on()
        ran = scenario.again()
        assert 0 == ran.exit, ran.findings
        assert total(scenario.numbers) == ran.totals
        assert [ran.totals] * 2 == shown(scenario, gateway)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_r62_a_commit_that_fails_leaves_the_old_checkpoint_and_the_next_run_is_exact(
    error: str, tmp_path: Path
) -> None:
    for step in COMMIT:
        check_failing(tmp_path / step, step, error)


# --- uncompressed ------------------------------------------------------------------------------


def test_killed_while_it_sends_uncompressed_a_real_gateway_keeps_its_values(
    tmp_path: Path, pushgateway: Pushgateway
) -> None:
    """A Pushgateway takes headers without a body for an empty push."""

    def before(name: str) -> Pushed:
        pushgateway.wipe()
        scenario = Pushed(tmp_path / name, pushgateway.url)
        scenario.program.config.write_text('[gateway]\ncompression = "none"\n')
        scenario.before()
        return scenario

    places: list[str] = []

    def listen(_: str) -> None:
        scenario = before("told")
        places.extend(among(trace(scenario.program, scenario.words()), ["sendto"]))

    def at(place: str) -> None:
        scenario = before(place)
        pushed = sums(pushgateway.lines("batchlog_http_"))
        traced.kill(scenario.program, scenario.words(), place)
        assert pushed <= sums(pushgateway.lines("batchlog_http_")), "what is pushed never falls"

    at_each([""], listen)
    for place in places:  # one at a time: they share a gateway
        at_each([place], at)
