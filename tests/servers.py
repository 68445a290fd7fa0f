"""The real servers, as Debian's packages have them: started on a free port, stopped by their pid.

Where a binary is missing the test is skipped by its name, or fails where
BATCHLOG_TEST_REQUIRE_SERVERS is set, as it is in CI.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import pytest

START = 30.0
"""Seconds that a server may take to listen, and that a test waits for anything."""

LOOK = 0.02
"""Seconds between two looks at what is waited for."""

T = TypeVar("T")


def binary(name: str) -> str:
    """Return the path of a program on PATH, or skip the test that needs it."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed"
        if os.environ.get("BATCHLOG_TEST_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@cache
def tracer() -> str:
    """Return the path of strace, or skip the test that needs it: it may be forbidden to trace."""
    strace = binary("strace")
    if subprocess.run([strace, "-qq", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    return strace


def get(url: str, method: str = "GET") -> str:
    """Return what stands at `url`, past any proxy that the environment names."""
    opener = build_opener(ProxyHandler({}))
    with opener.open(Request(url, method=method), timeout=10) as response:  # noqa: S310 - our own
        return str(response.read().decode())


def eventually(look: Callable[[], T], expected: T, within: float = START) -> T:
    """Look until `expected` is seen or the time is over; return what was seen last."""
    deadline = time.monotonic() + within
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(LOOK)
    return seen


@contextmanager
def serving(
    command: Callable[[int], Sequence[str]],
    log: Path,
    processes: list[subprocess.Popen[bytes]] | None = None,
) -> Iterator[int]:
    """Run a server on a free port for as long as the block lasts, and yield the port.

    `command` gives its words for a port; `log` takes what it says, `processes` its process.
    """
    for _ in range(3):  # another program may take the port between our looking and its binding
        port = _free_port()
        with (
            log.open("ab") as said,
            subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=said, stderr=said
            ) as process,
        ):
            try:
                if _listens(process, port):
                    if processes is not None:
                        processes.append(process)
                    yield port
                    return
            finally:
                _end(process)
    pytest.fail(f"{command(0)[0]} does not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + START
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(LOOK)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end; insist where it does not."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


@dataclass(frozen=True)
class Pushgateway:
    """A Pushgateway that keeps nothing on disk."""

    url: str

    def wipe(self) -> None:
        """Delete all groups."""
        get(f"{self.url}/api/v1/admin/wipe", "PUT")

    def metrics(self) -> str:
        """Return what Prometheus would scrape."""
        return get(f"{self.url}/metrics")

    def lines(self, prefix: str) -> list[str]:
        """Return the sample lines that begin with `prefix`."""
        return [line for line in self.metrics().splitlines() if line.startswith(prefix)]


@contextmanager
def pushgateway(log: Path, *flags: str, scheme: str = "http") -> Iterator[Pushgateway]:
    """Run a Pushgateway with `flags`."""
    program = binary("prometheus-pushgateway")

    def command(port: int) -> list[str]:
        listen = f"--web.listen-address=127.0.0.1:{port}"
        return [program, listen, "--persistence.file=", "--web.enable-admin-api", *flags]

    with serving(command, log) as port:
        yield Pushgateway(f"{scheme}://127.0.0.1:{port}")


Course = tuple[dict[str, str], list[tuple[float, float]]]
"""Labels of a series, and its values by their time, Unix seconds."""


def _courses(rows: list[dict[str, Any]]) -> list[Course]:
    return [
        (row["metric"], [(time, float(value)) for time, value in row["values"]]) for row in rows
    ]


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that scrapes."""

    url: str

    def query(self, expression: str, at: float | None = None) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each series in an instant query's result, by default now."""
        moment = {} if at is None else {"time": at}
        rows = self._ask("query", query=expression, **moment)
        return [(row["metric"], float(row["value"][1])) for row in rows]

    def samples(self, selector: str) -> list[Course]:
        """Return what is stored of each series that `selector`, such as `up[1d]`, selects."""
        return _courses(self._ask("query", query=selector))

    def over(self, expression: str, begin: float, end: float, step: float) -> list[Course]:
        """Return the values of each series at these moments, from `begin` to `end`."""
        return _courses(self._ask("query_range", query=expression, start=begin, end=end, step=step))

    def _ask(self, what: str, **words: str | float) -> list[dict[str, Any]]:
        answer = json.loads(get(f"{self.url}/api/v1/{what}?{urlencode(words)}"))
        rows: list[dict[str, Any]] = answer["data"]["result"]
        return rows

    def values(self, expression: str, label: str) -> dict[str, float]:
        """Return the result's values by one of their labels."""
        return {labels.get(label, ""): value for labels, value in self.query(expression)}

    def value(self, expression: str) -> float | None:
        """Return the value of the only series in the result, None where there is none."""
        rows = self.query(expression)
        assert len(rows) <= 1
        return rows[0][1] if rows else None


@contextmanager
def prometheus(
    directory: Path,
    *targets: str,
    interval: str = "200ms",
    honor_labels: bool = True,
    flags: Sequence[str] = (),
) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes `targets` (HOST:PORT) and keeps its data in `directory`."""
    program = binary("prometheus")
    directory.mkdir(parents=True, exist_ok=True)
    config = {
        "global": {"scrape_interval": interval, "scrape_timeout": interval},
        "scrape_configs": [
            {
                "job_name": "scraped",
                "honor_labels": honor_labels,
                "static_configs": [{"targets": list(targets)}],
            }
        ],
    }
    (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML

    def command(port: int) -> list[str]:
        return [
            program,
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            *flags,
        ]

    with serving(command, directory / "prometheus.log") as port:
        server = Prometheus(f"http://127.0.0.1:{port}")
        assert eventually(lambda: _ready(server.url), expected=True)
        yield server


def _ready(url: str) -> bool:
    with suppress(OSError):
        return "Ready" in get(f"{url}/-/ready")
    return False


@dataclass(frozen=True)
class Promtool:
    """promtool, to judge and to convert."""

    program: str

    def run(self, *words: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run `promtool WORDS…` with `text` on its standard input."""
        return subprocess.run([self.program, *words], input=text, capture_output=True, check=False)

    def check_metrics(self, text: bytes) -> str:
        """Return what `promtool check metrics` says; nothing where all is well."""
        done = self.run("check", "metrics", text=text)
        said = (done.stdout + done.stderr).decode()
        return said or f"exit {done.returncode}" * bool(done.returncode)
