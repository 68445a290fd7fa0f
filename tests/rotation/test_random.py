"""Everything that happens to logs, drawn at random: after every run the totals are exact."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.site import At, Killed, Site, die, line, total

EPISODES = 300
GROUPS = 10


@dataclass
class Episode:
    """A writer and a rotator without a plan, and what they have written so far."""

    site: Site
    random: Random
    written: list[int] = field(default_factory=list)
    half: dict[Path, int] = field(default_factory=dict)
    """Files whose last line is unfinished, and the number of that line."""
    next: int = 1
    ticks: int = 0
    done: list[str] = field(default_factory=list)

    def stamp(self, path: Path) -> None:
        """Give a write a time of its own: the file system's clock may tick every 4 ms only."""
        self.ticks += 1
        at = int(self.site.clock * 1e9) - 10**12 + self.ticks * 10**7
        os.utime(path, ns=(at, at))

    def write(self, path: Path, data: bytes) -> None:
        """Append to a file."""
        with path.open("ab") as file:
            file.write(data)
        self.stamp(path)

    def finish(self, path: Path) -> None:
        """Write the rest of a file's unfinished line."""
        number = self.half.pop(path, None)
        if number is not None:
            self.write(path, line(number)[40:])
            self.written.append(number)

    def add(self, path: Path) -> None:
        """Write a few lines to a file."""
        self.finish(path)
        count = self.random.choice((1, 1, 2, 5, 30))
        numbers = range(self.next, self.next + count)
        self.next += count
        self.written += numbers
        self.write(path, b"".join(map(line, numbers)))

    def append(self) -> None:
        """Write to the active file."""
        self.add(self.site.access)

    def begin_line(self) -> None:
        """Leave a line unfinished."""
        if self.site.access not in self.half:
            self.half[self.site.access] = self.next
            self.write(self.site.access, line(self.next)[:40])
            self.next += 1

    def late(self) -> None:
        """Write to the file that was rotated last."""
        if self.site.rotated(1).exists():
            self.add(self.site.rotated(1))

    def _shift(self) -> None:
        for path in [p for p in self.half if p != self.site.access]:
            self.finish(path)

    def rename(self) -> None:
        """Rotate as logrotate does, with `create` or `nocreate`."""
        if not self.site.access.exists() or self.site.access.stat().st_size == 0:
            return
        self._shift()
        self.site.rotate(create=self.random.random() < 0.7)
        number = self.half.pop(self.site.access, None)
        if number is not None:
            self.half[self.site.rotated(1)] = number

    def copytruncate(self) -> None:
        """Rotate as logrotate's `copytruncate` does."""
        if self.site.access.exists() and self.site.access.stat().st_size:
            self._shift()
            self.finish(self.site.access)
            self.site.copytruncate()
            self.stamp(self.site.rotated(1))
            self.stamp(self.site.access)

    def compress(self) -> None:
        """Compress a rotated file."""
        plain = [n for n in (1, 2, 3) if self.site.rotated(n).exists()]
        if plain:
            path = self.site.rotated(self.random.choice(plain))
            self.finish(path)
            self.site.compress(path)

    def mask(self) -> None:
        """Mask the addresses in a rotated file."""
        files = sorted(self.site.logs.glob("access.log.*"))
        if files:
            path = self.random.choice(files)
            self.finish(path)
            self.site.mask(path)
            self.stamp(path)

    def run(self) -> None:
        """Run and compare."""
        ran = self.site.run(since="start")
        assert total(self.written) == ran.totals, self.done
        assert 0 == ran.exit, self.done
        assert 0 == ran.log().counters.malformed, self.done
        assert 0 == ran.log().counters.lost_segments, self.done

    def meddled(self) -> None:
        """Let something happen in the middle of a run."""
        moves = (self.rename, self.copytruncate, self.compress, self.mask, self.append, self.late)
        what = self.random.choice(moves)
        stop: Callable[[At], object] = self.random.choice((At.set, die, lambda _: what()))
        self.done.append(what.__name__)
        hook = At(self.random.randint(1, 6), stop)
        with suppress(Killed):
            self.site.run(since="start", stop=hook)

    def play(self, steps: int) -> None:
        """Do so many things, then let it come to rest."""
        weights: dict[Callable[[], None], int] = {
            self.append: 8,
            self.begin_line: 2,
            self.late: 3,
            self.rename: 3,
            self.copytruncate: 1,
            self.compress: 2,
            self.mask: 1,
            self.run: 3,
            self.meddled: 1,
        }
        self.append()
        for _ in range(steps):
            (action,) = self.random.choices(list(weights), list(weights.values()))
            self.done.append(action.__name__)
            action()
        for path in list(self.half):
            self.finish(path)
        for _ in range(3):  # what has gone is settled in the second run
            self.run()


@pytest.mark.parametrize("group", range(GROUPS))
def test_totals_are_exact_after_every_run_of_a_random_history(tmp_path: Path, group: int) -> None:
    for number in range(group, EPISODES, GROUPS):
        root = tmp_path / str(number)
        root.mkdir()
        episode = Episode(Site(root), Random(number))
        episode.play(steps=14)
        assert episode.site.rests(since="start"), (number, episode.done)
