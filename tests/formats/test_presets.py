import pytest

from batchlog.errors import ConfigError
from batchlog.formats import PRESETS, Format, Role, resolve

NGINX = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent'


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_resolves_to_itself_by_its_name(name: str) -> None:
    assert PRESETS[name] == resolve(name) == resolve(PRESETS[name].spec)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_carries_what_is_counted(name: str) -> None:
    found = PRESETS[name]
    assert found.index(Role.STATUS) is not None
    assert found.size is not None
    assert found.has_stamp
    assert not found.has_duration


def test_nginx_is_combined() -> None:
    assert PRESETS["nginx"] == PRESETS["combined"]


def test_the_bytes_are_the_bodys_where_both_are_there() -> None:
    found = PRESETS["combinedio"]
    assert found.index(Role.BODY) == found.size
    sent = resolve("%>s %O")
    assert sent.index(Role.SENT) == sent.size


@pytest.mark.parametrize(
    "spec",
    [
        NGINX,
        f"  {NGINX} \n",
        f"log_format main '{NGINX}';",
        '%h %l %u %t "%r" %>s %b %D',
        r'LogFormat "%h %l %u %t \"%r\" %>s %b" common',
        "$status 100%",
        "%>s $5",
    ],
)
def test_a_formats_spec_resolves_to_it_again(spec: str) -> None:
    found = resolve(spec)
    assert found == resolve(found.spec)
    assert spec.strip() == found.spec


def test_formats_are_values() -> None:
    made = Format("x", resolve("%>s %b").tokens)
    assert hash(made) == hash(Format("x", resolve("%>s %b").tokens))
    assert made == Format("x", resolve("%>s %b").tokens)


def test_a_pasted_line_has_the_tokens_of_its_string() -> None:
    assert resolve(NGINX).tokens == resolve(f"log_format main '{NGINX}';").tokens


def test_the_sign_of_the_other_kind_is_text() -> None:
    assert b" 100%" in resolve("$status 100%").tokens
    assert b" $5" in resolve("%>s $5").tokens


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ("combind", "'combind' is not known.*common, combined, vhost_common.*LogFormat.*log_form"),
        ("", "'' is not known"),
        ("%h " * 340_000, r"^format '%h .{20,60}… has 1019999 characters; expected at most 8192$"),
        ("%{" * 4097, "has 8194 characters"),
        ("auto", "'auto' is not known"),
        ("LogFormat %h", "begins no directive|has no status"),
        ("%h %l %u", "has no status: add %>s"),
        ("$remote_addr $bytes_sent", "has no status: add %>s .Apache. or .status"),
        ("$remote_addr\n$status", "spans lines"),
        (r"%h\n%>s", "spans lines"),
        ("%>s %", "begins no directive"),
        ("$status $", "begins no variable"),
    ],
)
def test_what_cannot_be_used_is_named(spec: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        resolve(spec)
