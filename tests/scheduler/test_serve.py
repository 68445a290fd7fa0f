"""A process of its own that gets real signals; every wait is for a line that it writes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from urllib.request import urlopen

import pytest

from batchlog.config.schema import Duration, Schedule
from batchlog.errors import ConfigError, Exit, SinkUnreachable, Stop
from batchlog.scheduler.listen import Address, served
from batchlog.scheduler.serve import Duty, serve

SERVICE = Path(__file__).with_name("service.py")

PATIENCE = 60
"""Seconds after which a process that says nothing is ended, and the test with it."""

FAR = "1h"
NEVER = "0 0 29 2 */7"

DUE = "DEBUG the next run is due in "


@dataclass
class Service:
    """A running service.py."""

    process: subprocess.Popen[str]
    plan: Path
    """The schedule that SIGHUP finds."""
    clocks: Path
    """By how much its clocks are ahead."""

    def set_clocks(self, steady: float, wall: float) -> None:
        """Let its clocks be ahead by so many seconds from now on."""
        new = self.clocks.with_suffix(".new")
        new.write_text(f"{steady} {wall}")
        new.replace(self.clocks)

    def until(self, pattern: str) -> list[str]:
        """Return the lines up to the next one that begins with `pattern`, that one included."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if re.match(pattern, line):
                return lines
        pytest.fail("\n".join([f"it ended before {pattern!r}:", *lines]))

    def release(self) -> None:
        """Let a held run end."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def rest(self) -> list[str]:
        """Wait for the end, as which it must give exit 0; return the lines until then."""
        output, _ = self.process.communicate()
        expected = Exit.OK
        assert expected == self.process.returncode, output
        return output.splitlines()

    def end(self) -> list[str]:
        """Ask for the end, and return the lines until then."""
        self.process.send_signal(signal.SIGTERM)
        return self.rest()


Start = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[tuple[subprocess.Popen[str], Timer]] = []

    def begin(*arguments: str) -> Service:
        plan, clocks = tmp_path / "schedule", tmp_path / "clocks"
        clocks.write_text("0 0")
        process = subprocess.Popen(
            [sys.executable, str(SERVICE), *arguments],
            env=os.environ
            | {
                "RELOAD": str(plan),
                "CLOCKS": str(clocks),
                "PYTHONPATH": str(SERVICE.parents[2]),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        timer = Timer(PATIENCE, process.kill)
        timer.start()
        started.append((process, timer))
        return Service(process, plan, clocks)

    yield begin
    for process, timer in started:
        timer.cancel()
        process.kill()
        process.communicate()


def runs(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("run ")]


def test_the_first_run_of_an_interval_is_at_once(start: Start) -> None:
    start(FAR, "quick").until("run 1 ends")


def test_runs_follow_one_another_at_the_interval(start: Start) -> None:
    service = start("20ms", "quick")
    expected = [f"run {n} {word}" for n in (1, 2, 3) for word in ("begins", "ends")]
    assert expected == runs(service.until("run 3 ends"))


def test_a_cron_schedule_waits_for_its_first_tick(start: Start) -> None:
    service = start(NEVER, "quick")
    service.until(DUE)
    assert not runs(service.end())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r77_a_signal_between_runs_ends_it_with_0(start: Start, number: signal.Signals) -> None:
    service = start(FAR, "quick")
    service.until("run 1 ends")
    service.process.send_signal(number)
    assert "INFO stopped" in service.rest()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r77_a_run_sees_the_signal_and_ends_before_the_process_does_with_0(
    start: Start, number: signal.Signals
) -> None:
    service = start("20ms", "held")
    service.until("run 1 begins")
    service.process.send_signal(number)
    lines = service.rest()
    expected = ["run 1 ends, stopped"]
    assert expected == runs(lines)
    assert not [line for line in lines if line.startswith(("ERROR", "WARNING"))]


def test_ticks_during_a_run_become_one_run_after_it(start: Start) -> None:
    service = start("5m", "held")
    service.until("run 1 begins")
    service.set_clocks(1500, 1500)
    # No tick will come any more: what is still to run is what those five asked for.
    service.plan.write_text(FAR)
    service.process.send_signal(signal.SIGHUP)
    service.release()
    expected = ["run 1 ends", "run 2 begins"]
    assert expected == runs(service.until("run 2 begins"))
    service.release()
    service.until("run 2 ends")
    assert not runs(service.end())


@pytest.mark.parametrize("step", [-3600, -86_400, -1_750_000_000, 3600, 1_750_000_000])
def test_r129_an_interval_goes_on_whatever_the_clock_is_set_to(start: Start, step: int) -> None:
    service = start("20ms", "quick")
    service.until("run 2 ends")
    service.set_clocks(0, step)
    way = "back" if step < 0 else "forward"
    service.until(f"WARNING the clock was set {way} by ")
    assert len(runs(service.until("run [0-9]+ ends"))) <= 2
    service.until("run [0-9]+ ends")
    assert not [line for line in service.end() if line.startswith("WARNING")]


@pytest.mark.parametrize("step", [-3600, -86_400, -1_750_000_000, 3600, 1_750_000_000])
def test_r129_cron_goes_by_the_clock_that_was_set(start: Start, step: int) -> None:
    service = start("* * * * *", "quick")
    service.until(DUE)
    to_tick = 59.5 - time.time() % 60
    service.set_clocks(0, to_tick)
    service.until("run 1 ends")
    service.set_clocks(0, to_tick + step)
    lines = service.until("WARNING the clock was set")
    if step < 0:
        due = float(lines[-1].split()[-2])
        assert 0 < due <= 60
        service.set_clocks(0, to_tick + step + due + 1)
    service.until("run 2 ends")
    service.end()


def test_r129_a_tick_that_passed_in_a_suspend_is_run_at_once(start: Start) -> None:
    service = start(FAR, "quick")
    service.until("run 1 ends")
    service.set_clocks(7200, 7200)
    service.until("run 2 ends")
    assert not runs(service.end())


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ("unreachable", "WARNING the gateway is away; the next run goes ahead"),
        ("broken", "ERROR the run failed, which should not be; the next run goes ahead"),
        ("lossy", "ERROR the run ended with exit 65; the next run goes ahead"),
        ("busy", "WARNING the run ended with exit 75; the next run goes ahead"),
    ],
)
def test_a_failed_run_is_logged_and_the_next_goes_ahead(
    start: Start, job: str, message: str
) -> None:
    service = start("20ms", job)
    lines = service.until("run 2 begins")
    assert message in lines
    assert ("Traceback (most recent call last):" in lines) is (job == "broken")
    service.end()


def test_sighup_puts_another_schedule_in_force(start: Start) -> None:
    service = start(FAR, "quick")
    service.until("run 1 ends")
    service.plan.write_text("20ms")
    service.process.send_signal(signal.SIGHUP)
    assert "INFO configuration read again" in service.until("run 3 ends")
    service.end()


def test_a_bad_configuration_keeps_the_schedule_from_before(start: Start) -> None:
    service = start("20ms", "quick")
    service.until("run 1 ends")
    service.plan.write_text("bad")
    service.process.send_signal(signal.SIGHUP)
    service.until("ERROR schedule.cron: it is bad; the configuration from before stays")
    service.until("run [0-9]+ begins")
    service.end()


def test_a_schedule_that_did_not_change_keeps_its_rhythm(start: Start) -> None:
    service = start(FAR, "quick")
    service.until("run 1 ends")
    service.plan.write_text(FAR)
    service.process.send_signal(signal.SIGHUP)
    lines = service.until("INFO configuration read again")
    assert not [line for line in lines if line.startswith(DUE)]
    assert not runs(service.end())


def test_metrics_are_scraped_between_and_during_runs(start: Start) -> None:
    service = start("20ms", "held", "127.0.0.1:0")
    url = service.until("INFO serving metrics on ")[-1].removeprefix("INFO serving metrics on ")
    for number in (1, 2):
        service.until(f"run {number} begins")
        with urlopen(url) as answer:  # noqa: S310 - our own server
            assert f"\nruns_total {number - 1}.0\n" in answer.read().decode()
        service.release()
    service.end()


# In this process: what a caller sees.


def once(stop: Stop) -> Exit:
    signal.raise_signal(signal.SIGTERM)
    assert stop
    return Exit.BUSY


WORK = Duty(once, Schedule(every=Duration(3600), jitter=Duration(60)))


def same() -> Duty:
    return WORK


def test_signal_handlers_are_put_back() -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    expected = [signal.getsignal(number) for number in numbers]
    code = serve(WORK, reload=same, listen=Address("127.0.0.1", 0), collect=list)
    assert (Exit.OK, expected) == (code, [signal.getsignal(number) for number in numbers])


@pytest.mark.parametrize(
    "failure", [SinkUnreachable("away"), ZeroDivisionError("a mistake of ours"), Exit.REFUSED]
)
def test_no_failure_of_a_run_reaches_the_caller(
    failure: Exception | Exit, caplog: pytest.LogCaptureFixture
) -> None:
    def job(stop: Stop) -> Exit:
        if caplog.messages:
            return once(stop)
        if isinstance(failure, Exit):
            return failure
        raise failure

    work = Duty(job, Schedule(every=Duration(0.01)))
    assert serve(work, reload=same, listen=None, collect=list) == Exit.OK
    [message] = caplog.messages
    assert message.endswith("; the next run goes ahead")


@pytest.mark.parametrize("good", [True, False])
def test_work_is_reloaded_between_two_runs(good: bool) -> None:
    did: list[str] = []

    def first(stop: Stop) -> Exit:
        if did:
            return once(stop)
        did.append("first")
        signal.raise_signal(signal.SIGHUP)
        did.append("still the first")
        return Exit.OK

    def second(stop: Stop) -> Exit:
        did.append("second")
        return once(stop)

    def reload() -> Duty:
        did.append("reload")
        if good:
            return Duty(second, Schedule(every=Duration(0.02)))
        raise ConfigError("schedule: it is bad")

    work = Duty(first, Schedule(every=Duration(0.01)))
    assert serve(work, reload=reload, listen=None, collect=list) == Exit.OK
    expected = ["first", "still the first", "reload", *(["second"] if good else [])]
    assert expected == did


def test_a_port_in_use_ends_it_before_the_first_run() -> None:
    def never(_stop: Stop) -> Exit:
        pytest.fail("it ran")

    with (
        served(Address("127.0.0.1", 0), list) as at,
        pytest.raises(SinkUnreachable, match="Address already in use"),
    ):
        serve(Duty(never, WORK.schedule), reload=same, listen=at, collect=list)
