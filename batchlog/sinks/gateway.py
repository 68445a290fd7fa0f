"""The Pushgateway: push our group whole, look whether it is there, delete it.

Always PUT, which replaces the group, so that a push may be repeated at will (R80). Never an empty
one, which would wipe it (R94). What is sent was committed before.
"""

import ssl
import time
from collections.abc import Callable, Iterable
from functools import partial
from http.client import HTTPException
from typing import NamedTuple
from urllib.request import Request

import msgspec
from prometheus_client import delete_from_gateway, push_to_gateway
from prometheus_client.core import Metric

from batchlog.errors import GatewayRefused, SinkUnreachable, Stop
from batchlog.metrics import Collected
from batchlog.sinks.answers import (
    Fault,
    Peer,
    accepted,
    fault,
    later,
    refuse,
    refuse_other_than_200,
    refuse_page,
)
from batchlog.sinks.held import Held, NoExposition, find, is_pushgateways, tells
from batchlog.sinks.response import KEPT, Answer, Flood, Keep
from batchlog.sinks.target import Target, read_secrets
from batchlog.sinks.tls import tls_context
from batchlog.sinks.wire import Budget, exchange, proxied

__all__ = ["Delivery", "Target", "forget", "generation", "holds_group", "push"]

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
"""Seconds between two tries: doubled each time, less a random part of up to a half."""

NAP = 0.2
"""Seconds between two looks at `stop` during a pause."""

Handler = Callable[..., Callable[[], None]]
"""prometheus_client's `handler=`: gets url, method, timeout, headers, data; returns what sends."""


class Delivery(msgspec.Struct, frozen=True):
    """A push that arrived."""

    gateway: str
    """What messages call it."""
    series: int
    size: int
    """Bytes sent, after compression."""
    tries: int
    warning: str | None = None
    """Something that a person should mend, though nothing is lost."""


def push(
    target: Target,
    families: Iterable[Metric],
    *,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
    rng: Callable[[], float],
    stop: Stop,
    within: Budget | None = None,
) -> Delivery:
    """Replace our group on `target` with `families`; try again while that may help.

    `clock` and `sleep` are in seconds, `rng` gives numbers from 0 to 1. Once `stop` is set, all
    that is left ends within 5 seconds, of several gateways where they share `within`. Raises
    GatewayRefused where the gateway says no, and SinkUnreachable where nothing got through until
    `retry_for` was over.
    """
    collected = Collected(families)
    if not collected.samples:
        return Delivery(target.title, 0, 0, 0, f"{target.title}: nothing to push, nothing sent")
    budget = Budget(target.budget, clock, stop, within)
    route = _route(target, _names(collected))
    put = partial(_put, target, collected)
    tries = 0
    while True:
        tries += 1
        outcome = _attempt(route, put, Budget(target.timeout, clock, stop, within=budget))
        if isinstance(outcome, _Sent):
            refuse(outcome.answer, route.peer, f"{collected.samples} series, {outcome.size} bytes")
            warning = accepted(outcome.answer, route.peer)
            return Delivery(route.peer.title, collected.samples, outcome.size, tries, warning)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)) * (1 - rng() / 2)
        if not (outcome.again and target.retry_for > 0 and pause < budget.left()):
            raise _unreachable(route.peer, outcome, tries)
        _pause(pause, sleep, stop)


def holds_group(target: Target, stop: Stop | None = None) -> str | None:
    """Return the `state_id` in our group on `target`, None where it holds no such group.

    Empty where another program's series stand there. One try, which a `stop` ends; raises the same
    errors as `push`.
    """
    held = _held(target, stop)
    return None if held is None else held.state_id


def generation(target: Target) -> int | None:
    """Return the generation that was pushed last, None where none is there; errors as `push`."""
    held = _held(target)
    return None if held is None else held.generation


def forget(target: Target) -> None:
    """Delete our group from `target` (R95); also a success where there is none. One try."""

    def delete(handler: Handler) -> None:
        delete_from_gateway(target.base, target.job, dict(target.grouping), target.timeout, handler)

    route = _route(target)
    answer = _once(route, delete)
    refuse(answer, route.peer)
    refuse_page(answer, route.peer)


def _held(target: Target, stop: Stop | None = None) -> Held | None:
    route = _route(target)

    def get(handler: Handler) -> None:
        handler(f"{target.base}/metrics", "GET", target.timeout, [("Accept", "text/plain")], b"")()

    try:
        answer = _once(route, get, tells, stop)
        refuse_other_than_200(answer, route.peer)
        if answer.kind != "text/plain":
            raise NoExposition  # noqa: TRY301 - one way to say that it is no gateway
        text = answer.body.decode()
        if is_pushgateways(text):
            return find(text, target.group)
        wrong = "is not what a Pushgateway shows of itself"
    except Flood:
        wrong = f"tells more than {KEPT >> 20} MiB about groups"
    except (NoExposition, ValueError):
        wrong = "is not in Prometheus' text format"
    raise GatewayRefused(
        f"{route.peer.title}: what stands at /metrics {wrong}; "
        "gateway.url must lead to a Pushgateway"
    )


class _Route(NamedTuple):
    """All that a request to one gateway needs."""

    peer: Peer
    context: ssl.SSLContext | None


class _Sent(NamedTuple):
    """A request that got an answer."""

    answer: Answer
    size: int


def _names(collected: Collected) -> frozenset[str]:
    """Return the names of all families, with and without a counter's `_total`."""
    names = [family.name for family in collected.collect()]
    return frozenset([*names, *(f"{name}_total" for name in names)])


def _route(target: Target, names: frozenset[str] = frozenset()) -> _Route:
    peer = Peer(target, read_secrets(target), proxied(target.base), names)
    return _Route(peer, tls_context(target))


def _put(target: Target, collected: Collected, handler: Handler) -> None:
    push_to_gateway(
        target.base,
        target.job,
        collected,
        dict(target.grouping),
        target.timeout,
        handler,
        "gzip" if target.compression == "gzip" else None,
    )


def _once(
    route: _Route,
    via: Callable[[Handler], None],
    keep: Keep | None = None,
    stop: Stop | None = None,
) -> Answer:
    """Try once; raise SinkUnreachable where no answer came, or one that asks for patience."""
    stop = Stop() if stop is None else stop
    budget = Budget(route.peer.target.timeout, time.monotonic, stop, grace=0.0)
    outcome = _attempt(route, via, budget, keep)
    if isinstance(outcome, Fault):
        raise _unreachable(route.peer, outcome, 1)
    return outcome.answer


def _attempt(
    route: _Route,
    via: Callable[[Handler], None],
    budget: Budget,
    keep: Keep | None = None,
) -> _Sent | Fault:
    """Send what `via` hands to its handler, within `budget`."""
    sent: list[_Sent] = []

    def handler(
        url: str, method: str, timeout: float, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        def send() -> None:
            more = {"User-Agent": "batchlog"}
            if route.peer.secrets.authorization:
                more["Authorization"] = route.peer.secrets.authorization
            request = Request(url, data or None, {**dict(headers), **more}, method=method)  # noqa: S310 - Target.base is http or https
            answer = exchange(request, route.context, timeout, budget, keep)
            sent.append(_Sent(answer, len(data)))

        return send

    try:
        via(handler)
    except (OSError, HTTPException, ValueError, OverflowError) as error:
        return fault(error, route.peer)
    return later(sent[0].answer, route.peer) or sent[0]


def _pause(seconds: float, sleep: Callable[[float], None], stop: Stop) -> None:
    """Sleep, in naps, so that a stop ends the pause during which it is asked for."""
    stopped = bool(stop)
    while seconds > 0 and bool(stop) == stopped:
        sleep(min(seconds, NAP))
        seconds -= NAP


def _unreachable(peer: Peer, last: Fault, tries: int) -> SinkUnreachable:
    often = f", {tries} tries" if tries > 1 else ""
    return SinkUnreachable(f"{peer.title}: {last.text}{often}; {last.advice}")
