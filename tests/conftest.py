"""Fixtures for all tests: the real servers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests import servers

SERVERS = {"pushgateway", "prometheus", "promtool"}


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that `pytest -m 'not real_server'` leaves those tests out."""
    config.addinivalue_line("markers", "real_server: needs a real server or its tools on PATH")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for a real server."""
    for item in items:
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.real_server)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the servers of tests, all on this host, apart from the environment's proxies."""
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Pushgateway]:
    """Run one real Pushgateway for all tests; `wipe()` empties it."""
    log = tmp_path_factory.mktemp("pushgateway") / "log"
    with servers.pushgateway(log) as running:
        yield running


@pytest.fixture
def prometheus(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., servers.Prometheus]]:
    """Start a real Prometheus that scrapes the given HOST:PORTs, as `servers.prometheus` does."""
    with ExitStack() as running:

        def start(
            *targets: str, interval: str = "200ms", flags: tuple[str, ...] = ()
        ) -> servers.Prometheus:
            directory = tmp_path_factory.mktemp("prometheus")
            return running.enter_context(
                servers.prometheus(directory, *targets, interval=interval, flags=flags)
            )

        yield start


@pytest.fixture(scope="session")
def promtool() -> servers.Promtool:
    """Return the real promtool."""
    return servers.Promtool(servers.binary("promtool"))
