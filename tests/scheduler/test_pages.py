"""What is served at each path, and in which of its forms (R125)."""

import gzip
import re
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from batchlog import __version__
from batchlog.scheduler.head import Answer, Asked
from batchlog.scheduler.pages import Pages

# As Prometheus 2.42 and 3.5 send it.
OLD = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
NEW = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)

FAMILIES: tuple[Metric, ...] = (
    CounterMetricFamily("wanted", "One of three.", value=3),
    CounterMetricFamily("unwanted", "Another.", value=4),
    HistogramMetricFamily("took", "The third.", buckets=[("1", 2), ("+Inf", 5)], sum_value=7),
)


def asked(path: str = "/metrics", query: str = "", method: str = "GET", **fields: str) -> Asked:
    return Asked(method, path, query, {k.replace("_", "-"): v for k, v in fields.items()})


def answer(request: Asked) -> Answer:
    return Pages(lambda: FAMILIES).answer(request)


@pytest.mark.parametrize("accept", [OLD, NEW, "application/openmetrics-text", "a, " + OLD])
def test_openmetrics_goes_to_who_prefers_it(accept: str) -> None:
    found = answer(asked(accept=accept))
    assert "application/openmetrics-text; version=1.0.0; charset=utf-8" == found.content_type
    assert found.body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    "accept",
    [
        *("", "*/*", "text/plain", "text/html,*/*;q=0.8", "image/png"),
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.0,text/plain;q=0.1",
        "application/openmetrics-text; q=0.4, text/plain; q=0.5",
        "application/openmetrics-text;q=0.4,*/*",
        "application/openmetrics-text;q=0.4,text/*;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;q=high",
        "text/plain;q=0,*/*;q=0",
    ],
)
def test_text_goes_to_all_others_and_a_weight_of_0_is_a_no(accept: str) -> None:
    found = answer(asked(accept=accept))
    assert "text/plain; version=0.0.4; charset=utf-8" == found.content_type
    assert b"# EOF" not in found.body


def test_a_more_specific_range_counts_before_a_wider_one() -> None:
    wide_first = "*/*, text/plain;q=0.2, application/openmetrics-text;q=0.5"
    assert "openmetrics" in answer(asked(accept=wide_first)).content_type


@pytest.mark.parametrize(
    ("expected", "accept"),
    [
        *(
            (True, each)
            for each in ("gzip", "GZip", "deflate, gzip;q=1.0, *;q=0.5", "gzip;q=0.001")
        ),
        *((False, each) for each in ("", "identity", "deflate", "*", "gzip;q=0", "gzip; q=0.000")),
        *((False, each) for each in ("gzip;q=0, *", "gzip;q=no", "gzip;q=0.5, identity", "xgzip")),
    ],
)
def test_gzip_goes_to_who_names_it_and_a_weight_of_0_is_a_no(expected: bool, accept: str) -> None:
    plain, found = answer(asked()), answer(asked(accept_encoding=accept))
    assert (("Content-Encoding", "gzip") in found.fields) is expected
    assert plain.body == (gzip.decompress(found.body) if expected else found.body)
    assert ("Vary", "Accept, Accept-Encoding") in found.fields


ALL = {"wanted_total", "unwanted_total", "took_bucket", "took_count", "took_sum"}


@pytest.mark.parametrize(
    ("expected", "query"),
    [
        ({"wanted_total"}, "name[]=wanted_total"),
        ({"wanted_total"}, "name%5B%5D=wanted_total&name[]=unknown"),
        ({"wanted_total", "took_count"}, "name[]=took_count&name[]=wanted_total"),
        (set(), "name[]=unknown"),
        (ALL, "name=wanted_total"),
        (ALL, "name[]="),
        (ALL, "\xff%ff&=&&name"),
    ],
)
def test_a_scrape_may_choose_by_name(expected: set[str], query: str) -> None:
    text = answer(asked(query=query)).body.decode()
    names = {re.split("[ {]", line)[0] for line in text.splitlines() if line[0] != "#"}
    assert expected == names
    assert ("# TYPE wanted_total counter" in text) is ("wanted_total" in expected)


def test_a_page_says_what_there_is() -> None:
    found = answer(asked("/"))
    assert (HTTPStatus.OK, "text/html; charset=utf-8") == (found.status, found.content_type)
    for word in ("/metrics", "/-/healthy", f"batchlog {__version__}"):
        assert word in found.body.decode()


def test_it_says_that_it_is_healthy() -> None:
    found = answer(asked("/-/healthy"))
    assert (HTTPStatus.OK, b"OK\n") == (found.status, found.body)


@pytest.mark.parametrize(
    "path", ["", "//metrics", "/metrics/", "/Metrics", "/metrics\0", "/favicon.ico", "/-/ready"]
)
def test_all_else_is_a_404_that_says_what_there_is_and_not_what_was_asked(path: str) -> None:
    found = answer(asked(path))
    expected = b"404 Not Found; there are /, /metrics and /-/healthy\n"
    assert (HTTPStatus.NOT_FOUND, expected) == (found.status, found.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get"])
@pytest.mark.parametrize("path", ["/metrics", "/", "/nothing"])
def test_other_methods_are_a_405_that_says_which_there_are(method: str, path: str) -> None:
    found = answer(asked(path, method=method))
    assert HTTPStatus.METHOD_NOT_ALLOWED == found.status
    assert ("Allow", "GET, HEAD") in found.fields


def test_metrics_are_rendered_once_as_long_as_they_are_the_same() -> None:
    pages, kept = Pages(lambda: FAMILIES), set()
    for _ in range(3):
        kept |= {id(pages.answer(asked(accept=accept)).body) for accept in ("", OLD)}
        kept |= {id(pages.answer(asked(accept=OLD, accept_encoding="gzip")).body)}
    assert 3 == len(kept)


def test_metrics_of_the_next_run_are_rendered_anew() -> None:
    values = iter((1, 2))

    def families() -> tuple[Metric, ...]:
        return (CounterMetricFamily("runs", "Runs.", value=next(values)),)

    pages = Pages(families)
    expected = ["runs_total 1.0", "runs_total 2.0"]
    assert expected == [pages.answer(asked()).body.decode().splitlines()[-1] for _ in expected]


def test_whatever_names_are_asked_for_few_forms_are_kept() -> None:
    """A client cannot fill the memory with forms, nor with names that nothing has."""
    many = tuple(CounterMetricFamily(f"n{i}", "One of many.", value=1) for i in range(40))
    pages = Pages(lambda: many)
    for number in range(40):
        pages.answer(asked(query=f"name[]=n{number}_total&name[]=junk{number}"))
    assert 8 == len(pages._made)  # noqa: SLF001 - memory, which no answer shows
    first, second = (pages.answer(asked(query=f"name[]={junk}")).body for junk in ("a", "b"))
    assert first is second


def test_the_families_need_not_be_a_tuple() -> None:
    def families() -> Iterator[Metric]:
        yield from FAMILIES

    pages = Pages(families)
    assert [answer(asked()).body] * 2 == [pages.answer(asked()).body for _ in range(2)]
