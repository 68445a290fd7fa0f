"""`batchlog detect`: which format a file is in."""

import os
from collections.abc import Iterator
from itertools import islice

import click

from batchlog.cli import console, options
from batchlog.detect import Explanation, detect, explain
from batchlog.errors import BatchlogError, ConfigError, Exit, LogError
from batchlog.formats import PRESETS, Format, resolve
from batchlog.segments.content import open_file
from batchlog.segments.sample import whole_lines

_SHOWN = 3
"""Lines that do not match, of which the place is shown."""


@click.command(
    "detect",
    epilog=options.example("batchlog detect /var/log/nginx/access.log", option="--format"),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@options.FORMAT
def command(files: tuple[str, ...], format: str | None) -> int:  # noqa: A002 - the option's name
    """Show which format a file is in: one line field by field, and the share that matches.

    Of lines that do not match, the column where matching stops is shown. Looks at the first 64 KiB.
    """
    exits = {_detect(path, format) for path in files}
    return Exit.first(exits)


def _detect(path: str, asked: str | None) -> Exit:
    try:
        lines = _first_lines(path)
        chosen = resolve(asked) if asked and asked != "auto" else detect(lines)
        if not lines:
            raise LogError(f"{path}: there is no whole line yet")
    except ConfigError:
        raise
    except BatchlogError as problem:
        console.log.error("%s", problem)
        return problem.exit
    if chosen is None:
        closest = max(PRESETS.values(), key=lambda one: len(explain(one, lines[0]).parts))
        _say(f"{path}: no format that batchlog knows; closest is {closest.spec}")
        _show(closest, lines)
        click.echo("  next: give --format a LogFormat or log_format string of your server")
        return Exit.DATA
    _say(f"{path}: {chosen.spec}")
    counting = _show(chosen, lines)
    return Exit.OK if 2 * counting >= len(lines) else Exit.DATA


def _first_lines(path: str) -> list[bytes]:
    try:
        with open_file(os.path.abspath(path)) as content:
            return whole_lines(content.beginning) or [content.beginning][: not content.empty]
    except FileNotFoundError:
        raise LogError(f"{path}: there is no such file") from None


def _show(form: Format, lines: list[bytes]) -> int:
    """Print what a format makes of the lines; return how many of them count."""
    explained = [explain(form, line) for line in lines]
    counting = sum(one.counts for one in explained)
    complete = sum(one.mismatch is None and not one.rest for one in explained)
    click.echo(
        f"  of {len(lines)} lines {counting} count ({counting / len(lines):.1%}), "
        f"{complete} match to their end"
    )
    best = next((one for one in explained if one.mismatch is None), explained[0])
    width = max((len(part.field) for part in best.parts), default=0)
    for part in best.parts:
        meaning = f"  -> {part.meaning}" if part.meaning else ""
        _say(f"    {part.field:<{width}}  {part.raw}{meaning}")
    if best.rest:
        _say(f"    more follows that the format does not name: {best.rest}")
        click.echo("    (a --format that names it, such as the server's own, may measure it)")
    for number, one in islice(_stopping(explained), _SHOWN):
        assert one.mismatch is not None  # noqa: S101 - what `_stopping` gives
        click.echo(
            f"  line {number}: matching stops at column {one.mismatch.column}, "
            f"expected {one.mismatch.expected}"
            + ("; it counts all the same" if one.counts else "; it is malformed")
        )
    return counting


def _say(line: str) -> None:
    click.echo(console.printable(line))


def _stopping(explained: list[Explanation]) -> Iterator[tuple[int, Explanation]]:
    for number, one in enumerate(explained, 1):
        if one.mismatch is not None:
            yield number, one
