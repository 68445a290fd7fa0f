"""The job again and again in the foreground, until a signal ends it.

APScheduler's triggers say when, and `rhythm` what that means on clocks that are set. All of it goes
in the main thread, so that there is one run at a time by construction and signals reach it. What
was asked for while a run went on happens once after it, and no tick is lost for being late.

APScheduler's own schedulers wait for a tick by the wall clock, for as long as it was away when the
wait began: set back by a day, they would run nothing for a day.
"""

import logging
import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from enum import Enum, auto
from queue import Empty, SimpleQueue

import msgspec
from prometheus_client.core import Metric

from batchlog.config.schema import Schedule
from batchlog.errors import BatchlogError, Exit, Stop
from batchlog.scheduler.listen import Address, served
from batchlog.scheduler.rhythm import Moment, Rhythm, spoken

log = logging.getLogger(__name__)

Families = Callable[[], Iterable[Metric]]

# Exits after which the next run makes everything good.
_NOTHING_LOST = frozenset({Exit.UNAVAILABLE, Exit.BUSY})


class Duty(msgspec.Struct, frozen=True):
    """What is done, and when; a reload gives a new one."""

    job: Callable[[Stop], Exit]
    """One run; it looks at Stop, and may raise."""
    schedule: Schedule


_AWAKE = 0.5
"""Seconds after which a waiting process lets pending signals through, and looks at the clocks."""

# macOS has no CLOCK_BOOTTIME, but its CLOCK_MONOTONIC goes on through a suspend.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _Ask(Enum):
    RELOAD = auto()
    STOP = auto()


# Its `put` may be interrupted by a signal handler that calls `put`; an Event's `set` may not.
_Queue = SimpleQueue[_Ask]


def clocks() -> Moment:
    """Return what the clocks show."""
    try:
        steady = time.clock_gettime(_STEADY)
    except OSError:  # a sandbox that does not know it
        steady = time.monotonic()
    return Moment(steady, time.time())


def serve(
    duty: Duty,
    *,
    reload: Callable[[], Duty],
    listen: Address | None,
    collect: Families,
    now: Callable[[], Moment] = clocks,
) -> Exit:
    """Run the job on its schedule until SIGTERM or SIGINT, then return Exit.OK.

    The first run goes at once, or with `cron` at its first tick. A run that fails is logged, and
    the next goes ahead. A stop lets the run end, which sees it in its Stop. SIGHUP asks `reload`
    for another duty between two runs; where that raises a BatchlogError, the old one stays.
    `collect` is served at `listen`, and an address that cannot be taken is a SinkUnreachable, a
    stop that is asked for while it is looked up Interrupted.

    Call it from the main thread. It puts the signal handlers back.
    """
    asked: _Queue = SimpleQueue()
    stop = Stop()
    with _signals(asked, stop), _listening(listen, collect, stop):
        rhythm = _begun(duty.schedule, now())
        is_due = duty.schedule.cron is None
        while not stop:
            if is_due:
                _run(duty.job, stop)
            asks = _taken(asked, rhythm, now)
            rhythm, is_due = _looked(rhythm, now())
            if _Ask.RELOAD in asks:
                new = _renewed(duty, reload)
                if new.schedule != duty.schedule:
                    rhythm = _begun(new.schedule, now())
                duty = new
    log.info("stopped")
    return Exit.OK


def _begun(schedule: Schedule, now: Moment) -> Rhythm:
    delay = random.uniform(0, schedule.jitter)  # noqa: S311 - it spreads hosts, it guards nothing
    rhythm = Rhythm.begun(schedule, now, delay)
    log.debug("%s", _next(rhythm, now))
    return rhythm


def _next(rhythm: Rhythm, now: Moment) -> str:
    wait = rhythm.wait(now)
    return "no run is due any more" if wait is None else f"the next run is due in {spoken(wait)}"


def _looked(rhythm: Rhythm, now: Moment) -> tuple[Rhythm, bool]:
    """Return the schedule from here on, and whether a run is due; say where the clock was set."""
    seen = rhythm.look(now)
    if seen.step:
        way = "back" if seen.step < 0 else "forward"
        then = "a run is due" if seen.is_due else _next(seen.rhythm, now)
        log.warning("the clock was set %s by %s: %s", way, spoken(seen.step), then)
    return seen.rhythm, seen.is_due


def _taken(asked: _Queue, rhythm: Rhythm, now: Callable[[], Moment]) -> set[_Ask]:
    """Wait until a run is due or something is asked for, a moment at most; return what was."""
    asks: set[_Ask] = set()
    wait = rhythm.wait(now())
    # Not for ever: a signal that comes just before the wait begins does not end it, nor does a
    # clock that is set.
    with suppress(Empty):
        asks.add(asked.get(timeout=_AWAKE if wait is None else min(_AWAKE, wait)))
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


def _renewed(duty: Duty, reload: Callable[[], Duty]) -> Duty:
    try:
        new = reload()
    except BatchlogError as error:
        log.error("%s; the configuration from before stays", error)  # noqa: TRY400 - a message, no traceback
        return duty
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
def _listening(listen: Address | None, collect: Families, stop: Stop) -> Iterator[None]:
    with nullcontext() if listen is None else served(listen, collect, stop=stop) as at:
        if at is not None:
            log.info("serving metrics on http://%s/metrics", at)
        yield
