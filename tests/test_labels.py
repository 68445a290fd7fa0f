import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog import labels
from batchlog.labels import OTHER


@pytest.mark.parametrize("raw", [b"100", b"200", b"404", b"599"])
def test_a_status_from_100_to_599_is_kept(raw: bytes) -> None:
    assert raw.decode() == labels.status(raw)
    assert f"{raw.decode()[0]}xx" == labels.status_class(raw)


@pytest.mark.parametrize(
    "raw", [b"099", b"600", b"-1", b"0", b"20", b"2000", b"", b"0200", b"9" * 64]
)
def test_any_other_status_is_other(raw: bytes) -> None:
    assert OTHER == labels.status(raw) == labels.status_class(raw)


def test_the_nine_methods_of_rfc_9110_and_patch_are_kept() -> None:
    assert [*labels.METHODS] == [labels.method(name.encode()) for name in labels.METHODS]


@pytest.mark.parametrize("raw", [b"get", b"PROPFIND", b"", b"-", b"\\x16\\x03", b"GETX", b"\xff"])
def test_any_other_method_is_other(raw: bytes) -> None:
    assert OTHER == labels.method(raw)


def test_a_request_line_gives_method_and_protocol() -> None:
    assert labels.method(b"GET / HTTP/1.1") == "GET"
    assert labels.protocol(b"GET / HTTP/1.1") == "HTTP/1.1"


@pytest.mark.parametrize(
    ("expected", "raw"),
    [
        ("HTTP/0.9", b"HTTP/0.9"),
        ("HTTP/1.0", b"HTTP/1.0"),
        ("HTTP/2.0", b"HTTP/2"),
        ("HTTP/2.0", b"HTTP/2.0"),
        ("HTTP/3.0", b"HTTP/3"),
        ("HTTP/3.0", b"HTTP/3.0"),
        (OTHER, b"HTTP/1.2"),
        (OTHER, b"http/1.1"),
        (OTHER, b"GET /"),
        (OTHER, b""),
    ],
)
def test_protocols_are_a_closed_set(expected: str, raw: bytes) -> None:
    assert expected == labels.protocol(raw)


@pytest.mark.parametrize(
    ("expected", "raw"),
    [
        ("example.com", b"example.com"),
        ("example.com", b"EXAMPLE.com:8080"),
        ("example.com", b"example.com."),
        ("example.com", b"example.com.:443"),
        ("example.com", b"example.com:"),
        ("localhost", b"localhost"),
        ("my_app.local", b"my_app.local"),
        ("xn--bcher-kva.example", b"xn--bcher-kva.example"),
        ("192.0.2.1", b"192.0.2.1:80"),
        ("2001:db8::1", b"2001:DB8::1"),
        ("2001:db8::1", b"[2001:db8::1]:443"),
        ("::1", b"[::1]"),
        ("::", b"::"),
        ("::ffff:192.0.2.1", b"::ffff:192.0.2.1"),
        ("1:2:3:4:5:6:7:8", b"1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:192.0.2.1", b"1:2:3:4:5:6:192.0.2.1"),
        (f"{'a' * 63}.example", b"a" * 63 + b".example"),
    ],
)
def test_a_valid_host_name_or_address_is_kept_in_lower_case(expected: str, raw: bytes) -> None:
    assert expected == labels.vhost(raw)


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"-", b"_", b".", b"..", b"a..b", b".a", b"-a", b"a-", b"a b", b"a/b", b"a\\x22"),
        *("bücher.example".encode(), b"\xff", b"a" * 64, b"a." * 127 + b"a", b"a" * 100_000),
        *(b"256.0.0.1", b"1.2.3", b"1.2.3.4.5", b"01.2.3.4", b"12345", b"example.1"),
        *(b"[example.com]", b"[192.0.2.1]", b"[::1", b"::1]", b"1::2::3", b":::", b"1:2:3:4:5:6:7"),
        *(b"1:2:3:4:5:6:7:8:9", b"12345::", b"::192.0.2.256", b"192.0.2.1::", b"example.com:http"),
        *(b"example.com:123456", b"::1\n", b"example.com\n", b"1:2:3:4:5:6:7:8::"),
    ],
)
def test_anything_else_is_no_host(raw: bytes) -> None:
    assert OTHER == labels.vhost(raw)


@pytest.mark.parametrize("name", labels.READERS)
@given(raw=st.binary(max_size=300))
def test_no_reader_lets_through_what_is_no_label_value(name: str, raw: bytes) -> None:
    value = labels.READERS[name](raw)
    assert value == value.lower() or name in {"method", "protocol"}
    assert value.isascii()
    assert value.isprintable()
    assert 0 < len(value) <= 253


def test_what_is_let_through_is_read_the_same_again() -> None:
    for raw in (b"Example.com:80", b"[2001:DB8::1]:80", b"192.0.2.1"):
        value = labels.vhost(raw)
        assert value == labels.vhost(value.encode())


def test_seeds_are_values_that_can_occur() -> None:
    assert len(labels.SEED_STATUSES) == 23
    assert [*labels.SEED_STATUSES] == [labels.status(s.encode()) for s in labels.SEED_STATUSES]
    assert {s[0] + "xx" for s in labels.SEED_STATUSES} <= {*labels.SEED_CLASSES}
    assert labels.OPEN <= {*labels.READERS}
