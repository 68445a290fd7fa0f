"""What a person does with a history that is written: the shell's lines, and what to beware of.

Values only: the command prints them.
"""

import grp
import os
import pwd
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from batchlog.history.blocks import Blocks
from batchlog.history.days import NAME, DayFile
from batchlog.history.promtool import command_line

DEBIAN = "/var/lib/prometheus/metrics2"
"""Where the server of Debian's package keeps its data."""

_DAY = 86_400

_YEAR = 365
"""Days without a line beyond which those before them are doubted."""

RETENTION = 15 * _DAY
"""How long a server keeps data unless --storage.tsdb.retention.time says otherwise, seconds."""

_THEN = (
    "The server shows them within about a minute, without a restart. They may overlap with what it "
    "has: that needs Prometheus 2.39 or later, or its flag --storage.tsdb.allow-overlapping-blocks."
)


def for_blocks(blocks: Blocks, data: str = DEBIAN) -> list[str]:
    """Return how the blocks come into the data directory of a server, which may be at `data`."""
    if not blocks.names:
        return []
    known = os.path.isdir(data)
    into = shlex.quote(data) if known else "DATA"
    which = f"{data} on this host, owner {_owner(data)}" if known else "DATA"
    # Names begin with the time of their making: two characters are the same for 34 years.
    ours = f"{shlex.quote(blocks.directory)}/{blocks.names[0][:2]}*"
    move = f"  mv {ours} {into}/"
    beside = f"{into}/batchlog"  # of no interest to a server, as its name is not a block's
    copy = [
        f"  mkdir {beside} && cp -a {ours} {beside}/ &&",
        f"    mv {beside}/* {into}/ && rmdir {beside}",
    ]
    lines = [
        f"Move the blocks into the data directory of the server ({which}) while it runs:",
        f"  chown -R --reference={into} {ours}",
    ]
    if not known:
        lines += [move, "or, where DATA is on another file system, never half a block at a time:"]
    if known and os.stat(data).st_dev == os.stat(blocks.directory).st_dev:
        lines.append(move)
    else:
        lines += copy
    return [*lines, _THEN]


def for_files(files: Sequence[DayFile], directory: str) -> list[str]:
    """Return how blocks are made of the files in `directory`, where promtool is."""
    if not files:
        return []
    ours = f"{shlex.quote(directory)}/{NAME.format(day='*')}"
    into = os.path.join(directory, "blocks")
    add_up = "awk -F'[:,]' '/numSamples/ { n += $2 } END { printf \"%.0f\\n\", n }'"
    samples = sum(file.samples for file in files)
    return [
        "Make blocks of the files where promtool is:",
        f"  {command_line(ours, into)}",
        f"It drops what it does not like without a word; nothing of it if this prints {samples}:",
        f"  {add_up} {shlex.quote(into)}/*/meta.json",
    ]


def beyond_retention(first: int | None, now: float) -> str | None:
    """Say that a server would delete the blocks at once, where the first sample is so old."""
    if first is None or now - first <= RETENTION:
        return None
    days = int((now - first) // _DAY) + 1
    return (
        f"the oldest sample is of {datetime.fromtimestamp(first, UTC):%Y-%m-%d}: a server deletes "
        "blocks older than its --storage.tsdb.retention.time (15d by default) as soon as it sees "
        f"them; give it {days + 1}d or more before you move them in"
    )


def beyond_gap(days: Sequence[int], now: float) -> str | None:
    """Say that stamps may be a clock's mistake: of a board, say, that begins at some year's end.

    `days` are those with lines, counted from 1970, ascending.
    """
    known = [day for day in days if day * _DAY <= now]
    gaps = [(after - before, before, after) for before, after in pairwise(known)]
    length, before, after = max(gaps, default=(0, 0, 0))
    if length <= _YEAR:
        return None
    return (
        f"some line is stamped {_date(known[0])}, and none between {_date(before)} and "
        f"{_date(after)}: each series that begins before has a sample every step in between; if a "
        f"clock was wrong, leave such lines out with --since {_date(after - 1)}T00:00Z --force"
    )


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * _DAY, UTC):%Y-%m-%d}"


def _owner(path: str) -> str:
    """Return user and group of a file by name, by number where they have none."""
    status = os.stat(path)
    try:
        user = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        user = str(status.st_uid)
    try:
        return f"{user}:{grp.getgrgid(status.st_gid).gr_name}"
    except KeyError:
        return f"{user}:{status.st_gid}"
