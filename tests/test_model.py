"""Whatever happens to logs, in whatever order: after every step the totals are what a model says.

Left out is what the README says cannot be promised; each rule says where it stays away from that.
`BATCHLOG_TEST_EXAMPLES=1000 make test TESTS=tests/test_model.py` tries more.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.backfills import Backfills
from tests.model.checkpoints import Checkpoints
from tests.model.runs import Runs
from tests.model.sinks import Gateways

EXAMPLES = int(os.environ.get("BATCHLOG_TEST_EXAMPLES", "60"))
STEPS = 30
PARTS = 2
"""Seeds, so that two processes share the work; equal seeds give equal examples."""

DEEP = {"push": 0.6, "rotation": 0.6, "killed": 0.3}
"""In what share of the examples each of these happens, at the least."""

OFTEN = (
    "a log lost its end",
    "a long line without its end",
    "a run between copy and truncation",
    "a run while a file is compressed",
    "archive of two members",
    "backfill",
    "begun anew",
    "checkpoint lost altogether",
    "checkpoint rolled back",
    "commit failed",
    "compressed",
    "copytruncate",
    "deleted unread",
    "gateway restarted empty",
    "half a line",
    "hard link",
    "inodes swapped",
    "killed after the commit",
    "killed backfill",
    "killed before the commit",
    "late write",
    "permission taken",
    "push into trouble",
    "reported as lost",
    "rest",
    "rotated without create",
    "several rotations between runs",
    "stopped before the end",
    "symbolic link",
    "the same words at the head of each file",
    "truncated and regrown",
    "two runs at once",
)
"""What should happen in each part, or the model looks at less than it says."""

MISSED = 4
"""How many of those chance may leave out: Hypothesis switches some rules off in each example."""


class Machine(Runs, Backfills, Checkpoints):
    """A host on which anything may happen between two runs, and during one."""


@pytest.mark.parametrize("part", range(PARTS))
def test_after_every_step_the_totals_are_those_of_the_model(part: int) -> None:
    Machine.gateways = Gateways()
    Machine.happened.clear()
    try:
        run_state_machine_as_test(
            seed(part)(Machine),
            settings=settings(
                max_examples=EXAMPLES // PARTS,
                stateful_step_count=STEPS,
                database=None,
                deadline=None,
                print_blob=False,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        Machine.gateways.close()
    shares = {
        name: Machine.happened[f"examples with {name}"] / Machine.happened["examples"]
        for name in DEEP
    }
    assert all(share >= DEEP[name] for name, share in shares.items()), shares
    never = [name for name in OFTEN if Machine.happened[name] < 1]
    assert len(never) <= MISSED, never
