"""`batchlog forget`: take a decommissioned host's group off the gateway."""

import time
from typing import Any

import click

from batchlog.cli import console, options
from batchlog.errors import BatchlogError, ConfigError, Exit
from batchlog.job.amend import forget_logs
from batchlog.job.credentials import demand_safe_secrets
from batchlog.job.deliver import targets
from batchlog.job.request import World
from batchlog.sinks import gateway
from batchlog.sinks.target import Target
from batchlog.state.checkpoint import Group
from batchlog.state.store import Store


@click.command(
    "forget", epilog=options.example("batchlog forget --gateway http://push.example.org:9091")
)
@options.option(
    "--log",
    "logs",
    metavar="PATH",
    multiple=True,
    help="Forget a log that is gone instead, as 'batchlog status' names it; repeatable. Its own "
    "metrics go with the next push, totals stay.",
)
@options.all_of(options.STATE, options.GROUP, options.LOCK_WAIT, options.VOICE)
def command(logs: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - click's values
    """Delete this group from the gateway: of a host that is decommissioned.

    The checkpoint stays; the next push brings the group back.
    """
    console.set_up(verbose=given["verbose"], quiet=given["quiet"])
    if logs:
        world = World(time.time, console.say)
        return forget_logs(options.request((), given, world.now()), logs, world)
    chosen = options.settings(**given)
    demand_safe_secrets(chosen, options.checkpoint_path(chosen))
    group = Group(chosen.gateway.job, chosen.gateway.group(options.host_name()))
    if not (given["job"] or given["grouping"]):
        state = Store(options.checkpoint_path(chosen)).load()
        group = group if state is None or state.group is None else state.group
    to = targets(chosen, group)
    if not to:
        raise ConfigError("no gateway is named: give one with --gateway")
    exits = {_forget(target) for target in to}
    return Exit.first(exits)


def _forget(target: Target) -> Exit:
    group = Group(target.job, dict(target.grouping))
    try:
        if gateway.holds_group(target) is None:
            console.log.warning("%s: holds no group %s", target.title, group)
            return Exit.OK
        gateway.forget(target)
    except BatchlogError as problem:
        console.log.error("%s", problem)
        return problem.exit
    console.log.info("%s: %s is deleted", target.title, group)
    return Exit.OK
