"""Columns agree with rows about single odd texts, each in its place among good lines."""

from itertools import product

import pytest

from batchlog.formats import resolve
from batchlog.scan import Timing
from batchlog.scan.count import wants
from batchlog.scan.rows import Rows
from batchlog.scan.shape import shape_of
from batchlog.scan.timed import TimedRows
from tests.scan.quicker import Quicker, shape_for
from tests.scan.test_any_bytes import BOUNDS

BEGINNING = '$remote_addr [$time_local] "$request" $status $body_bytes_sent $request_time'
LAST = '$remote_addr [$time_local] $status $body_bytes_sent $request_time "$request"'
JSON = (
    '{"at":"$time_iso8601","request":"$request","status":"$status","bytes":"$body_bytes_sent",'
    '"seconds":"$request_time"}'
)
SPECS = [BEGINNING, f'{BEGINNING} "$http_user_agent"', f"{BEGINNING} ms", LAST, JSON]
USUAL = {
    "$remote_addr": "192.0.2.1",
    "$time_local": "10/Oct/2000:13:55:36 -0700",
    "$time_iso8601": "2000-10-10T13:55:36-07:00",
    "$request": "GET / HTTP/1.1",
    "$status": "200",
    "$body_bytes_sent": "5",
    "$request_time": "0.250",
    "$http_user_agent": "-",
}
LIMIT = "9007199254740992"
ODD = {
    "$remote_addr": ["", "a b", "[", "a [b"],
    "$time_local": [
        *("10/Oct/2000:13:55:61 -0700", "10/Oct/2000:13:55:60 -0700", "10/Oct/2000:13:55:99 -0700"),
        *("10/Oct/2000:13:55:3x -0700", "10/Oct/2000:13:55:x6 -0700", "10/Oct/2000:13:55: 6 -0700"),
        *("10/Oct/2000:13:55:36 +0700", "10/Oct/2000:13:55:36 -07000", "10/Oct/2000:13:55:36 -070"),
        *("10/Oct/2000:13:54:36 -0700", "11/Oct/2000:13:55:36 -0700", "-", "", "x"),
    ],
    "$time_iso8601": [
        *("2000-10-10T13:55:61-07:00", "2000-10-10T13:55:36-07:000", "2000-10-10T13:55:36-07:0"),
        *("2000-10-10T13:55:36+07:00", "2000-10-10T13:55:x6-07:00", "2000-10-10 13:55:36-07:00"),
        *("2000-10-10T13:55:36Z", "2000-10-10T13:55:36.123-07:00", "", "-"),
    ],
    "$request": [
        *('GET /\\" 404 7 0.1 ', 'GET /\\" 404 7 0.1', "GET /\nHTTP/1.1", '" 404 7 0.1', '"'),
        *("\\x16\\x03", "GET /\\x22 404", "\\x", "GET \\x", "\\u0001 a", "GET\\x20/", "\\x\\y"),
        *('\\x16\\" 404 7 0.1 ', '\\x" 404 7 0.1 "', '\\\\x" 404 7 0.1 "', "GET / HTTP/1.1\\x"),
        *(
            " HTTP/2",
            "x HTTP/2",
            " HTTP/1.1",
            "HTTP/2",
            "HTTP/1.1",
            " ",
            "  ",
            "GET  ",
            "PATCHPATCH /",
        ),
        *("GETGETGETGET", "GET /HTTP/1.1", "GET / xHTTP/1.1", "GET / HTTP/1.12", "GET HTTP/2 "),
        *('GET / " 404 7 0.1 "', "\\", "\\x00", "", "-", "\x00"),
    ],
    "$status": [
        "20",
        "2000",
        "",
        "-",
        "2 0",
        "20x",
        "x00",
        "000",
        "20 ",
        " 20",
        "099",
        "-20",
        "+20",
    ],
    "$body_bytes_sent": [
        *("", "-", "--", "-5", "+5", "5.5", "5.", ".5", "0x5", " 5", "5 5", "007", "0" * 30 + "7"),
        *("1" * 15, "1" * 16, "1" * 17, "1" * 19, "9" * 20, "9" * 40, LIMIT, f"{int(LIMIT) + 1}"),
    ],
    "$request_time": [
        *("", "-", ".5", "5.", ".", "1.2.3", "-0.1", "1e3", "0.1, 0.2", "0x1", "00000000000001.5"),
        *("0.1", "0.12", "0.1234", "0.123456", "0.123456789", "0.1234567891", f"0.{'1' * 40}"),
        *("9007199", "9007199.254740992", "9007199.254740993", "9007199.3", "9007200", "9007200.1"),
        *("9" * 15, "9" * 16, "9" * 17, "9" * 40, f"{'9' * 40}.5", "0.999999999", "0.000000001"),
    ],
    "$http_user_agent": [
        "",
        " ",
        "\\",
        "\\x22",
        "\\xe2\\u00e2",
        "\\xe2\\",
        "\\x ",
        '"',
        '\\"',
        "a\nb",
        "a\r",
    ],
}
CASES = [(name, text) for name, texts in ODD.items() for text in texts]


def line(spec: str, **changed: str) -> bytes:
    texts = USUAL | changed
    for name in sorted(texts, reverse=True):  # a longer name before the one it begins with
        spec = spec.replace(name, texts[name], 1)
    return f"{spec}\n".encode()


def chunk(spec: str, name: str, text: str) -> bytes:
    """Return many good lines, and odd ones: at both ends, alone, and two after each other."""
    usual, odd = line(spec), line(spec, **{name: text})
    times = {
        "$time_local": "10/Oct/2000:13:56:01 -0700",
        "$time_iso8601": "2000-10-10T13:56:01-07:00",
    }
    later = line(spec, **times)
    return odd + usual * 30 + odd + usual * 9 + odd * 2 + later * 30 + odd


def _with(name: str) -> list[str]:
    return [spec for spec in SPECS if name in spec]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_columns_agree_with_rows(quicker: Quicker, name: str, text: str) -> None:
    for spec, end in product(_with(name), (b"\n", b"\r\n")):
        data = chunk(spec, name, text).replace(b"\n", end)
        form, by = resolve(spec), ("status", "method", "protocol")
        shape = shape_for(form, by)
        rows = Rows(form, by, BOUNDS, "")
        assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)


@pytest.mark.parametrize(("name", "text"), CASES)
def test_columns_agree_with_rows_by_time(quicker: Quicker, name: str, text: str) -> None:
    for spec, step in product(_with(name), (1, 60)):
        form, data = resolve(spec), chunk(spec, name, text)
        one, other = (TimedRows(form, (), BOUNDS, "", timing=Timing(step), before=9) for _ in "ab")
        shape = shape_for(form, (), timed=True)
        assert one.scan(data) == quicker.timed(other, shape).scan(data)
        assert one.before == other.before


@pytest.mark.parametrize(
    ("what", "other"), [(b"bytes", b"bytesX"), (b"bytes", b"byte"), (b"at", b"it")]
)
def test_columns_agree_with_rows_about_other_keys(
    quicker: Quicker, what: bytes, other: bytes
) -> None:
    form, usual = resolve(JSON), line(JSON)
    data = usual * 30 + usual.replace(what, other, 1) + usual * 30
    rows = Rows(form, (), BOUNDS, "")
    shape = shape_for(form, ())
    assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)


@pytest.mark.parametrize("text", ["a", "a\\", "a\\x", "\\x", "a\\xx", "\\u"])
@pytest.mark.parametrize("spec", ["%ux%>s %b", "%uy%>s %b", '"%u" x%>s %b', "%u\\x%>s %b"])
def test_columns_agree_with_rows_about_escapes_that_may_hide_a_literal(
    quicker: Quicker, spec: str, text: str
) -> None:
    form = resolve(spec)
    usual, odd = (spec.replace("%u", user).replace("%>s %b", "200 5") for user in ("me", text))
    data = f"{usual}\n".encode() * 9 + f"{odd}\n".encode() + f"{usual}\n".encode() * 9
    rows = Rows(form, (), (), "")
    shape = shape_for(form, ())
    assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)


@pytest.mark.parametrize(
    "request_line", [" HTTP/2", "x HTTP/2", " HTTP/3.0", "HTTP/2", "a HTTP/1.1"]
)
def test_columns_agree_with_rows_about_requests_that_begin_a_line(
    quicker: Quicker, request_line: str
) -> None:
    form, by = resolve('"$request" $status $body_bytes_sent'), ("protocol",)
    data = f'"{request_line}" 200 5\n'.encode() + b'"GET / HTTP/1.1" 200 5\n' * 30
    rows = Rows(form, by, (), "")
    shape = shape_for(form, by)
    assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)


def test_columns_agree_with_rows_about_a_dash_that_is_bytes_or_a_literal(quicker: Quicker) -> None:
    form, by = resolve('%h "%r" %>s %b-%H "%{UA}i"'), ("protocol",)
    shape = shape_of(form, wants(form, by))
    data = b'h "GET /" 200 5-HTTP/1.1 "a"\n' * 20 + b'h "GET /" 200 --HTTP/1.1 "a"\n'
    rows = Rows(form, by, BOUNDS, "")
    if shape is not None:
        assert rows.scan(data) == quicker.untimed(rows, shape).scan(data)
