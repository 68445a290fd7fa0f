"""Real logrotate with settings drawn at random, and a compressor that can be frozen half-way."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from tests.integration.webservers import WebServer
from tests.servers import START, binary, eventually

Fate = Literal["thawed", "killed", "abandoned"]
"""What becomes of a frozen compressor: it goes on, it dies, or it dies and logrotate with it."""

COMPRESSOR = """#!/bin/sh
# gzip, which stops half-way through its output where it is told to.
set -e
gzip -c >"$0.$$"
if mv "$0.freeze" "$0.$$.freeze" 2>/dev/null; then
    half=$(($(wc -c <"$0.$$") / 2))
    head -c $half "$0.$$"
    echo $$ >"$0.$$.pid"
    mv "$0.$$.pid" "$0.frozen"
    kill -STOP $$
    tail -c +$((half + 1)) "$0.$$"
else
    cat "$0.$$"
fi
rm "$0.$$"
"""


@dataclass(frozen=True)
class Settings:
    """One way to configure logrotate."""

    mode: str
    compress: str
    dateext: bool
    shared: bool
    olddir: bool
    signals: bool
    """Whether the servers are told by `postrotate`, else by hand afterwards."""
    delay: float
    """Seconds between the renaming and the signal."""

    @classmethod
    def draw(cls, random: Random) -> "Settings":
        """Return settings at random."""
        compress = random.choice(("compress", "delaycompress", "nocompress"))
        return cls(
            mode=random.choice(("create", "nocreate", "copytruncate")),
            compress=compress,
            dateext=random.random() < 0.5,
            shared=random.random() < 0.5,
            olddir=random.random() < 0.5,
            signals=compress == "compress" or random.random() < 0.5,
            delay=random.uniform(0, 0.3),
        )

    @property
    def words(self) -> list[str]:
        """What was drawn, one word of each kind."""
        return [
            self.mode,
            self.compress,
            "dateext" if self.dateext else "numeric",
            "sharedscripts" if self.shared else "nosharedscripts",
            "olddir" if self.olddir else "noolddir",
            "postrotate" if self.signals else "by hand",
        ]

    @property
    def truncates(self) -> bool:
        """Whether the server goes on with the same file."""
        return self.mode == "copytruncate"

    @property
    def loses(self) -> bool:
        """Whether lines written while it rotates may be destroyed: after the copy, after gzip."""
        return self.truncates or self.compress == "compress"

    def directives(self, compressor: Path, servers: Sequence[WebServer]) -> str:
        """Return logrotate's directives."""
        words = [self.mode, "rotate 99", f"compresscmd {compressor}", "compressext .gz"]
        words += ["compress"] * (self.compress == "delaycompress") + [self.compress]
        words += ["sharedscripts"] * self.shared
        words += ["olddir archive", "createolddir 0755"] * self.olddir
        words += ["dateext", "dateformat -%Y%m%d-%s"] * self.dateext
        if self.signals and not self.truncates:
            pids = " ".join(f"$(cat {server.pid_file})" for server in servers)
            words += ["postrotate", f"sleep {self.delay:.3f}", f"kill -USR1 {pids}", "endscript"]
        return "\n".join(f"    {word}" for word in words)


class Rotator:
    """logrotate over the logs of several servers."""

    def __init__(self, root: Path, settings: Settings, servers: Sequence[WebServer]) -> None:
        self._program = binary("logrotate")
        self._root = root
        self._servers = servers
        self._settings = settings
        self._compressor = root / "compressor"
        self._compressor.write_text(COMPRESSOR)
        self._compressor.chmod(0o755)
        logs = " ".join(str(server.log) for server in servers)
        text = f"{logs} {{\n{settings.directives(self._compressor, servers)}\n}}\n"
        self._config = root / "logrotate.conf"
        self._config.write_text(text)
        self._config.chmod(0o644)  # logrotate refuses one that others may write

    def rotate(self, fate: Fate | None, meanwhile: Callable[[], None]) -> bool:
        """Rotate now; return whether a compressor was frozen, `meanwhile` what was done then."""
        (self._root / "compressor.freeze").unlink(missing_ok=True)
        if fate is not None:
            (self._root / "compressor.freeze").touch()
        words: list[str | Path] = [self._program, "--force", "--state", self._root / "rotated"]
        said = self._root / "logrotate.log"
        with said.open("wb") as to, subprocess.Popen([*words, self._config], stderr=to) as process:
            frozen = fate is not None and self._until_frozen(process)
            if frozen:
                meanwhile()
                self._end(fate, process)
            process.wait(START)
        if not frozen or fate == "thawed":
            # twice within a second, or over what a compressor that was killed left behind
            expected = [" already exists, "]
            if self._settings.loses:  # a server still writes to what is compressed
                expected += ["Compressing program wrote", "file size changed while zipping"]
            text = said.read_text().splitlines()
            assert [] == [line for line in text if not any(one in line for one in expected)], text
        return frozen

    def signal(self) -> None:
        """Tell the servers to open their logs anew."""
        for server in self._servers:
            os.kill(int(server.pid_file.read_text()), signal.SIGUSR1)

    def _until_frozen(self, process: subprocess.Popen[bytes]) -> bool:
        frozen = self._root / "compressor.frozen"
        eventually(lambda: frozen.exists() or process.poll() is not None, expected=True)
        return frozen.exists()

    def _end(self, fate: Fate | None, process: subprocess.Popen[bytes]) -> None:
        frozen = self._root / "compressor.frozen"
        compressor = int(frozen.read_text())
        frozen.unlink()
        stat = Path(f"/proc/{compressor}/stat")
        assert eventually(lambda: stat.read_text().rsplit(")", 1)[1].split()[0], "T") == "T"
        if fate == "abandoned":
            process.kill()
            process.wait()
        os.kill(compressor, signal.SIGCONT if fate == "thawed" else signal.SIGKILL)


def open_elsewhere(server: WebServer) -> list[str]:
    """Return the rotated files that a server's processes still have open."""
    main = int(server.pid_file.read_text())
    found = []
    for pid in [main, *_children(main)]:
        try:
            with os.scandir(f"/proc/{pid}/fd") as descriptors:
                links = [os.readlink(entry.path) for entry in descriptors]
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        logs = str(server.log.parent)
        found += [link for link in links if link.startswith(logs) and link != str(server.log)]
    return found


def _children(pid: int) -> list[int]:
    """Return the children of a process, from all of its threads, as proc(5) has them."""
    return [
        int(child)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for child in path.read_text().split()
    ]
