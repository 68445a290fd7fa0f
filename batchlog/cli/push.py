"""`batchlog push`: one run, for cron and timers."""

import sys
import time
from typing import Any

import click

from batchlog.cli import console, options
from batchlog.job.request import World
from batchlog.job.run import run
from batchlog.metrics import exposition


@click.command(
    "push",
    epilog=options.example(
        "batchlog push --gateway http://push.example.org:9091 '/var/log/nginx/*access.log'"
    ),
)
@click.argument("logs", metavar="[LOG]...", nargs=-1)
@options.all_of(
    options.SINCE,
    options.STATE,
    options.SINKS,
    options.MEASURE,
    options.LOCK_WAIT,
    options.WORKERS,
    options.option(
        "--dry-run",
        is_flag=True,
        help="Print the metrics to standard output; commit nothing, push nothing.",
    ),
    options.VOICE,
)
def command(logs: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - click's values
    """One run: read what is new, commit, push.

    LOG is the path of an active log file, or a quoted pattern of several; rotated files are found
    next to it. Without LOG: the configuration's entries, else those of the runs before.
    """
    console.set_up(verbose=given["verbose"], quiet=given["quiet"])
    with console.stopped_by_signals() as stop:
        world = World(time.time, console.say, stop)
        outcome = run(options.request(logs, given, world.now()), world)
    if given["dry_run"]:
        sys.stdout.write(exposition(outcome.families).decode())
    return outcome.exit
