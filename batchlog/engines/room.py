"""How many processes the memory that this one may use has room for.

A process that takes more than its control group has is killed, and which of the group that is, the
kernel decides: it may be this one. So fewer are started where memory is bounded.
"""

import resource
from collections.abc import Iterator
from pathlib import Path

A_PROCESS = 64 << 20
"""Bytes for each process: twice what one takes that counts by status."""

GROUPS = Path("/sys/fs/cgroup")
OURS = Path("/proc/self/cgroup")


def room(groups: Path = GROUPS, ours: Path = OURS) -> int | None:
    """Return how many processes there is room for, at least 1; None where nothing says."""
    bounds = list(_bounds(groups, ours))
    address_space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if address_space != resource.RLIM_INFINITY and address_space < 2 * A_PROCESS:
        return 1  # each process has as much, and a worker needs more than the first
    return max(1, min(bounds) // A_PROCESS) if bounds else None


def _bounds(groups: Path, ours: Path) -> Iterator[int]:
    """Yield the bounds of memory of our control group and of those above it (cgroups(7))."""
    try:
        lines = ours.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            yield from _above(groups, path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _above(groups / "memory", path, "memory.limit_in_bytes")


def _above(root: Path, path: str, name: str) -> Iterator[int]:
    """Yield what stands in the files of a group and of those above: a container sees the last."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        try:
            text = root.joinpath(*parts[:length], name).read_text().strip()
        except (OSError, ValueError):
            continue
        if text.isdigit():  # not "max"; without a bound version 1 has a number larger than any disk
            yield int(text)
