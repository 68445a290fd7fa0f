"""From state to what is exposed: names, values, order."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from batchlog.metrics import RunStatus, beyond_float, exposition, families
from batchlog.segments.identity import Mark
from batchlog.segments.known import Counters, Log, Segment
from batchlog.state.checkpoint import Series, State
from tests.servers import Promtool

MARK = Mark(0, 10, (), "", 1)


def segment(state: str) -> Segment:
    """Return a segment that waits, or does not."""
    return msgspec.convert(
        {"mark": MARK, "state": state, "begin": 0, "begin_lines": 0, "first": None, "format": "x"},
        Segment,
    )


def log(path: str, counters: Counters, *states: str) -> Log:
    """Return a log with segments in `states`."""
    return Log(path, 0, tuple(segment(state) for state in states), counters)


FULL = State(
    state_id="f00d",
    generation=12,
    bounds=(5_000_000, 1_000_000_000, 2_500_000_000),
    totals=(
        Series((("status", "200"), ("vhost", "a.example")), 9, 2_747_282_740, 0),
        Series((("status", "404"),), 2, 17, 0, 1_250_000_000, (1, 0, 0, 1)),
        Series((("status", "200"),), 3, 2326, 0, 30_000_001, (2, 0, 1, 0)),
    ),
    overflow=4,
    logs=(
        log("/var/log/b.log", Counters(5, 1, 2, 3, 900, 70, 1, 1_750_000_000), "open"),
        log("/var/log/a.log", Counters(7, newest=None), "quarantined", "sealed", "quarantined"),
        log("/var/log/c.log", Counters(11, read_bytes=100, newest=1_760_000_000), "quarantined"),
    ),
)

RUN = RunStatus(1_763_800_000.5, 1_763_799_700.25, 65, {"scan": 1.5, "push": 0.25})


def text(
    state: State = FULL, run: RunStatus | None = RUN, names: dict[str, str] | None = None
) -> list[str]:
    """Return the exposition's lines."""
    made = families(state, names or {}, run, "batchlog_http", "0.1.0")
    return exposition(made).decode().splitlines()


def samples(prefix: str, lines: list[str]) -> list[str]:
    """Return the sample lines that begin with `prefix`, without it."""
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def test_requests_and_bytes_are_absolute_and_sorted_whatever_their_labels() -> None:
    assert samples("batchlog_http_requests_total", text()) == [
        '{status="200"} 3.0',
        '{status="200",vhost="a.example"} 9.0',
        '{status="404"} 2.0',
    ]
    assert samples("batchlog_http_response_bytes_total", text()) == [
        '{status="200"} 2326.0',
        '{status="200",vhost="a.example"} 2.74728274e+09',
        '{status="404"} 17.0',
    ]


def test_a_histogram_is_cumulative_in_seconds_and_only_where_durations_are() -> None:
    assert samples("batchlog_http_request_duration_seconds_", text()) == [
        'bucket{le="0.005",status="200"} 2.0',
        'bucket{le="1",status="200"} 2.0',
        'bucket{le="2.5",status="200"} 3.0',
        'bucket{le="+Inf",status="200"} 3.0',
        'sum{status="200"} 0.030000001',
        'count{status="200"} 3.0',
        'bucket{le="0.005",status="404"} 1.0',
        'bucket{le="1",status="404"} 1.0',
        'bucket{le="2.5",status="404"} 1.0',
        'bucket{le="+Inf",status="404"} 2.0',
        'sum{status="404"} 1.25',
        'count{status="404"} 2.0',
    ]


@pytest.mark.parametrize(
    ("nanoseconds", "le"),
    [
        (1, "1e-09"),
        (75_000_000, "0.075"),
        (1_000_000_000, "1"),
        (10_000_000_000, "10"),
        (300_000_000_000, "300"),
        (1_000_000_000_000_000, "1e+06"),
    ],
)
def test_a_bound_is_written_as_prometheus_writes_it(nanoseconds: int, le: str) -> None:
    series = Series((), 1, 0, 0, 0, (1, 0))
    state = State("x", bounds=(nanoseconds,), totals=(series,))
    lines = samples("batchlog_http_request_duration_seconds_bucket", text(state))
    assert [f'{{le="{le}"}} 1.0', '{le="+Inf"} 1.0'] == lines


def test_without_durations_there_is_no_histogram() -> None:
    state = State("x", bounds=(1,), totals=(Series((), 1, 0, 0),))
    assert not [line for line in text(state) if "duration_seconds" in line and "http" in line]


def test_lines_are_told_by_log_and_outcome() -> None:
    assert samples('batchlog_lines_total{log="/var/log/b.log",outcome=', text()) == [
        '"counted"} 5.0',
        '"malformed"} 1.0',
        '"oversize"} 2.0',
        '"skipped"} 3.0',
    ]


def test_own_metrics_of_a_log() -> None:
    lines = text()
    label = '{log="/var/log/b.log"} '
    assert samples("batchlog_read_bytes_total" + label, lines) == ["900.0"]
    assert samples("batchlog_lost_bytes_total" + label, lines) == ["70.0"]
    assert samples("batchlog_lost_segments_total" + label, lines) == ["1.0"]
    assert samples("batchlog_quarantined_segments", lines) == [
        '{log="/var/log/a.log"} 2.0',
        '{log="/var/log/b.log"} 0.0',
        '{log="/var/log/c.log"} 1.0',
    ]
    assert samples("batchlog_newest_line_timestamp_seconds", lines) == [
        '{log="/var/log/b.log"} 1.75e+09',
        '{log="/var/log/c.log"} 1.76e+09',
    ]


def test_logs_of_one_name_add_up_and_the_newest_stamp_is_kept() -> None:
    lines = text(names=dict.fromkeys(("/var/log/a.log", "/var/log/b.log", "/var/log/c.log"), "web"))
    assert samples("batchlog_lines_total", lines)[0] == '{log="web",outcome="counted"} 23.0'
    assert samples("batchlog_read_bytes_total", lines) == ['{log="web"} 1000.0']
    assert samples("batchlog_quarantined_segments", lines) == ['{log="web"} 3.0']
    assert samples("batchlog_newest_line_timestamp_seconds", lines) == ['{log="web"} 1.76e+09']


def test_what_is_told_of_the_run_and_the_checkpoint() -> None:
    lines = text()
    assert samples("batchlog_overflow_lines_total ", lines) == ["4.0"]
    assert samples("batchlog_last_run_timestamp_seconds ", lines) == ["1.7638000005e+09"]
    assert samples("batchlog_last_success_timestamp_seconds ", lines) == ["1.76379970025e+09"]
    assert samples("batchlog_last_run_exit_status ", lines) == ["65.0"]
    assert samples("batchlog_run_duration_seconds", lines) == [
        '{stage="push"} 0.25',
        '{stage="scan"} 1.5',
    ]
    assert samples("batchlog_info", lines) == ['{state_id="f00d",version="0.1.0"} 1.0']
    assert samples("batchlog_generation ", lines) == ["12.0"]


def test_a_run_that_never_succeeded_has_no_time_of_success() -> None:
    run = RunStatus(1.0, None, 69, {})
    assert not samples("batchlog_last_success_timestamp_seconds", text(run=run))


def test_before_the_first_run_has_ended_nothing_is_told_of_it() -> None:
    assert not samples("batchlog_last_run", text(run=None))
    assert not samples("batchlog_run_duration", text(run=None))


def test_a_new_checkpoint_is_never_an_empty_exposition_r94() -> None:
    assert samples("", text(State("x"), run=None))[-1] == "batchlog_generation 0.0"


def test_every_family_has_help_type_and_samples_and_none_is_created() -> None:
    lines = text()
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        assert family.documentation
        assert family.type in {"counter", "gauge", "histogram"}
        assert family.samples
    assert not [line for line in lines if "_created" in line]


def test_the_order_of_the_state_is_no_matter() -> None:
    turned = msgspec.structs.replace(FULL, totals=FULL.totals[::-1], logs=FULL.logs[::-1])
    assert text() == text(turned)


def test_a_namespace_is_for_what_was_logged_only() -> None:
    made = {family.name for family in families(FULL, {}, RUN, "web", "0.1.0")}
    assert {"web_requests", "web_response_bytes", "web_request_duration_seconds"} < made
    assert {name for name in made if not name.startswith("web_")} == {
        name for name in made if name.startswith("batchlog_")
    }


def test_totals_that_a_sample_cannot_hold_are_named_r97() -> None:
    assert beyond_float(FULL) == []
    huge = State(
        "x",
        totals=(
            Series((("status", "200"),), 2**53, 2**53 + 1, 0),
            Series((("status", "404"),), 2**53 + 1, 0, 0),
        ),
        logs=(log("/var/log/a.log", Counters(read_bytes=2**60)),),
    )
    assert beyond_float(huge) == [
        'response bytes of {status="200"}',
        'requests of {status="404"}',
        "read bytes of /var/log/a.log",
    ]


def test_promtool_finds_nothing_to_say(promtool: Promtool) -> None:
    made = families(FULL, {}, RUN, "batchlog_http", "0.1.0")
    assert promtool.check_metrics(exposition(made)) == ""


def test_promtool_does_say_what_is_wrong(promtool: Promtool) -> None:
    assert "counter metrics should have" in promtool.check_metrics(
        b"# HELP x X.\n# TYPE x counter\nx 1\n"
    )
