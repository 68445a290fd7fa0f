"""How many files may be open: in processes of their own, since a limit holds for a whole one."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, sys
from batchlog.cli.limits import raise_files
from batchlog.scheduler import descriptors
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
raise_files()
print(descriptors.limit(), descriptors.for_clients())
"""


@pytest.mark.parametrize(
    ("expected", "soft", "hard"),
    [
        ((1000, 125), 64, 1000),
        ((1000, 125), 1000, 1000),
        ((4000, 128), 1024, 4000),
        ((64, 8), 64, 64),
        ((20, 2), 20, 20),
        ((12, 2), 12, 12),
    ],
)
def test_r125_the_limit_is_raised_and_clients_get_a_small_part(
    expected: tuple[int, int], soft: int, hard: int
) -> None:
    words = [sys.executable, "-c", PROGRAM, str(soft), str(hard)]
    root = Path(__file__).parents[2]
    done = subprocess.run(words, capture_output=True, check=True, cwd=root, text=True)
    assert expected == tuple(map(int, done.stdout.split()))
