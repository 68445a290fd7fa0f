"""Columns give the tally that rows give, whatever the bytes, the format and the cuts."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchlog.formats import Format, resolve
from batchlog.labels import READERS
from batchlog.scan import Timing
from batchlog.scan.columns import Columns, Measurer, TimedColumns
from batchlog.scan.count import wants
from batchlog.scan.rows import Rows
from batchlog.scan.shape import Shape, shape_of
from batchlog.scan.timed import TimedRows
from batchlog.tally import Tally
from tests.scan.test_any_bytes import BOUNDS, PIECES

EXAMPLES = int(os.environ.get("BATCHLOG_TEST_EXAMPLES", "300"))
REAL = Path(__file__).parents[2] / "../shared/data/elastic-examples/apache_logs/apache_logs"
LINES = 60
"""Good lines of a chunk: columns take no chunk of which a quarter is left to rows."""

# What a server writes in each format; {n} is a number that differs from line to line.
GOOD = {
    "common": 'h{n} - - [10/Oct/2000:13:55:{s} -0700] "GET /{n} HTTP/1.1" 200 {n}',
    "combined": '::{n} - - [10/Oct/2000:13:{s}:36 -0700] "POST /{n}" 40{d} - "-" "agent"',
    "vhost_combined": 'w{d}.example:80 ::1 - a b [10/Oct/2000:13:55:{s} +0000] "-" 500 {n} "-" "-"',
    "combinedio": ':: - - [1{d}/Oct/2000:13:55:38 +0000] "HEAD / HTTP/2.0" 304 0 "-" "-" {n} {n}',
    '$host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
    '"$http_user_agent" $request_time': (
        'w{d}.example ::1 - - [10/Oct/2000:13:{s}:39 -0700] "GET / HTTP/3.0" 200 {n} "a" {d}.{n}'
    ),
    '$remote_addr [$time_iso8601] "$request_method $uri $server_protocol" $status $bytes_sent '
    "$upstream_response_time $request_time": (
        '::1 [2000-10-10T13:{s}:36-07:00] "PUT /{n} HTTP/1.0" 201 {n}{n} 0.{n} 0.{n}'
    ),
    '{"t":"$time_iso8601","s":$status,"b":$bytes_sent,"d":$request_time,"h":"$host"}': (
        '{{"t":"2000-10-10T13:{s}:36+00:00","s":200,"b":{n},"d":0.{n},"h":"w{d}.example"}}'
    ),
    '{"time":"$time_iso8601","status":"$status","bytes":"$body_bytes_sent","r":"$request",'
    '"seconds":"$request_time"}': (
        '{{"time":"2000-10-10T13:{s}:36+00:00","status":"40{d}","bytes":"{n}","r":"GET / HTTP/1.1",'
        '"seconds":"{d}.{n}"}}'
    ),
    "%v %>s %b %D %T": "w{d}.example 200 {n} {n} 0",
    "%>s %B %{Host}i|%H|%m %D": "200 {n} w{d}.example|HTTP/1.1|GET {n}",
    "$status": "20{d}",
}
SPECS = sorted(GOOD)


def good(spec: str, number: int) -> bytes:
    """Return a line that a server has written."""
    values = {"n": f"{number * 37 % 1000:03}", "s": f"{number % 28 + 10}", "d": number % 5}
    return GOOD[spec].format(**values).encode()


def shape(form: Format, by: Sequence[str], *, timed: bool = False) -> Shape:
    found = shape_of(form, wants(form, tuple(by)) | ({"stamp"} if timed else set()))
    assert found is not None
    return found


def damage(line: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    """Cut pieces out of a line, and put others in."""
    for at, length, piece in cuts:
        begin = at % (len(line) + 1)
        line = line[:begin] + piece + line[begin + length :]
    return line


OTHERS = [*PIECES, b"", b"\r\n", b" [", b"] ", b'" "', b"0.5", b"-", b"HTTP/2", b" GET ", b":"]
Change = tuple[int, list[tuple[int, int, bytes]]]
"""The number of a line, and what is cut out of it and put in."""
cuts = st.tuples(st.integers(0, 200), st.integers(0, 6), st.sampled_from(OTHERS))
damages = st.lists(
    st.tuples(st.integers(0, LINES - 1), st.lists(cuts, min_size=1, max_size=4)), max_size=12
)
choices = st.lists(st.sampled_from(sorted(READERS)), unique=True).map(tuple)


def chunk(spec: str, changed: list[Change]) -> bytes:
    """Return good lines, some of which are damaged."""
    lines = [good(spec, number) for number in range(LINES)]
    for number, what in changed:
        lines[number] = damage(lines[number], what)
    return b"\n".join(lines) + b"\n"


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(SPECS), choices, damages, st.binary(max_size=60), st.booleans())
def test_columns_give_what_rows_give(
    spec: str,
    by: tuple[str, ...],
    changed: list[Change],
    end: bytes,
    returns: bool,
) -> None:
    form, data = resolve(spec), chunk(spec, changed) + end
    data = data.replace(b"\n", b"\r\n") if returns else data
    rows = Rows(form, by, BOUNDS, "")
    assert rows.scan(data) == Columns(rows, shape(form, by)).scan(data)


@settings(max_examples=EXAMPLES)
@given(
    st.sampled_from([spec for spec in SPECS if resolve(spec).has_stamp]),
    choices,
    st.lists(damages, min_size=1, max_size=3),
    st.builds(
        Timing,
        st.sampled_from([60, 1, 3600]),
        st.sampled_from([None, 971_211_336, 971_186_130]),
        st.sampled_from([None, 971_211_338, 971_186_140]),
    ),
)
def test_columns_count_by_time_as_rows_do(
    spec: str,
    by: tuple[str, ...],
    changes: list[list[Change]],
    timing: Timing,
) -> None:
    form = resolve(spec)
    rows, beneath = (TimedRows(form, by, BOUNDS, "", timing=timing, before=None) for _ in range(2))
    columns = TimedColumns(beneath, shape(form, by, timed=True))
    for changed in [[], *changes]:
        data = chunk(spec, changed)
        assert rows.scan(data) == columns.scan(data)
        assert rows.before == beneath.before


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("by", [(), ("status",), tuple(READERS)])
def test_nearly_nothing_that_servers_write_is_left_to_rows(spec: str, by: tuple[str, ...]) -> None:
    form = resolve(spec)
    for timed in {False, form.has_stamp}:
        read = Measurer(
            Rows(form, by, BOUNDS, "").wanted, shape(form, by, timed=timed), timed=timed
        )
        found = read.measure(chunk(spec, []) * 4)
        assert found is not None
        assert len(found.left) <= 4 * LINES // 10


@pytest.mark.parametrize("spec", ["%r %>s %b", "%h%l %>s %b", "%>s %b %v"])
def test_what_only_an_expression_can_tell_has_no_shape(spec: str) -> None:
    form = resolve(spec)
    assert shape_of(form, wants(form, ("vhost",))) is None


def test_numbers_of_any_size_add_up_exactly() -> None:
    form = resolve("common")
    line = b'h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 %d\n'
    data = b"".join(line % (10**power + number) for power in range(16) for number in range(20))
    rows = Rows(form, (), (), "")
    tally = Columns(rows, shape(form, ())).scan(data)
    assert rows.scan(data) == tally
    assert (
        sum(10**power + number for power in range(16) for number in range(20))
        == next(iter(tally.rows.values()))[1]
    )


def test_a_real_log_is_read_by_columns_and_counts_the_same() -> None:
    form, by = resolve("combined"), ("status", "method", "protocol")
    data = REAL.read_bytes()
    rows = Rows(form, by, (), "")
    read = Measurer(rows.wanted, shape(form, by)).measure(data)
    assert read is not None
    assert len(read.left) < 100
    assert rows.scan(data) == Columns(rows, shape(form, by)).scan(data)


def test_shuffled_lines_go_to_their_slots() -> None:
    form, timing = resolve("common"), Timing(60)
    line = b'h - - [10/Oct/2000:%02d:%02d:36 -0700] "GET / HTTP/1.1" 200 5\n'
    data = b"".join(line % (n * 7 % 24, n * 11 % 60) for n in range(3000))
    beneath = TimedRows(form, (), (), "", timing=timing, before=1)
    rows = TimedRows(form, (), (), "", timing=timing, before=1)
    assert rows.scan(data) == TimedColumns(beneath, shape(form, (), timed=True)).scan(data)


def test_nothing_and_less_than_a_line_are_left_to_rows() -> None:
    form = resolve("common")
    rows = Rows(form, (), (), "")
    columns = Columns(rows, shape(form, ()))
    for data in (b"", b"\n", b"\n\n\n", b"x", good("common", 1), good("common", 1) + b"\n"):
        assert rows.scan(data) == columns.scan(data)
    assert Tally() == columns.scan(b"")
