"""Episodes of tests/integration/rotators.py for as long as is asked: `make soak SECONDS=600`.

Each is named by its seed before it begins, and `SEED=…` plays that one again. The first difference
ends it with exit status 1, and its directory stays: logs, checkpoint, what each push said.
"""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import SystemRandom

import pytest

from tests.integration.rotators import Episode

STEPS = 12


def main() -> int:
    """Play one seed's episode, or episodes until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int)
    given = parser.parse_args()
    end = time.monotonic() + given.seconds
    done: Counter[str] = Counter()
    while True:
        seed = SystemRandom().randrange(10**6) if given.seed is None else given.seed
        say(f"SEED={seed}")
        episode = play(seed)
        if episode is None:
            return 1
        done += Counter(["episodes", *episode.settings.words]) + episode.done
        say(f"    {amounts(episode.done)}; {episode.settings}")
        if given.seed is not None or time.monotonic() >= end:
            say(amounts(done))
            return 0


def play(seed: int) -> Episode | None:
    """Play an episode; keep its directory and return nothing where it fails."""
    folder = Path(tempfile.mkdtemp(prefix="batchlog-soak-"))
    try:
        episode = Episode(folder, seed)
        episode.play(STEPS)
    except (Exception, pytest.skip.Exception, pytest.fail.Exception):  # noqa: BLE001 - named below
        traceback.print_exc()
        say(f"SEED={seed} failed; all of it is in {folder}")
        return None
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return episode


def amounts(done: Counter[str]) -> str:
    """Return what was done in words."""
    return ", ".join(f"{count:,} {what}" for what, count in sorted(done.items()))


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
