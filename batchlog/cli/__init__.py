"""The commands: options in, exit code out. Each command's module is loaded when it is called."""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

import click

from batchlog.cli import console, limits
from batchlog.cli.group import cli
from batchlog.errors import BatchlogError, Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its status."""
    console.open_streams()
    limits.raise_files()
    status = outcome(sys.argv[1:] if arguments is None else arguments)
    if status == Exit.BUSY and len(threading.enumerate()) > 1:
        _leave(status)
    sys.exit(status)


def _leave(status: int) -> None:
    """End at once: Python would wait for threads in which libraries wait for a name server."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def outcome(arguments: Sequence[str]) -> int:
    """Run the program and return its exit status."""
    console.set_up(verbose=False, quiet=False)
    output = sys.stdout
    try:
        return _status(arguments)
    except BrokenPipeError:  # whoever read standard output has left
        console.leave_output()
        return Exit.OK
    except SystemExit:
        if sys.stdout is output:
            raise
        console.leave_output()  # click took it away and left, because nobody reads it any more
        return Exit.OK
    except MemoryError:
        console.log.error("not enough memory, nothing is lost: with --workers 1 it takes the least")
        return Exit.UNAVAILABLE
    except OSError as error:
        console.leave_output()
        console.log.error("%s: %s", error.filename or "standard output", error.strerror)
        return Exit.UNAVAILABLE


def _status(arguments: Sequence[str]) -> int:
    try:
        status = cli.main(list(arguments), prog_name="batchlog", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except click.Abort:  # Ctrl-C, perhaps where nobody reads: what is left would wait at the end
        console.leave_output()
        return Exit.BUSY
    except BatchlogError as error:
        console.log.error("%s", error)
        return error.exit
    sys.stdout.flush()
    return int(status or 0)
