"""The independent parser apachelogs says what a line holds; batchlog must say the same."""

from pathlib import Path

import apachelogs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog.formats import Format, Role, presets, resolve
from batchlog.scan import scanner
from batchlog.tally import UNTIMED

DATA = Path(__file__).parents[2] / "../shared/data"
REAL = ["elastic-examples/apache_logs/apache_logs", "nasa-http/nasa_sample.log"]

FORMATS = [
    presets.COMMON,
    presets.COMBINED,
    presets.VHOST_COMMON,
    presets.VHOST_COMBINED,
    presets.COMBINEDIO,
    '%h %l %u [%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t] "%r" %>s %b',
    '%{%Y-%m-%dT%H:%M:%S%z}t %s %>s %B "%m %U%q %H"',
    "%{sec}t %>s %b %D %T",
    '%v "%r" %D %>s %{User-Agent}i|%b',
]

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

words = st.text(
    st.characters(codec="ascii", exclude_categories=["C", "Z"], exclude_characters='"\\')
)
escaped = st.sampled_from([r"\"", r"\\", r"\x16", r"\xe2\x82", r"\t", " ", "  ", "[", "]", "] "])
texts = st.lists(words | escaped, max_size=6).map("".join)
numbers = st.integers(0, 2**53).map(str)


@st.composite
def lines(draw: st.DrawFn, form: Format) -> bytes:
    """Draw a line that a server could have written in this format."""
    clock = draw(st.datetimes())
    zone = draw(st.sampled_from(["+0000", "-0700", "+0330", "+1400"]))
    month = MONTHS[clock.month - 1]
    clf = f"{clock.day:02}/{month}/{clock.year:04}:{clock:%H:%M:%S} {zone}"
    drawn = {
        "%h": st.sampled_from(["192.0.2.1", "2001:db8::1", "host.example", "-"]),
        "%l": st.sampled_from(["-", "id"]),
        "%u": st.sampled_from(["-", "frank", "frank miller", '""']),
        "%v": st.sampled_from(["example.com", "192.0.2.1", "localhost"]),
        "%p": st.sampled_from(["80", "8080"]),
        "%t": st.just(clf),
        "%r": texts | st.sampled_from(["GET / HTTP/1.1", "-", "", "POST /a HTTP/2.0"]),
        "%m": st.sampled_from(["GET", "POST", "-"]),
        "%U": st.sampled_from(["/", "/a/b"]),
        "%q": st.sampled_from(["", "?a=b"]),
        "%H": st.sampled_from(["HTTP/1.0", "HTTP/1.1"]),
        "%s": st.integers(100, 999).map(str),
        "%>s": st.integers(100, 999).map(str),
        "%b": numbers.filter(lambda n: n != "0") | st.just("-"),
        "%{sec}t": st.integers(0, 4_000_000_000).map(str),
        "%{User-Agent}i": st.sampled_from(["-", "agent", "an agent"]) | texts,
        "%{Referer}i": texts,
        "%{%Y-%m-%dT%H:%M:%S%z}t": st.just(f"{clock.year:04}-{clock:%m-%dT%H:%M:%S}{zone}"),
        "%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t": st.just(
            f"{clock.day:02}/{month}/{clock.year:04} {clock:%H:%M:%S}.123 {zone}"
        ),
    }
    if b"|" in form.tokens:
        drawn["%{User-Agent}i"] = st.sampled_from(["-", "agent", "an agent"])
    parts = (
        token if isinstance(token, bytes) else draw(drawn.get(token.name, numbers)).encode()
        for token in form.tokens
    )
    return b"".join(parts)


def check(form: Format, line: bytes, entry: apachelogs.LogEntry) -> None:
    """Compare what both say of one line."""
    final = entry.directives.get("%>s")
    status = entry.directives["%s"] if final is None else final
    size = next(
        (v for v in (entry.directives.get(d) for d in ("%b", "%B")) if v is not None),
        entry.directives.get("%O") if form.index(Role.BODY) is None else None,
    )
    tally = scanner(form, ("status",), ()).scan(line)
    label = str(status) if status < 600 else "other"
    [(key, row)] = tally.rows.items()
    assert (UNTIMED, (label,)) == key
    assert [1, size or 0] == row[:2]
    moment = getattr(entry, "request_time", None)
    if moment is not None and moment.tzinfo is not None:
        assert int(moment.timestamp() // 1) == tally.newest


@pytest.mark.parametrize("text", FORMATS)
def test_a_line_that_the_oracle_reads_counts_and_says_the_same(text: str) -> None:
    form, parser = resolve(text), apachelogs.LogParser(text)
    read = 0

    @given(lines(form))
    def compare(line: bytes) -> None:
        nonlocal read
        try:
            entry = parser.parse(line.decode("latin-1"))
        except (apachelogs.InvalidEntryError, ValueError, OverflowError):
            return
        read += 1
        check(form, line, entry)

    compare()
    assert read > 20, "the oracle refused nearly all lines: the test tests nothing"


@pytest.mark.parametrize("name", REAL)
def test_real_lines_say_the_same_as_the_oracle(name: str) -> None:
    if not (DATA / name).is_file():
        pytest.skip("../shared/data is not there")
    text = presets.COMBINED if "apache" in name else presets.COMMON
    form, parser = resolve(text), apachelogs.LogParser(text)
    for line in (DATA / name).read_bytes().splitlines()[::7]:
        check(form, line, parser.parse(line.decode("latin-1")))
