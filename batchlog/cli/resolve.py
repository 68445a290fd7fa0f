"""`batchlog resolve`: a person's decision on a quarantined segment."""

import time
from typing import Any

import click

from batchlog.cli import console, options
from batchlog.errors import ConfigError
from batchlog.job.amend import resolve
from batchlog.job.request import World


@click.command(
    "resolve", epilog=options.example("batchlog resolve /var/log/nginx/access.log.1 --ignore")
)
@click.argument("path", metavar="PATH")
@options.all_of(
    options.option("--count", is_flag=True, help="Count it from its first line."),
    options.option("--ignore", is_flag=True, help="Take all up to its present end as counted."),
    options.STATE,
    options.BY,
    options.LOCK_WAIT,
    options.VOICE,
)
def command(path: str, *, count: bool, ignore: bool, **given: Any) -> int:  # noqa: ANN401 - click's
    """Decide on a quarantined segment: a counted file that was rewritten with fewer lines.

    What is written to it later counts either way.
    """
    console.set_up(verbose=given["verbose"], quiet=given["quiet"])
    if count == ignore:
        raise ConfigError("give either --count or --ignore; 'batchlog status' names what waits")
    world = World(time.time, console.say)
    asked = options.request((), given, world.now())
    return resolve(asked, path, "count" if count else "ignore", world)
