"""promtool has nothing to say about what batchlog pushes, writes and prints."""

import stat

import pytest

from tests.integration.host import Host, counted, values
from tests.servers import Promtool, Pushgateway
from tests.site import lines

VHOST = '%v:%p %h %l %u %t "%r" %>s %b %D'
"""A format that carries every label and a duration."""

BY = "status,status_class,method,vhost,protocol"


def vhost_line(host: str, request: str, status: int, sent: str, micros: int) -> str:
    stamp = "[22/Nov/2026:10:00:00 +0000]"
    return f'{host}:443 192.0.2.1 - - {stamp} "{request}" {status} {sent} {micros}\n'


EVERYTHING = "".join(
    [
        vhost_line("shop.example.org", "GET / HTTP/1.1", 200, "512", 1_500),
        vhost_line("SHOP.example.org", "POST /cart HTTP/2.0", 303, "-", 120_000),
        vhost_line("[2001:db8::1]", "HEAD / HTTP/1.0", 404, "0", 12_000_000),
        vhost_line("no_host!", "\\x16\\x03\\x01", 400, "226", 7),
        vhost_line("a.example.org", "BREW /pot HTCPCP/1.0", 418, "12", 900),
        vhost_line("a.example.org", "GET / HTTP/1.1", 999, "1", 900),
    ]
)

CONFIGURATION = """
[metrics]
by = ["status", "status_class", "method", "vhost", "protocol"]

[[log]]
path = "{logs}/*access.log"
format = '{format}'
labels = {{ tier = 'edge "1" \\ x' }}
labels_from_path = '(?P<site>[^/]+)-access\\.log$'
"""


def configured(host: Host) -> None:
    (host.logs / "shop-access.log").write_text(EVERYTHING)
    (host.logs / "access.log").write_text(EVERYTHING)
    (host.logs / 'odd\n"name"\\-access.log').write_text(EVERYTHING)
    host.configure(CONFIGURATION.format(logs=host.logs, format=VHOST))


def test_promtool_is_silent_on_the_default(
    host: Host, gateway: Pushgateway, promtool: Promtool
) -> None:
    host.access.write_bytes(lines(range(30)))
    host.push(host.access, "--gateway", gateway.url)
    assert {"200": 30} == counted(gateway.metrics()).requests
    assert "" == promtool.check_metrics(gateway.metrics().encode())


def test_promtool_is_silent_on_every_label_and_durations(
    host: Host, gateway: Pushgateway, promtool: Promtool
) -> None:
    configured(host)
    host.push("--gateway", gateway.url)
    text = gateway.metrics()
    assert 18 == sum(values(text, "batchlog_http_request_duration_seconds_count").values())
    sites = values(text, "batchlog_http_requests_total", "site", "tier")
    expected = {(site, 'edge "1" \\ x'): 6 for site in ("shop", "other", 'odd\n"name"\\')}
    assert expected == sites
    assert "" == promtool.check_metrics(text.encode())


@pytest.mark.parametrize("by", ["status_class", "method", "", BY])
def test_promtool_is_silent_on_any_choice_of_labels(
    host: Host, promtool: Promtool, by: str
) -> None:
    host.access.write_text(EVERYTHING)
    done = host.batchlog("push", "--dry-run", "--by", by, "--format", VHOST, host.access)
    assert 6 == sum(values(done.out, "batchlog_http_requests_total").values())
    assert "" == promtool.check_metrics(done.out.encode())


def test_the_textfile_is_readable_by_others_and_promtool_is_silent_on_it(
    host: Host, promtool: Promtool
) -> None:
    """Also under the umask of the systemd service, which would make it 0600."""
    configured(host)
    path = host.root / "batchlog.prom"
    for _ in range(2):
        done = host.batchlog("push", "-q", "--textfile", path, umask=0o077)
        assert (0, "", "") == done
        assert 0o644 == stat.S_IMODE(path.stat().st_mode)
        assert "" == promtool.check_metrics(path.read_bytes())
    assert 18 == sum(values(path.read_text(), "batchlog_http_requests_total").values())


def test_nothing_else_stays_beside_the_textfile(host: Host) -> None:
    """node_exporter reads every file whose name ends in .prom."""
    host.access.write_bytes(lines(range(3)))
    directory = host.root / "collector"
    directory.mkdir()
    for _ in range(2):
        host.push(host.access, "--textfile", directory / "batchlog.prom")
    assert ["batchlog.prom"] == [path.name for path in directory.iterdir()]


def test_textfile_and_gateway_get_the_same_totals(host: Host, gateway: Pushgateway) -> None:
    host.access.write_bytes(lines(range(30)))
    path = host.root / "batchlog.prom"
    host.push(host.access, "--textfile", path, "--gateway", gateway.url)
    assert counted(gateway.metrics()) == counted(path.read_text())
