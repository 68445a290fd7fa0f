"""A host as its administrator has it: logs, a state directory, and the program in a process.

Nothing of the environment of the tests reaches the program: no proxy, no BATCHLOG_ variable.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

BATCHLOG = Path(sys.executable).with_name("batchlog")

LIMIT = 60.0
"""Seconds after which a command hangs."""


class Done(NamedTuple):
    """How a command ended."""

    exit: int
    out: str
    err: str


class Counted(NamedTuple):
    """What counters or servers say: requests and bytes of each status, without zeros."""

    requests: dict[str, int]
    bytes: dict[str, int]


@dataclass(frozen=True)
class Host:
    """A directory with logs and a state directory, and the program to run over them."""

    root: Path

    @property
    def instance(self) -> str:
        """The group's label; each test has its own."""
        return self.root.name

    @property
    def logs(self) -> Path:
        """The directory of the logs; logrotate refuses one that others may write."""
        (self.root / "logs").mkdir(mode=0o755, exist_ok=True)
        return self.root / "logs"

    @property
    def access(self) -> Path:
        """The active log."""
        return self.logs / "access.log"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint."""
        return self.root / "state" / "checkpoint.json"

    def environment(self) -> dict[str, str]:
        """Return what the program finds in its environment."""
        config = self.root / "batchlog.toml"
        config.touch()
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "BATCHLOG_CONFIG": str(config),
            "BATCHLOG_CHECKPOINT": str(self.checkpoint),
            "BATCHLOG_GROUPING": f"instance={self.instance}",
        }

    def configure(self, text: str) -> None:
        """Write the configuration file."""
        (self.root / "batchlog.toml").write_text(text)

    def batchlog(self, *words: str | Path, umask: int = -1) -> Done:
        """Run a command; a traceback is never right."""
        done = subprocess.run(
            [BATCHLOG, *words],
            env=self.environment(),
            cwd=self.root,
            umask=umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def push(self, *words: str | Path) -> None:
        """Do one run, which must end well and have nothing to complain about."""
        done = self.batchlog("push", "-q", *words)
        assert Done(0, "", "") == done

    @contextmanager
    def running(self, *words: str | Path) -> Iterator["Running"]:
        """Run a command for as long as the block lasts."""
        said = self.root / "said"
        with (
            said.open("wb") as to,
            subprocess.Popen(
                [BATCHLOG, *words],
                env=self.environment(),
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=to,
            ) as process,
        ):
            try:
                yield Running(process, said)
            finally:
                process.kill()


@dataclass(frozen=True)
class Running:
    """The program while it runs."""

    process: subprocess.Popen[bytes]
    _said: Path

    def said(self) -> str:
        """Return all that it has said so far."""
        return self._said.read_text()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status that follows."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT)


def values(text: str, sample: str, *names: str) -> dict[tuple[str, ...], float]:
    """Return the values of a sample's series by the values of some of their labels, added up."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name == sample:
                key = tuple(one.labels.get(name, "") for name in names)
                found[key] = found.get(key, 0) + one.value
    return found


def counted(text: str) -> Counted:
    """Return what an exposition says of requests and bytes."""
    requests = values(text, "batchlog_http_requests_total", "status")
    sent = values(text, "batchlog_http_response_bytes_total", "status")
    return Counted(
        {status: int(value) for (status,), value in requests.items() if value},
        {status: int(value) for (status,), value in sent.items() if value},
    )
