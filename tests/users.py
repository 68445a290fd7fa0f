"""Other users of this host, for tests as root: numbers that nobody has, and a place they reach."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

SERVICE, STRANGER = 54321, 54322
"""User and group identifiers that no account has."""


@cache
def _can_be_another() -> bool:
    """Tell whether the program can be run as somebody else: it takes root and what can be read."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    ours = [*as_user(SERVICE), sys.executable, "-m", "batchlog", "--version"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.run(ours, capture_output=True, check=False, env=env, cwd="/").returncode == 0


def as_user(uid: int, gid: int | None = None, groups: Sequence[int] = ()) -> list[str]:
    """Return words to put before a command that is another user's."""
    joined = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    return ["setpriv", f"--reuid={uid}", f"--regid={uid if gid is None else gid}", joined]


def demand_root() -> None:
    """Skip a test that needs other users where there can be none."""
    if not _can_be_another():
        pytest.skip("only root can be another user, and that one must reach this checkout")


@contextmanager
def public_directory() -> Iterator[Path]:
    """Yield a directory that other users reach, which they do not reach below tmp_path."""
    with tempfile.TemporaryDirectory(prefix="batchlog-users-") as path:
        os.chmod(path, 0o755)  # noqa: S103 - others are to reach it
        yield Path(path)
