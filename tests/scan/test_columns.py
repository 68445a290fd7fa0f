"""Columns give the tally that rows give, whatever the bytes, the format and the cuts.

Each test runs with the compiled part, and with arrays alone as where there is no C compiler.
"""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchlog.formats import Format, Role, resolve
from batchlog.labels import READERS
from batchlog.scan import Timing
from batchlog.scan.count import Wanted, wants
from batchlog.scan.rows import Rows
from batchlog.scan.shape import STAMPS, shape_of
from batchlog.scan.timed import TimedRows
from batchlog.tally import Tally
from tests.scan.quicker import COLUMNS, Quicker, shape_for
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
JSON = next(spec for spec in SPECS if '"seconds"' in spec)


def good(spec: str, number: int) -> bytes:
    """Return a line that a server has written."""
    values = {"n": f"{number * 37 % 1000:03}", "s": f"{number % 28 + 10}", "d": number % 5}
    return GOOD[spec].format(**values).encode()


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


VALUES = {
    "$remote_addr": ["192.0.2.1", "::1", "a b"],
    "$remote_user": ["-", "frank", "frank miller", ""],
    "$http_referer": ["-", "https://a.example/ b", "", "1, 2"],
    "$request": ["GET / HTTP/1.1", "HEAD /a HTTP/2.0", "-", "", "GET", "x HTTP/2"],
    "$status": ["200", "404", "099", "600", "-1"],
    "$body_bytes_sent": ["5", "0", "-", "", "123456789012345", "12345678901234567"],
    "$bytes_sent": ["7", "-"],
    "$request_method": ["GET", "BREW", "OPTIONS"],
    "$server_protocol": ["HTTP/1.1", "HTTP/2", "x"],
    "$host": ["a.example", "::1", "a.example:80", "_", "[::1]:80", "A.b"],
    "$server_name": ["b.example", "b/c"],
    "$time_local": ["10/Oct/2000:13:55:36 -0700", "10/Oct/2000:13:55:60 +0000"],
    "$time_iso8601": ["2000-10-10T13:55:36-07:00", "2000-10-10T25:55:36-07:00"],
    "$request_time": ["0.123", "1", "-", "12.000001", "0.1", "1, 2"],
}
SEPARATORS = [" ", " - ", " [", "] ", '" "', ' "', '" ', "|", ":", ", ", '","k":"', ":80 ", "\t"]


@st.composite
def drawn_formats(draw: st.DrawFn) -> tuple[Format, bytes]:
    """Draw a format, and lines as a server might write them in it."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6, unique=True))
    names = draw(st.permutations([*names, *({"$status"} - set(names))]))
    between = [draw(st.sampled_from(["", "[", '"', "x "]))]
    between += [draw(st.sampled_from(SEPARATORS)) for _ in names[1:]]
    end = draw(st.sampled_from(["", '"', "]", " "]))
    odd = '"' if sum(one.count('"') for one in [*between, end]) % 2 else ""
    pairs = list(zip(between, names, strict=True))
    spec = "".join(f"{one}${{{name[1:]}}}" for one, name in pairs) + end + odd
    lines = [
        "".join(one + draw(st.sampled_from(VALUES[name])) for one, name in pairs) + end + odd
        for _ in range(4)
    ]
    return resolve(spec), "".join(f"{one}\n" for one in lines).encode()


def chunk(spec: str, changed: list[Change]) -> bytes:
    """Return good lines, some of which are damaged."""
    lines = [good(spec, number) for number in range(LINES)]
    for number, what in changed:
        lines[number] = damage(lines[number], what)
    return b"\n".join(lines) + b"\n"


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(SPECS), choices, damages, st.binary(max_size=60), st.booleans())
def test_columns_give_what_rows_give(  # noqa: PLR0917 - all of it is drawn
    quicker: Quicker,
    spec: str,
    by: tuple[str, ...],
    changed: list[Change],
    end: bytes,
    returns: bool,
) -> None:
    form, data = resolve(spec), chunk(spec, changed) + end
    data = data.replace(b"\n", b"\r\n") if returns else data
    rows = Rows(form, by, BOUNDS, "")
    assert rows.scan(data) == quicker.untimed(rows, shape_for(form, by)).scan(data)


around = st.lists(
    st.sampled_from([b"\n", b'"', b"\\", b" ", b"\r", b"200", *(good(spec, 1) for spec in SPECS)]),
    max_size=12,
).map(b"".join)


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(SPECS), choices, damages, around, around, st.booleans())
def test_columns_look_at_nothing_around_their_lines(  # noqa: PLR0917 - all of it is drawn
    quicker: Quicker,
    spec: str,
    by: tuple[str, ...],
    changed: list[Change],
    before: bytes,
    behind: bytes,
    timed: bool,
) -> None:
    form, lines = resolve(spec), chunk(spec, changed)
    data, begin, end = before + lines + behind, len(before), len(before) + len(lines)
    if not timed or not form.has_stamp:
        rows = Rows(form, by, BOUNDS, "")
        assert rows.scan(lines) == quicker.untimed(rows, shape_for(form, by)).scan(data, begin, end)
        assert rows.scan(lines) == rows.scan(data, begin, end)
        return
    one, other = (TimedRows(form, by, BOUNDS, "", timing=Timing(60), before=1) for _ in range(2))
    columns = quicker.timed(other, shape_for(form, by, timed=True))
    assert one.scan(lines) == columns.scan(data, begin, end)
    assert one.before == other.before


@settings(max_examples=2 * EXAMPLES)
@given(drawn_formats(), choices, st.lists(cuts, max_size=2), st.booleans())
def test_columns_give_what_rows_give_in_any_format(
    quicker: Quicker,
    drawn: tuple[Format, bytes],
    by: tuple[str, ...],
    what: list[tuple[int, int, bytes]],
    timed: bool,
) -> None:
    (form, lines), stamp = drawn, {"stamp"} if timed else set[str]()
    found = shape_of(form, wants(form, by) | stamp)
    if found is None:
        return
    data = lines * 12 + damage(lines, what) + lines * 3
    if not timed:
        rows = Rows(form, by, BOUNDS, "")
        assert rows.scan(data) == quicker.untimed(rows, found).scan(data)
        return
    one, other = (TimedRows(form, by, BOUNDS, "", timing=Timing(60), before=1) for _ in range(2))
    field = form.field(Role.STAMP)
    if field is not None and field.unit in STAMPS:
        assert one.scan(data) == quicker.timed(other, found).scan(data)


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
    quicker: Quicker,
    spec: str,
    by: tuple[str, ...],
    changes: list[list[Change]],
    timing: Timing,
) -> None:
    form = resolve(spec)
    rows, beneath = (TimedRows(form, by, BOUNDS, "", timing=timing, before=None) for _ in range(2))
    columns = quicker.timed(beneath, shape_for(form, by, timed=True))
    for changed in [[], *changes]:
        data = chunk(spec, changed)
        assert rows.scan(data) == columns.scan(data)
        assert rows.before == beneath.before


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("by", [(), ("status",), tuple(READERS)])
def test_nearly_nothing_that_servers_write_is_left_to_rows(
    quicker: Quicker, spec: str, by: tuple[str, ...]
) -> None:
    form = resolve(spec)
    for timed in {False, form.has_stamp}:
        what, found = Wanted(form, by, BOUNDS), shape_for(form, by, timed=timed)
        for end in (b"\n", b"\r\n"):
            data = chunk(spec, []).replace(b"\n", end) * 4
            read = quicker.read(what, found, data, timed)
            assert read is not None
            assert read.left <= 4 * LINES // 10


@pytest.mark.parametrize(
    "spec", ["%r %>s %b", "%h%l %>s %b", "%>s %b %v", '%>s %b-%v "%r"', '%>s %b--%v "%r"']
)
def test_what_only_an_expression_can_tell_has_no_shape(spec: str) -> None:
    form = resolve(spec)
    assert shape_of(form, wants(form, ("vhost",))) is None


def test_numbers_of_any_size_add_up_exactly(quicker: Quicker) -> None:
    form = resolve("common")
    line = b'h - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 %d\n'
    data = b"".join(line % (10**power + number) for power in range(16) for number in range(20))
    rows = Rows(form, (), (), "")
    tally = quicker.untimed(rows, shape_for(form, ())).scan(data)
    assert rows.scan(data) == tally
    assert (
        sum(10**power + number for power in range(16) for number in range(20))
        == next(iter(tally.rows.values()))[1]
    )


def test_a_real_log_is_read_by_columns_and_counts_the_same(quicker: Quicker) -> None:
    form, by = resolve("combined"), ("status", "method", "protocol")
    if not REAL.exists():
        pytest.skip("the real logs stand beside the checkout")
    data = REAL.read_bytes()
    rows = Rows(form, by, (), "")
    read = quicker.read(rows.wanted, shape_for(form, by), data, False)
    assert read is not None
    assert read.left < 100
    assert rows.scan(data) == quicker.untimed(rows, shape_for(form, by)).scan(data)


@pytest.mark.parametrize("timed", [False, True])
def test_lines_with_many_landmarks_are_read_in_several_goes(quicker: Quicker, timed: bool) -> None:
    form = resolve(JSON)
    data = b"".join(good(JSON, number) + b"\n" for number in range(40_000))
    found = shape_for(form, ("status",), timed=timed)
    read = COLUMNS.read(Wanted(form, ("status",), BOUNDS), found, data, timed)
    assert read is not None
    assert 0 < read.end < len(data)
    assert b"\n" == data[read.end - 1 : read.end]
    if not timed:
        rows = Rows(form, ("status",), BOUNDS, "")
        assert rows.scan(data) == quicker.untimed(rows, found).scan(data)
        return
    by = ("status",)
    one, other = (TimedRows(form, by, BOUNDS, "", timing=Timing(60), before=1) for _ in range(2))
    assert one.scan(data) == quicker.timed(other, found).scan(data)
    assert one.before == other.before


def test_shuffled_lines_go_to_their_slots(quicker: Quicker) -> None:
    form, timing = resolve("common"), Timing(60)
    line = b'h - - [10/Oct/2000:%02d:%02d:36 -0700] "GET / HTTP/1.1" 200 5\n'
    data = b"".join(line % (n * 7 % 24, n * 11 % 60) for n in range(3000))
    beneath = TimedRows(form, (), (), "", timing=timing, before=1)
    rows = TimedRows(form, (), (), "", timing=timing, before=1)
    assert rows.scan(data) == quicker.timed(beneath, shape_for(form, (), timed=True)).scan(data)


@pytest.mark.parametrize("spec", SPECS)
def test_chunks_of_which_nothing_fits_are_left_to_rows_and_tried_no_more(
    quicker: Quicker, spec: str
) -> None:
    form = resolve(spec)
    data, bad = chunk(spec, []), b"no request \\x16\n" * LINES
    rows = Rows(form, (), BOUNDS, "")
    columns = quicker.untimed(rows, shape_for(form, ()))
    for lines in [bad] * 10 + [data]:
        assert rows.scan(lines) == columns.scan(lines)
    if form.has_stamp:
        one, other = (
            TimedRows(form, (), BOUNDS, "", timing=Timing(60), before=None) for _ in range(2)
        )
        timed = quicker.timed(other, shape_for(form, (), timed=True))
        for lines in (data, bad, data):
            assert one.scan(lines) == timed.scan(lines)


def test_nothing_and_less_than_a_line_are_left_to_rows(quicker: Quicker) -> None:
    form = resolve("common")
    rows = Rows(form, (), (), "")
    columns = quicker.untimed(rows, shape_for(form, ()))
    for data in (b"", b"\n", b"\n\n\n", b"x", good("common", 1), good("common", 1) + b"\n"):
        assert rows.scan(data) == columns.scan(data)
    assert Tally() == columns.scan(b"")
