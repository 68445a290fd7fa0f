import pytest

from batchlog.formats import PRESETS, Format, pattern, resolve

LINE = b'192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 5 "-" "agent"'


def texts(form: Format, line: bytes, *wants: str) -> dict[str, bytes]:
    regex, order = pattern.counting(form, frozenset(wants))
    found = regex.fullmatch(line + b"\n")
    assert found
    return dict(zip(order, found.groups(b""), strict=True))


def test_raw_texts_are_found_whatever_their_order_in_the_format() -> None:
    form = resolve('%b %v "%r" %D %>s')
    expected = {
        "size": b"5",
        "vhost": b"example.com",
        "method": b"GET",
        "protocol": b" HTTP/1.1",
        "duration": b"17",
        "status": b"200",
    }
    found = texts(form, b'5 example.com "GET / HTTP/1.1" 17 200', *pattern.WANTS)
    assert expected == found


def test_a_text_that_the_format_does_not_carry_is_left_out() -> None:
    assert {"status": b"200"} == texts(resolve("%>s"), b"200", *pattern.WANTS)


def test_an_expression_matches_any_line_and_finds_nothing_in_a_strange_one() -> None:
    assert {"status": b"", "size": b""} == texts(PRESETS["combined"], b"no such line", "size")


@pytest.mark.parametrize("wants", [(), ("method",), ("method", "protocol", "vhost", "size")])
@pytest.mark.parametrize(
    "line",
    [LINE, LINE.replace(b"5 ", b"5x "), LINE[:-40], b'1 2 3 [] "" 1 2', b'1 2 3 [] "GET" 1 2'],
)
def test_what_matches_does_not_depend_on_what_is_wanted(
    wants: tuple[str, ...], line: bytes
) -> None:
    fewest = texts(PRESETS["combined"], line)["status"]
    assert fewest == texts(PRESETS["combined"], line, *wants)["status"]


@pytest.mark.parametrize(
    ("spec", "line", "expected"),
    [
        ('"%r" %>s', b'"GET / HTTP/1.1" 200', (b"GET", b"HTTP/1.1")),
        ("%r %>s", b"GET /a b HTTP/1.1 200", (b"GET", b"HTTP/1.1")),
        ("%r|%>s", b"GET / HTTP/1.1|200", (b"GET", b"HTTP/1.1")),
        ("%m %H %>s", b"GET HTTP/1.1 200", (b"GET", b"HTTP/1.1")),
        ('"%m %U%q %H" %>s', b'"GET /a?b HTTP/1.1" 200', (b"GET", b"HTTP/1.1")),
        ('"%r" %>s', b'"GET" 200', (b"GET", b"")),
        ('"%r" %>s', b'"" 200', (b"", b"")),
        ('"%r" %>s', rb'"\x16\x03" 200', (b"", b"x16\\x03")),
        ('"%r" %>s', rb'"GET\x00 /" 200', (b"", b"x00 /")),
    ],
)
def test_the_ends_of_a_request_are_found(
    spec: str, line: bytes, expected: tuple[bytes, bytes]
) -> None:
    found = texts(resolve(spec), line, "method", "protocol")
    assert found["status"] == b"200"
    assert expected[0] == found["method"]
    assert found["protocol"].endswith(expected[1])


def test_a_host_that_runs_into_the_next_field_ends_where_no_host_goes_on() -> None:
    form = resolve('"$request_method $scheme://$host$request_uri" $status')
    assert texts(form, b'"GET http://example.com/a:b" 200', "vhost")["vhost"] == b"example.com"


@pytest.mark.parametrize("host", [b"example.com", b"[2001:db8::1]", b"-", b""])
def test_a_host_before_its_port_is_whole(host: bytes) -> None:
    found = texts(PRESETS["vhost_combined"], host + b":80 " + LINE, "vhost")
    assert host == found["vhost"]


@pytest.mark.parametrize(
    ("tail", "duration", "host"),
    [
        (b' "-" 0.125 "example.com"', b"0.125", b"example.com"),
        (b' "-" 0.125 "exam', b"0.125", b""),
        (b' "-" 0.125', b"", b""),
        (b' "-', b"", b""),
        (b"", b"", b""),
        (b' "a\\" b" 0.125 "a"', b"0.125", b"a"),
    ],
)
def test_what_is_measured_beyond_the_bytes_is_found_where_it_is_whole(
    tail: bytes, duration: bytes, host: bytes
) -> None:
    form = resolve('"$request" $status $body_bytes_sent "$http_referer" $request_time "$host"')
    found = texts(form, b'"GET /" 200 5' + tail, "duration", "vhost", "size")
    assert {"status": b"200", "size": b"5", "duration": duration, "vhost": host} == found


def test_a_format_without_spaces_ends_its_fields_at_its_own_signs() -> None:
    form = resolve('{"status":$status,"bytes":$body_bytes_sent,"rt":"$request_time"}')
    found = texts(form, b'{"status":200,"bytes":5,"rt":"0.1"}', "size", "duration")
    assert {"status": b"200", "size": b"5", "duration": b"0.1"} == found
    piped = resolve("$remote_user|$status|$body_bytes_sent|$request_time")
    found = texts(piped, b"a b|200|5|0.1", "size", "duration")
    assert {"status": b"200", "size": b"5", "duration": b"0.1"} == found


def test_the_last_field_of_a_torn_line_is_no_stamp() -> None:
    shape = pattern.stamped(resolve('%>s %{sec}t "%r"'))
    assert shape is not None
    assert shape.match(b"200 97121") is None
    assert shape.match(b'200 971211336 "GET') is not None
    assert pattern.stamped(resolve("%>s")) is None


def test_a_duration_that_runs_into_the_next_field_is_its_digits() -> None:
    form = resolve('$status "$request" $request_time$pipe')
    assert texts(form, b'200 "GET /" 0.125p', "duration")["duration"] == b"0.125"
