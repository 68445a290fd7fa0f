import pytest

from batchlog.formats import PRESETS, resolve
from batchlog.scan import scanner
from batchlog.scan.count import PART, parts
from batchlog.tally import UNTIMED, Tally

HEAD = b"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "
REQUEST = b'"GET /a HTTP/1.1"'
LINE = HEAD + REQUEST + b' 200 5 "-" "agent"'


def scan(lines: bytes, *by: str, spec: str = "combined", bounds: tuple[int, ...] = ()) -> Tally:
    return scanner(resolve(spec), by, bounds).scan(lines)


def outcome(line: bytes, spec: str = "combined") -> tuple[int, int, int]:
    """Return requests, bytes and malformed of one line."""
    tally = scan(line + b"\n", spec=spec)
    requests, size = tally.rows.get((UNTIMED, ()), [0, 0])
    assert tally.lines == 1
    return requests, size, tally.malformed


def labels(line: bytes, *by: str, spec: str = "combined") -> tuple[str, ...]:
    [(_, values)] = scan(line + b"\n", *by, spec=spec).rows
    return values


def test_the_line_that_it_all_began_with() -> None:
    line = (
        b"127.0.0.1 user-identifier frank [10/Oct/2000:13:55:36 -0700] "
        b'"GET /apache_pb.gif HTTP/1.0" 200 2326'
    )
    expected = Tally({(UNTIMED, ("200",)): [1, 2326]}, newest=971211336)
    assert expected == scan(line, "status", spec="common")


def test_labels_follow_the_order_in_which_they_were_asked_for() -> None:
    by = ("protocol", "vhost", "status", "method", "status_class")
    line = b"Example.COM:443 " + LINE
    expected = ("HTTP/1.1", "example.com", "200", "GET", "2xx")
    assert expected == labels(line, *by, spec="vhost_combined")
    assert expected[::-1] == labels(line, *by[::-1], spec="vhost_combined")


def test_no_labels_give_one_row() -> None:
    assert {(UNTIMED, ()): [2, 10]} == scan(LINE + b"\n" + LINE + b"\n").rows


def test_a_label_that_the_format_does_not_carry_is_other() -> None:
    assert ("other", "200") == labels(LINE, "vhost", "status")
    assert ("other", "other") == labels(b"200", "method", "protocol", spec="%>s")


def test_nothing_gives_nothing() -> None:
    assert Tally() == scan(b"", "status")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\r"])
@pytest.mark.parametrize("spec", ["common", "combined", "%>s %b %h %l %u %t"])
def test_the_end_of_a_line_is_no_part_of_it_r53(end: bytes, spec: str) -> None:
    line = {"common": HEAD + b'"" 200 5', "combined": LINE}.get(spec, b"200 5 a b c [t]")
    assert {(UNTIMED, ("200",)): [1, 5]} == scan(line + end, "status", spec=spec).rows


@pytest.mark.parametrize(
    "head",
    [
        b"2001:db8::1 - - [10/Oct/2000:13:55:36 -0700] ",
        b"host.example.com - - [10/Oct/2000:13:55:36 -0700] ",
        b"192.0.2.1 - frank miller jr [10/Oct/2000:13:55:36 -0700] ",
        b"192.0.2.1 - a [b] [c [10/Oct/2000:13:55:36 -0700] ",
        b'192.0.2.1 - "" [10/Oct/2000:13:55:36 -0700] ',
        rb"192.0.2.1 - fr\"a\"nk [10/Oct/2000:13:55:36 -0700] ",
        rb"192.0.2.1 - dom\\user [10/Oct/2000:13:55:36 -0700] ",
        b"192.0.2.1 -  -  [10/Oct/2000:13:55:36 -0700] ",
        b" - - [10/Oct/2000:13:55:36 -0700] ",
        b"192.0.2.1   [10/Oct/2000:13:55:36 -0700] ",
        b"192.0.2.1 - \xff\xfe\x80 [10/Oct/2000:13:55:36 -0700] ",
        b"\0\0\0192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] ",
        b"192.0.2.1 - - [29/Aug/2023 22:02:58] ",
        b"192.0.2.1 - - [-] ",
        b"192.0.2.1 - - [] ",
    ],
)
def test_what_stands_before_the_request_may_be_odd(head: bytes) -> None:
    assert (1, 5, 0) == outcome(head + REQUEST + b' 200 5 "-" "-"')


@pytest.mark.parametrize(
    ("request_line", "method", "protocol"),
    [
        (b"GET / HTTP/1.0", "GET", "HTTP/1.0"),
        (b"POST /a b c HTTP/2.0", "POST", "HTTP/2.0"),
        (b"PATCH /a HTTP/2", "PATCH", "HTTP/2.0"),
        (b"get / HTTP/1.1", "other", "HTTP/1.1"),
        (b"GET /", "GET", "other"),
        (b"GET", "GET", "other"),
        (b"HTTP/1.1", "other", "other"),
        (b"", "other", "other"),
        (b"-", "other", "other"),
        (b"\\x16\\x03\\x01", "other", "other"),
        (b"\x16\x03\x01\0", "other", "other"),
        (b"\xff\xfe HTTP/1.1", "other", "HTTP/1.1"),
        (b'GET /\\"quoted\\" HTTP/1.1', "GET", "HTTP/1.1"),
        (b"GET /\\x22quoted\\x22 HTTP/1.1", "GET", "HTTP/1.1"),
        (b'GET /\\" 999 999 \\" HTTP/1.1', "GET", "HTTP/1.1"),
        (b"GET /\\\\ HTTP/1.1", "GET", "HTTP/1.1"),
        (b"GET\\x00 / HTTP/1.1", "other", "HTTP/1.1"),
        (b" / HTTP/1.1", "other", "HTTP/1.1"),
    ],
)
def test_any_request_counts(request_line: bytes, method: str, protocol: str) -> None:
    line = HEAD + b'"' + request_line + b'" 200 5 "-" "-"'
    assert (1, 5, 0) == outcome(line)
    assert ("200", method, protocol) == labels(line, "status", "method", "protocol")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (b"200 5", (1, 5, 0)),
        (b"200 -", (1, 0, 0)),
        (b"200 ", (1, 0, 0)),
        (b'200  "-"', (1, 0, 0)),
        (b'200 5 "-" "cut he', (1, 5, 0)),
        (b"200 5 and anything", (1, 5, 0)),
        (b'200 5"', (1, 5, 0)),
        (b"200 9007199254740992", (1, 2**53, 0)),
        (b"200 9007199254740993", (0, 0, 1)),
        (b"200 -5", (0, 0, 1)),
        (b"200 5x", (0, 0, 1)),
        (b"200 5.0", (0, 0, 1)),
        (b"200 0x5", (0, 0, 1)),
        (b"- 5", (0, 0, 1)),
        (b" 5", (0, 0, 1)),
        (b"2OO 5", (0, 0, 1)),
        (b"200.0 5", (0, 0, 1)),
        (b"200", (0, 0, 1)),
        (b"", (0, 0, 1)),
        (b"-1 5", (1, 5, 0)),
        (b"99999 5", (1, 5, 0)),
    ],
)
def test_a_line_counts_when_its_status_and_bytes_can_be_read_r57(
    numbers: bytes, expected: tuple[int, int, int]
) -> None:
    assert expected == outcome(HEAD + REQUEST + b" " + numbers)


@pytest.mark.parametrize("code", [b"-1", b"0", b"99", b"600", b"99999", b"9" * 5000])
def test_a_status_of_any_digits_counts_as_other(code: bytes) -> None:
    line = HEAD + REQUEST + b" " + code + b" 5"
    assert ("other", "other") == labels(line, "status", "status_class")


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b" ", b"\r", b"\0" * 4096, b"#", b"\x1f\x8b\x08\0", b"\xff" * 99, b'"', b"\\"),
        b'192.0.2.1 [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "-"',
        HEAD + b'"GET /a HT' + LINE,
        HEAD + b'"GET /a HTTP/1.1 200 5',
        HEAD + b'"GET /a" b" 200 5',
        b'{"status": 200, "bytes": 5}',
    ],
)
def test_a_strange_or_torn_line_is_malformed_r56(line: bytes) -> None:
    assert (0, 0, 1) == outcome(line)


def test_a_line_whose_stamp_is_torn_into_the_next_counts_once_r56() -> None:
    torn = b"192.0.2.9 - - [10/Oct/2000:13:5" + LINE
    tally = scan(torn + b"\n", "status")
    assert Tally({(UNTIMED, ("200",)): [1, 5]}, newest=971211336) == tally


def test_a_strange_line_does_not_harm_its_neighbours() -> None:
    tally = scan(b"\n".join([LINE, b'"', LINE, HEAD + b'"torn', LINE, b""]), "status")
    assert Tally({(UNTIMED, ("200",)): [3, 15]}, malformed=2, newest=971211336) == tally


def test_the_outcome_does_not_depend_on_what_is_measured() -> None:
    lines = b"\n".join([LINE, b"x", LINE[:-9], HEAD + b'"GET" 200 x', HEAD + b'"a" 1 2 "', b""])
    every = ("status", "method", "protocol", "vhost", "status_class")
    fewest = scan(lines)
    most = scan(lines, *every)
    assert (fewest.counted, fewest.malformed) == (most.counted, most.malformed)


TIMED = '$remote_addr "$request" $status $body_bytes_sent $request_time'
BOUNDS = (100_000_000, 500_000_000)


def row_of(took: bytes) -> list[int]:
    line = b'192.0.2.1 "GET /" 200 5 ' + took + b"\n"
    [row] = scan(line, spec=TIMED, bounds=BOUNDS).rows.values()
    return row


@pytest.mark.parametrize(
    ("took", "expected"),
    [
        (b"0.000", [1, 5, 0, 1, 0, 0]),
        (b"0.100", [1, 5, 100_000_000, 1, 0, 0]),
        (b"0.101", [1, 5, 101_000_000, 0, 1, 0]),
        (b"0.500", [1, 5, 500_000_000, 0, 1, 0]),
        (b"60.000", [1, 5, 60_000_000_000, 0, 0, 1]),
        (b"-", [1, 5, 0, 0, 0, 0]),
        (b"", [1, 5, 0, 0, 0, 0]),
        (b"0.1, 0.2", [1, 5, 0, 0, 0, 0]),
    ],
)
def test_a_duration_falls_into_the_bucket_whose_bound_it_does_not_pass(
    took: bytes, expected: list[int]
) -> None:
    assert expected == row_of(took)


def test_a_line_torn_before_its_duration_counts() -> None:
    assert [1, 5, 0, 0, 0, 0] == scan(b'a "" 200 5', spec=TIMED, bounds=BOUNDS).rows[UNTIMED, ()]


def test_durations_without_bounds_have_one_bucket() -> None:
    assert {(UNTIMED, ()): [1, 5, 250, 1]} == {
        key: [*row[:2], row[2] // 1_000_000, *row[3:]]
        for key, row in scan(b'a "" 200 5 0.250', spec=TIMED).rows.items()
    }


@pytest.mark.parametrize(
    ("spec", "took"), [("%>s %D", b"7"), ("%>s %{us}T", b"7"), ("%>s %{ms}T", b"0.007")]
)
def test_units_of_a_duration_are_apaches(spec: str, took: bytes) -> None:
    [row] = scan(b"200 " + took, spec=spec).rows.values()
    assert row == [1, 0, 7_000, 1]


def test_a_format_without_bytes_counts_none() -> None:
    assert {(UNTIMED, ("404",)): [1, 0]} == scan(b"404", "status", spec="%>s").rows


def test_bytes_sent_are_counted_where_the_body_is_unknown() -> None:
    line = b"example.com:80 " + LINE
    assert (1, 5, 0) == outcome(line, spec="vhost_combined")
    io = LINE + b" 300 700"
    assert (1, 5, 0) == outcome(io, spec="combinedio")


def test_the_newest_stamp_is_that_of_the_last_line_that_counts_and_has_one() -> None:
    later = LINE.replace(b":36 ", b":37 ")
    undated = LINE.replace(b"10/Oct", b"10/Foo")
    latest = LINE.replace(b":36 ", b":59 ").replace(b" 5 ", b" x ")
    assert scan(b"\n".join([later, LINE, b"x"])).newest == 971211336
    assert scan(b"\n".join([LINE, later, undated, latest, b""])).newest == 971211337
    assert scan(undated).newest is None
    assert scan(latest).newest is None


def test_many_hosts_are_read_right_however_many_there_were_before() -> None:
    one = scanner(PRESETS["vhost_common"], ("vhost",), ())
    lines = [b"h%d.example %s\n" % (i, LINE) for i in range(10_000)]
    tally = one.scan(b"".join(lines))
    assert {f"h{i}.example" for i in range(10_000)} == {v for _, (v,) in tally.rows}
    assert one.scan(lines[0]).rows == {(UNTIMED, ("h0.example",)): [1, 5]}


@pytest.mark.parametrize("length", [1, 7, PART // 2, PART - 1, PART, PART + 1, 3 * PART])
@pytest.mark.parametrize("end", [b"", b"x"])
def test_rows_take_whole_lines_and_not_too_many_at_a_time(length: int, end: bytes) -> None:
    data = b"before\n" + (b"y" * length + b"\n") * (1 + 2 * PART // length) + end
    begin, last = len(b"before\n"), len(data)
    found = list(parts(data + b"\nbehind", begin, last))
    assert data[begin:] == b"".join(found)
    assert all(part.endswith(b"\n") for part in found[:-1])
    assert all(len(part) <= max(PART, length + 1 + len(end)) for part in found)
    assert [] == list(parts(data, begin, begin))


def test_a_scanner_keeps_the_context_it_was_given() -> None:
    assert scanner(PRESETS["common"], (), (), "kept").context == "kept"
