"""An episode: real servers write, real logrotate rotates, batchlog is killed, its gateway restarts.

All that is drawn comes from a seed, so an episode can be played again; the machine's own timing is
not a part of it. At rest, what the gateway shows is compared with the servers' second logs, which
nobody rotates. Nothing here waits for a time to pass in order that something has happened.
"""

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from typing import Literal

from tests.integration.gatekeeper import At, Gatekeeper
from tests.integration.host import BATCHLOG, LIMIT, Host, values
from tests.integration.load import Load
from tests.integration.logrotate import Fate, Rotator, Settings
from tests.integration.truth import Site, shown
from tests.integration.webservers import APACHE_FORMAT, NGINX_FORMAT, apache, nginx

KINDS = {"nginx": (nginx, NGINX_FORMAT), "apache": (apache, APACHE_FORMAT)}

CONFIGURATION = """
[[log]]
path = "{log}"
format = '{format}'
rotated = ["archive/{{name}}*"]
labels = {{ server = "{name}" }}
"""

Kill = Literal["never", "soon", "commit"]
"""When a push is killed: never, after some milliseconds, or when its checkpoint has changed."""

KILLS: Sequence[Kill] = ("never", "never", "soon", "commit")
FATES: Sequence[Fate | None] = (None, None, "thawed", "killed", "abandoned")


class Episode:
    """One seed's settings, and all that happens under them."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = Random(seed)
        self.settings = Settings.draw(self.random)
        self.seed = seed
        self.done: Counter[str] = Counter()
        self._host = Host(root)
        self._stack = ExitStack()
        self._persistent = self.random.random() < 0.5
        self._gateway = Gatekeeper(root, persistent=self._persistent)
        self._sites: dict[str, Site] = {}
        self._numbers = count(1)
        self._delivered = At(0, "")
        self._began = time.monotonic()
        self._journal = root / "episode.log"
        self._say(f"seed {seed}, persistent {self._persistent}, {self.settings}")

    def play(self, steps: int) -> None:
        """Do everything; fail with the first difference."""
        with self._gateway, ThreadPoolExecutor(2) as beside:
            with self._stack:
                self._start()
                for _ in range(self.random.randrange(3)):  # a first run may die as well (R99)
                    self._push(self._draw_kill(), self.random.uniform(0, 0.5))
                self._push("never")
                self._restart()
                for _ in range(steps):
                    self._step(beside)
                for site in self._sites.values():
                    site.rest()
                self._count_graceful()
            for first in (True, False):  # a run without change changes nothing
                self._push("never")
                self._compare(first=first)
            self._fall_and_heal()

    def _start(self) -> None:
        texts = []
        for name, (start, form) in KINDS.items():
            root = self._host.root / name
            root.mkdir()
            log = self._host.logs / f"{name}.log"
            server = self._stack.enter_context(start(root, log))
            load = self._stack.enter_context(Load(server.port, self.seed))
            self._sites[name] = Site(server, load)
            texts.append(CONFIGURATION.format(log=log, format=form, name=name))
        self._host.configure("".join(texts))
        servers = [site.server for site in self._sites.values()]
        self._rotator = Rotator(self._host.root, self.settings, servers)

    def _step(self, beside: ThreadPoolExecutor) -> None:
        """Let something happen, in two steps of three while a push goes on."""
        action = self.random.choice(
            (self._rotate, self._rotate, self._rotate, self._flow, self._restart_or_restore)
        )
        kill, after = self._draw_kill(), self.random.uniform(0, 0.7)
        pause = self.random.uniform(0, 0.5)
        if self.random.random() < 1 / 3:
            action()
        else:
            push = beside.submit(self._push, kill, after)
            Event().wait(pause)
            action()
            push.result(LIMIT)
        if self.random.random() < 1 / 3:
            self._push(self._draw_kill(), self.random.uniform(0, 0.7))
        self._gateway.look(pushed=self._delivered == self._gateway.at)

    def _flow(self) -> None:
        """Wait until each server has answered some more."""
        more = self.random.choice((10, 100, 400))
        for site in self._sites.values():
            site.flow(more)
        self._say(f"flowed {more}")

    def _restart(self) -> None:
        self._gateway.restart()
        self.done[f"restarts {'with' if self._persistent else 'without'} persistence"] += 1
        self._say("gateway restarted")

    def _restart_or_restore(self) -> None:
        if not self._gateway.copies or self.random.random() < 1 / 2:
            self._restart()
        else:
            self._restore(self.random.choice(self._gateway.copies))

    def _restore(self, copy: Path) -> bool:
        fell = self._gateway.restore(copy)
        self.done["restores"] += 1
        self.done["falls"] += fell
        self._say(f"gateway restored from {copy.name}, fell {fell}")
        return fell

    def _fall_and_heal(self) -> None:
        """Put back what the gateway kept first; the next push makes it the truth again."""
        if self._gateway.copies:
            assert self._restore(self._gateway.copies[0])
            self._gateway.look()
            self._push("never")
            self._compare(first=False)

    def _count_graceful(self) -> None:
        """Count how often Apache says that it was reloaded."""
        log = self._sites["apache"].server.pid_file.with_name("error.log")
        done = log.read_text().count("Doing graceful restart")
        assert done or self.settings.truncates or not self.done["rotations"]
        self.done.update({"reloads of Apache": done} if done else {})

    def _rotate(self) -> None:
        fate = self.random.choice(FATES)
        delay, kills = self.random.uniform(0, 0.3), [self._draw_kill() for _ in range(2)]
        begun = {name: site.load.moment() for name, site in self._sites.items()}
        if self.random.random() < 1 / 3:
            for site in self._sites.values():
                site.load.hold()

        def meanwhile() -> None:
            for kill in kills:
                self._push(kill, delay)

        self._say(f"rotates: {fate}")
        frozen = self._rotator.rotate(fate, meanwhile)
        broken = frozen and fate != "thawed"
        if not self.settings.truncates and (broken or not self.settings.signals):
            Event().wait(delay)
            self._rotator.signal()
            self.done["signals by hand"] += 1
        for name, site in self._sites.items():
            site.settle()
            if self.settings.loses:
                site.doubtful |= begun[name].until(site.load.moment())
        self.done["rotations"] += 1
        self.done.update([f"compressors {fate}"] * frozen)
        self._say("rotated")
        if broken and self.settings.compress == "compress":
            self._push("never")  # the next rotation may overwrite the plain file

    def _draw_kill(self) -> Kill:
        return self.random.choice(KILLS)

    def _push(self, kill: Kill, after: float = 0) -> None:
        """Push in a process; one that is not killed ends well wherever nothing may be lost."""
        at = self._gateway.at
        said = self._host.root / f"push-{next(self._numbers):03}.log"
        words = [str(BATCHLOG), "push", "-v", "--retry-for", "1s", "--gateway", at.url]
        with (
            said.open("wb") as to,
            subprocess.Popen(words, env=self._host.environment(), stdout=to, stderr=to) as process,
        ):
            code = self._until_killed(process, kill, after)
        self.done["pushes"] += 1
        self._say(f"{said.name}: killed {kill}, exit {code}")
        text = said.read_text(errors="replace")
        assert "Traceback" not in text, text
        if code == -signal.SIGKILL:
            self.done[f"kills {kill}"] += 1
            return
        allowed = {0, 65} if self.settings.loses else {0}
        if self._gateway.has_left(at):
            allowed.add(69)
        assert code in allowed, f"{said.name}: exit {code}\n{text}"
        if code != 69:
            self._delivered = at

    def _until_killed(self, process: subprocess.Popen[bytes], kill: Kill, after: float) -> int:
        """Return the exit status of a push that may be killed."""
        if kill == "commit":
            seen = self._commit()
            while process.poll() is None and seen == self._commit():
                pass
            process.kill()
        try:
            return process.wait(after if kill == "soon" else LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            assert kill == "soon", "a push hangs"
            return process.wait(LIMIT)

    def _commit(self) -> tuple[int, int]:
        """Return what changes with each commit, which replaces the checkpoint."""
        try:
            found = self._host.checkpoint.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    def _compare(self, *, first: bool) -> None:
        """Compare what the gateway shows with the truth."""
        text = self._gateway.look(pushed=True)
        lost = values(text, "batchlog_lost_bytes_total")
        for name, site in self._sites.items():
            site.judge(shown(text, name), int(sum(lost.values())))
            self.done["lines"] += len(site.truth()) * first

    def _say(self, what: str) -> None:
        with self._journal.open("a") as journal:
            journal.write(f"{time.monotonic() - self._began:7.3f} {what}\n")
