"""What clients send, from a usual scrape to what no client should (R125)."""

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.scheduler.head import LONGEST, Answer, Asked, Choice, choices, read, written

BAD = HTTPStatus.BAD_REQUEST
LONG = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


def asked(head: bytes) -> Asked:
    found = read(head)
    assert isinstance(found, Asked), found
    return found


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/metrics", "", b"/metrics"),
        ("/metrics", "name[]=a&name[]=b", b"/metrics?name[]=a&name[]=b"),
        ("/metrics", "?/", b"/metrics??/"),
        ("/metrics", "", b"/%6Detrics"),
        ("/metrics", "a", b"http://web1:8000/metrics?a"),
        ("/metrics", "", b"HTTPS://[::1]/metrics"),
        ("/", "", b"http://web1"),
        ("/", "a=/b", b"http://web1?a=/b"),
        ("//metrics", "", b"//metrics"),
        ("/metrics/", "", b"/metrics/"),
        ("/metrics\0", "", b"/metrics%00"),
        ("/metrics%zz", "", b"/metrics%zz"),
        ("/m\xe9trics", "", b"/m\xe9trics"),
        ("/../metrics", "", b"/../metrics"),
        ("", "", b"*"),
        ("", "", b"web1:443"),
        ("", "", b"metrics"),
        ("", "", b"ftp://web1/metrics"),
    ],
)
def test_a_target_is_a_path_or_a_url(path: str, query: str, target: bytes) -> None:
    found = asked(b"GET " + target + b" HTTP/1.1\r\nHost: web1\r\n\r\n")
    assert ("GET", path, query) == (found.method, found.path, found.query)


def test_fields_are_read_by_their_names_in_any_case_and_joined() -> None:
    found = asked(
        b"GET / HTTP/1.0\r\nACCEPT: a \r\nX-Y:\r\naccept:\tb;q=0,c\r\n\r\nbody: no\r\n\r\n"
    )
    assert {"accept": "a,b;q=0,c", "x-y": ""} == found.fields


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\n\n", b"\r\n\r\nGET / HTTP/1.1\r\n\r\nmore"])
def test_line_ends_without_cr_and_empty_lines_before_are_passed_over(head: bytes) -> None:
    assert Asked("GET", "/", "", {}) == asked(head)


@pytest.mark.parametrize("whole", [b"GET / HTTP/1.1\r\nHost: web1\r\nA: b\r\n\r\n"])
def test_a_head_that_has_not_ended_is_waited_for(whole: bytes) -> None:
    assert {None} == {read(whole[:end]) for end in range(len(whole) - 1)}


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        (BAD, b"\x16\x03\x01\x02\x00\x01\x00"),  # a TLS client, which waits for an answer
        (BAD, b"\0"),
        (BAD, b" GET / HTTP/1.1"),
        (BAD, b"GET /\r\n\r\n"),
        (BAD, b"GET  / HTTP/1.1\r\n\r\n"),
        (BAD, b"GET / HTTP/1.1 \r\n\r\n"),
        (BAD, b"GET /\x1b[31m HTTP/1.1\r\n\r\n"),
        (BAD, b"GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        (BAD, b"GET / HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n"),
        (BAD, b"GET / HTTP/1.1\r\nHost : web1\r\n\r\n"),
        (BAD, b"GET / HTTP/1.1\r\n: web1\r\n\r\n"),
        (HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (LONG, b"GET /" + b"a" * LONGEST),
        (LONG, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * LONGEST),
        (LONG, b"GET / HTTP/1.1\r\nA: " + b"b" * LONGEST + b"\r\n\r\n"),
        (LONG, b"\r\n" * LONGEST),
    ],
)
def test_what_is_no_request_is_refused_as_soon_as_that_is_known(
    expected: HTTPStatus, head: bytes
) -> None:
    assert expected == read(head)


@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda b: b"GET " + b + b"\r\n\r\n"))
def test_whatever_is_sent_has_an_answer(head: bytes) -> None:
    found = read(head)
    assert found is None or isinstance(found, Asked | HTTPStatus)


@pytest.mark.parametrize(
    ("expected", "field"),
    [
        ([Choice("gzip", "", 1.0)], "gzip"),
        ([Choice("gzip", "", 0.0)], "GZIP ; Q=0.000"),
        (
            [Choice("a/b", "1.0.0", 0.5), Choice("*/*", "", 0.1)],
            'a/b;version="1.0.0";q=.5,*/*;q=.1',
        ),
        ([Choice("a", "", 0.0)], "a;q=-1"),
        ([Choice("a", "", 0.0)], "a;q=nan"),
        ([Choice("a", "", 0.0)], "a;q="),
        ([Choice("a", "", 0.0)], "a;q=1.5"),
        ([Choice("", "", 1.0)], ""),
    ],
)
def test_weights_are_read_and_those_that_cannot_be_are_none(
    expected: list[Choice], field: str
) -> None:
    assert expected == list(choices(field.replace("q=.", "q=0.")))


def test_an_answer_says_its_length_and_that_the_connection_ends() -> None:
    text = written(Answer(HTTPStatus.OK, "text/plain", b"abc", (("Vary", "Accept"),))).decode()
    assert text.startswith("HTTP/1.1 200 OK\r\n")
    assert text.endswith("\r\n\r\n")
    assert {"Content-Length: 3", "Connection: close", "Vary: Accept"} <= set(text.split("\r\n"))
