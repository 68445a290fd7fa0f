"""`batchlog status`: what the checkpoint holds."""

import sys
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from batchlog.cli import console, options
from batchlog.errors import CheckpointError, Exit
from batchlog.job.lastrun import read_last
from batchlog.job.report import LogReport, Report, report
from batchlog.segments.findings import amount, resolving
from batchlog.segments.known import Counters
from batchlog.state.store import Store


@click.command("status", epilog=options.example("batchlog status --json"))
@options.STATE
@options.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def command(*, as_json: bool, **given: Any) -> int:  # noqa: ANN401 - click's values
    """Show what the checkpoint holds: logs, unread bytes, totals, the last run and push."""
    chosen = options.settings(**given)
    store = Store(options.checkpoint_path(chosen))
    state = store.load()
    if state is None:
        raise CheckpointError(
            f"there is no checkpoint at {store.path} yet: 'batchlog push LOG' makes it; "
            "--checkpoint names another"
        )
    found = report(store.path, state, read_last(store))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    else:
        for line in _lines(found):
            click.echo(console.printable(line))
    return Exit.OK


def _lines(found: Report) -> list[str]:
    lines = [
        f"checkpoint  {found.checkpoint}",
        f"            generation {found.generation}, state {found.state_id}",
        f"group       {_group(found)}",
        f"last run    {_last_run(found)}",
    ]
    lines += [f"last push   to {sink}" for sink in found.pushed_to]
    lines += [f"not pushed  {why}" for why in found.not_pushed]
    for log in found.logs:
        lines += [] if log.retired else _log(log)
    lines += _retired(found)
    lines += [f"quarantined {path}: {resolving(path)}" for path in found.quarantined]
    if found.backfill.contents:
        files = amount(found.backfill.contents, "content")
        lines.append(f"backfilled  {files}, {found.backfill.counted:,} lines counted")
    lines += ["totals"]
    for series in found.totals:
        if series.requests:
            labels = ", ".join(f"{name}={value}" for name, value in series.labels) or "all"
            lines.append(f"    {labels}: {series.requests:,} requests, {series.bytes:,} bytes")
    return lines


def _group(found: Report) -> str:
    if found.group is None:
        return "none: nothing was pushed to a gateway"
    return str(found.group)


def _last_run(found: Report) -> str:
    if found.last_run is None:
        return "not known"
    return f"{_time(found.last_run.time)}, exit {found.last_run.exit_status}"


def _retired(found: Report) -> list[str]:
    """Return what there is of logs that are pushed no more, or not yet."""
    counters, lines = found.retired.counters, []
    if found.retired.logs or counters != Counters():
        logs = amount(found.retired.logs, "log")
        lost = f", {counters.lost_bytes:,} bytes lost" if counters.lost_bytes else ""
        lines = [
            f"gone        {logs} for more than a week, whose own metrics are pushed no more",
            f"    all there ever were: {counters.counted:,} lines{lost}",
        ]
    if found.left_alone:
        lines.append(f"left alone  {amount(found.left_alone, 'log')} (metrics.max_logs)")
    return lines


def _log(log: LogReport) -> list[str]:
    more = {
        "malformed": log.malformed,
        "oversize": log.oversize,
        "skipped": log.skipped,
        "bytes lost": log.lost_bytes,
        "segments lost": log.lost_segments,
    }
    text = "".join(f", {count:,} {name}" for name, count in more.items() if count)
    lines = [
        f"log         {log.path}",
        f"    counted since {_time(log.origin)}: {log.counted:,} lines{text}",
    ]
    for segment in log.segments:
        if segment.files:
            unread = segment.unread_bytes
            rest = "" if not unread else f", {unread:,} bytes unread"
            place = "below the origin" if segment.state == "old" else f"at {segment.counted_to:,}"
            lines.append(f"    {segment.state:<11} {segment.files[0]} {place}{rest}")
    if log.gone_since is not None:
        lines.append(f"    gone since {_time(log.gone_since)}")
    return lines + [f"    not read    {path}" for path in log.not_read]


def _time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"at {seconds:g} s, which is no time"
