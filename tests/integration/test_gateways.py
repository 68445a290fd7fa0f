"""Several gateways, one that is down, one that restarts, one with TLS and passwords."""

import base64
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import pytest

from tests.integration.host import Counted, Host, counted
from tests.servers import Prometheus, Pushgateway, binary, eventually, prometheus, pushgateway
from tests.sinks.certificates import Authority, Pair
from tests.site import lines

PASSWORD = "correct horse"  # noqa: S105 - of a gateway that lives for a test
ONCE = ("--retry-for", "0")


def total(count: int) -> Counted:
    """Return what lines 0 to `count` of `tests.site` add up to."""
    return Counted({"200": count}, {"200": sum(range(count))})


def append(host: Host, begin: int, end: int) -> None:
    with host.access.open("ab") as file:
        file.write(lines(range(begin, end)))


@dataclass(frozen=True)
class Restartable:
    """A Pushgateway without persistence on one port, there only while a block lasts."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        """Where it is, whenever it is up."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def up(self) -> Iterator[Pushgateway]:
        """Run it; that it listens on another port as well is no matter."""
        with pushgateway(self.log, f"--web.listen-address=127.0.0.1:{self.port}"):
            yield Pushgateway(self.url)


@pytest.fixture
def restartable(tmp_path: Path) -> Restartable:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Restartable(int(probe.getsockname()[1]), tmp_path / "gateway.log")


# Several, and one that is down


def test_a_gateway_that_is_down_keeps_nothing_from_the_other_and_heals_r79_r91(
    host: Host, gateway: Pushgateway, restartable: Restartable
) -> None:
    to = ("--gateway", gateway.url, "--gateway", restartable.url, *ONCE)
    with restartable.up() as other:
        append(host, 0, 50)
        host.push(host.access, *to)
        assert total(50) == counted(gateway.metrics()) == counted(other.metrics())
    append(host, 50, 60)
    done = host.batchlog("push", "-q", host.access, *to)
    assert 69 == done.exit
    assert restartable.url in done.err
    assert total(60) == counted(gateway.metrics())
    with restartable.up() as other:
        append(host, 60, 65)
        host.push(host.access, *to)
        assert total(65) == counted(gateway.metrics()) == counted(other.metrics())


def test_the_order_of_gateways_is_no_matter_where_the_first_is_down_r79(
    host: Host, gateway: Pushgateway, restartable: Restartable
) -> None:
    with restartable.up():
        append(host, 0, 10)
        to = f'["{restartable.url}", "{gateway.url}"]'
        host.configure(f'[gateway]\nurl = {to}\nretry_for = 0\n[[log]]\npath = "{host.access}"\n')
        host.push()
    append(host, 10, 20)
    assert 69 == host.batchlog("push").exit
    assert total(20) == counted(gateway.metrics())


def test_a_first_run_that_reaches_no_gateway_begins_nothing_r65(
    host: Host, restartable: Restartable
) -> None:
    append(host, 0, 10)
    done = host.batchlog("push", host.access, "--gateway", restartable.url, *ONCE)
    assert 69 == done.exit
    assert not host.checkpoint.exists()
    with restartable.up() as other:
        host.push(host.access, "--gateway", restartable.url)
        assert total(10) == counted(other.metrics())


def test_all_gateways_down_is_made_up_for_by_the_next_run_r79(
    host: Host, restartable: Restartable
) -> None:
    with restartable.up():
        append(host, 0, 10)
        host.push(host.access, "--gateway", restartable.url)
    for begin in (10, 20, 30):
        append(host, begin, begin + 10)
        assert 69 == host.batchlog("push", "--gateway", restartable.url, *ONCE).exit
    with restartable.up() as other:
        host.push("--gateway", restartable.url)
        assert total(40) == counted(other.metrics())


# One that restarts


def test_a_gateway_that_forgot_everything_has_it_back_after_the_next_run_r88(
    host: Host, restartable: Restartable, tmp_path: Path
) -> None:
    """For Prometheus the series are absent and then continue: no reset."""
    target = f"127.0.0.1:{restartable.port}"
    with prometheus(tmp_path / "prometheus", target) as server:
        with restartable.up():
            append(host, 0, 50)
            host.push(host.access, "--gateway", restartable.url)
            assert eventually(lambda: requests(server) == 50, expected=True)
        with restartable.up() as again:
            assert eventually(lambda: requests(server) is None, expected=True)
            append(host, 50, 60)
            host.push("--gateway", restartable.url)
            assert total(60) == counted(again.metrics())
            assert eventually(lambda: requests(server) == 60, expected=True)
        assert 0 == server.value("sum(resets(batchlog_http_requests_total[10m]))")


def requests(server: Prometheus) -> float | None:
    return server.value('batchlog_http_requests_total{status="200"}')


# TLS and passwords


@dataclass(frozen=True)
class Guarded:
    """A Pushgateway with TLS that wants a password and a client's certificate."""

    url: str
    authority: Authority
    client: Pair
    password_file: Path

    def metrics(self) -> str:
        """Return what Prometheus would scrape."""
        context = ssl.create_default_context(cafile=str(self.authority.cert))
        context.load_cert_chain(self.client.cert, self.client.key)
        opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
        basic = base64.b64encode(f"batchlog:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"}
        asked = Request(f"{self.url}/metrics", headers=headers)  # noqa: S310 - our own
        with opener.open(asked, timeout=10) as response:
            return str(response.read().decode())

    def configuration(self, **instead: str | Path | None) -> str:
        """Return a configuration for it, with other values or None to leave one out."""
        settings: dict[str, str | Path | None] = {
            "url": self.url,
            "username": "batchlog",
            "password_file": self.password_file,
            "ca_file": self.authority.cert,
            "cert_file": self.client.cert,
            "key_file": self.client.key,
            "retry_for": "0s",
            **instead,
        }
        given = {name: value for name, value in settings.items() if value is not None}
        return "[gateway]\n" + "".join(f'{name} = "{value}"\n' for name, value in given.items())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder / "ca")
    server, client = authority.issue("server"), authority.issue("client")
    htpasswd = [binary("htpasswd"), "-nbBC", "4", "", PASSWORD]
    hashed = subprocess.run(htpasswd, capture_output=True, text=True, check=True).stdout
    web = folder / "web.yml"
    web.write_text(
        "tls_server_config:\n"
        f"  cert_file: {server.cert}\n"
        f"  key_file: {server.key}\n"
        "  client_auth_type: RequireAndVerifyClientCert\n"
        f"  client_ca_file: {authority.cert}\n"
        "basic_auth_users:\n"
        f"  batchlog: {hashed.strip().removeprefix(':')}\n"
    )
    password_file = folder / "password"
    password_file.write_text(PASSWORD + "\n")
    flag = f"--web.config.file={web}"
    with pushgateway(folder / "log", flag, scheme="https") as running:
        yield Guarded(running.url, authority, client, password_file)


def test_password_ca_and_client_certificate_work_all_at_once(host: Host, guarded: Guarded) -> None:
    append(host, 0, 10)
    host.configure(guarded.configuration())
    host.push(host.access)
    append(host, 10, 15)
    host.push()
    assert total(15) == counted(of(host, guarded))


def of(host: Host, guarded: Guarded) -> str:
    """Return what the gateway holds of this host; others have been here."""
    mine = [line for line in guarded.metrics().splitlines() if f'"{host.instance}"' in line]
    return "\n".join(mine) + "\n"


def test_the_url_of_the_command_line_goes_with_the_secrets_of_the_file(
    host: Host, guarded: Guarded
) -> None:
    append(host, 0, 10)
    host.configure(guarded.configuration(url=None))
    host.push(host.access, "--gateway", guarded.url)
    assert total(10) == counted(of(host, guarded))


def test_check_finds_nothing_wrong_with_a_guarded_gateway(host: Host, guarded: Guarded) -> None:
    append(host, 0, 10)
    host.configure(guarded.configuration())
    done = host.batchlog("check", host.access)
    assert 0 == done.exit, done.out
    assert "FAIL" not in done.out
    assert not host.checkpoint.exists()


def test_forget_takes_the_group_off_a_guarded_gateway_r95(host: Host, guarded: Guarded) -> None:
    append(host, 0, 10)
    host.configure(guarded.configuration())
    host.push(host.access)
    assert 0 == host.batchlog("forget").exit
    assert "\n" == of(host, guarded)
    host.push()
    assert total(10) == counted(of(host, guarded))


def test_a_wrong_password_is_refused_and_not_shown_r85(host: Host, guarded: Guarded) -> None:
    append(host, 0, 10)
    host.configure(guarded.configuration())
    host.push(host.access)
    wrong = host.root / "wrong"
    wrong.write_text("battery staple\n")
    host.configure(guarded.configuration(password_file=wrong))
    append(host, 10, 20)
    done = host.batchlog("push")
    assert 76 == done.exit
    assert "password_file" in done.err
    assert "battery" not in done.err
    host.configure(guarded.configuration())
    host.push()
    assert total(20) == counted(of(host, guarded))


@pytest.mark.parametrize(
    "left_out", [("ca_file",), ("cert_file", "key_file")], ids=["authority", "client"]
)
def test_a_tls_error_is_named_and_the_next_run_delivers_r79(
    host: Host, guarded: Guarded, left_out: tuple[str, ...]
) -> None:
    append(host, 0, 10)
    host.configure(guarded.configuration())
    host.push(host.access)
    host.configure(guarded.configuration(**dict.fromkeys(left_out)))
    append(host, 10, 20)
    done = host.batchlog("push")
    assert 69 == done.exit
    assert left_out[0] in done.err
    host.configure(guarded.configuration())
    host.push()
    assert total(20) == counted(of(host, guarded))


def test_a_plain_url_to_a_tls_gateway_is_refused_with_a_clear_message(
    host: Host, guarded: Guarded
) -> None:
    append(host, 0, 10)
    host.configure(guarded.configuration(url=guarded.url.replace("https", "http")))
    done = host.batchlog("push", host.access)
    assert 76 == done.exit
    assert "HTTPS server" in done.err
    assert not host.checkpoint.exists()
