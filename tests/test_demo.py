"""`make demo` counts its sample logs rightly, notices a wrong count, and leaves nothing behind."""

import gzip
import importlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
NOTHING_ON_PATH = "/nonexistent"
IN_ALL = ["4000", "4000", "4400", "4400"]  # counted and in the files, before and after

# Stands for a server that hangs: it says its process id and is never ready.
HANGS = """#!/bin/sh
echo $$ >"$TOLD"
exec sleep 600
"""


def demo(folder: Path, path: str, **variables: str) -> subprocess.Popen[str]:
    """Start a copy of the demo with this PATH and no other setting of batchlog's than these."""
    shutil.copytree(ROOT / "demo", folder / "demo", dirs_exist_ok=True)
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BATCHLOG_")}
    return subprocess.Popen(
        [sys.executable, folder / "demo" / "run.py"],
        env=ours | {"PATH": path} | variables,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def outcome(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Wait for the end, and return what was printed and the exit status."""
    printed, _ = process.communicate()
    return printed, process.returncode


def row(printed: str, name: str) -> list[str]:
    """Return the numbers in a row of the table."""
    [found] = re.findall(rf"(?m)^  {name} +(.*)$", printed)
    return str(found).replace(",", "").split()


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the demo."""
    monkeypatch.syspath_prepend(ROOT / "demo")
    return importlib.import_module("run")


@pytest.fixture
def _pushgateway() -> None:
    """Skip a test where the real one is missing, or fail it where it is required."""
    name = "prometheus-pushgateway"
    if shutil.which(name) is None and "BATCHLOG_TEST_REQUIRE_SERVERS" in os.environ:
        pytest.fail(f"{name} is not installed")
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")


def test_every_line_is_counted_into_a_textfile_where_there_is_no_gateway(tmp_path: Path) -> None:
    printed, status = outcome(demo(tmp_path, NOTHING_ON_PATH))
    assert 0 == status, printed
    assert "a textfile" in printed
    assert IN_ALL == row(printed, "all")
    assert [] == list((tmp_path / ".demo").iterdir())


@pytest.mark.usefixtures("_pushgateway")
def test_every_line_is_counted_into_a_pushgateway_that_ends_with_the_demo(tmp_path: Path) -> None:
    printed, status = outcome(demo(tmp_path, os.environ["PATH"]))
    assert 0 == status, printed
    assert IN_ALL == row(printed, "all")
    [url] = re.findall(r"starts and stops, (\S+)\.\n", printed)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5)


@pytest.mark.usefixtures("_pushgateway")
def test_a_given_gateway_gets_the_counters_and_has_no_group_of_the_demo_in_the_end(
    tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BATCHLOG_GATEWAY", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with script.sink(tmp_path) as given:
        printed, status = outcome(demo(tmp_path, NOTHING_ON_PATH, **given.variables))
        left = given.read()
    assert 0 == status, printed
    assert "the gateway of BATCHLOG_GATEWAY" in printed
    assert IN_ALL == row(printed, "all")
    assert "batchlog_http_requests_total" not in left


def test_a_gateway_that_cannot_be_reached_is_a_failure_and_no_traceback(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1"
    printed, status = outcome(demo(tmp_path, NOTHING_ON_PATH, BATCHLOG_GATEWAY=url))
    assert 1 == status
    assert "demo: http://127.0.0.1:1/metrics: " in printed
    assert "Traceback" not in printed


def test_a_count_that_differs_from_the_files_is_a_failure(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong = Counter({"200": 2, "all": 2}), Counter({"200": 3, "all": 3})
    rightly, wrongly = script.Totals(right, right), script.Totals(right, wrong)
    assert [0, 1, 1] == [
        script.compare(rightly, rightly),
        script.compare(rightly, wrongly),
        script.compare(wrongly, rightly),
    ]
    assert "a bug in batchlog" in capsys.readouterr().out


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_interrupted_ends_what_it_has_started(
    tmp_path: Path, name: signal.Signals
) -> None:
    server = tmp_path / "bin" / "prometheus-pushgateway"
    server.parent.mkdir()
    server.write_text(HANGS)
    server.chmod(0o755)
    told = tmp_path / "told"
    os.mkfifo(told)
    process = demo(tmp_path, f"{server.parent}:/usr/bin:/bin", TOLD=str(told))
    started = int(told.read_text())
    process.send_signal(name)
    assert ("", 128 + name) == outcome(process)
    with pytest.raises(ProcessLookupError):
        os.kill(started, 0)
    assert [] == list((tmp_path / ".demo").iterdir())


def test_the_sample_logs_are_what_the_generator_makes(script: ModuleType) -> None:
    for name, content in script.generate.samples().items():
        sample = (ROOT / "demo" / "logs" / name).read_bytes()
        assert content == (gzip.decompress(sample) if name.endswith(".gz") else sample), name


def test_no_python_that_fits_is_one_clear_message() -> None:
    result = subprocess.run(
        [ROOT / ".ci" / "python", "/nonexistent/python"],
        text=True,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert 1 == result.returncode
    assert "Python 3.11 or newer" in result.stderr
