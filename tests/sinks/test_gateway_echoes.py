"""A server that echoes our credentials, in whatever form, gets nothing of them into a message.

The measure is that messages do not depend on the secret: with another one the same words are shown.
"""

import codecs
import html
import json
from base64 import b32encode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import GaugeMetricFamily

from batchlog.errors import BatchlogError, GatewayRefused
from batchlog.sinks.gateway import Target, forget, holds_group
from batchlog.sinks.words import _KNOWN, HIDDEN, masked
from tests.cli.program import Program
from tests.gateways import ITSELF, Fault, Raw, Reply, StandIn
from tests.servers import Pushgateway
from tests.sinks.deliveries import deliver, target

SECRETS = ("correct horse battery", "Zx9-quantum_FERRY.42/")
"""Two of one length that have nothing else in common."""

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "capitals": str.upper,
    "small": str.lower,
    "other case": str.swapcase,
    "backwards": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "base64": lambda text: b64encode(text.encode()).decode(),
    "base64 for urls": lambda text: urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 backwards": lambda text: b64encode(text.encode()).decode()[::-1],
    "base32": lambda text: b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "numbers": lambda text: " ".join(str(ord(char)) for char in text),
    "binary": lambda text: " ".join(f"{ord(char):b}" for char in text),
    "percent": lambda text: "".join(f"%{ord(char):02X}" for char in text),
    "url": lambda text: quote(text, safe=""),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "html": html.escape,
    "json": json.dumps,
    "tags between": "<b></b>".join,
    "a letter a line": "\n".join,
    "halves on lines": lambda text: text[: len(text) // 2] + "\r\n" + text[len(text) // 2 :],
    "blanks": " ".join,
    "no width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "dots": ".".join,
    "commas": ", ".join,
    "quoted": lambda text: " ".join(f'"{char}"' for char in text),
    "doubled": lambda text: "".join(2 * char for char in text),
    "full width": lambda text: "".join(chr(ord(char) + 0xFEE0) for char in text if char != " "),
    "behind known words": " metric ".join,
    "glued to a word": lambda text: f"metric{text}metric",
    "only its end": lambda text: text[-5:],
    "sorted": lambda text: "".join(sorted(text)),
}


def latin(text: str) -> str:
    """Return what of a text a header can hold, on one line."""
    return text.encode("latin-1", "ignore").decode("latin-1").replace("\n", " ").replace("\r", "")


def body(status: int, kind: str = "text/plain") -> Callable[[str], Fault]:
    """Return what puts an echo into a body."""
    return lambda echo: Reply(status, echo.encode(), {"Content-Type": kind})


def header(status: int, name: str, prefix: str = "") -> Callable[[str], Fault]:
    """Return what puts an echo into a header."""
    return lambda echo: Reply(status, headers={name: prefix + latin(echo)})


def first_line(echo: str) -> Fault:
    """Put an echo behind the status."""
    return Raw(f"HTTP/1.1 403 {latin(echo)}\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))


CHANNELS: dict[str, Callable[[str], Fault]] = {
    **{f"body of {status}": body(status) for status in (200, 202, 400, 401, 404, 413, 429, 500)},
    "page": body(200, "text/html"),
    "page of 502": body(502, "text/html"),
    "its type": header(403, "Content-Type", "text/"),
    "login": header(401, "WWW-Authenticate", "Basic realm="),
    "redirect": header(302, "Location", "http://else.example/?t="),
    "redirect to a host": header(307, "Location", "http://"),
    "redirect below": header(301, "Location", "/"),
    "reason": first_line,
}


def said(where: Target, fault: Fault, gateway: StandIn, ask: Callable[[Target], object]) -> str:
    """Return what an error says of a request that meets `fault`."""
    gateway.faults.append(fault)
    try:
        ask(where)
    except BatchlogError as error:
        return str(error) + repr(error)
    return ""


@pytest.mark.parametrize("ask", [deliver, holds_group, forget])
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("kind", ["password", "token", "proxy"])
def test_no_message_depends_on_a_secret_in_whatever_form_it_is_echoed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
    channel: str,
    ask: Callable[[Target], object],
) -> None:
    with StandIn() as gateway:
        for form in FORMS.values():
            heard = set()
            for secret in (one.replace(" ", "-") for one in SECRETS):
                (tmp_path / "secret").write_text(secret)
                settings = {
                    "password": {"username": "u", "password_file": str(tmp_path / "secret")},
                    "token": {"bearer_token_file": str(tmp_path / "secret")},
                    "proxy": {},
                }[kind]
                if kind == "proxy":
                    login = f"http://jo:{quote(secret, safe='')}@{gateway.url[7:]}"
                    monkeypatch.setenv("http_proxy", login)
                fault = CHANNELS[channel](form(secret))
                heard.add(said(target(gateway.url, **settings), fault, gateway, ask))
            assert 1 == len(heard), form
            (only,) = heard
            assert len(only) < 2 * 700


@given(st.text() | st.lists(st.sampled_from(sorted(_KNOWN)) | st.text()).map(" ".join))
def test_whatever_is_said_only_listed_words_and_names_of_ours_are_shown(text: str) -> None:
    names = frozenset({"batchlog_http_requests_total"})
    for word in masked(text, names, SECRETS).split():
        core = word.rstrip(".,:;")
        assert len(word) - len(core) <= 1
        assert core in {HIDDEN, *_KNOWN, *names}
        assert len(core) < 3 or core.casefold() not in SECRETS[0]


@pytest.mark.parametrize(
    ("secret", "words", "shown"),
    [
        ("metric", "collected metric", "collected ***"),
        ("cirtem", "collected METRIC, Metric", "collected ***"),
        ("my-metrics-token", "pushed metrics", "pushed ***"),
        ("to", "not to this page", "not *** this page"),
        ("is.batchlog_info", "metric batchlog_info is", "metric *** is"),
    ],
)
def test_a_listed_word_that_is_in_a_secret_is_not_shown(
    secret: str, words: str, shown: str
) -> None:
    assert shown == masked(words, {"batchlog_info"}, (secret,))


@pytest.mark.parametrize(
    "words",
    [
        (
            "pushed metrics are invalid or inconsistent with existing metrics: collected metric "
            "batchlog_http_requests_total was collected before with the same name and label values"
        ),
        "text format parsing error in line",
        "gathered metric family batchlog_generation has type COUNTER but should have GAUGE",
        "pushed metrics must not have timestamps",
    ],
)
def test_what_a_pushgateway_says_of_a_push_is_shown_with_credentials_too_r82(
    tmp_path: Path, words: str
) -> None:
    (tmp_path / "token").write_text(SECRETS[1])
    where = {"bearer_token_file": str(tmp_path / "token")}
    with StandIn() as gateway:
        text = said(target(gateway.url, **where), Reply(400, words.encode()), gateway, deliver)
    assert f"answered 400 Bad Request: {words[:190]}" in text


@pytest.mark.real_server
def test_a_clash_of_types_is_told_with_credentials_too_r93(
    pushgateway: Pushgateway, tmp_path: Path
) -> None:
    pushgateway.wipe()
    name = "batchlog_http_requests"
    taken = GaugeMetricFamily(f"{name}_total", "Another program's.", value=1)
    deliver(target(pushgateway.url, job="other"), [taken])
    (tmp_path / "token").write_text(SECRETS[1])
    where = {"bearer_token_file": str(tmp_path / "token")}
    with pytest.raises(GatewayRefused) as refused:
        deliver(target(pushgateway.url, **where))
    pushgateway.wipe()
    assert f"collected metric {name}_total *** is not *** GAUGE" in str(refused.value)


def test_a_long_text_is_cut_sooner_with_credentials(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SECRETS[1])
    where = {"bearer_token_file": str(tmp_path / "token")}
    with StandIn() as gateway:
        fault = Reply(400, b"metric name " * 500)
        text = said(target(gateway.url, **where), fault, gateway, deliver)
    assert ("metric name " * 500)[:200] + "…" in text


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("https://127.0.0.1/push", "https on its host"),
        ("https://127.0.0.1.else.example/", "another place"),
        ("/login?back=1", "another place"),
    ],
)
def test_a_redirect_to_https_is_said_with_credentials_too_r84(
    tmp_path: Path, place: str, shown: str
) -> None:
    (tmp_path / "token").write_text(SECRETS[1])
    where = {"bearer_token_file": str(tmp_path / "token")}
    with StandIn() as gateway:
        fault = Reply(301, headers={"Location": place})
        assert f", to {shown}, where" in said(target(gateway.url, **where), fault, gateway, deliver)


def test_no_echo_is_in_last_run_status_or_check(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.log(3)
    secret = SECRETS[1]
    (tmp_path / "secret").write_text(secret)
    heard = b""
    with StandIn() as gateway:
        program.config.write_text(
            f'[gateway]\nurl = "{gateway.url}"\nusername = "u"\n'
            f'password_file = "{tmp_path}/secret"\ngrouping = {{ instance = "x" }}\n'
        )
        assert 0 == program("push", program.access).exit
        for name in ("backwards", "base64"):
            echo = FORMS[name](secret)
            state = f'{{job="batchlog",instance="x",state_id={json.dumps(echo)}}}'
            page = f"batchlog_info{state} 1\n".encode() + ITSELF
            for words, fault in (
                (("push", "-v"), Reply(400, echo.encode())),
                (("status", "--json"), None),
                (("check",), Reply(200, page)),
                (("check",), Reply(403, echo.encode())),
            ):
                gateway.faults.extend([fault] if fault else [])
                done = program(*words)
                heard += done.raw_out + done.raw_err
            heard += Path(program.checkpoint.parent / "last-run.json").read_bytes()
    assert b"filled by another checkpoint (state not shown" in heard
    for form in FORMS.values():
        assert form(secret).encode() not in heard
    assert b"Zx9" not in heard
