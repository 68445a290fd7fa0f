"""Fixtures for tests with real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.host import Host
from tests.servers import Prometheus, Pushgateway, prometheus


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def gateway(pushgateway: Pushgateway) -> Pushgateway:
    """Return the real Pushgateway, empty."""
    pushgateway.wipe()
    return pushgateway


@pytest.fixture(scope="session")
def scraping(
    pushgateway: Pushgateway, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """Run one Prometheus that scrapes the Pushgateway; its first scrape takes five seconds."""
    directory = tmp_path_factory.mktemp("scraping")
    with prometheus(directory, pushgateway.url.removeprefix("http://")) as running:
        yield running
