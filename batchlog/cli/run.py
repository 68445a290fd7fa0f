"""`batchlog run`: the job on a schedule in the foreground, and the exporter."""

import time
from datetime import UTC, datetime
from typing import Any

import click
from click.core import ParameterSource
from msgspec.structs import replace
from prometheus_client.core import Metric

from batchlog.cli import console, options
from batchlog.config.schema import Duration
from batchlog.errors import BatchlogError, Exit, Stop
from batchlog.job.credentials import demand_safe_secrets
from batchlog.job.lastrun import read_last
from batchlog.job.request import Request, World
from batchlog.job.run import families_of
from batchlog.job.run import run as run_job
from batchlog.metrics import RunStatus
from batchlog.scheduler.listen import address
from batchlog.scheduler.serve import Duty, serve
from batchlog.scheduler.ticks import interval
from batchlog.state.checkpoint import State
from batchlog.state.store import Store


@click.command(
    "run",
    epilog=options.example(
        "batchlog run --every 1m --listen 127.0.0.1:8000 /var/log/nginx/access.log"
    ),
)
@click.argument("logs", metavar="[LOG]...", nargs=-1)
@options.all_of(
    options.option(
        "--every",
        metavar="DURATION",
        help="Time between two runs, the first at once. [default: 5m]",
    ),
    options.option(
        "--cron", metavar="EXPRESSION", help="When to run, as in a crontab: '*/5 * * * *'."
    ),
    options.LISTEN,
    options.SINCE,
    options.STATE,
    options.SINKS,
    options.MEASURE,
    options.LOCK_WAIT,
    options.WORKERS,
    options.VOICE,
)
def command(logs: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - click's values
    """Run the same job as push on a schedule, in the foreground.

    A run that is late goes once, runs never overlap, a failed one is logged and the next goes
    ahead. SIGTERM and SIGINT stop it, SIGHUP reads the configuration again.
    """
    console.set_up(verbose=given["verbose"], quiet=given["quiet"])
    given |= _without_the_other_schedule()
    listen = address(given["listen"]) if given["listen"] else None
    shown = _Shown()

    def duty() -> Duty:
        asked = _request(logs, given, listen=listen is not None)
        demand_safe_secrets(asked.settings, asked.checkpoint)
        shown.before_first_run(asked)
        return Duty(lambda stop: shown.run(asked, stop), asked.settings.schedule)

    return serve(duty(), reload=duty, listen=listen, collect=lambda: shown.families)


def _without_the_other_schedule() -> dict[str, None]:
    """Return what the environment says and a flag overrules: --every goes before BATCHLOG_CRON."""
    source = click.get_current_context().get_parameter_source
    flags = {n for n in ("every", "cron") if source(n) is ParameterSource.COMMANDLINE}
    return dict.fromkeys({"every", "cron"} - flags) if flags else {}


def _request(logs: tuple[str, ...], given: dict[str, Any], *, listen: bool) -> Request:
    """Return a run whose pushes are given up before the next run is due."""
    asked = options.request(logs, given, time.time(), listen=listen)
    chosen = asked.settings
    half = interval(chosen.schedule, datetime.now(UTC)) / 2
    each = half / max(1, len(chosen.gateways(listen=listen)))  # they are tried one after the other
    gateway = replace(chosen.gateway, retry_for=Duration(min(chosen.gateway.retry_for, each)))
    return replace(asked, settings=replace(chosen, gateway=gateway))


class _Shown:
    """What a scrape gets: the metrics of the last run, before it those of the checkpoint."""

    def __init__(self) -> None:
        self.families: tuple[Metric, ...] = ()
        self._state: State | None = None

    def before_first_run(self, asked: Request) -> None:
        """Show what the runs of before have left, as far as it can be read."""
        store = Store(asked.checkpoint)
        if self._state is None:
            self._state = store.load_usable()
            last = read_last(store)
            self._show(asked, last.status if last else None)

    def run(self, asked: Request, stop: Stop) -> Exit:
        """Do one run and show its metrics; those of a run that could not begin say so."""
        try:
            outcome = run_job(asked, World(time.time, console.say, stop))
        except BatchlogError as problem:
            last = read_last(Store(asked.checkpoint))
            success = last.status.success_time if last else None
            self._show(asked, RunStatus(time.time(), success, problem.exit, {}))
            raise
        self._state, self.families = outcome.state, outcome.families
        return outcome.exit

    def _show(self, asked: Request, status: RunStatus | None) -> None:
        if self._state is not None:
            self.families = tuple(families_of(self._state, asked.settings, status))
