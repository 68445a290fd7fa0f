"""Killed at each named place, whatever it was about to do: what follows counts each line once.

A scenario is what happened on a host before a command. The command is killed at one place, then
logs go on, then it is run again; that for each place that it reaches, each time that it does.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from batchlog.failpoints import BACKFILL, BLOCKS, HISTORY, NAMES, RUN, SINKS, STORE, VARIABLE
from batchlog.history.blockstore import BLOCK
from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from batchlog.state.totals import fallen
from tests.cli.program import REPOSITORY, Program
from tests.crash.killed import Words, at_each, kill, kill_itself, listen, run
from tests.gateways import StandIn
from tests.site import Ran, Site, line, total

GROUP = "instance=web1"

Kill = Callable[[Program, Words, str, str], None]


class Scenario:
    """A log that grows, is rotated and compressed between two runs."""

    numbers: Iterable[int] = range(30)
    """Those of the lines that are counted in the end."""
    prelude = ""
    """What a process does before the command."""

    def __init__(self, root: Path, url: str = "") -> None:
        root.mkdir(parents=True)
        self.program = Program(root)
        self.site = Site(root)
        self.url = url

    @property
    def logs(self) -> list[Path]:
        """The logs."""
        return [self.site.access]

    def before(self) -> None:
        """Let happen what comes before the command that is killed."""
        self.site.append(range(10))
        self.again()
        self.site.append(range(10, 20))
        self.site.rotate()
        self.site.append(range(20, 25))
        self.site.compress(self.site.rotated(1))

    def words(self) -> Words:
        """Return the command that is killed."""
        sinks: list[str | Path] = ["--textfile", self.site.textfile]
        sinks += ["--gateway", self.url, "--grouping", GROUP] if self.url else []
        return ["push", *sinks, *self.logs]

    def go_on(self) -> None:
        """Let happen what comes after it was killed."""
        self.site.append(range(25, 30))

    def again(self) -> Ran:
        """Run the command again, to its end."""
        if not self.url:
            return self.site.run(*self.logs)
        return self.site.run(*self.logs, gateway=(self.url,), grouping=(GROUP,))

    def state(self) -> State | None:
        """Return what is committed, None where nothing is."""
        return Store(str(self.site.checkpoint)).load()


class First(Scenario):
    """The first run of all, beside a file from before."""

    numbers = range(100, 115)

    def before(self) -> None:
        """Let there be a rotated file, which is not counted, and a live one."""
        self.site.append(range(10))
        self.site.rotate()
        self.site.append(range(100, 110))

    def go_on(self) -> None:
        """Go on."""
        self.site.append(range(110, 115))


class Copied(Scenario):
    """A log that is copied and truncated, and goes on."""

    def before(self) -> None:
        """Copy and truncate."""
        self.site.append(range(10))
        self.again()
        self.site.append(range(10, 20))
        self.site.copytruncate()
        self.site.append(range(20, 25))


class Two(Scenario):
    """Two logs, one of which is rotated once more after the kill."""

    numbers = (*range(30), *range(100, 115))

    @property
    def logs(self) -> list[Path]:
        """Both."""
        return [self.site.access, self.site.logs / "other.log"]

    def before(self) -> None:
        """Let both grow, and one be rotated."""
        self.site.append(range(100, 105), to=self.logs[1])
        super().before()
        self.site.append(range(105, 110), to=self.logs[1])

    def go_on(self) -> None:
        """Rotate and compress once more."""
        self.site.append(range(25, 27))
        self.site.rotate()
        self.site.compress(self.site.rotated(1))
        self.site.append(range(27, 30))
        self.site.append(range(110, 115), to=self.logs[1])


class Pushed(Scenario):
    """One log, pushed to a gateway and to a textfile."""

    def before(self) -> None:
        """Let the log grow."""
        self.site.append(range(10))
        self.again()
        self.site.append(range(10, 25))


class Old(Scenario):
    """Three old files are backfilled, with a commit after each, and a run comes between."""

    numbers = (*range(15), *range(100, 130))
    prelude = "from batchlog.backfill import commit\ncommit.OFTEN = commit._SHARE = 0\n"

    @property
    def files(self) -> list[Path]:
        """The old files."""
        return [self.site.rotated(3, ".gz"), self.site.rotated(2, ".gz"), self.site.rotated(1)]

    def before(self) -> None:
        """Let three old files be there, and a live one that counts already."""
        for number in (100, 110, 120):
            self.site.append(range(number, number + 10))
            self.site.rotate()
        for number in (2, 3):
            self.site.compress(self.site.rotated(number))
        self.site.append(range(10))
        self.site.run()

    def words(self) -> Words:
        """Backfill."""
        return ["backfill", "--workers", "1", "--textfile", self.site.textfile, *self.files]

    def go_on(self) -> None:
        """Let a run come between."""
        self.site.append(range(10, 15))
        self.site.run()

    def again(self) -> Ran:
        """Backfill again."""
        return self.site.backfill(*self.files)


PUSHES = (Scenario, First, Copied, Two, Pushed)
ALL = (*PUSHES, Old)


class History:
    """Two old files, of two days, are brought into history."""

    def __init__(self, root: Path, *, blocks: bool) -> None:
        root.mkdir(parents=True)
        self.program = Program(root)
        self.directory, self.tsdb = root / "history", root / "tsdb"
        self._blocks = blocks
        self._files = [root / "one.log", root / "two.log"]
        for day, path in enumerate(self._files):
            numbers = range(day * 10, day * 10 + 10)
            # A day each, long ago whenever this is run.
            begin = 86_400 * day - 50_000_000
            path.write_bytes(b"".join(line(begin + 60 * n, size=n) for n in numbers))

    def words(self) -> Words:
        """Make history."""
        tsdb: list[str | Path] = ["--tsdb", self.tsdb] if self._blocks else []
        labels = ["--series-label", "job=web", "--series-label", GROUP]
        into = ["--openmetrics", self.directory, *tsdb]
        return ["backfill", "--workers", "1", "--step", "5m", *into, *labels, *self._files]

    def days(self) -> dict[str, bytes]:
        """Return the files of days by their names."""
        return {path.name: path.read_bytes() for path in self.directory.glob("*.om.txt")}

    def manifest(self) -> dict[str, object]:
        """Return what the manifest says of it, but for the paths that were read."""
        found = msgspec.json.decode((self.directory / "manifest.json").read_bytes(), type=dict)
        return {**found, "inputs": [{**one, "path": ""} for one in found["inputs"]]}


# --- what is checked ---------------------------------------------------------------------------


def sums(samples: Iterable[str]) -> tuple[int, int]:
    """Return requests and bytes of sample lines."""
    found = {"requests": 0, "response_bytes": 0}
    for sample in samples:
        name = re.match(r"batchlog_http_(requests|response_bytes)_total\{", sample)
        if name:
            found[name[1]] += int(float(sample.rpartition(" ")[2]))
    return found["requests"], found["response_bytes"]


def shown(scenario: Scenario, gateway: StandIn | None) -> list[tuple[int, int]]:
    """Return what each sink holds."""
    file = scenario.site.textfile
    found = [sums(file.read_text().splitlines() if file.exists() else [])]
    return found + ([sums(gateway.lines("batchlog_http_"))] if gateway else [])


def of(state: State | None) -> tuple[int, int]:
    """Return requests and bytes of a state."""
    totals = state.totals if state else ()
    return sum(one.requests for one in totals), sum(one.bytes for one in totals)


def written(path: Path) -> tuple[int, int]:
    """Return what differs once a file was written."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def check(scenario: Scenario, place: str, gateway: StandIn | None, kill: Kill = kill) -> None:
    """Kill at a place, go on, and see that each line is counted once."""
    scenario.before()
    before, pushed = scenario.state(), shown(scenario, gateway)
    kill(scenario.program, scenario.words(), place, scenario.prelude)
    killed, now = scenario.state(), shown(scenario, gateway)
    if before is not None:
        assert killed is not None
        assert before.generation <= killed.generation
        assert not fallen(before.totals, killed.totals)
    for old, new in zip(pushed, now, strict=True):
        assert old <= new <= of(killed), "what is pushed is durable, and never falls"
    scenario.go_on()
    ran = scenario.again()
    assert 0 == ran.exit, ran.findings
    assert total(scenario.numbers) == ran.totals
    assert [ran.totals] * len(now) == shown(scenario, gateway)
    if killed is not None:
        assert killed.generation < ran.state.generation
        assert killed.state_id == ran.state.state_id
        assert not fallen(killed.totals, ran.state.totals)
    committed = written(scenario.site.checkpoint)
    resting = scenario.again()
    assert 0 == resting.exit, resting.findings
    assert ran.state == resting.state
    assert committed == written(scenario.site.checkpoint), "a run without change commits nothing"


def check_at(kind: type[Scenario], root: Path, place: str, kill: Kill = kill) -> None:
    """Check one place in one scenario, made anew."""
    if kind is not Pushed:
        check(kind(root), place, None, kill)
        return
    with StandIn() as gateway:
        check(kind(root, gateway.url), place, gateway, kill)


def places_of(kind: type[Scenario], root: Path) -> list[str]:
    """Return the places that a scenario's command reaches."""
    with StandIn() as gateway:
        scenario = kind(root, gateway.url if kind is Pushed else "")
        scenario.before()
        return listen(scenario.program, scenario.words(), scenario.prelude)


@pytest.fixture(scope="module")
def listened(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Return the places that each scenario's command reaches, where nobody kills it."""
    root = tmp_path_factory.mktemp("listened")
    return {kind.__name__: places_of(kind, root / kind.__name__) for kind in ALL}


def names(places: Iterable[str]) -> set[str]:
    """Return the names of places."""
    return {place.partition(":")[0] for place in places}


@pytest.mark.parametrize("kind", ALL)
def test_r60_killed_at_any_place_each_line_is_counted_once(
    kind: type[Scenario], tmp_path: Path, listened: dict[str, list[str]]
) -> None:
    places = listened[kind.__name__]
    at_each(places, lambda place: check_at(kind, tmp_path / place, place))


def test_r60_the_program_itself_killed_where_it_writes_counts_each_line_once(
    tmp_path: Path, listened: dict[str, list[str]]
) -> None:
    own = {*STORE, *SINKS, "run.step", "run.committed"}
    places = [place for place in listened["Pushed"] if names([place]) <= own]
    at_each(places, lambda place: check_at(Pushed, tmp_path / place, place, kill_itself))


def test_pushes_and_backfills_reach_every_place_that_is_theirs(
    listened: dict[str, list[str]],
) -> None:
    reached = set().union(*map(names, listened.values()))
    assert {*STORE, *RUN, *SINKS, *BACKFILL} == reached


# --- history -----------------------------------------------------------------------------------


def check_history(told: History, made: History, place: str) -> None:
    """Kill while history is made, make it again, and find what one that was not killed gives."""
    kill(made.program, made.words(), place)
    again = run(made.program, made.words())
    assert 0 == again.exit or (2 == again.exit and "holds a complete history" in again.err)
    assert told.days() == made.days()
    assert told.manifest() == made.manifest()
    assert not made.program.checkpoint.exists()
    if made.tsdb.exists():
        check_blocks(made)


def check_blocks(made: History) -> None:
    """See that all blocks are in place, each once, and hold what was written."""
    record = msgspec.json.decode((made.tsdb / "blocks.json").read_bytes(), type=dict)
    blocks = sorted(path.name for path in made.tsdb.iterdir() if BLOCK.fullmatch(path.name))
    outputs = made.manifest()["outputs"]
    assert isinstance(outputs, list)
    assert record["complete"]
    assert sorted(name for day in record["days"] for name in day["blocks"]) == blocks
    found = sum(
        msgspec.json.decode((made.tsdb / name / "meta.json").read_bytes())["stats"]["numSamples"]
        for name in blocks
    )
    assert sum(one["samples"] for one in outputs) == found


def go_through(root: Path, *, blocks: bool, among: tuple[str, ...]) -> set[str]:
    """Kill at each of some places; return all that were reached."""
    told = History(root / "told", blocks=blocks)
    places = listen(told.program, told.words())

    def at(place: str) -> None:
        check_history(told, History(root / place, blocks=blocks), place)

    at_each([place for place in places if names([place]) <= {*among}], at)
    return names(places)


def test_killed_at_any_place_a_history_is_made_as_if_nothing_had_been(tmp_path: Path) -> None:
    assert {*HISTORY} <= go_through(tmp_path, blocks=False, among=HISTORY)


@pytest.mark.usefixtures("promtool")
def test_killed_at_any_place_blocks_are_all_in_place_in_the_end(tmp_path: Path) -> None:
    assert {*BLOCKS} <= go_through(tmp_path, blocks=True, among=BLOCKS)


# --- the places themselves ---------------------------------------------------------------------


def test_each_place_is_in_the_program_once_and_has_a_name_that_is_known() -> None:
    sources = (REPOSITORY / "batchlog").rglob("*.py")
    calls = Counter(
        found
        for source in sources
        if source.name != "failpoints.py"
        for found in re.findall(r"\breach\((.*?)\)", source.read_text())
    )
    assert {f'"{name}"': 1 for name in NAMES} == calls


@pytest.mark.parametrize("text", ["store.nowhere", "run.step:0", "run.step:x", ":1"])
def test_a_place_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    done = Program(tmp_path)("push", env={VARIABLE: text})
    assert 1 == done.exit
    assert VARIABLE in done.err
    assert "Traceback" not in done.err
