"""Everything that could keep a run from being right, looked at without changing anything."""

import os
from collections.abc import Iterator

from batchlog.entries import select
from batchlog.errors import BatchlogError, CheckpointError
from batchlog.formats import resolve
from batchlog.job import credentials
from batchlog.job.admit import admit, told
from batchlog.job.deliver import targets
from batchlog.job.logrotate import copytruncated
from batchlog.job.request import Request
from batchlog.job.survey import Place, survey, unmatched, unusable
from batchlog.path_labels import given_up
from batchlog.scan import lacking, scanner
from batchlog.segments.content import open_file
from batchlog.segments.findings import Finding, amount, error, notice, resolving, warning
from batchlog.segments.read import PATIENCE
from batchlog.segments.sample import whole_lines
from batchlog.sinks import gateway, textfile
from batchlog.sinks.target import Target, read_secrets
from batchlog.state.checkpoint import State
from batchlog.state.directory import nearest
from batchlog.state.place import doubts
from batchlog.state.rights import ourselves
from batchlog.state.store import Store
from batchlog.state.way import strays_of


def check(request: Request, now: float) -> Iterator[Finding]:
    """Yield what was looked at, and what is wrong with it: first errors that a run would meet.

    `now` in Unix seconds.
    """
    source = request.settings.source
    yield notice(f"configuration: {source or 'no file, options and defaults'}")
    yield from credentials.findings(request.settings, request.checkpoint)
    store = Store(request.checkpoint)
    state: State | None = None
    try:
        state = store.load()
    except CheckpointError as problem:
        yield error(str(problem))
        yield from _directory(store)
        return
    yield notice(f"checkpoint: {store.path}, {_generation(state)}")
    yield from _directory(store)
    yield from _logs(request, state, now)
    yield from _quarantined(state)
    yield from _gateways(request, state)
    yield from _textfile(request, state)
    yield from map(warning, lacking())


def _generation(state: State | None) -> str:
    return "none yet" if state is None else f"generation {state.generation}"


def _directory(store: Store) -> Iterator[Finding]:
    """Judge the state directory; what is missing of it would be made by the first run."""
    there = nearest(store.directory)
    try:
        yield from map(warning, store.judge_directory())
    except CheckpointError as problem:
        yield error(str(problem))
    if not os.access(there, os.W_OK | os.X_OK):
        yield error(f"the state directory {store.directory} cannot be written by this user")
    doubt = doubts(there)
    if doubt:
        yield warning(doubt)


def _logs(request: Request, state: State | None, now: float) -> Iterator[Finding]:
    try:
        entries = select(request.settings, request.logs, state.entries if state else ())
    except BatchlogError as problem:
        yield error(str(problem))
        return
    known = {log.path: log for log in state.logs} if state else {}
    limit = request.settings.metrics.max_logs
    places, left = admit(survey(entries, known.values()), known, limit, now)
    if left:
        yield warning(told(left, limit))
    yield from (error(text) for text in unmatched(entries, places))
    for place in places:
        path = place.found.path
        why = unusable(place)
        if why is None:
            yield notice(f"log: {path}, {amount(len(place.found.files), 'file')}")
            yield from _format(place)
            yield from map(warning, given_up(place.entry, path))
            yield from _rotation(path)
            yield from _links(place)
        elif path in known and not place.found.files and not place.found.problems:
            yield warning(f"log: {path} has no file at present")
        else:
            yield error(why)


def _quarantined(state: State | None) -> Iterator[Finding]:
    for log in state.logs if state else ():
        for segment in log.segments:
            if segment.state == "quarantined" and segment.bearers:
                path = segment.bearers[0].path
                yield warning(f"{path} is quarantined: {resolving(path)}")


def _format(place: Place) -> Iterator[Finding]:
    """Try a format that was asked for on the first lines, as `auto` would."""
    if place.entry.format == "auto" or not place.found.files:
        return
    with open_file(place.found.files[-1].path, patience=PATIENCE) as content:
        lines = whole_lines(content.beginning)[:100]
    tally = scanner(resolve(place.entry.format), (), ()).scan(b"".join(b"%b\n" % x for x in lines))
    if 2 * tally.malformed > tally.lines:
        yield error(
            f"{place.found.path}: {tally.malformed} of its first {tally.lines} lines are not in "
            f"the format that was asked for; 'batchlog detect --format …' shows where they stop"
        )


def _links(place: Place) -> Iterator[Finding]:
    """Tell of links that somebody else could have made: they are followed with our rights."""
    user = ourselves()
    strays = {stray for file in place.found.files for stray in strays_of(file.path, user)}
    for link, others in sorted(strays):
        yield warning(
            f"{link} leads to {os.path.realpath(link)}, and {others} could have made that link: "
            "what is there is counted with the rights of this user"
        )


def _rotation(path: str) -> Iterator[Finding]:
    source = copytruncated(path)
    if source is not None:
        yield warning(
            f"{path}: {source} says copytruncate, which loses lines between copy and truncate; "
            "use create with delaycompress"
        )


def _gateways(request: Request, state: State | None) -> Iterator[Finding]:
    group = request.group
    if state is not None and state.group is not None:
        if state.group != group and request.settings.gateways(listen=request.listen):
            yield error(
                f"the checkpoint belongs to {state.group}, and {group} was asked for: "
                "give that one back with --job and --grouping, or take another --checkpoint"
            )
        group = state.group
    for target in targets(request.settings, group, listen=request.listen):
        try:
            yield from _gateway(target, state)
        except BatchlogError as problem:
            yield error(str(problem))


def _gateway(target: Target, state: State | None) -> Iterator[Finding]:
    holder = gateway.holds_group(target)
    if holder is None:
        yield notice(f"{target.title}: reached, our group is not there yet")
    elif state is None:
        yield error(
            f"{target.title}: holds our group although there is no checkpoint: put that back, or "
            "start from zero with 'batchlog reset LOG…'"
        )
    elif holder != state.state_id:
        yield error(
            f"{target.title}: our group is filled by another checkpoint "
            f"(state {_state(target, holder)}): two hosts or jobs share it"
        )
    else:
        yield from _generations(target, state)


def _state(target: Target, said: str) -> str:
    """Return a state as a gateway says it; not where it knows credentials, which it may echo."""
    if read_secrets(target):
        return "not shown, as credentials were sent"
    return said[:40] or "unknown"


def _generations(target: Target, state: State) -> Iterator[Finding]:
    """Compare generations: a gateway that is ahead tells of a machine rolled back (R75).

    What the gateway says is compared and not shown, as it may be anything.
    """
    pushed = gateway.generation(target)
    if pushed is not None and pushed > state.generation:
        yield error(
            f"{target.title}: holds a later generation than {state.generation}, which the "
            "checkpoint has: it was restored from a backup or snapshot, and what came between "
            "would be counted again"
        )
    elif pushed == state.generation:
        yield notice(f"{target.title}: reached, holds generation {pushed}")
    else:
        yield notice(f"{target.title}: reached, holds an earlier generation")


def _textfile(request: Request, state: State | None) -> Iterator[Finding]:
    if request.settings.textfile is None:
        return
    path = request.settings.textfile.path
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        yield error(f"textfile: the directory {directory} is not there")
        return
    if not os.access(directory, os.W_OK | os.X_OK):
        yield error(f"textfile: the directory {directory} cannot be written by this user")
    try:
        holder = textfile.holds_group(path)
    except BatchlogError as problem:
        yield error(str(problem))
        return
    if holder is None or (state is not None and holder == state.state_id):
        yield notice(f"textfile: {path}")
    elif state is None:
        yield error(f"textfile: {path} holds metrics of ours although there is no checkpoint")
    else:
        yield error(f"textfile: {path} is filled by another checkpoint (state {holder})")
