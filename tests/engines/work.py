"""Tasks for tests, and what an engine makes of them."""

import gzip
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec.structs import replace

from batchlog.engines import Done, Engine, Task, open_window
from batchlog.errors import Stop
from batchlog.segments.content import open_file
from tests.site import lines

HERE = Engine(workers=1)


def task(path: Path | str, **changes: object) -> Task:
    """Plan to read a file whole."""
    with open_file(os.fspath(path)) as content:
        whole = Task(content.sight, "combined", ("status",), (), "", begin=0)
    return replace(whole, **changes)


def logs(directory: Path, *counts: int) -> list[Path]:
    """Write a log of so many lines for each of `counts`, every other one packed."""
    paths = []
    for number, count in enumerate(counts):
        data = lines(range(number, number + count))
        path = directory / f"log-{number}"
        path.write_bytes(gzip.compress(data, 1) if number % 2 else data)
        paths.append(path)
    return paths


def long(path: Path) -> Path:
    """Write an archive that takes a second and more to read."""
    path.write_bytes(gzip.compress(lines(range(20_000)), 1) * 250)
    return path


def carried_out(
    engine: Engine,
    tasks: Iterable[Task],
    report: Callable[[int], None] = lambda _bytes: None,
    stop: Stop | None = None,
) -> list[Done]:
    """Have an engine carry out tasks, and return what came of them in the order of the results."""
    found: list[Done] = []
    with open_window(engine, report, Stop() if stop is None else stop) as window:
        for one in tasks:
            found += window.put(one)
        found += window.drain()
    return found
