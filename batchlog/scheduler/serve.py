"""The job again and again in the foreground, until a signal ends it.

APScheduler says when; each run goes in the main thread, so that there is one at a time by
construction and signals reach it. Ticks, signals and their effects meet in one queue: whatever
was asked for while a run went on happens once after it, and no tick is lost for being late.
"""

import logging
import random
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from enum import Enum, auto
from queue import Empty, SimpleQueue

import msgspec
from apscheduler.schedulers.background import BackgroundScheduler
from prometheus_client.core import Metric

from batchlog.config.schema import Schedule
from batchlog.errors import BatchlogError, Exit, Stop
from batchlog.scheduler.listen import Address, served
from batchlog.scheduler.ticks import ticks

log = logging.getLogger(__name__)

Families = Callable[[], Iterable[Metric]]

_Follow = Callable[[Schedule], None]

# Exits after which the next run makes everything good.
_NOTHING_LOST = frozenset({Exit.UNAVAILABLE, Exit.BUSY})


class Duty(msgspec.Struct, frozen=True):
    """What is done, and when; a reload gives a new one."""

    job: Callable[[Stop], Exit]
    """One run; it looks at Stop, and may raise."""
    schedule: Schedule


_AWAKE = 0.5
"""Seconds after which a waiting process lets pending signals through."""


class _Ask(Enum):
    RUN = auto()
    RELOAD = auto()
    STOP = auto()


# Its `put` may be interrupted by a signal handler that calls `put`; an Event's `set` may not.
_Queue = SimpleQueue[_Ask]


def serve(
    duty: Duty,
    *,
    reload: Callable[[], Duty],
    listen: Address | None,
    collect: Families,
) -> Exit:
    """Run the job on its schedule until SIGTERM or SIGINT, then return Exit.OK.

    The first run goes at once, or with `cron` at its first tick. A run that fails is logged, and
    the next goes ahead. A stop lets the run end, which sees it in its Stop. SIGHUP asks `reload`
    for another duty between two runs; where that raises a BatchlogError, the old one stays.
    `collect` is served at `listen`, and an address that cannot be taken is a SinkUnreachable.

    Call it from the main thread. It puts the signal handlers back.
    """
    asked: _Queue = SimpleQueue()
    stop = Stop()
    with _signals(asked, stop), _listening(listen, collect), _clock(asked) as follow:
        follow(duty.schedule)
        if duty.schedule.cron is None:
            asked.put(_Ask.RUN)
        while not stop:
            asks = _taken(asked)
            if _Ask.RELOAD in asks:
                duty = _renewed(duty, reload, follow)
            if _Ask.RUN in asks and not stop:
                _run(duty.job, stop)
    log.info("stopped")
    return Exit.OK


def _taken(asked: _Queue) -> set[_Ask]:
    """Wait for something to be asked for; return that with all that was asked since."""
    asks: set[_Ask] = set()
    while not asks:
        # Not for ever: a signal that comes just before the wait begins does not end it.
        with suppress(Empty):
            asks.add(asked.get(timeout=_AWAKE))
    while not asked.empty():
        asks.add(asked.get())
    return asks


def _run(job: Callable[[Stop], Exit], stop: Stop) -> None:
    try:
        code = job(stop)
    except BatchlogError as error:
        log.log(_level(error.exit), "%s; the next run goes ahead", error)
    except Exception:
        log.exception("the run failed, which should not be; the next run goes ahead")
    else:
        if code != Exit.OK and not stop:
            log.log(_level(code), "the run ended with exit %d; the next run goes ahead", code)


def _level(code: Exit) -> int:
    return logging.WARNING if code in _NOTHING_LOST else logging.ERROR


def _renewed(duty: Duty, reload: Callable[[], Duty], follow: _Follow) -> Duty:
    try:
        new = reload()
    except BatchlogError as error:
        log.error("%s; the configuration from before stays", error)  # noqa: TRY400 - a message, no traceback
        return duty
    if new.schedule != duty.schedule:
        follow(new.schedule)
    log.info("configuration read again")
    return new


@contextmanager
def _signals(asked: _Queue, stop: Stop) -> Iterator[None]:
    # Nothing is logged here: a handler may interrupt a write to the same stream.
    def end(_number: int, _frame: object) -> None:
        stop.set()
        asked.put(_Ask.STOP)

    def renew(_number: int, _frame: object) -> None:
        asked.put(_Ask.RELOAD)

    handlers = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: renew}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(listen: Address | None, collect: Families) -> Iterator[None]:
    with nullcontext() if listen is None else served(listen, collect) as at:
        if at is not None:
            log.info("serving metrics on http://%s/metrics", at)
        yield


@contextmanager
def _clock(asked: _Queue) -> Iterator[_Follow]:
    """Give a function that makes ticks of a schedule, in place of those it made before."""
    clock = BackgroundScheduler(
        timezone=UTC,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )

    def follow(schedule: Schedule) -> None:
        delay = random.uniform(0, schedule.jitter)  # noqa: S311 - it spreads hosts, it guards nothing
        trigger = ticks(schedule, datetime.now(UTC), delay)
        clock.add_job(lambda: asked.put(_Ask.RUN), trigger, id="tick", replace_existing=True)

    clock.start()
    try:
        yield follow
    finally:
        clock.shutdown()
