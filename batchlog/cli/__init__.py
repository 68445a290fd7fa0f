"""The commands: options in, exit code out. Each command's module is loaded when it is called."""

import os
import sys
from collections.abc import Sequence

import click

from batchlog.cli import console
from batchlog.cli.group import cli
from batchlog.errors import BatchlogError, Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; the entry point `batchlog`."""
    sys.exit(outcome(sys.argv[1:] if arguments is None else arguments))


def outcome(arguments: Sequence[str]) -> int:
    """Run the program and return its exit status."""
    console.set_up(verbose=False, quiet=False)
    try:
        return int(cli.main(list(arguments), prog_name="batchlog", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except click.Abort:
        return Exit.BUSY
    except BatchlogError as error:
        console.log.error("%s", error)
        return error.exit
    except BrokenPipeError:
        # Whoever read standard output has left; nothing more can reach it (signal(7), SIGPIPE).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
