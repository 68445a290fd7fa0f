"""The program as a person runs it: a process of its own, with what it says and how it ends."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from tests.site import Site, lines

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY / "../shared/data"

PATIENCE = 30.0
"""Seconds after which a process that does not end fails its test."""

_CLEARED = ("BATCHLOG_", "XDG_", "LC_")
_REMOVED = {"STATE_DIRECTORY", "NO_COLOR", "COLUMNS", "LANG", "PYTHONPATH", "PYTHONWARNINGS"}


@dataclass(frozen=True)
class Done:
    """How a process ended."""

    exit: int
    raw_out: bytes
    raw_err: bytes

    @property
    def out(self) -> str:
        """What it said on standard output."""
        return self.raw_out.decode()

    @property
    def err(self) -> str:
        """What it said on standard error."""
        return self.raw_err.decode()


@dataclass
class Program:
    """batchlog on a host of its own: a directory with logs, a state and a configuration.

    The configuration is an empty file, the checkpoint lies in the state directory, and nothing
    is waited for, unless a test says otherwise.
    """

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Clear the environment of what would reach the program."""
        (self.root / "home").mkdir()
        self.config.touch()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_CLEARED)
            and name not in _REMOVED
            and not name.lower().endswith("_proxy")
        }
        self.env = {
            **kept,
            "HOME": str(self.root / "home"),
            "PYTHONPATH": str(REPOSITORY),
            "BATCHLOG_CONFIG": str(self.config),
            "BATCHLOG_CHECKPOINT": str(self.checkpoint),
            "BATCHLOG_LOCK_WAIT": "0",
            "BATCHLOG_RETRY_FOR": "0",
            **self.env,
        }

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.root / "batchlog.toml"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint."""
        return self.root / "state" / "checkpoint.json"

    @property
    def textfile(self) -> Path:
        """The textfile that `push` writes."""
        return self.root / "batchlog.prom"

    @property
    def site(self) -> Site:
        """The logs, to write to and to rotate."""
        return Site(self.root)

    @property
    def access(self) -> Path:
        """The log."""
        return self.site.access

    def log(self, count: int = 3, path: Path | None = None) -> Path:
        """Write a log of so many lines."""
        path = path or self.access
        path.write_bytes(lines(range(count)))
        return path

    def command(self, *words: str | bytes | Path) -> list[str | bytes]:
        """Return the words of a command line."""
        given = [str(word) if isinstance(word, Path) else word for word in words]
        return [sys.executable, "-m", "batchlog", *given]

    def __call__(
        self,
        *words: str | bytes | Path,
        env: Mapping[str, str | None] | None = None,
        before: Sequence[str] = (),
        **more: Any,  # noqa: ANN401 - subprocess's own keywords
    ) -> Done:
        """Run it to its end. In `env` None takes a variable away; `before` goes in front."""
        done = subprocess.run(
            [*before, *self.command(*words)],
            env=self.environment(env),
            cwd=self.root,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            **more,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def environment(self, env: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Return the process's environment, changed by `env`."""
        merged: dict[str, str | None] = {**self.env, **(env or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def push(self, *words: str | bytes | Path, **more: Any) -> Done:  # noqa: ANN401 - as above
        """Run `push` with the textfile as its only sink."""
        return self("push", "--textfile", self.textfile, *words, **more)

    def start(
        self,
        *words: str | Path,
        env: Mapping[str, str | None] | None = None,
        before: Sequence[str] = (),
    ) -> "Running":
        """Start it and leave it running; a context manager that ends it. `before` goes in front."""
        return Running(
            subprocess.Popen(
                [*before, *self.command(*words)],
                env=self.environment(env),
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says."""
        done = self("status", "--json")
        assert 0 == done.exit, done.err
        found: dict[str, Any] = msgspec.json.decode(done.raw_out)
        return found

    def requests(self) -> int:
        """Return all requests counted so far."""
        return sum(series["requests"] for series in self.status()["totals"])


class Running:
    """A process that runs, as a context manager that ends it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    def until(self, text: str) -> str:
        """Read what it says on standard error up to a line with `text`, and return that line."""
        assert self.process.stderr is not None
        for raw in self.process.stderr:
            line = raw.decode()
            self.said.append(line)
            if text in line:
                return line
        pytest.fail(f"ended without saying {text!r}: {''.join(self.said)}")

    def end(self, number: signal.Signals) -> Done:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        said = "".join(self.said).encode() + err
        return Done(self.process.returncode, out, said)


def fails(done: Done, exit_: int, *words: str) -> None:
    """Assert that it ended with `exit_` and said `words` in one clear line, without a traceback."""
    assert exit_ == done.exit, done.err
    assert "Traceback" not in done.err
    assert "Traceback" not in done.out
    for word in words:
        assert word in done.err
    first = done.err.splitlines()[0]
    assert first.startswith(("ERROR ", "WARNING ", "Usage: ", "Error: ", "INFO ", "DEBUG ")), (
        done.err
    )


def plain_user() -> list[str]:
    """Return words to put before a command that take away root's way past permissions."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root is not kept out by permissions, and setpriv is not installed")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


def data(name: str) -> Path:
    """Return a file of the real logs beside the checkout, or skip the test that needs it."""
    path = DATA / name
    if not path.exists():
        pytest.skip("../shared/data is not beside the checkout")
    return path
