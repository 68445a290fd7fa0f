"""`batchlog reset`: start anew."""

import time
from typing import Any

import click

from batchlog.cli import console, options
from batchlog.job.amend import reset
from batchlog.job.request import World


@click.command("reset", epilog=options.example("batchlog reset"))
@click.argument("logs", metavar="[LOG]...", nargs=-1)
@options.all_of(options.STATE, options.FORMAT, options.LOCK_WAIT, options.VOICE)
def command(logs: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - click's values
    """Start anew: totals at zero, logs at their present end, all on disk taken as counted.

    The next push replaces the gateway's values, which fall then. The old checkpoint is kept beside
    the new one.
    """
    console.set_up(verbose=given["verbose"], quiet=given["quiet"])
    world = World(time.time, console.say)
    return reset(options.request(logs, given, world.now()), world)
