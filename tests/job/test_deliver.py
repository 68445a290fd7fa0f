"""Delivery to several sinks, and the question what they hold of us."""

import time
from pathlib import Path
from threading import Timer

import pytest
from msgspec.structs import replace
from prometheus_client.core import GaugeMetricFamily, Metric

from batchlog.errors import CheckpointError, Exit, Interrupted, SinkUnreachable, Stop
from batchlog.job.deliver import deliver, refuse_if_held
from batchlog.sinks import wire
from batchlog.sinks.target import Target
from tests.gateways import Hang, Reply, StandIn

GONE = Target("http://127.0.0.1:1", "batchlog", {"instance": "h"}, retry_for=0)


def families() -> list[Metric]:
    info = GaugeMetricFamily("batchlog_info", "About.", labels=["version", "state_id"])
    info.add_metric(["1", "abc"], 1)
    return [info]


def at(gateway: StandIn) -> Target:
    return Target(gateway.url, "batchlog", {"instance": "h"}, retry_for=0)


def test_every_sink_gets_it_whatever_becomes_of_the_others(tmp_path: Path) -> None:
    with StandIn() as one, StandIn() as two:
        two.faults.append(Reply(400, b"no"))
        path = str(tmp_path / "none" / "x.prom")
        done = deliver(families(), [GONE, at(two), at(one)], path, Stop())
        assert {Exit.UNAVAILABLE, Exit.REFUSED} == set(done.exits)
        assert (one.url,) == done.sinks
        assert 3 == len(done.findings)
        assert 1 == len(one.groups)


def test_a_textfile_and_a_gateway_are_both_named_as_sinks(tmp_path: Path) -> None:
    with StandIn() as one:
        path = str(tmp_path / "x.prom")
        done = deliver(families(), [at(one)], path, Stop())
        assert (path, one.url) == done.sinks
        assert () == done.exits + done.findings


def test_r77_all_gateways_share_the_time_that_a_stop_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "GRACE", 0.5)
    stop = Stop()
    stop.set()
    with StandIn() as one:
        one.faults.extend(Hang() for _ in range(8))
        to = [replace(at(one), url=f"{one.url}/{n}", timeout=600) for n in range(8)]
        began = time.monotonic()
        done = deliver(families(), to, None, stop)
        assert 8 == len(done.exits)
        assert time.monotonic() - began < 8 * 0.5 / 2


def test_r77_a_stop_ends_the_question_what_a_silent_gateway_holds() -> None:
    stop = Stop()
    with StandIn() as one:
        one.faults.append(Hang())
        Timer(0.3, stop.set).start()
        with pytest.raises(Interrupted, match="the same command begins it"):
            refuse_if_held([replace(at(one), timeout=600)], None, "/c", stop)


def test_r65_a_group_that_is_held_is_refused_and_named() -> None:
    with StandIn() as one:
        deliver(families(), [at(one)], None, Stop())
        with pytest.raises(CheckpointError, match=r'there is no checkpoint at /c.*instance="h"'):
            refuse_if_held([at(one)], None, "/c", Stop())


def test_r65_what_cannot_be_known_is_the_sinks_error() -> None:
    with pytest.raises(SinkUnreachable):
        refuse_if_held([GONE], None, "/c", Stop())


def test_r65_an_empty_gateway_and_no_textfile_are_no_obstacle(tmp_path: Path) -> None:
    with StandIn() as one:
        refuse_if_held([at(one)], str(tmp_path / "x.prom"), "/c", Stop())
