"""Options that several commands share, each with an environment variable named for it."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from batchlog.config.load import load
from batchlog.config.schema import Flags, Settings
from batchlog.config.times import duration, since
from batchlog.errors import ConfigError
from batchlog.job.request import Request

F = Callable[..., Any]
T = TypeVar("T")


def option(*names: str, **settings: Any) -> Callable[[F], F]:  # noqa: ANN401 - click's own keywords
    """Return a click option whose environment variable is `BATCHLOG_` and its long name.

    The help states that rule once (`example`), not for each option.
    """
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = "BATCHLOG_" + long.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=variable, **settings)


def example(*commands: str, option: str = "--checkpoint") -> str:
    """Return what stands at the end of a command's help; `option` is one that the command has."""
    examples = "\n\n".join(f"Example: {command}" for command in commands)
    return (
        f"{examples}\n\nEach option may be given in the environment instead: "
        f"{option} as BATCHLOG_{option.removeprefix('--').upper()}."
    )


def all_of(*chosen: Callable[[F], F]) -> Callable[[F], F]:
    """Return one decorator for several options, shown in the order given."""

    def decorate(command: F) -> F:
        for one in reversed(chosen):
            command = one(command)
        return command

    return decorate


CONFIG = option(
    "--config",
    metavar="FILE",
    help="Configuration file. [default: /etc/batchlog/batchlog.toml, if there]",
)
CHECKPOINT = option(
    "--checkpoint",
    metavar="FILE",
    help="Where totals and positions are kept. [default: $STATE_DIRECTORY/checkpoint.json, "
    "/var/lib/batchlog/checkpoint.json for root, else the user's state directory]",
)
GATEWAY = option(
    "--gateway",
    metavar="URL",
    multiple=True,
    help="Pushgateway; repeatable. [default: http://localhost:9091, where no other sink is named]",
)
JOB = option("--job", metavar="NAME", help="The group's job label. [default: batchlog]")
GROUPING = option(
    "--grouping",
    metavar="KEY=VALUE",
    multiple=True,
    help="The group's other labels; repeatable. [default: instance=<host name>]",
)
FORMAT = option(
    "--format",
    metavar="NAME|STRING|auto",
    help="A preset, a LogFormat or log_format string, or auto. [default: auto]",
)
BY = option(
    "--by",
    metavar="LABELS",
    help="Comma list of status, status_class, method, vhost, protocol. [default: status]",
)
TEXTFILE = option(
    "--textfile", metavar="FILE", help="Write the metrics for node_exporter's textfile collector."
)
RETRY_FOR = option(
    "--retry-for",
    metavar="DURATION",
    help="Time for all tries of a push; 0 is one try. [default: 30s]",
)
LOCK_WAIT = option(
    "--lock-wait",
    metavar="DURATION",
    default="30s",
    show_default=True,
    help="How long to wait for another run.",
)
SINCE = option(
    "--since",
    metavar="WHERE",
    default="checkpoint",
    show_default=True,
    help="Where a log begins that the checkpoint does not know: checkpoint (the first run: the "
    "first line of the active file; a log that joins later: its present end), start (the oldest "
    "file on disk), now (the present end), or a moment: a date and time, or an age such as 36h.",
)
LISTEN = option(
    "--listen",
    metavar="HOST:PORT",
    help="Serve the metrics for scraping as well; port 8000 when only a host is given.",
)
VERBOSE = option("-v", "--verbose", is_flag=True, help="A line for each decision about each file.")
QUIET = option("-q", "--quiet", is_flag=True, help="Errors only.")

STATE = all_of(CONFIG, CHECKPOINT)
GROUP = all_of(GATEWAY, JOB, GROUPING)
VOICE = all_of(VERBOSE, QUIET)
MEASURE = all_of(FORMAT, BY)
SINKS = all_of(GROUP, TEXTFILE, RETRY_FOR)


WORKERS = option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Cores that may be used where there is much to read. [default: all, at most 4]",
)

_A_RUN = 4
"""Cores that a run uses unasked: it shares its host with what writes the logs, and its memory may
be limited (see deploy/), with some 80 MB to each process."""


def cores() -> int:
    """Return the number of cores that this process may run on; 1 where it must not ask."""
    try:
        return len(os.sched_getaffinity(0))
    except OSError:  # a system call filter
        return 1


def settings(config: str | None, **given: Any) -> Settings:  # noqa: ANN401 - click's values
    """Return what is in force from options as click gives them; ConfigError where they are wrong.

    Names that are no setting are passed over.
    """
    known = {name: given[name] for name in Flags.__struct_fields__ if given.get(name)}
    if given.get("by") is not None:
        known["by"] = given["by"]
    return load(Path(config) if config else None, Flags(**known))


def named(flag: str, read: Callable[[], T]) -> T:
    """Return what `read` returns; a ConfigError of it names the flag."""
    try:
        return read()
    except ConfigError as error:
        raise ConfigError(f"{flag}: {error}") from None


def checkpoint_path(chosen: Settings) -> str:
    """Return where the checkpoint lies: never in /tmp, never beside a log."""
    if chosen.checkpoint is not None:
        return os.path.abspath(chosen.checkpoint)
    systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if systemd:
        return os.path.join(systemd, "checkpoint.json")
    if os.geteuid() == 0:
        return "/var/lib/batchlog/checkpoint.json"
    return os.path.join(_own_state_directory(), "checkpoint.json")


def _own_state_directory() -> str:
    """Return the user's state directory; a user of a container may have no home at all."""
    import platformdirs

    try:
        found = platformdirs.user_state_dir("batchlog")
    except RuntimeError:
        found = ""
    if not os.path.isabs(found):
        raise ConfigError(
            "this user has no home directory to keep the checkpoint in: "
            "give --checkpoint FILE, on a disk that stays"
        )
    return found


def host_name() -> str:
    """Return the name of this host, the default `instance`."""
    return socket.gethostname()


def request(
    logs: tuple[str, ...],
    given: dict[str, Any],
    now: float,
    *,
    listen: bool = False,
) -> Request:
    """Return the run that options ask for; what a command has no option for is the default."""
    chosen = settings(**given)
    return Request(
        settings=chosen,
        checkpoint=checkpoint_path(chosen),
        host=host_name(),
        logs=logs,
        since=named("--since", lambda: since(given.get("since", "checkpoint"), now)),
        lock_wait=named("--lock-wait", lambda: duration(given.get("lock_wait", "0"))),
        listen=listen,
        dry_run=bool(given.get("dry_run")),
        workers=given.get("workers") or min(cores(), _A_RUN),
    )
