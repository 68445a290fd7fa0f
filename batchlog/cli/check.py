"""`batchlog check`: would a run go well? Changes nothing."""

import time
from typing import Any

import click

from batchlog.cli import console, options
from batchlog.errors import Exit
from batchlog.job.check import check


@click.command(
    "check", epilog=options.example("batchlog check --config /etc/batchlog/batchlog.toml")
)
@click.argument("logs", metavar="[LOG]...", nargs=-1)
@options.all_of(options.STATE, options.SINKS, options.LISTEN, options.MEASURE)
def command(logs: tuple[str, ...], **given: Any) -> int:  # noqa: ANN401 - click's values
    """Validate configuration, formats, paths, permissions, state directory and gateway.

    Changes nothing. Exit status 65 where a run would meet an error, 2 where the configuration is
    wrong.
    """
    now = time.time()
    asked = options.request(logs, given, now, listen=given["listen"] is not None)
    exits = set()
    for finding in check(asked, now):
        mark = "FAIL" if finding.is_error else "WARN" if finding.is_warning else "ok"
        click.echo(f"{mark:<4}  {console.sentence(finding.text)}")
        exits |= {Exit.DATA} if finding.is_error else set()
    return Exit.first(exits)
