import pytest

from batchlog.detect import Mismatch, Part, detect, explain
from batchlog.formats import PRESETS, resolve

COMMON = b'192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 5'
COMBINED = COMMON + b' "-" "an agent"'
LINES = {
    "common": COMMON,
    "combined": COMBINED,
    "vhost_common": b"example.com " + COMMON,
    "vhost_combined": b"example.com:80 " + COMBINED,
    "combinedio": COMBINED + b" 300 400",
}
TORN = COMBINED[:-4]


def detected(lines: list[bytes]) -> str | None:
    found = detect(lines)
    return found.spec if found else None


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("name", LINES)
def test_a_line_is_in_the_format_that_wrote_it(name: str, end: bytes) -> None:
    assert name == detected([LINES[name] + end])


@pytest.mark.parametrize("name", LINES)
def test_a_torn_line_among_whole_ones_changes_nothing(name: str) -> None:
    line = LINES[name]
    assert name == detected([*[line] * 9, line[: line.index(b" 200 5") + 6]])
    assert name == detected([*[line] * 9, line[:-3]])


def test_one_more_field_than_a_format_has_is_no_harm() -> None:
    assert detected([COMBINED + b' "-"'] * 9) == "combined"
    assert detected([COMMON + b' 367 464 1 "-" "agent"'] * 9) == "common"


def test_a_torn_line_alone_is_still_in_a_format() -> None:
    found = detect([TORN])
    assert found is not None
    assert explain(found, TORN).counts


def test_a_user_with_spaces_among_others_is_no_virtual_host() -> None:
    user = COMMON.replace(b"- - ", b"- frank miller ")
    assert detected([user, COMMON]) == "common"


@pytest.mark.parametrize("host", [b"2001:db8::1", b"-", b"host.example"])
def test_an_address_is_no_virtual_host(host: bytes) -> None:
    assert detected([COMBINED.replace(b"192.0.2.1", host)]) == "combined"


@pytest.mark.parametrize(("strange", "expected"), [(9, "common"), (10, "common"), (11, None)])
def test_at_least_half_of_the_lines_must_match(strange: int, expected: str | None) -> None:
    assert expected == detected([b"strange"] * strange + [COMMON] * 10)


def test_the_first_hundred_lines_decide() -> None:
    assert detected([b"strange"] * 100 + [COMMON] * 900) is None
    assert detected([COMMON] * 100 + [b"strange"] * 900) == "common"


def test_the_format_of_most_lines_wins() -> None:
    unlike = COMMON + b" x"
    assert detected([COMBINED] * 6 + [unlike] * 4) == "common"
    assert detected([COMBINED] * 6 + [COMMON] * 4) == "combined"
    assert detected([COMMON] * 6 + [LINES["vhost_combined"]] * 4) == "common"


@pytest.mark.parametrize("lines", [[], [b""], [b"\n"], [b"\xff\0"], [b'{"status":200}']])
def test_what_is_in_no_format_has_none(lines: list[bytes]) -> None:
    assert detect(lines) is None


def test_a_line_is_told_field_by_field() -> None:
    told = explain(PRESETS["common"], COMMON + b"\r\n")
    expected = [
        Part("%h", "192.0.2.1", ""),
        Part("%l", "-", ""),
        Part("%u", "-", ""),
        Part("%t", "10/Oct/2000:13:55:36 -0700", "time 2000-10-10T20:55:36Z"),
        Part("%r", "GET /a HTTP/1.1", "method GET, protocol HTTP/1.1"),
        Part("%>s", "200", "status 200"),
        Part("%b", "5", "5 bytes"),
    ]
    assert (expected, None, True) == (told.parts, told.mismatch, told.counts)


def test_only_what_is_measured_has_a_meaning() -> None:
    form = resolve(
        "$host $http_host $request_method $server_protocol $status $bytes_sent "
        "$body_bytes_sent $request_time $msec $time_iso8601"
    )
    line = b"A.example b GET HTTP/2.0 999 7 5 0.125 971211336.1 2000-10-10T13:55:36Z"
    meanings = [part.meaning for part in explain(form, line).parts]
    assert [
        *("vhost a.example", "", "method GET", "protocol HTTP/2.0", "status other", "", "5 bytes"),
        *("duration 0.125 s", "time 2000-10-10T20:55:36Z", ""),
    ] == meanings


def test_what_cannot_be_read_is_told() -> None:
    form = resolve("$status $body_bytes_sent $request_time $time_local|")
    told = explain(form, b"200 99999999999999999999 x y|")
    assert ["status 200", "bytes that cannot be read"] == [p.meaning for p in told.parts[:2]]
    assert ["duration that cannot be read", "time that cannot be read"] == (
        [p.meaning for p in told.parts[2:]]
    )
    assert not told.counts


@pytest.mark.parametrize(
    ("line", "mismatch", "counts"),
    [
        (COMMON + b' "-"', None, True),
        (COMMON + b"x", Mismatch(67, "a space or the end of the line"), False),
        (COMMON.replace(b"200", b"abc"), Mismatch(62, "%>s"), False),
        (COMMON.replace(b"- - ", b""), Mismatch(40, "' ['"), False),
        (b"strange", Mismatch(8, "' '"), False),
        (b"", Mismatch(1, "' '"), False),
    ],
)
def test_where_a_line_stops_matching_is_told(
    line: bytes, mismatch: Mismatch | None, counts: bool
) -> None:
    told = explain(PRESETS["common"], line)
    assert (mismatch, counts) == (told.mismatch, told.counts)


def test_a_torn_line_counts_and_is_told_to_be_torn() -> None:
    told = explain(PRESETS["combined"], TORN)
    assert told.counts
    assert Mismatch(len(TORN) + 1, "'\"'") == told.mismatch
    assert told.parts[-1] == Part("%{User-Agent}i", "an ag", "")


def test_bytes_that_are_no_text_are_shown() -> None:
    assert explain(PRESETS["common"], b"\xff - -").parts[0].raw == "\\xff"


def test_a_line_that_does_not_begin_as_the_format_does_stops_at_once() -> None:
    told = explain(resolve("[%h] %>s"), b"strange")
    assert ([], Mismatch(1, "'['"), False) == (told.parts, told.mismatch, told.counts)
