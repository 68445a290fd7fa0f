"""A program around `serve` for the tests to talk to; it is run, never imported.

usage: service.py SCHEDULE RUN [LISTEN], where SCHEDULE is an interval or a cron expression, and RUN
one of the jobs below. It writes a line for each thing that happens. SIGHUP changes the schedule
to the one that the file named by RELOAD holds. Its clocks, steady and wall, are ahead of the real
ones by the seconds that the file named by CLOCKS holds.
"""

import logging
import os
import sys
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, Metric

from batchlog.config.crontab import parse
from batchlog.config.schema import Duration, Schedule
from batchlog.config.times import duration
from batchlog.errors import ConfigError, Exit, SinkUnreachable, Stop
from batchlog.scheduler.listen import address
from batchlog.scheduler.rhythm import Moment
from batchlog.scheduler.serve import Duty, clocks, serve

numbers = count(1)
done = 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def quick(_stop: Stop) -> Exit:
    return Exit.OK


def held(stop: Stop) -> Exit:
    """Go on until a line comes, or nothing more will and a stop is asked for."""
    while not sys.stdin.readline() and not stop:
        pass
    return Exit.BUSY if stop else Exit.OK


def unreachable(_stop: Stop) -> Exit:
    raise SinkUnreachable("the gateway is away")


def broken(_stop: Stop) -> Exit:
    raise ZeroDivisionError


def lossy(_stop: Stop) -> Exit:
    return Exit.DATA


def busy(_stop: Stop) -> Exit:
    return Exit.BUSY


RUNS = {run.__name__: run for run in (quick, held, unreachable, broken, lossy, busy)}


def schedule(text: str) -> Schedule:
    if " " in text:
        parse(text)
        return Schedule(cron=text)
    return Schedule(every=Duration(duration(text)))


def job(stop: Stop) -> Exit:
    global done  # noqa: PLW0603 - a program of one page
    number = next(numbers)
    say(f"run {number} begins")
    try:
        return RUNS[sys.argv[2]](stop)
    finally:
        done = number
        say(f"run {number} ends{', stopped' if stop else ''}")


def reload() -> Duty:
    text = Path(os.environ["RELOAD"]).read_text()
    if text == "bad":
        raise ConfigError("schedule.cron: it is bad")
    return Duty(job, schedule(text))


def now() -> Moment:
    steady, wall = map(float, Path(os.environ["CLOCKS"]).read_text().split())
    real = clocks()
    return Moment(real.steady + steady, real.wall + wall)


def collect() -> Iterable[Metric]:
    yield CounterMetricFamily("runs", "Runs that ended.", value=done)


logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(message)s", stream=sys.stdout)
listen = address(sys.argv[3]) if len(sys.argv) > 3 else None
duty = Duty(job, schedule(sys.argv[1]))
sys.exit(serve(duty, reload=reload, listen=listen, collect=collect, now=now))
