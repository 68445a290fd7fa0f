"""The program on a host of its own, and a gateway to push to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.gateways import StandIn


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def gateway() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running
