"""The power fails at any moment of a push, or while history is made: the next run makes it right.

What a loss of power leaves is laid out again, disk by disk, and the next run goes on from there.
The logs are there: what becomes of those is told in `tests/rotation`.
"""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest

from batchlog.errors import BatchlogError, ConfigError
from batchlog.history.manifest import Manifest
from batchlog.metrics import families
from batchlog.scan import Timing
from batchlog.sinks import textfile
from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from tests.crash.disks import Power, lay_out
from tests.crash.test_failpoints import of, sums
from tests.site import Ran, Site, line, total
from tests.state.states import full

LIES = pytest.mark.parametrize("lies", ["file", "directory"])


# --- textfile ----------------------------------------------------------------------------------


def wrong_textfile(root: Path, monkeypatch: pytest.MonkeyPatch, lies: str = "") -> Iterator[str]:
    """Write a textfile twice; yield what a loss of power makes of the second time."""
    path = root / "batchlog.prom"
    old, new = (
        list(families(state, {}, None, "batchlog_http", "1")) for state in (State("a"), full())
    )
    power = Power(root, lies=lies)
    with power.watching(monkeypatch):
        textfile.write(path, old)
        before = path.read_bytes()
        power.forget()
        textfile.write(path, new)
        after = path.read_bytes()
        during = power.disks
        power.forget()
    assert before != after
    for disks, allowed in ((during, (before, after)), (power.disks, (after,))):
        for disk in disks:
            if disk.get(path.name) not in allowed:
                yield f"{disk.get(path.name)!r}"


def test_a_textfile_is_whole_whatever_a_loss_of_power_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [] == list(wrong_textfile(tmp_path, monkeypatch))


@LIES
def test_a_sync_that_is_left_out_of_a_textfile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies: str
) -> None:
    assert next(wrong_textfile(tmp_path, monkeypatch, lies), None)


# --- a push ------------------------------------------------------------------------------------


class Kept(Site):
    """A host whose state and textfile lie below one directory, apart from the logs."""

    @property
    def kept(self) -> Path:
        """What a loss of power may change."""
        return self.root / "kept"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint."""
        return self.kept / "state" / "checkpoint.json"

    @property
    def textfile(self) -> Path:
        """The textfile."""
        return self.kept / "sink" / "batchlog.prom"

    def shown(self) -> tuple[int, int]:
        """Return what the textfile holds."""
        return sums(self.textfile.read_text().splitlines()) if self.textfile.exists() else (0, 0)


def begun(root: Path) -> Kept:
    """Return a host before its first run."""
    site = Kept(root)
    site.textfile.parent.mkdir(parents=True)
    site.append(range(10))
    return site


def wrong_push(
    site: Kept, numbers: range, monkeypatch: pytest.MonkeyPatch, lies: str = ""
) -> Iterator[str]:
    """Push; yield what is wrong after a loss of power, or in the end of the next run."""
    pushed = site.shown()
    power = Power(site.kept, lies=lies)
    with power.watching(monkeypatch):
        site.run()
    for disk in power.some(120):
        lay_out(disk, site.kept)
        try:
            held = of(Store(str(site.checkpoint)).load())
            if not pushed <= site.shown() <= held:
                yield f"{site.shown()} is shown where {held} are durable, after {pushed}"
            ran = site.run()
        except BatchlogError as error:
            yield str(error)
            continue
        if not (ran.is_quiet and total(numbers) == ran.totals == site.shown()):
            yield f"{ran.totals} in the end, {site.shown()} shown: {ran.findings}"


def test_r61_whatever_a_loss_of_power_leaves_of_a_first_push_the_next_counts_each_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [] == list(wrong_push(begun(tmp_path), range(10), monkeypatch))


def test_r61_whatever_a_loss_of_power_leaves_of_a_push_the_next_counts_each_line_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [] == list(wrong_push(later(tmp_path), range(25), monkeypatch))


@LIES
def test_a_sync_that_is_left_out_of_a_push_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies: str
) -> None:
    assert next(wrong_push(later(tmp_path), range(25), monkeypatch, lies), None)


def later(root: Path) -> Kept:
    """Return a host after some runs, whose log was rotated."""
    site = begun(root)
    site.run()
    site.append(range(10, 20))
    site.rotate()
    site.append(range(20, 25))
    return site


# --- history -----------------------------------------------------------------------------------


class Made:
    """History of some days, long ago, in a directory that is the only thing in another."""

    def __init__(self, root: Path, *, over: bool) -> None:
        self.site = Site(root)
        self.place = root / "place"
        self.place.mkdir()
        days = [self._log(day) for day in range(3)]
        self.logs = days[1:]
        self.told = self._whole(root / "told", self.logs)
        self.old: dict[str, bytes] = {}
        """What stood there before, of another choice of logs."""
        if over:
            self.old = self._whole(self.place / "history", days[:2])

    def _log(self, day: int) -> Path:
        begin = 86_400 * day - 50_000_000
        path = self.site.logs / f"day{day}.log"
        path.write_bytes(b"".join(line(begin + 60 * n, size=day) for n in range(10)))
        return path

    def _whole(self, directory: Path, logs: list[Path]) -> dict[str, bytes]:
        self._write(directory, logs)
        return days_of(directory)

    def _write(self, directory: Path, logs: list[Path], *, force: bool = False) -> Ran:
        return self.site.history(directory, *logs, timing=Timing(3600), force=force)

    def make(self, *, force: bool = False) -> None:
        """Make it; where it is complete already that is no error."""
        try:
            self._write(self.place / "history", self.logs, force=force)
        except ConfigError as error:
            if "holds a complete history" not in str(error):
                raise

    def days(self) -> dict[str, bytes]:
        """Return the files of days."""
        return days_of(self.place / "history")

    def digests(self) -> dict[str, str] | None:
        """Return the files that the manifest names; None where it names none."""
        path = self.place / "history" / "manifest.json"
        held = msgspec.json.decode(path.read_bytes(), type=Manifest) if path.exists() else None
        return {one.file: one.digest for one in held.outputs} if held and held.complete else None


def digests_of(days: dict[str, bytes]) -> dict[str, str]:
    """Return the digests of files."""
    return {name: blake2b(data, digest_size=16).hexdigest() for name, data in days.items()}


def days_of(directory: Path) -> dict[str, bytes]:
    """Return the files of days in a directory."""
    return {path.name: path.read_bytes() for path in directory.glob("*.om.txt")}


def wrong_history(made: Made, monkeypatch: pytest.MonkeyPatch, lies: str = "") -> Iterator[str]:
    """Make history; yield what is wrong after a loss of power, or in the end of the next run."""
    power = Power(made.place, lies=lies, each=3)
    with power.watching(monkeypatch):
        made.make(force=bool(made.old))
    assert made.told == made.days()
    for disk in power.some(150):
        lay_out(disk, made.place)
        try:
            yield from wrong_there(made)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
            yield repr(error)


def wrong_there(made: Made) -> Iterator[str]:
    """Yield what is wrong with what there is of a history, or in the end of the next run."""
    found, complete = made.days(), made.digests()
    for name, data in found.items():
        if data not in (made.told.get(name), made.old.get(name)):
            yield f"{name} is there in part"
    if complete not in (None, digests_of(found)):
        yield f"it is called complete, with {sorted(found)}"
    made.make(force=complete not in (None, digests_of(made.told)))
    if (made.told, digests_of(made.told)) != (made.days(), made.digests()):
        yield f"in the end it has {sorted(made.days())}"


@pytest.mark.parametrize("over", [False, True])
def test_whatever_a_loss_of_power_leaves_of_a_history_the_next_run_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, over: bool
) -> None:
    assert [] == list(wrong_history(Made(tmp_path, over=over), monkeypatch))


@LIES
def test_a_sync_that_is_left_out_of_a_history_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies: str
) -> None:
    assert next(wrong_history(Made(tmp_path, over=False), monkeypatch, lies), None)
