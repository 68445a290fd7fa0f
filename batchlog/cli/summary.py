"""A backfill's plan and summary as text: tables that align, and a sparkline of requests over time.

The plan is a result, for standard output; the summary is told on standard error like that of every
run, by rich where a person watches.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TextIO

from batchlog.backfill.dry import Planned
from batchlog.backfill.summary import Share, Summary
from batchlog.cli import console
from batchlog.cli.progress import fitting, is_watched, terminal
from batchlog.segments.findings import amount, notice, size
from batchlog.segments.source import shown

_SPARKS, _PLAIN_SPARKS = "▁▂▃▄▅▆▇█", "_.:-=+*#"
"""Bars from the lowest to the highest; the second where the terminal's encoding has no such."""

_NEVER = " "
"""A bin without a request."""

_REASONS = 3
"""Most reasons that the summary repeats; each was told with its file."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plan(rows: Sequence[Planned]) -> list[str]:
    """Return a plan as lines: size on disk, what is done, path; totals last."""
    cells = [(size(row.size), console.printable(row.what), shown(row.path)) for row in rows]
    sizes = max((len(cell[0]) for cell in cells), default=0)
    whats = max((len(cell[1]) for cell in cells), default=0)
    lines = [
        f"{taken:>{sizes}}  {what:<{whats}}  {console.printable(path)}"
        for taken, what, path in cells
    ]
    read = [row for row in rows if row.is_read]
    total = f"{amount(len(read), 'file')} to read, {size(sum(row.size for row in read))} on disk"
    skipped = len(rows) - len(read)
    reasons = [console.printable(why) for why in dict.fromkeys(row.why for row in rows) if why]
    return [*lines, total + (f"; {skipped:,} skipped" if skipped else ""), *reasons]


def show(summary: Summary, seconds: float, *, quiet: bool) -> None:
    """Tell the summary of a backfill that took so long; nothing with `quiet`."""
    if quiet:
        return
    stream = sys.stderr
    console.say(notice(headline(summary, seconds)))
    if is_watched(stream):
        _draw(summary, stream)
        return
    for line in (*_shares(summary), *_sparkline(summary, stream)):
        console.say(notice(line))


def headline(summary: Summary, seconds: float) -> str:
    """Return the summary in one sentence."""
    counts = (amount(summary.files, "file"), amount(summary.lines, "line"), size(summary.bytes))
    span = summary.span
    between = f" from {_minute(span[0])} to {_minute(span[1])} UTC" if span else ""
    parts = [
        f"read {', '.join(counts)} in {seconds:.2f} s{between}",
        f"{summary.malformed:,} malformed" if summary.malformed else "",
        f"{summary.oversize:,} oversize" if summary.oversize else "",
        f"{summary.undated:,} undated" if summary.undated else "",
        f"{amount(summary.skipped, 'line')} skipped" if summary.skipped else "",
        _left(summary),
    ]
    return "; ".join(part for part in parts if part)


def _left(summary: Summary) -> str:
    """Return how many files were skipped, and why."""
    if not summary.left:
        return ""
    common = summary.left.most_common(_REASONS)
    reasons = [f"{count:,} {reason}" for reason, count in common]
    if len(summary.left) == 1:
        reasons = list(summary.left)
    more = ", ..." if len(common) < len(summary.left) else ""
    files = amount(sum(summary.left.values()), "file")
    return f"{files} skipped ({', '.join(reasons)}{more})"


def _minute(stamp: int) -> str:
    try:
        return f"{_EPOCH + timedelta(seconds=stamp):%Y-%m-%d %H:%M}"
    except OverflowError:
        return f"{stamp} s"


def _labels(summary: Summary, share: Share) -> str:
    if share.labels is None:
        return "others"
    pairs = zip(summary.by, share.labels, strict=True)
    return ", ".join(f"{name}={value}" for name, value in pairs) or "all"


def _shares(summary: Summary) -> list[str]:
    """Return the table as lines that a log can hold."""
    cells = [
        (_labels(summary, share), amount(share.requests, "request"), size(share.bytes))
        for share in summary.table()
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        f"  {labels:<{widths[0]}}  {requests:>{widths[1]}}  {sent:>{widths[2]}}"
        for labels, requests, sent in cells
    ]


def _draw(summary: Summary, stream: TextIO) -> None:
    """Draw table and sparkline at a terminal."""
    from rich.table import Table
    from rich.text import Text

    screen = terminal(stream)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for heading in (", ".join(summary.by) or "labels", "requests", "share", "bytes"):
        table.add_column(heading, justify="left" if not table.columns else "right", no_wrap=True)
    shares = summary.table()
    requests = sum(share.requests for share in shares)
    for share in shares:
        labels = "others" if share.labels is None else ", ".join(share.labels) or "all"
        cells = (labels, f"{share.requests:,}", f"{share.requests / requests:.1%}")
        table.add_row(*(Text(fitting(cell, stream)) for cell in (*cells, size(share.bytes))))
    if shares:
        screen.print(table)
    for line in _sparkline(summary, stream):
        screen.print(Text(line), soft_wrap=True)


def _sparkline(summary: Summary, stream: TextIO) -> list[str]:
    """Return requests over time in one line, if there is more than one moment to show."""
    activity = summary.activity()
    if activity is None or len(activity.counts) == 1:
        return []
    sparks = _SPARKS if fitting(_SPARKS, stream) == _SPARKS else _PLAIN_SPARKS
    highest = max(activity.counts)
    bars = "".join(_bar(count, highest, sparks) for count in activity.counts)
    return [
        f"  {bars}  a bar is {_width(activity.width)}, the highest {amount(highest, 'request')}"
    ]


def _bar(count: int, highest: int, sparks: str) -> str:
    return sparks[(count * len(sparks) - 1) // highest] if count else _NEVER


def _width(seconds: int) -> str:
    """Return a number of seconds as durations are written: `40m`, `2h`, `1d12h`."""
    text, rest = "", seconds
    for unit, one in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, one)
        text += f"{count}{unit}" if count else ""
    return text
