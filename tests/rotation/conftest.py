"""A site for every rotation test, and how much is read of its files."""

import os
from pathlib import Path

import pytest

from tests.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


class Meter:
    """How many bytes were read of files."""

    read = 0

    def since(self) -> int:
        """Return how many they were since this was asked the last time."""
        found, self.read = self.read, 0
        return found


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Meter:
    """Measure what is read."""
    meter, pread = Meter(), os.pread

    def measured(descriptor: int, length: int, offset: int) -> bytes:
        data = pread(descriptor, length, offset)
        meter.read += len(data)
        return data

    monkeypatch.setattr(os, "pread", measured)
    return meter


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a run be out of patience with a log after two blocks."""
    for module in ("segments.take", "segments.look", "job.survey"):
        monkeypatch.setattr(f"batchlog.{module}.PATIENCE", 8 << 20)
    return 8 << 20
