"""What a hostile worker runs: a task's answer is named by its file.

A test puts this beside a copy of batchlog, and in place of its `on_worker`.
"""

import os
import pickle
import zlib
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from batchlog.engines import answer
from batchlog.engines.task import Task, carry_out


class Trap:
    """What makes a directory, named by the process, where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        place = os.path.join(os.path.dirname(self.path), "witness-")
        return exec, (f"import os; os.makedirs({place!r} + str(os.getpid()), exist_ok=True)",)


class TrappedError(Exception):
    """The same, as what a task raises."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return Trap(self.args[0]).__reduce__()


def changed(task: Task, **changes: object) -> bytes:
    """Return an answer of the right form, with rows or other numbers that are wrong."""
    raw = msgspec.json.decode(zlib.decompress(answer.done(carry_out(task))))
    for name, value in changes.items():
        if name == "offset":
            raw["mark"]["offset"] = value
        else:
            raw[name] = value
    return zlib.compress(msgspec.json.encode(raw))


_first: list[Task] = []


def another(task: Task) -> bytes:
    """Return the answer to the task that came before."""
    _first.append(task)
    return answer.done(carry_out(_first[0] if len(_first) > 1 else _first[-1]))


def fail(error: BaseException) -> NoReturn:
    """Raise what a task may raise."""
    raise error


ANSWERS: dict[str, Callable[[Task], Any]] = {
    "none": lambda _task: None,
    "text": lambda _task: "a text",
    "number": lambda _task: 10**30,
    "trap": lambda task: Trap(task.sight.path),
    "trapped": lambda task: fail(TrappedError(task.sight.path)),
    "bytes": lambda _task: b"bytes",
    "pickle": lambda task: pickle.dumps(Trap(task.sight.path)),
    "runtime": lambda _task: fail(RuntimeError("a\nlong\nstory")),
    "syntax": lambda _task: fail(SyntaxError("no such syntax")),
    "memory": lambda _task: fail(MemoryError()),
    "full": lambda _task: fail(OSError(28, "No space left on device")),
    "exit": lambda _task: fail(SystemExit(3)),
    "interrupt": lambda _task: fail(KeyboardInterrupt()),
    "requests": lambda task: changed(task, rows=[[[0, ["200"]], [10**30, 0]]]),
    "statuses": lambda task: changed(
        task, rows=[[[0, [str(number)]], [1, 1]] for number in range(20_000)]
    ),
    "newline": lambda task: changed(task, rows=[[[0, ["200\n"]], [30, 0]]]),
    "offset": lambda task: changed(task, offset=1),
    "huge": lambda _task: os.urandom(3 << 20),
    "another": another,
    "again": another,
}


def on_worker(_ours: object, task: Task) -> object:
    """Answer as the name of the file says."""
    return ANSWERS[os.path.basename(task.sight.path)](task)
