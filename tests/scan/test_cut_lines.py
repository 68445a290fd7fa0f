r"""A line that was cut anywhere says nothing that the whole line does not say (R55).

Whatever is cut ends with `\0\n`, at which no number, name or time ends.
"""

import pytest

from batchlog.formats import resolve
from batchlog.scan import Timing, scanner
from batchlog.segments.lines import beginning
from batchlog.tally import Tally

BOUNDS = (100_000_000, 10_000_000_000)
BY = ("status", "method", "protocol", "vhost")

COMBINED = (
    '192.0.2.1 - me [10/Oct/2026:13:55:36 +0000] "GET /a%20b HTTP/1.1" 404 23260 "http://r/" "t x"'
)
LINES = [
    ("common", '192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.0" 200 2326'),
    ("combined", COMBINED),
    ("combined", COMBINED.replace("23260", "-")),
    ("combined", COMBINED.replace("t x", r"t\"x\x80")),
    ("vhost_combined", f"www.example.org:8443 {COMBINED}"),
    ("combinedio", f"{COMBINED} 512 24000"),
    ("%>s %b %D", "301 12345 987654"),
    ("%b %>s %v", "12345 301 www.example.org"),
    ("%v:%p %>s %b %T", "www.example.org:443 500 77 12"),
    ("%>s %b %t %D %v", "200 1234 [10/Oct/2026:13:55:36 +0000] 250000 b.example"),
    ("$status $body_bytes_sent $request_time $host", "503 1200 12.345 www.example.org"),
    ('$status "$body_bytes_sent" "$request_time" "$host"', '503 "1200" "12.345" "www.a.org"'),
    ('$status [$time_local] $body_bytes_sent "$request"', '200 [x] 4500 "POST /p HTTP/2.0"'),
    ("$body_bytes_sent $time_iso8601 $status", "9876 2026-10-10T13:55:36+00:00 204"),
    ("$request_time $status $body_bytes_sent $msec", "1.250 200 55 1795000000.123"),
]


def scan(spec: str, text: bytes, timing: Timing | None = None) -> Tally:
    before = None if timing is None else 60
    return scanner(resolve(spec), BY, BOUNDS, "", timing, before).scan(text)


def may_say(cut: str, whole: str) -> bool:
    return cut in (whole, "other")


@pytest.mark.parametrize(("spec", "text"), LINES)
@pytest.mark.parametrize("timing", [None, Timing(60)])
def test_r55_a_cut_line_says_no_more_than_the_whole_one(
    spec: str, text: str, timing: Timing | None
) -> None:
    line = text.encode()
    ((_, labels), row), *_ = scan(spec, line + b"\n", timing).rows.items()
    counted = 0
    for end in range(len(line) + 1):
        tally = scan(spec, beginning(line[:end]), timing)
        assert 1 == tally.lines
        for (_, said), cut in tally.rows.items():
            counted += 1
            assert all(map(may_say, said, labels)), (line[:end], said)
            assert labels[0] == said[0]
            assert row[:2] == cut[:2], line[:end]
            assert not any(cut[2:]) or row[2:] == cut[2:], line[:end]
    assert counted < len(line)


@pytest.mark.parametrize(("spec", "text"), LINES)
def test_r55_it_counts_as_soon_as_what_follows_its_numbers_is_there(spec: str, text: str) -> None:
    line = text.encode() + b" and what no format names"
    ends = [end for end in range(len(line)) if scan(spec, beginning(line[:end])).counted]
    assert list(range(ends[0], len(line))) == ends
    before = line[: ends[0]]
    assert before[-2:-1] in b'0123456789-"]'
    assert 0 == scan(spec, beginning(before[:-1])).counted
