"""Fixtures for all tests: the real servers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import hypothesis
import pytest

from tests import clusters, servers, storage

SERVERS = {"pushgateway", "prometheus", "promtool"}

_BUCKETS = count()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, so that `pytest -m 'not real_server'` leaves those tests out."""
    hypothesis.settings.register_profile("ours", deadline=None)  # machines are busy at times
    hypothesis.settings.load_profile("ours")
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


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.Storage]:
    """Run one S3 server for all tests."""
    with storage.storage(tmp_path_factory.mktemp("s3") / "log") as running:
        yield running


@pytest.fixture
def s3(s3_server: storage.Storage, monkeypatch: pytest.MonkeyPatch) -> storage.Bucket:
    """Return an empty bucket, which this process and those that it starts can use."""
    for name, value in s3_server.env.items():
        monkeypatch.setenv(name, value)
    bucket = storage.Bucket(s3_server, f"bucket-{next(_BUCKETS)}")
    bucket.create()
    return bucket


@pytest.fixture(scope="session")
def cluster(s3_server: storage.Storage) -> Iterator[clusters.Cluster]:
    """Run one Dask cluster of two workers for all tests; they can use the S3 server."""
    with clusters.cluster(2, s3_server.env) as running:
        yield running
