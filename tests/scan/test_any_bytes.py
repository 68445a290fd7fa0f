"""Whatever bytes a log holds: nothing crashes, every line is in one count, cuts change nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.detect import detect, explain
from batchlog.formats import Format, resolve
from batchlog.labels import READERS
from batchlog.scan import scanner
from batchlog.tally import Tally

NGINX = '$host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'
FORMATS = [
    *(resolve(name) for name in ("common", "combined", "vhost_combined", "combinedio")),
    resolve(f'{NGINX} "$http_user_agent" $request_time'),
    resolve("%r %>s %b %{sec}t"),
    resolve('{"t":"$time_iso8601","s":$status,"b":$bytes_sent,"d":$request_time,"h":"$host"}'),
    resolve("$status"),
]
BOUNDS = (1_000_000, 1_000_000_000)

WHOLE = [
    b'192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "agent"',
    b'192.0.2.1 - a b [10/Oct/2000:13:55:37 -0700] "POST /\\" HTTP/2.0" 404 - "-" "-" 1 2',
    b'example.com:80 ::1 - - [10/Oct/2000:13:55:38 -0700] "-" 500 7 "-" "agent"',
    b'example.com ::1 - - [10/Oct/2000:13:55:39 -0700] "GET /" 500 7 "agent" 0.125',
    b"GET / HTTP/1.1 200 5 971211336",
    b'{"t":"2000-10-10T13:55:36-07:00","s":200,"b":5,"d":0.1,"h":"a.example"}',
    b"204",
]
PIECES = [
    b'"',
    b"\\",
    b" ",
    b"\n",
    b"\r",
    b"\0",
    b"[",
    b"]",
    b"-",
    b"9" * 20,
    b'""',
    b'" ',
    b"\xff",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a good line with pieces cut out, and others put in."""
    line = draw(st.sampled_from(WHOLE))
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(line)))
        end = draw(st.integers(begin, min(begin + 4, len(line))))
        line = line[:begin] + draw(st.sampled_from([b"", *PIECES])) + line[end:]
    return line


chunks = st.lists(damaged() | st.binary(max_size=40), max_size=8).map(b"\n".join)
formats = st.sampled_from(FORMATS)
choices = st.lists(st.sampled_from(sorted(READERS)), unique=True).map(tuple)


def scan(form: Format, by: tuple[str, ...], lines: bytes) -> Tally:
    return scanner(form, by, BOUNDS).scan(lines)


@given(formats, choices, chunks | st.binary())
def test_every_line_is_in_exactly_one_count(form: Format, by: tuple[str, ...], data: bytes) -> None:
    tally = scan(form, by, data)
    expected = data.count(b"\n") + (data != b"" and not data.endswith(b"\n"))
    assert expected == tally.counted + tally.malformed
    assert (0, 0, 0) == (tally.oversize, tally.skipped, tally.undated)
    width = 6 if form.has_duration else 2
    assert all(len(row) == width and min(row) >= 0 for row in tally.rows.values())
    assert all(len(values) == len(by) for _, values in tally.rows)


@given(formats, choices, chunks, st.data())
def test_cutting_a_chunk_at_newlines_gives_the_same_tally_r47(
    form: Format, by: tuple[str, ...], data: bytes, more: st.DataObject
) -> None:
    lines = [x + b"\n" for x in data.split(b"\n")]
    begins = more.draw(st.lists(st.integers(0, len(lines)), max_size=4).map(sorted))
    whole = scan(form, by, b"".join(lines))
    reader = scanner(form, by, BOUNDS)
    merged = Tally()
    for begin, end in zip([0, *begins], [*begins, len(lines)], strict=True):
        merged.merge(reader.scan(b"".join(lines[begin:end])))
    assert whole == merged


@given(formats, choices, chunks)
def test_what_counts_is_the_same_whatever_is_measured(
    form: Format, by: tuple[str, ...], data: bytes
) -> None:
    fewest, most = scan(form, (), data), scan(form, by, data)
    assert (fewest.counted, fewest.malformed, fewest.newest) == (
        *(most.counted, most.malformed, most.newest),
    )
    totals = [
        [sum(column) for column in zip(*t.rows.values(), strict=True)] for t in (fewest, most)
    ]
    assert totals[0] == totals[1]


@given(formats, chunks)
def test_the_end_of_lines_changes_nothing_r53(form: Format, data: bytes) -> None:
    data = data.replace(b"\r", b"")
    assert scan(form, ("status",), data) == scan(form, ("status",), data.replace(b"\n", b"\r\n"))


@given(formats, chunks | st.binary())
def test_detection_and_explanation_take_any_line(form: Format, data: bytes) -> None:
    detect(data.split(b"\n"))
    for line in data.split(b"\n"):
        told = explain(form, line)
        assert told.counts == (scan(form, (), line + b"\n").counted == 1)
        assert told.mismatch is None or 1 <= told.mismatch.column <= len(line) + 1


@pytest.mark.parametrize("line", WHOLE)
def test_every_good_line_counts_in_some_format(line: bytes) -> None:
    assert any(scan(form, (), line).counted for form in FORMATS)
