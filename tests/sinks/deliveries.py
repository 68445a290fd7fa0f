"""What the tests of gateways push, where to, and when."""

import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace
from prometheus_client.core import Metric

from batchlog.errors import Stop
from batchlog.metrics import families
from batchlog.sinks.gateway import Delivery, Target, push
from batchlog.state.checkpoint import Series, State

STATE = State(
    state_id="a1b2",
    generation=7,
    bounds=(500_000_000, 1_000_000_000),
    totals=(
        Series((("status", "200"),), 3, 2326, 0, 1_750_000_000, (1, 1, 1)),
        Series((("status", "404"),), 1, 0, 0),
    ),
)


def metrics(state: State = STATE) -> list[Metric]:
    """Return the families of a state."""
    return families(state, {}, None, "batchlog_http", "0.1.0")


def target(url: str, **more: object) -> Target:
    """Return a target that tries once."""
    plain = Target(url, "batchlog", {"instance": "web1"}, timeout=10, retry_for=0)
    return replace(plain, **more)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.when_asleep: Callable[[], None] = lambda: None

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        assert seconds > 0
        self.now += seconds
        self.when_asleep()


def deliver(
    where: Target,
    what: Sequence[Metric] | None = None,
    *,
    clock: Clock | None = None,
    stop: Stop | None = None,
    luck: float = 0.0,
) -> Delivery:
    """Push, by the real clock unless another is given."""
    return push(
        where,
        metrics() if what is None else what,
        sleep=clock.sleep if clock else time.sleep,
        clock=clock or time.monotonic,
        rng=lambda: luck,
        stop=Stop() if stop is None else stop,
    )
