"""What a run ran on: processor, memory, kernel, filesystem and versions; no names, no paths."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from batchlog.scan.library import library
from benchmarks.measure import Program, environment
from benchmarks.peers import version_command

_GIB = 2**30
_LIBRARIES = ("batchlog", "isal", "msgspec", "numpy", "prometheus_client", "duckdb")


def facts(directory: Path) -> dict[str, str]:
    """Return the machine by what is told of it."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{pages / _GIB:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "filesystem": filesystem(directory),
        "load before the run": f"{os.getloadavg()[0]:.2f}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the model of the processor."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def filesystem(directory: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the type of the filesystem that holds a directory."""
    rows = [line.split() for line in mounts.read_text().splitlines()]
    above = [row for row in rows if directory.resolve().is_relative_to(row[1])]
    return max(above, key=lambda row: len(row[1]))[2]


def versions(programs: Iterable[Program]) -> dict[str, str]:
    """Return the version of each command and library, where it has one."""
    commands = dict.fromkeys(
        words[0] for program in programs for words in program.commands if not program.is_ours
    )
    asked = {command: asked_of(command) for command in commands if command != "python"}
    libraries = {name: held(name) for name in _LIBRARIES if held(name)}
    part = "compiled" if library() else "not compiled"
    return {**libraries, "batchlog": f"{libraries['batchlog']} ({part})", **asked}


def asked_of(command: str) -> str:
    """Return what a program says of its version, less the rest."""
    path = environment()["PATH"]
    words = version_command(command)
    done = subprocess.run(
        [shutil.which(command, path=path) or command, *words[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=environment(),
    )
    found = re.search(r"\d+\.\d[\w.~+-]*", done.stdout.decode(errors="replace"))
    return found[0].rstrip(".") if found else "?"


def held(library: str) -> str:
    """Return the version of a Python library; empty where it is not there."""
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def floor() -> int:
    """Return the peak of a process that does nothing, in bytes: less cannot be seen here."""
    runner = str(Path(__file__).with_name("runner.py"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", runner, os.devnull, os.devnull, "true"],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.split()[-1])
