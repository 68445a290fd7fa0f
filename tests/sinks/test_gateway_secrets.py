"""Passwords, tokens and certificates: used where they belong, shown nowhere."""

import socket
import ssl
import subprocess
import threading
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from batchlog.errors import BatchlogError, GatewayRefused, SinkUnreachable
from batchlog.sinks.gateway import Target, forget, generation, holds_group
from batchlog.sinks.target import read_secrets
from tests import servers
from tests.gateways import Drop, Fault, Raw, Reply, StandIn
from tests.servers import Pushgateway
from tests.sinks.certificates import Authority, Pair
from tests.sinks.deliveries import Clock, deliver, target

PASSWORD = "correct horse"  # noqa: S105 - nobody's
TOKEN = "eyJhbGciOi.J9-_x~y+z/="  # noqa: S105 - nobody's
PAIR = b64encode(f"batchlog:{PASSWORD}".encode()).decode()

# bcrypt of PASSWORD at the lowest cost; the Pushgateway takes no other hash.
HASH = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"

ASK: list[Callable[[Target], object]] = [deliver, holds_group, generation, forget]

every_request = pytest.mark.parametrize("ask", ASK)


@pytest.fixture
def basic(tmp_path: Path) -> dict[str, str]:
    """Return the settings for a user and password."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return {"username": "batchlog", "password_file": str(tmp_path / "password")}


@pytest.fixture
def bearer(tmp_path: Path) -> dict[str, str]:
    """Return the settings for a token."""
    (tmp_path / "token").write_text(TOKEN + "\r\n")
    return {"bearer_token_file": str(tmp_path / "token")}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def client(authority: Authority) -> Pair:
    return authority.issue("client")


@every_request
def test_a_user_and_password_go_with_every_request(
    basic: dict[str, str], ask: Callable[[Target], object]
) -> None:
    with StandIn(authorization=f"Basic {PAIR}") as gateway:
        ask(target(gateway.url, **basic))
        assert len(gateway.seen) == 1


@every_request
def test_a_token_goes_with_every_request(
    bearer: dict[str, str], ask: Callable[[Target], object]
) -> None:
    with StandIn(authorization=f"Bearer {TOKEN}") as gateway:
        ask(target(gateway.url, **bearer))
        assert len(gateway.seen) == 1


def test_a_password_is_read_anew_for_every_push(basic: dict[str, str]) -> None:
    with StandIn(authorization=f"Basic {PAIR}") as gateway:
        Path(basic["password_file"]).write_text("old")
        with pytest.raises(GatewayRefused, match="401"):
            deliver(target(gateway.url, **basic))
        Path(basic["password_file"]).write_text(PASSWORD)
        deliver(target(gateway.url, **basic))


def test_credentials_go_to_no_other_host_r84(bearer: dict[str, str]) -> None:
    with StandIn() as gateway, StandIn() as other:
        gateway.faults.append(Reply(307, headers={"Location": other.url}))
        with pytest.raises(GatewayRefused):
            deliver(target(gateway.url, **bearer))
        assert other.seen == []


ECHO = f"you sent Basic {PAIR} or Bearer {TOKEN}, {PASSWORD}".encode()


@every_request
@pytest.mark.parametrize(
    "fault",
    [
        *(Reply(status, ECHO) for status in (400, 401, 403, 413, 429, 500)),
        Reply(302, headers={"Location": f"http://else.example/?t={TOKEN}&p={PAIR}"}),
        Reply(200, b"x" * 490 + ECHO, {"Content-Type": "text/html"}),
        Drop(),
    ],
)
@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_no_error_shows_a_secret(
    request: pytest.FixtureRequest, kind: str, fault: Fault, ask: Callable[[Target], object]
) -> None:
    with StandIn() as gateway:
        gateway.faults.append(fault)
        where = target(gateway.url, **request.getfixturevalue(kind))
        with pytest.raises(BatchlogError) as error:
            ask(where)
    chain = repr(error.value) + str(error.value) + repr(where) + repr(read_secrets(where))
    hidden = (PAIR, PASSWORD) if kind == "basic" else (TOKEN,)
    assert [] == [secret for secret in hidden if secret in chain or secret[:8] in chain]


@every_request
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_no_error_shows_the_password_of_a_proxy(
    monkeypatch: pytest.MonkeyPatch, scheme: str, ask: Callable[[Target], object]
) -> None:
    pair = b64encode(b"j:o:p@ss/w0rd").decode()
    with StandIn() as proxy:
        where = proxy.url.removeprefix("http://")
        monkeypatch.setenv("http_proxy", f"{scheme}j%3Ao:p%40ss%2Fw0rd@{where}")
        echo = f"Proxy-Authorization: Basic {pair}, p@ss/w0rd, j%3Ao:p%40ss%2Fw0rd".encode()
        proxy.faults.append(Reply(502, echo))
        with pytest.raises(SinkUnreachable) as error:
            ask(target("http://push.example:9091"))
    assert f"Basic {pair}" == proxy.seen[0].headers["Proxy-Authorization"]
    assert "answered 502 Bad Gateway: ***; see" in str(error.value)


def test_a_secret_within_another_does_not_leave_the_rest_of_it(
    basic: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://jo:{PASSWORD.replace(' ', '%20')}!@127.0.0.1:1")
    secrets = read_secrets(target("http://push.example:9091", **basic))
    assert secrets.hide(f"{PASSWORD}! line {PASSWORD}") == "*** line ***"


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(SinkUnreachable) as error:
        deliver(target("http://user:s3cret@push.example:9091"))
    assert "gateway http://push.example:9091: " in str(error.value)
    assert "gateway.password_file" in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"two words", "does not hold one token"),
        (b"injected\r\nHeader: x", "does not hold one token"),
    ],
)
def test_a_token_file_that_cannot_be_used_is_named(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with StandIn() as gateway, pytest.raises(SinkUnreachable) as error:
        deliver(target(gateway.url, bearer_token_file=str(tmp_path / "token")))
    assert f"gateway.bearer_token_file: {tmp_path / 'token'} {says}" in str(error.value)
    assert gateway.seen == []
    assert "words" not in str(error.value)


# --- TLS ---------------------------------------------------------------------------------------


def own_ca(authority: Authority) -> dict[str, str]:
    """Return the settings that trust a CA."""
    return {"ca_file": str(authority.cert)}


def certificate(pair: Pair) -> dict[str, str]:
    """Return the settings that show a client certificate."""
    return {"cert_file": str(pair.cert), "key_file": str(pair.key)}


@pytest.fixture(
    scope="module", params=["stand-in", pytest.param("real", marks=pytest.mark.real_server)]
)
def guarded(
    request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StandIn | Pushgateway]:
    """Run a gateway that wants TLS, a client certificate, a user and a password."""
    if request.param == "stand-in":
        context = authority.server_context(client_certificate=True)
        with StandIn(tls=context, authorization=f"Basic {PAIR}") as gateway:
            yield gateway
        return
    directory = tmp_path_factory.mktemp("guarded")
    pair = authority.issue("real-server")
    (directory / "web.yml").write_text(
        f"tls_server_config:\n  cert_file: {pair.cert}\n  key_file: {pair.key}\n"
        f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {authority.cert}\n"
        f"basic_auth_users:\n  batchlog: {HASH}\n"
    )
    flag = f"--web.config.file={directory / 'web.yml'}"
    with servers.pushgateway(directory / "log", flag, scheme="https") as real:
        yield real


def test_ca_client_certificate_and_password_work_all_at_once(
    guarded: StandIn | Pushgateway, authority: Authority, client: Pair, basic: dict[str, str]
) -> None:
    where = target(guarded.url, **own_ca(authority), **certificate(client), **basic)
    assert deliver(where).tries == 1
    assert holds_group(where) == "a1b2"
    assert generation(where) == 7
    forget(where)
    assert holds_group(where) is None


def test_a_wrong_password_is_refused_r85(
    guarded: StandIn | Pushgateway, authority: Authority, client: Pair, basic: dict[str, str]
) -> None:
    Path(basic["password_file"]).write_text("guess")
    where = target(guarded.url, **own_ca(authority), **certificate(client), **basic)
    with pytest.raises(GatewayRefused, match=r"answered 401 Unauthorized.*gateway.password_file"):
        deliver(where)


def test_a_missing_client_certificate_is_named_r79(
    guarded: StandIn | Pushgateway, authority: Authority, basic: dict[str, str]
) -> None:
    with pytest.raises(SinkUnreachable, match=r"gateway.cert_file and gateway.key_file"):
        deliver(target(guarded.url, **own_ca(authority), **basic))


def test_a_certificate_of_an_unknown_ca_is_named_and_not_tried_again_r79(
    guarded: StandIn | Pushgateway,
) -> None:
    clock = Clock()
    with pytest.raises(SinkUnreachable, match=r"certificate is not trusted .*gateway.ca_file"):
        deliver(target(guarded.url, retry_for=30), clock=clock)
    assert clock.now == 0


def test_a_certificate_of_another_host_is_named_r79(
    guarded: StandIn | Pushgateway, authority: Authority
) -> None:
    url = guarded.url.replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(SinkUnreachable, match=r"IP address mismatch|refused"):
        deliver(target(url, **own_ca(authority)))


def test_http_to_a_tls_port_is_said_so(guarded: StandIn | Pushgateway) -> None:
    with pytest.raises(BatchlogError):
        deliver(target(guarded.url.replace("https", "http")))


def test_tls_to_an_http_port_is_said_so() -> None:
    with StandIn() as gateway, pytest.raises(SinkUnreachable, match="begins with http:"):
        deliver(target(gateway.url.replace("http", "https")))


def test_a_handshake_that_hangs_ends_with_the_deadline_r80() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(SinkUnreachable, match="no answer in time"):
            deliver(target(url, timeout=0.2))


@pytest.mark.parametrize(
    ("setting", "content", "says"),
    [
        ("ca_file", None, "No such file or directory"),
        ("ca_file", b"no certificate", "not PEM that can be used"),
        ("cert_file", None, "No such file or directory"),
        ("cert_file", b"no certificate", "not PEM that can be used"),
    ],
)
def test_a_certificate_file_that_cannot_be_used_is_named(
    tmp_path: Path, setting: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SinkUnreachable) as error:
        deliver(target("https://127.0.0.1:1", **{setting: str(path)}))
    assert f"gateway.{setting}: {path}: {says}" in str(error.value)


def encrypted(pair: Pair, path: Path, *kind: str) -> Path:
    """Write the key of a pair with a passphrase."""
    command = ["openssl", *kind, "-in", str(pair.key), "-out", str(path), "-passout", "pass:x"]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize("kind", [("ec", "-aes256"), ("pkcs8", "-topk8")], ids=["ec", "pkcs8"])
@pytest.mark.parametrize("apart", [True, False])
def test_a_key_that_wants_a_password_is_said_so_and_nobody_asked(
    tmp_path: Path, client: Pair, kind: tuple[str, ...], *, apart: bool
) -> None:
    key = encrypted(client, tmp_path / "locked.key", *kind)
    settings = {"cert_file": str(client.cert), "key_file": str(key)}
    if not apart:
        both = tmp_path / "both.pem"
        both.write_text(client.cert.read_text() + key.read_text())
        settings, key = {"cert_file": str(both)}, both
    with pytest.raises(SinkUnreachable) as error:
        deliver(target("https://127.0.0.1:1", **settings))
    name = "key_file" if apart else "cert_file"
    assert f"gateway.{name}: {key}: the key is encrypted; give it without" in str(error.value)
    assert "PEM" not in str(error.value)


def test_a_key_of_another_certificate_is_said_so(authority: Authority, client: Pair) -> None:
    settings = {"cert_file": str(client.cert), "key_file": str(authority.issue("other").key)}
    with pytest.raises(SinkUnreachable, match="the key is another certificate's"):
        deliver(target("https://127.0.0.1:1", **settings))


def test_a_key_that_is_not_pem_is_said_so(tmp_path: Path, client: Pair) -> None:
    der = tmp_path / "key.der"
    command = ["openssl", "ec", "-in", str(client.key), "-outform", "DER", "-out", str(der)]
    subprocess.run(command, check=True, capture_output=True)
    settings = {"cert_file": str(client.cert), "key_file": str(der)}
    with pytest.raises(SinkUnreachable, match=r"with .*der: not PEM that can be used"):
        deliver(target("https://127.0.0.1:1", **settings))


def alert(number: int) -> bytes:
    """Return a fatal alert of TLS (RFC 8446, 6.2)."""
    return bytes([21, 3, 3, 0, 2, 2, number])


ASKS = "gateway.cert_file and gateway.key_file"


@pytest.mark.parametrize(
    ("answer", "says", "never"),
    [
        (alert(70), "shares no version of TLS with this system; let it speak TLS 1.2", ASKS),
        (alert(40), f"it may want {ASKS}, or it shares no cipher", "http:"),
        (alert(116), f"it may want {ASKS}", "cipher"),
        (alert(42), f"it may want {ASKS}", "cipher"),
        (alert(112), "it knows no host of that name; correct gateway.url", ASKS),
        (alert(80), "see its own log", ASKS),
        (alert(109), "see its own log", ASKS),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "gateway.url begins with http:", ASKS),
        (b"", "gateway.url begins with http:", ASKS),
    ],
    ids=["version", "handshake", "required", "bad", "name", "internal", "missing", "http", "eof"],
)
def test_a_failed_handshake_is_told_as_what_it_is(answer: bytes, says: str, never: str) -> None:
    with hello_then(answer) as url, pytest.raises(SinkUnreachable) as error:
        deliver(target(url))
    told = str(error.value).partition("TLS failed")[2]
    assert says in told
    assert never not in told


@contextmanager
def hello_then(answer: bytes) -> Iterator[str]:
    """Listen for one handshake, and answer with that."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=once)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def old_version(authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return a server's side that speaks only that version."""
    context = authority.server_context(client_certificate=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_server_of_old_tls_only_is_said_so(authority: Authority, version: ssl.TLSVersion) -> None:
    with StandIn(tls=old_version(authority, version)) as gateway:
        for settings in (own_ca(authority), {}):
            with pytest.raises(SinkUnreachable, match="shares no version of TLS") as error:
                deliver(target(gateway.url, **settings))
            assert "cert_file" not in str(error.value)


def test_a_client_certificate_that_is_not_accepted_is_named(
    guarded: StandIn | Pushgateway, authority: Authority, basic: dict[str, str], tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other").issue("client")
    with pytest.raises(SinkUnreachable, match=r"may not accept the certificate in gateway\.cert_f"):
        deliver(target(guarded.url, **own_ca(authority), **certificate(other), **basic))


# --- a proxy before TLS ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Reply(403), "the proxy answered 403 to CONNECT; let it allow CONNECT to push.example:9"),
        (Reply(405), "the proxy answered 405 to CONNECT; let it allow CONNECT to push.example:9"),
        (Reply(407), "the proxy answered 407 to CONNECT; http_proxy and https_proxy may hold a"),
        (Reply(502), "the proxy answered 502 to CONNECT; see http_proxy"),
        (Raw(b"HTTP/1.1 403 tXt=secret\r\n\r\n"), "the proxy answered 403 to CONNECT"),
        (Raw(b"220 mail.example ESMTP\r\n"), "the proxy ended the connection, or does not speak"),
        (Drop(), "the proxy ended the connection, or does not speak HTTP; see http_proxy"),
    ],
)
def test_a_refused_connect_is_the_proxys(
    monkeypatch: pytest.MonkeyPatch, answer: Fault, says: str
) -> None:
    with StandIn() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        proxy.faults.append(answer)
        with pytest.raises(SinkUnreachable) as error:
            deliver(target("https://push.example:9091"))
    assert says in str(error.value)
    assert "gateway.url" not in str(error.value)
    assert "secret" not in str(error.value)
    assert ["CONNECT"] == [one.method for one in proxy.seen]


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (407, 1), (503, 2)])
def test_a_connect_is_tried_again_where_that_may_help_r81(
    monkeypatch: pytest.MonkeyPatch, status: int, tries: int
) -> None:
    with StandIn() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        proxy.faults.extend([Reply(status)] * 2)
        with pytest.raises(SinkUnreachable):
            deliver(target("https://push.example:9091", retry_for=0.9), clock=Clock())
    assert tries == len(proxy.seen)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_named_and_not_the_gateway(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with StandIn() as gone:
        nowhere = gone.url
    for proxy, says in (
        (nowhere, "connection refused by the proxy"),
        ("http://no-such-proxy.invalid:1", "the proxy's host name leads nowhere"),
    ):
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
        with pytest.raises(SinkUnreachable, match=says) as error:
            deliver(target(f"{scheme}://push.example:9091"))
        assert "gateway.url" not in str(error.value)
