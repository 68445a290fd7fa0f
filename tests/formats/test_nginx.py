import pytest

from batchlog.errors import ConfigError
from batchlog.formats import Field, Role, nginx, stamps

STATUS = Field("$status", Role.STATUS)
AGENT = Field("$http_user_agent")


def test_a_string_is_literals_and_fields_in_order() -> None:
    expected = (
        *(Field("$remote_addr"), b" - [", Field("$time_local", Role.STAMP, stamps.CLF), b"] "),
        *(STATUS, b" ", Field("$body_bytes_sent", Role.BODY)),
    )
    assert expected == nginx.tokens("$remote_addr - [$time_local] $status $body_bytes_sent")


@pytest.mark.parametrize(
    "text",
    [
        """log_format main '$status '\n    '"$http_user_agent"';""",
        """  log_format  main  escape=json  '$status "$http_user_agent"';""",
        r"""log_format main "$status \"$http_user_agent\"";""",
        """'$status ' '"$http_user_agent"'""",
        """'$status "$http_user_agent"';""",
        '$status "$http_user_agent"',
        '${status} "${http_user_agent}"',
    ],
)
def test_what_stands_in_a_configuration_is_understood(text: str) -> None:
    assert (STATUS, b' "', AGENT, b'"') == nginx.tokens(text)


def test_braces_end_a_name() -> None:
    assert (STATUS, b"s") == nginx.tokens("${status}s")


def test_a_quote_that_belongs_to_the_format_stays() -> None:
    assert (b'{"status":', STATUS, b',"rt":', nginx.VARIABLES["request_time"], b"}") == (
        nginx.tokens("""'{"status":$status,' '"rt":$request_time}'""")
    )


def test_the_time_of_the_upstream_is_not_measured() -> None:
    assert (Field("$upstream_response_time"),) == nginx.tokens("$upstream_response_time")


@pytest.mark.parametrize("text", ["$", "$status $", "cost: 5$ $status", "${status", "$-"])
def test_a_dollar_sign_that_begins_no_variable_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="begins no variable"):
        nginx.tokens(text)
