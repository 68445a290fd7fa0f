"""Bring metric families to every sink, and ask the sinks what they hold of us."""

import math
import random
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prometheus_client.core import Metric

from batchlog.config.schema import Settings
from batchlog.errors import BatchlogError, CheckpointError, Exit, Interrupted, Stop
from batchlog.failpoints import reach
from batchlog.segments.findings import Finding, error, warning
from batchlog.sinks import gateway, textfile
from batchlog.sinks.target import Target
from batchlog.sinks.wire import Budget
from batchlog.state.checkpoint import Group


class Delivered(NamedTuple):
    """What became of a delivery."""

    exits: tuple[Exit, ...]
    findings: tuple[Finding, ...]
    sinks: tuple[str, ...]
    """Where it arrived."""


def targets(settings: Settings, group: Group, *, listen: bool = False) -> tuple[Target, ...]:
    """Return the gateways that get every push."""
    to = settings.gateway
    return tuple(
        Target(
            url=url,
            job=group.job,
            grouping=group.grouping,
            timeout=to.timeout,
            retry_for=to.retry_for,
            username=to.username,
            password_file=to.password_file,
            bearer_token_file=to.bearer_token_file,
            ca_file=to.ca_file,
            cert_file=to.cert_file,
            key_file=to.key_file,
            compression=to.compression,
        )
        for url in settings.gateways(listen=listen)
    )


def deliver(
    families: Sequence[Metric], to: Sequence[Target], textfile_path: str | None, stop: Stop
) -> Delivered:
    """Write the textfile and push to every gateway; one that fails does not keep the others."""
    exits: list[Exit] = []
    findings: list[Finding] = []
    arrived: list[str] = []
    if textfile_path is not None:
        try:
            textfile.write(textfile_path, families)
            arrived.append(textfile_path)
        except BatchlogError as problem:
            exits.append(problem.exit)
            findings.append(error(str(problem)))
    whole = Budget(math.inf, time.monotonic, stop)
    for target in to:
        reach("gateway.before")
        try:
            delivery = gateway.push(
                target,
                families,
                sleep=time.sleep,
                clock=time.monotonic,
                rng=random.random,
                stop=stop,
                within=whole,
            )
            reach("gateway.after")
            arrived.append(target.url)
            findings += [warning(text) for text in [delivery.warning] if text]
        except BatchlogError as problem:
            exits.append(problem.exit)
            findings.append(error(str(problem)))
    return Delivered(tuple(exits), tuple(findings), tuple(arrived))


def refuse_if_held(
    to: Sequence[Target], textfile_path: str | None, checkpoint: str, stop: Stop
) -> None:
    """Raise where a sink holds our group although there is no checkpoint (R65).

    CheckpointError where one does; SinkUnreachable or GatewayRefused where it cannot be known,
    Interrupted where a stop is asked for.
    """
    try:
        holder = next(_holders(to, textfile_path, stop), None)
    except BatchlogError as problem:
        if stop:
            raise Interrupted(
                "interrupted before counting began: the same command begins it"
            ) from None
        raise type(problem)(
            f"{problem}; nothing was begun: without a checkpoint the sinks are asked first whether "
            "counting began before"
        ) from None
    if holder is not None:
        raise CheckpointError(
            f"there is no checkpoint at {checkpoint}, but {holder} holds metrics of ours: "
            "put the checkpoint back, or start from zero with 'batchlog reset LOG…' "
            'or on_missing = "zero"'
        )


def _holders(to: Sequence[Target], textfile_path: str | None, stop: Stop) -> Iterator[str]:
    if textfile_path is not None and textfile.holds_group(textfile_path) is not None:
        yield textfile_path
    for target in to:
        if gateway.holds_group(target, stop) is not None:
            yield f"{target.title} ({Group(target.job, dict(target.grouping))})"
