"""A real Prometheus that scrapes the real Pushgateway answers with exact totals at each step."""

import gzip
import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from tests.integration.host import Host, values
from tests.servers import Prometheus, Pushgateway, eventually
from tests.site import line, lines

REQUESTS = "batchlog_http_requests_total"
BYTES = "batchlog_http_response_bytes_total"


@dataclass(frozen=True)
class Watched:
    """A host whose gateway a Prometheus scrapes."""

    host: Host
    gateway: Pushgateway
    server: Prometheus

    def append(self, numbers: Iterable[int]) -> None:
        """Append lines to the active log."""
        with self.host.access.open("ab") as file:
            file.write(lines(numbers))

    def rotate(self) -> None:
        """Rename the active log to .1, and .1 to .2, and begin a new one."""
        rotated = self.host.logs / "access.log.1"
        if rotated.exists():
            rotated.rename(self.host.logs / "access.log.2")
        self.host.access.rename(rotated)
        self.host.access.touch()

    def push(self) -> None:
        """Do one run, which must find nothing to complain about."""
        self.host.push(self.host.access, "--gateway", self.gateway.url)

    def totals(self) -> tuple[float, float]:
        """Wait for a scrape of the latest push; return all requests and bytes."""
        pushed = values(self.gateway.metrics(), "push_time_seconds", "instance")[(self.instance,)]
        assert pushed == eventually(lambda: self.value("push_time_seconds") or 0, pushed)
        return self.value(f"sum({REQUESTS})") or 0, self.value(f"sum({BYTES})") or 0

    def value(self, expression: str) -> float | None:
        """Return an expression's value; each metric in it is that of this host."""
        mine = f'\\1{{instance="{self.instance}"}}'
        return self.server.value(re.sub(r"((?:batchlog|push)_\w+)", mine, expression))

    @property
    def instance(self) -> str:
        """The label that tells this host's series from those of other tests."""
        return self.host.instance


@pytest.fixture
def watched(host: Host, gateway: Pushgateway, scraping: Prometheus) -> Watched:
    return Watched(host, gateway, scraping)


def exact(count: int) -> tuple[int, int]:
    """Return what lines 0 to `count` add up to: each has its number as its size."""
    return count, sum(range(count))


def test_totals_stay_exact_through_rename_compression_and_masking(watched: Watched) -> None:
    """The acceptance of the main job, step by step."""
    logs = watched.host.logs
    watched.append(range(100))
    watched.push()
    assert exact(100) == watched.totals()

    watched.append(range(100, 130))
    watched.push()
    assert exact(130) == watched.totals()

    watched.append(range(130, 140))
    watched.rotate()
    watched.append(range(140, 150))
    watched.push()
    assert exact(150) == watched.totals()

    subprocess.run(["gzip", logs / "access.log.1"], check=True)
    watched.append(range(150, 175))
    watched.push()
    assert exact(175) == watched.totals()

    (logs / "access.log.1.gz").rename(logs / "access.log.2.gz")
    watched.rotate()
    watched.append(range(175, 180))
    watched.push()
    assert exact(180) == watched.totals()

    mask = r"s/^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/0.0.0.0/"
    subprocess.run(["sed", "-i", "-E", mask, logs / "access.log.1"], check=True)
    assert b"192.0.2." not in (logs / "access.log.1").read_bytes()
    watched.append(range(180, 200))
    done = watched.host.batchlog("push", watched.host.access, "--gateway", watched.gateway.url)
    assert 0 == done.exit, done.err
    assert "WARNING" in done.err
    assert "access.log.1" in done.err
    assert exact(200) == watched.totals()

    watched.push()
    assert exact(200) == watched.totals()
    assert 0 == watched.value(f"sum(resets({REQUESTS}[10m]))")
    assert 0 == watched.value(f"sum(resets({BYTES}[10m]))")


def test_lines_added_before_the_addresses_are_masked_count_once_r30(watched: Watched) -> None:
    """`sed -i` over a rotated file of which the last lines were not read yet."""
    watched.append(range(50))
    watched.push()
    watched.append(range(50, 60))
    watched.rotate()
    rotated = watched.host.logs / "access.log.1"
    subprocess.run(["sed", "-i", "-E", r"s/^[0-9.]+/0.0.0.0/", rotated], check=True)
    watched.append(range(60, 65))
    done = watched.host.batchlog("push", watched.host.access, "--gateway", watched.gateway.url)
    assert 0 == done.exit, done.err
    assert exact(65) == watched.totals()


def test_a_masked_file_that_is_compressed_afterwards_counts_once_r30(watched: Watched) -> None:
    watched.append(range(50))
    watched.push()
    watched.rotate()
    watched.push()
    rotated = watched.host.logs / "access.log.1"
    before = rotated.stat()
    masked = rotated.read_bytes().replace(b"192.0.2.", b"203.0.113.")
    packed = rotated.with_name("access.log.1.gz")
    packed.write_bytes(gzip.compress(masked))
    os.utime(packed, ns=(before.st_atime_ns, before.st_mtime_ns))
    rotated.unlink()
    watched.append(range(50, 60))
    done = watched.host.batchlog("push", watched.host.access, "--gateway", watched.gateway.url)
    assert 0 == done.exit, done.err
    assert exact(60) == watched.totals()


def test_the_group_is_what_prometheus_shows(watched: Watched) -> None:
    """honor_labels: job and instance are the group's, not those of the scrape."""
    watched.append(range(3))
    watched.push()
    watched.totals()
    labels = {"instance": watched.instance, "job": "batchlog", "status": "200"}
    query = f'{REQUESTS}{{instance="{watched.instance}",status="200"}}'
    assert [({"__name__": REQUESTS, **labels}, 3)] == watched.server.query(query)


def test_a_code_that_appears_later_is_seen_by_increase_r96(watched: Watched) -> None:
    watched.append(range(3))
    watched.push()
    assert exact(3) == watched.totals()
    with watched.host.access.open("ab") as file:
        file.write(line(3, status=503))
    watched.push()
    assert exact(4) == watched.totals()
    observed = watched.value(f"max(increase({REQUESTS}[5m]))")
    assert observed is not None
    assert observed > 0
