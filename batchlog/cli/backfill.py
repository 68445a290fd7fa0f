"""`batchlog backfill`: old logs once, into totals of their own or into history."""

import time
from functools import partial
from typing import Any

import click
from click.core import ParameterSource

from batchlog.backfill.commit import judge_living
from batchlog.backfill.dry import Planned, planned
from batchlog.backfill.inputs import inputs
from batchlog.backfill.plan import Planner
from batchlog.backfill.request import Wanted
from batchlog.backfill.totals import backfill
from batchlog.cli import console, options, progress, summary
from batchlog.cli.historical import directory, judge_labels, series_labels
from batchlog.config.times import bound, duration
from batchlog.engines import Engine, Tls
from batchlog.engines.room import room
from batchlog.errors import ConfigError, Exit
from batchlog.history.aim import Aim
from batchlog.history.build import history, options_of
from batchlog.history.intake import too_young
from batchlog.job.credentials import demand_safe
from batchlog.job.request import World
from batchlog.scan import Timing
from batchlog.segments.findings import notice
from batchlog.segments.ledger import Ledger
from batchlog.state.checkpoint import State
from batchlog.state.store import Store

LONGEST_STEP = 300
"""Seconds: Prometheus looks back five minutes for a sample, then a series is stale."""

_NO_BOUND = ("checkpoint", "start")
"""What --since says to a push, and may say in the environment of both: no bound here."""

_HISTORY = ("step", "since", "until", "series_label", "force")


@click.command(
    "backfill",
    epilog=options.example(
        "batchlog backfill '/var/log/nginx/access.log.*.gz'",
        "batchlog backfill --tsdb /srv/blocks '/var/log/nginx/access.log*'",
    ),
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@options.all_of(
    options.option(
        "--into-live",
        is_flag=True,
        help="Add to the living series instead of ones of their own; before the first push only.",
    ),
    options.option(
        "--openmetrics",
        metavar="DIR",
        help="Write history with its own time stamps instead, for promtool: one file for each UTC "
        "day.",
    ),
    options.option(
        "--tsdb",
        metavar="DIR",
        help="The same as Prometheus' blocks, made by promtool; may stand with --openmetrics.",
    ),
    options.option(
        "--step",
        metavar="DURATION",
        help="History: time between two samples, at most 5m. [default: 1m]",
    ),
    options.option(
        "--since",
        metavar="WHEN",
        help="History: only lines stamped at or after a time, or an age such as 90d.",
    ),
    options.option("--until", metavar="WHEN", help="History: only lines stamped before it."),
    options.option(
        "--series-label",
        metavar="KEY=VALUE",
        multiple=True,
        help="History: a label that the living series have from the scrape; once one is given they "
        "replace job and grouping. Repeatable.",
    ),
    options.option(
        "--force",
        is_flag=True,
        help="History: replace the one that the directory holds.",
    ),
    options.option(
        "--dry-run",
        is_flag=True,
        help="Print what would be read and what is skipped; read nothing.",
    ),
    options.option(
        "--workers",
        metavar="N",
        type=click.IntRange(1, 1024),
        help="Cores to use: a process on each, or threads for one large file. [default: all]",
    ),
    options.option(
        "--engine",
        type=click.Choice(["local", "dask"]),
        default="local",
        show_default=True,
        help="Where files are read: here, or on a Dask cluster.",
    ),
    options.option(
        "--scheduler", metavar="ADDRESS", help="Dask: where its scheduler listens, HOST:PORT."
    ),
    options.option(
        "--scheduler-ca-file", metavar="FILE", help="Dask: whom to trust, for a tls:// address."
    ),
    options.option("--scheduler-cert-file", metavar="FILE", help="Dask: our certificate."),
    options.option("--scheduler-key-file", metavar="FILE", help="Dask: its key."),
    options.STATE,
    options.SINKS,
    options.MEASURE,
    options.LOCK_WAIT,
    options.VOICE,
)
def command(paths: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - click's values
    """Read old logs once: into totals with the label backfill="1", which are pushed.

    PATH is a file, a quoted pattern or, with the extra `dask`, a URL such as s3://bucket/logs/*.gz.
    What a push has counted, or a backfill before, is left out, whatever it is called by now. With
    --openmetrics or --tsdb the totals stay as they are, and history is written. For history push
    first, and wait four hours.
    """
    console.set_up(verbose=given["verbose"], quiet=given["quiet"])
    now = time.time()
    aim = _aim(given, now)
    given = {**given, "since": "checkpoint"}
    request = options.request((), given, now)
    if aim is not None:
        judge_labels([*aim.labels], request.settings)
    wanted = Wanted(request, paths, _engine(given), automatic=given["workers"] is None)
    _demand_safe_key(wanted.engine.tls, request.checkpoint)
    if given["dry_run"]:
        return _dry_run(wanted, aim, into_live=given["into_live"])
    began = time.monotonic()
    with (
        console.stopped_by_signals() as stop,
        progress.shown(quiet=given["quiet"]) as shown,
    ):
        world = World(time.time, console.say, stop)
        if aim is None:
            outcome = backfill(wanted, world, shown, into_live=given["into_live"])
        else:
            outcome = history(wanted, aim, world, shown)
    summary.show(outcome.summary, time.monotonic() - began, quiet=given["quiet"])
    for line in outcome.advice:
        click.echo(line)
    return outcome.exit


def _aim(given: dict[str, Any], now: float) -> Aim | None:
    """Return the history that is asked for; None where it is totals."""
    if given["openmetrics"] is None and given["tsdb"] is None:
        _refuse_without_history(given)
        return None
    if given["into_live"]:
        raise ConfigError("--into-live is for totals: leave it out with --openmetrics and --tsdb")
    step = options.named("--step", lambda: duration(given["step"] or "1m"))
    if step != int(step) or not 1 <= step <= LONGEST_STEP:
        raise ConfigError(f"--step: {given['step']} is not a whole number of seconds from 1s to 5m")
    since, until = (_bound(name, given[name], now) for name in ("since", "until"))
    if since is not None and until is not None and since >= until:
        raise ConfigError("--since is not before --until: no line is left")
    return Aim(
        openmetrics=directory("--openmetrics", given["openmetrics"]),
        tsdb=directory("--tsdb", given["tsdb"]),
        timing=Timing(int(step), since, until),
        labels=series_labels(given["series_label"]),
        force=given["force"],
        asked=(given["since"] or "", given["until"] or ""),
    )


def _bound(name: str, text: str | None, now: float) -> int | None:
    if text is None or text in _NO_BOUND:
        return None
    return options.named(f"--{name}", lambda: bound(text, now))


def _refuse_without_history(given: dict[str, Any]) -> None:
    """Raise where an option is given that totals cannot follow.

    What the environment says is for pushes and for history: it is passed over.
    """
    source = click.get_current_context().get_parameter_source
    for name in _HISTORY:
        if source(name) is ParameterSource.COMMANDLINE and given[name] not in _NO_BOUND:
            raise ConfigError(
                f"--{name.replace('_', '-')} is for history: add --tsdb DIR or --openmetrics DIR "
                "(into totals a file is counted whole)"
            )


def _engine(given: dict[str, Any]) -> Engine:
    kind, scheduler = given["engine"], given["scheduler"]
    files = {name: given[f"scheduler_{name}"] for name in ("ca_file", "cert_file", "key_file")}
    if kind == "local" and (scheduler or any(files.values())):
        raise ConfigError("--scheduler and its files are for --engine dask: add it")
    if kind == "dask" and not scheduler:
        raise ConfigError("--engine dask needs the address of a --scheduler, HOST:PORT")
    if any(files.values()) and not (files["ca_file"] and files["cert_file"]):
        raise ConfigError("TLS needs both --scheduler-ca-file and --scheduler-cert-file")
    tls = Tls(**files) if files["ca_file"] else None
    workers = given["workers"] or options.cores()
    space = room()
    if kind == "local" and space is not None and space < (given["workers"] or 1):
        console.say(
            notice(f"memory is bounded: {space} process{'es' * (space != 1)} instead of {workers}")
        )
    return Engine(workers, scheduler, tls, kind, room=space)


def _demand_safe_key(tls: Tls | None, checkpoint: str) -> None:
    """Raise where others could write the key; without a file of its own it is the certificate's."""
    if tls is None:
        return
    name = "--scheduler-key-file" if tls.key_file else "--scheduler-cert-file"
    demand_safe(name, tls.key_file or tls.cert_file, checkpoint)


def _dry_run(wanted: Wanted, aim: Aim | None, *, into_live: bool) -> Exit:
    """Print what would be read."""
    with console.stopped_by_signals() as stop:
        world = World(time.time, console.say, stop)
        rows, exit_ = _plan(wanted, aim, world, into_live=into_live)
    for line in summary.plan(rows):
        click.echo(line)
    return exit_


def _plan(
    wanted: Wanted, aim: Aim | None, world: World, *, into_live: bool
) -> tuple[list[Planned], Exit]:
    """Return what would be done with each file, and how it would end."""
    request = wanted.request
    state = Store(request.checkpoint).load() or State(state_id="")
    contents = () if aim else state.backfill.contents
    timing = aim.timing if aim else None
    planner = Planner(
        state, request.settings, Ledger(contents), world.now(), timing, stop=world.stop
    )
    found = inputs(wanted.paths, world.stop)
    for finding in found.findings:
        world.say(finding)
    if aim is not None:
        options_of(aim, wanted, Store(request.checkpoint), state)
    elif into_live:
        judge_living(state)
    refuse = partial(too_young, int(world.now())) if aim else lambda _part: ""
    rows = list(planned(planner, found.files, refuse))
    if any(row.what == "refused" for row in rows):
        return rows, Exit.USAGE
    wrong = any(row.is_error for row in rows) or any(one.is_error for one in found.findings)
    return rows, Exit.DATA if wrong else Exit.OK
