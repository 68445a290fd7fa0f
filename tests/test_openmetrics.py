"""The text of a day, read again by others: prometheus_client's parser and the real promtool."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from batchlog.metrics import families
from batchlog.openmetrics import Labels, Run, Trace, render, samples_a_time
from batchlog.state.checkpoint import Series, State
from tests.history.histories import BOUNDS, NOON, parsed, promtool_samples
from tests.servers import Promtool

PLAIN = (("instance", "web1"), ("status", "200"))
TIMED = (("instance", "web1"), ("status", "404"), ("vhost", 'a"b\\c\nd'))


def trace(labels: Labels, *runs: tuple[Sequence[int], Sequence[int]]) -> Trace:
    """Return a trace of (times, row)."""
    return Trace(labels, len(runs[0][1]) > 2, lambda: [Run(*run) for run in runs])


TRACES = [
    trace(
        PLAIN,
        ([NOON - 60], [0, 0]),
        (range(NOON, NOON + 180, 60), [3, 2326]),
        ([NOON + 179], [4, 2**53 + 1]),
    ),
    trace(TIMED, ([NOON - 60], [0] * 6), ([NOON], [2, 17, 1_250_000_000, 1, 0, 1])),
]


def text(traces: Sequence[Trace] = TRACES) -> str:
    """Return a file's text."""
    return b"".join(piece.text for piece in render("batchlog_http", BOUNDS, traces)).decode()


def test_the_text_byte_for_byte() -> None:
    expected = """\
# HELP batchlog_http_requests HTTP requests in the access logs.
# TYPE batchlog_http_requests counter
batchlog_http_requests_total{instance="web1",status="200"} 0 T-60
batchlog_http_requests_total{instance="web1",status="200"} 3 T+0
batchlog_http_requests_total{instance="web1",status="200"} 3 T+60
batchlog_http_requests_total{instance="web1",status="200"} 3 T+120
batchlog_http_requests_total{instance="web1",status="200"} 4 T+179
batchlog_http_requests_total{instance="web1",status="404"} 0 T-60
batchlog_http_requests_total{instance="web1",status="404"} 2 T+0
# HELP batchlog_http_response_bytes Bytes sent in HTTP responses, as logged.
# TYPE batchlog_http_response_bytes counter
batchlog_http_response_bytes_total{instance="web1",status="200"} 0 T-60
batchlog_http_response_bytes_total{instance="web1",status="200"} 2326 T+0
batchlog_http_response_bytes_total{instance="web1",status="200"} 2326 T+60
batchlog_http_response_bytes_total{instance="web1",status="200"} 2326 T+120
batchlog_http_response_bytes_total{instance="web1",status="200"} 9007199254740993 T+179
batchlog_http_response_bytes_total{instance="web1",status="404"} 0 T-60
batchlog_http_response_bytes_total{instance="web1",status="404"} 17 T+0
# HELP batchlog_http_request_duration_seconds Time taken to serve HTTP requests, as logged.
# TYPE batchlog_http_request_duration_seconds histogram
batchlog_http_request_duration_seconds_bucket{instance="web1",status="404",le="0.005"} 0 T-60
batchlog_http_request_duration_seconds_bucket{instance="web1",status="404",le="1"} 0 T-60
batchlog_http_request_duration_seconds_bucket{instance="web1",status="404",le="+Inf"} 0 T-60
batchlog_http_request_duration_seconds_sum{instance="web1",status="404"} 0.0 T-60
batchlog_http_request_duration_seconds_count{instance="web1",status="404"} 0 T-60
batchlog_http_request_duration_seconds_bucket{instance="web1",status="404",le="0.005"} 1 T+0
batchlog_http_request_duration_seconds_bucket{instance="web1",status="404",le="1"} 1 T+0
batchlog_http_request_duration_seconds_bucket{instance="web1",status="404",le="+Inf"} 2 T+0
batchlog_http_request_duration_seconds_sum{instance="web1",status="404"} 1.25 T+0
batchlog_http_request_duration_seconds_count{instance="web1",status="404"} 2 T+0
# EOF
"""
    timed = TIMED[:2]
    made = text([TRACES[0], trace(timed, *TRACES[1].runs())])
    assert re.sub(r"T([-+]\d+)", lambda found: str(NOON + int(found[1])), expected) == made


def test_another_parser_reads_what_was_written() -> None:
    has = parsed([text()])
    assert [(NOON - 60, 0), (NOON, 3), (NOON + 60, 3), (NOON + 120, 3), (NOON + 179, 4)] == has[
        "batchlog_http_requests_total", PLAIN
    ]
    assert [(NOON - 60, 0), (NOON, 17)] == has["batchlog_http_response_bytes_total", TIMED]
    assert [(NOON - 60, 0), (NOON, 1.25)] == has[
        "batchlog_http_request_duration_seconds_sum", TIMED
    ]
    assert sum(map(len, has.values())) == sum(
        piece.samples for piece in render("batchlog_http", BOUNDS, TRACES)
    )
    assert 5 * samples_a_time(BOUNDS, timed=False) + 2 * samples_a_time(BOUNDS, timed=True) == sum(
        map(len, has.values())
    )


def test_names_help_types_and_bounds_are_those_of_the_live_series() -> None:
    row = (2, 17, 1_250_000_000, 1, 0, 1)
    state = State("x", bounds=BOUNDS, totals=(Series(TIMED, *row[:2], 0, row[2], row[3:]),))
    live = families(state, {}, None, "batchlog_http", "1")[:3]
    made = text([trace(TIMED, ([NOON], row))])
    history = list(text_string_to_metric_families(made))  # type: ignore[no-untyped-call]
    assert [(one.name, one.documentation, one.type) for one in live] == [
        (one.name, one.documentation, one.type) for one in history
    ]
    assert [(s.name, dict(s.labels), s.value) for one in live for s in one.samples] == [
        (s.name, dict(s.labels), s.value) for one in history for s in one.samples
    ]


def test_without_durations_there_is_no_histogram() -> None:
    assert "duration" not in text(TRACES[:1])


def test_a_series_without_labels_has_no_braces() -> None:
    assert f"\nbatchlog_http_requests_total 1 {NOON}\n" in text([trace((), ([NOON], [1, 2]))])


def test_an_empty_day_is_a_text_all_the_same() -> None:
    assert text([]).endswith("# EOF\n")
    assert {} == parsed([text([])])


@given(value=st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_label_value_is_read_again(value: str) -> None:
    labels = (("vhost", value),)
    made = trace(labels, ([NOON], [1, 2]))
    assert [(NOON, 1)] == parsed([text([made])])["batchlog_http_requests_total", labels]


def test_a_long_run_comes_in_pieces_of_bounded_size() -> None:
    made = trace(PLAIN, (range(NOON, NOON + 86_400), [3, 2326]))
    pieces = list(render("batchlog_http", BOUNDS, [made]))
    assert 2 * 86_400 == sum(piece.samples for piece in pieces)
    assert max(len(piece.text) for piece in pieces) < 200_000


def test_promtool_takes_every_sample(promtool: Promtool, tmp_path: Path) -> None:
    (tmp_path / "day").write_text(text(), newline="")
    assert parsed([text()]) == promtool_samples(promtool, tmp_path, [tmp_path / "day"])


@pytest.mark.parametrize("times", [(NOON, NOON), (NOON + 120, NOON + 60)])
def test_promtool_drops_what_does_not_ascend_without_a_word(
    promtool: Promtool, tmp_path: Path, times: tuple[int, int]
) -> None:
    made = text([trace(PLAIN, *(([time], [1, 2]) for time in times))])
    (tmp_path / "day").write_text(made, newline="")
    has = promtool_samples(promtool, tmp_path, [tmp_path / "day"])
    assert 2 == sum(map(len, has.values()))
