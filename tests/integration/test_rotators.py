"""A short pass of what `make soak` does for longer."""

from pathlib import Path

import pytest

from tests.integration.rotators import Episode

STEPS = 5


@pytest.mark.parametrize("seed", [3, 7, 13])
def test_totals_are_the_truth_through_rotations_kills_and_restarts(
    tmp_path: Path, seed: int
) -> None:
    """R2, R5, R23, R25, R26, R32, R39, R49, R60, R67, R87, R88, R99, in combination."""
    episode = Episode(tmp_path, seed)
    episode.play(STEPS)
    assert {"rotations", "pushes", "lines"} <= set(+episode.done)
