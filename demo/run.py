"""The demo: push sample logs, rotate them as logrotate does, push again, compare the counters.

`make demo` runs it in .venv. It works on a copy of demo/logs in .demo with a checkpoint of its own,
and pushes to BATCHLOG_GATEWAY if that is set, else to a Pushgateway that it starts and stops, else
into a textfile. What the counters must be is found out here by other means than batchlog's: exit
status 0 if they agree with it, else 1.
"""
# ruff: noqa: INP001, T201 - a script in a folder of its own, and printing is what it is for

import gzip
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import generate
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parent.parent
BATCHLOG = Path(sys.executable).with_name("batchlog")
GATEWAY_READY_SECONDS = 10
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Sink(NamedTuple):
    """Where the counters go: in words, as batchlog's own variables, and how to read them back."""

    words: str
    variables: dict[str, str]
    read: Callable[[], str]


class Totals(NamedTuple):
    """What the files hold and what was counted: lines by status, `all` of them, and `bytes`."""

    written: Counter[str]
    counted: Counter[str]


def main() -> int:
    """Run the demo in a folder that is removed afterwards, and return the exit status."""
    for name in ENDS:
        signal.signal(name, lambda number, _frame: sys.exit(128 + number))
    parent = ROOT / ".demo"
    parent.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=parent) as folder, sink(Path(folder)) as target:
            return demonstrate(Path(folder), target)
    except subprocess.CalledProcessError as error:
        print(f"demo: batchlog ended with {error.returncode}; why is said above", file=sys.stderr)
    except OSError as error:
        print(f"demo: {error}", file=sys.stderr)
    return 1


def demonstrate(folder: Path, target: Sink) -> int:
    """Push, rotate and append, push again; print each step and the counters before and after."""
    instance = f"demo-{secrets.token_hex(4)}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BATCHLOG_")}
    environment |= target.variables | {
        "BATCHLOG_CONFIG": str(folder / "batchlog.toml"),
        "BATCHLOG_CHECKPOINT": str(folder / "state" / "checkpoint.json"),
        "BATCHLOG_GROUPING": f"instance={instance}",
    }
    (folder / "batchlog.toml").write_text("# the demo's settings are all in its environment\n")
    logs = folder / "logs"
    shutil.copytree(generate.LOGS, logs)

    def batchlog(*arguments: str) -> None:
        print("  $ batchlog", *arguments, flush=True)
        subprocess.run([BATCHLOG, *arguments], cwd=folder, env=environment, check=True)

    print(f"The counters go to {target.words}.\n")
    print("1. Three files of one log, the oldest compressed: all are counted, from the oldest on.")
    try:
        batchlog("push", "logs/access.log", "--since", "start")
        before = Totals(written(logs), counters(target.read(), instance))
        print(
            "\n2. Visits, a rotation, more visits: only what is new is counted, wherever it lies."
        )
        rotate(logs)
        batchlog("push", "logs/access.log")
        after = Totals(written(logs), counters(target.read(), instance))
    finally:
        if "BATCHLOG_GATEWAY" in os.environ:
            print("\nThe demo takes its group off your gateway again.")
            batchlog("forget")
    return compare(before, after)


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """Find where to push: your gateway, one of our own for as long as this lasts, or a file."""
    if given := os.environ.get("BATCHLOG_GATEWAY", "").split():
        target = gateway(given[0], "the gateway of BATCHLOG_GATEWAY")
        target.read()
        yield target
    elif program := shutil.which("prometheus-pushgateway") or shutil.which("pushgateway"):
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        options = [f"--web.listen-address={address}", "--persistence.file="]
        with started([program, *options], folder / "pushgateway.log") as server:
            wait_until_ready(server, f"http://{address}/-/ready")
            yield gateway(f"http://{address}", "a Pushgateway that this demo starts and stops")
    else:
        path = folder / "batchlog.prom"
        print("There is no prometheus-pushgateway here, and BATCHLOG_GATEWAY is not set.")
        words = "a textfile, as node_exporter's collector reads it"
        yield Sink(words, {"BATCHLOG_TEXTFILE": str(path)}, path.read_text)


@contextmanager
def started(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server and end it, whenever a signal comes."""
    with ExitStack() as ends:
        with signals_held(), log.open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=output)
            ends.callback(server.wait)
            ends.callback(server.terminate)
        yield server


@contextmanager
def signals_held() -> Iterator[None]:
    """Let a signal wait: within the start of a process it would leave one nobody knows of."""
    came: list[int] = []
    handlers = {
        name: signal.signal(name, lambda number, _frame: came.append(number)) for name in ENDS
    }
    try:
        yield
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
        for number in came:
            signal.raise_signal(number)


def gateway(url: str, words: str) -> Sink:
    """Return a gateway as a sink; what it serves to Prometheus is what we read back."""
    page = f"{url.rstrip('/')}/metrics"

    def read() -> str:
        try:
            with urlopen(page, timeout=10) as response:  # noqa: S310 - http(s)
                return str(response.read(), "utf-8")
        except (OSError, ValueError) as error:
            raise OSError(f"{page}: {error}") from error

    return Sink(f"{words}, {url}", {"BATCHLOG_GATEWAY": url}, read)


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    """Return once the server answers; OSError if it ends or takes too long."""
    end = time.monotonic() + GATEWAY_READY_SECONDS
    while server.poll() is None and time.monotonic() < end:
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - an address of ours
                return
        except OSError:
            time.sleep(0.05)
    raise OSError(f"the Pushgateway did not come up at {url}; set BATCHLOG_GATEWAY to use another")


def rotate(logs: Path) -> None:
    """Do what a day does to a log, with lines that no push has seen on both sides of it."""
    visits = generate.lines(generate.SEED + 1, generate.BEGIN + timedelta(days=3))
    append(logs / "access.log", visits, 150)
    print("     access.log.1 is compressed to access.log.2.gz, access.log becomes access.log.1")
    (logs / "access.log.2.gz").rename(logs / "access.log.3.gz")
    with gzip.open(logs / "access.log.2.gz", "wb") as packed:
        packed.write((logs / "access.log.1").read_bytes())
    (logs / "access.log").rename(logs / "access.log.1")
    append(logs / "access.log", visits, 250)


def append(path: Path, visits: Iterator[str], number: int) -> None:
    """Write that many more lines to a log."""
    with path.open("a") as log:
        log.writelines(next(visits) for _ in range(number))
    print(f"     {number} lines to {path.name}")


def written(logs: Path) -> Counter[str]:
    """Count by status, and bytes, what the files hold: line by line, without batchlog."""
    found: Counter[str] = Counter()
    for path in logs.iterdir():
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for line in lines:
                _, status, sent = re.split(r'" (\d{3}) (\d+) "', line)[:3]
                found += Counter({status: 1, "bytes": int(sent), "all": 1})
    return found


def counters(exposition: str, instance: str) -> Counter[str]:
    """Return the same from what a sink holds for us."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.labels.get("instance", instance) != instance:
                continue
            if sample.name == "batchlog_http_requests_total":
                found[sample.labels["status"]] += int(sample.value)
                found["all"] += int(sample.value)
            elif sample.name == "batchlog_http_response_bytes_total":
                found["bytes"] += int(sample.value)
    return found


def compare(before: Totals, after: Totals) -> int:
    """Print the table, and return 0 if the counters are what the files hold, else 1."""
    print(f"\n{'':12}{'before':>14}{'in the files':>14}{'after':>14}{'in the files':>14}")
    for name in sorted(after.written | +after.counted):
        numbers = (totals[name] for step in (before, after) for totals in reversed(step))
        print(f"  {name:10}" + "".join(f"{number:>14,}" for number in numbers))
    zeros = len(after.counted) - len(+after.counted)
    print(
        f"  {zeros} more status codes stand at 0, so that increase() sees the first line of each."
    )
    if any(step.written != +step.counted for step in (before, after)):
        print("\nThe counters are not what the files hold: this is a bug in batchlog.")
        return 1
    print(f"\nAll {after.written['all']:,} lines are counted, each of them once.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
