import pytest

from batchlog.errors import ConfigError
from batchlog.formats import Field, Role, apache, stamps

REQUEST = Field("%r", Role.REQUEST)
STATUS = Field("%>s", Role.STATUS)


def test_a_string_is_literals_and_fields_in_order() -> None:
    expected = (
        *(Field("%h"), b" [", Field("%t", Role.STAMP, stamps.CLF), b'] "', REQUEST, b'" '),
        *(STATUS, b" ", Field("%b", Role.BODY)),
    )
    assert expected == apache.tokens('%h %t "%r" %>s %b')


@pytest.mark.parametrize(
    "text",
    [
        r'LogFormat "%>s \"%r\"" combined',
        r'  logformat "%>s \"%r\""',
        "LogFormat '%>s \"%r\"' name",
        r'"%>s \"%r\""',
        r"%>s \"%r\"",
    ],
)
def test_what_stands_in_a_configuration_is_understood(text: str) -> None:
    assert (STATUS, b' "', REQUEST, b'"') == apache.tokens(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%D", Field("%D", Role.DURATION, "us")),
        ("%T", Field("%T", Role.DURATION, "s")),
        ("%{s}T", Field("%{s}T", Role.DURATION, "s")),
        ("%{ms}T", Field("%{ms}T", Role.DURATION, "ms")),
        ("%{us}T", Field("%{us}T", Role.DURATION, "us")),
        ("%{sec}t", Field("%{sec}t", Role.STAMP, "%s")),
        ("%{begin:msec}t", Field("%{begin:msec}t", Role.STAMP, "msec")),
        ("%{end:%s}t", Field("%{end:%s}t", Role.STAMP, "%s")),
        ("%O", Field("%O", Role.SENT)),
        ("%B", Field("%B", Role.BODY)),
        ("%!200,304b", Field("%!200,304b", Role.BODY)),
        ("%<s", Field("%<s", Role.STATUS)),
        ("%V", Field("%V", Role.VHOST)),
        ("%H", Field("%H", Role.PROTOCOL)),
        ("%m", Field("%m", Role.METHOD)),
        ("%{Status}i", Field("%{Status}i")),
        ("%{s}o", Field("%{s}o")),
        ("%^ti", Field("%^ti")),
        ("%Z", Field("%Z")),
        ("%{unknown}T", Field("%{unknown}T")),
        ("%{%H:%M}t", Field("%{%H:%M}t")),
    ],
)
def test_a_directive_is_measured_for_what_it_writes(text: str, expected: Field) -> None:
    assert (expected,) == apache.tokens(text)


def test_the_final_status_is_measured_where_both_are_there() -> None:
    assert (Field("%s"), b" ", STATUS) == apache.tokens("%s %>s")


def test_a_time_in_pieces_is_one_stamp() -> None:
    text = "%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t"
    field = Field(text, Role.STAMP, "%d/%b/%Y %T.%f %z")
    assert (b"[", field, b"]") == apache.tokens(f"[{text}]")


def test_two_whole_times_are_two_fields() -> None:
    found = apache.tokens("%{begin:sec}t %{end:sec}t")
    assert ["%{begin:sec}t", "%{end:sec}t"] == [t.name for t in found if isinstance(t, Field)]


def test_percent_signs_tabs_and_backslashes_are_literal_text() -> None:
    assert (b"%\t\\", STATUS) == apache.tokens(r"%%\t\\%>s")


@pytest.mark.parametrize("text", ["%", "%>s %", "%{User-Agent", "%{a}", "100% %>s"])
def test_a_percent_sign_that_begins_no_directive_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="begins no directive"):
        apache.tokens(text)
