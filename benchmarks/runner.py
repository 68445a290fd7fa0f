"""Runs one pipeline from start to exit and says what it took; a small process of its own.

Linux counts what a process held before `exec` into its peak, so a child never shows less memory
than whoever started it: this one imports next to nothing, and runs under `python -I -S`.

    runner.py OUT ERR WORD... ['|' WORD...]...

It prints wall seconds, then for each process its exit status, CPU seconds and peak in bytes: first
those of the pipeline, then those that they left behind, whose end is waited for outside the time.
"""

import ctypes
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import resource

_KIB = 1024
_SET_CHILD_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of <linux/prctl.h>: orphans become children of this process."""

_READ, _WRITE = os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def main(out: str, err: str, words: list[str]) -> None:
    """Run the pipeline, its last output into the file `out`, all errors into `err`."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    commands = split(words)
    begin = time.perf_counter()
    pids = start(commands, out, err)
    ended = [os.wait4(pid, 0) for pid in pids]
    wall = time.perf_counter() - begin
    sys.stdout.write(f"{wall:.6f}\n")
    for _, status, usage in [*ended, *left()]:
        code = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime
        sys.stdout.write(f"{code} {cpu:.6f} {usage.ru_maxrss * _KIB}\n")


def left() -> "list[tuple[int, int, resource.struct_rusage]]":
    """Wait for what the pipeline left behind, such as a fork server with its workers."""
    ended = []
    while True:
        try:
            ended.append(os.wait4(-1, 0))
        except ChildProcessError:
            return ended


def split(words: list[str]) -> list[list[str]]:
    """Return the words of each process."""
    commands: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def start(commands: list[list[str]], out: str, err: str) -> list[int]:
    """Start all processes of a pipeline, and return their pids."""
    log = os.open(err, _WRITE, 0o644)
    source = os.open(os.devnull, _READ)
    pids = []
    for number, words in enumerate(commands, 1):
        is_last = number == len(commands)
        following, sink = (-1, os.open(out, _WRITE, 0o644)) if is_last else os.pipe()
        streams = ((source, 0), (sink, 1), (log, 2))
        actions = [(os.POSIX_SPAWN_DUP2, descriptor, to) for descriptor, to in streams]
        pids.append(os.posix_spawnp(words[0], words, os.environ, file_actions=actions))
        os.close(source)
        os.close(sink)
        source = following
    os.close(log)
    return pids


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
