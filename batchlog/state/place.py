"""What kind of file system the state directory lies on: some forget, some do not lock."""

import os

_FORGETS = {
    "tmpfs": "is in memory: it is gone after a restart",
    "ramfs": "is in memory: it is gone after a restart",
    "overlay": "is a container's own layer: it is gone with the container; use a volume",
    "aufs": "is a container's own layer: it is gone with the container; use a volume",
    "nfs": "is on NFS: locks and renames are weaker there; use a local disk",
    "nfs4": "is on NFS: locks and renames are weaker there; use a local disk",
    "cifs": "is on a network share: locks and renames are weaker there; use a local disk",
}


def doubts(directory: str, mounts: str = "/proc/self/mountinfo") -> str | None:
    """Return why a checkpoint in `directory` may not last, None where nothing speaks against it.

    Reads the table of proc_pid_mountinfo(5); elsewhere than on Linux nothing is known.
    """
    kind = _file_system(os.path.realpath(directory), mounts)
    reason = _FORGETS.get(kind or "")
    return f"the state directory {directory} {reason}" if reason else None


def _file_system(path: str, mounts: str) -> str | None:
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.split() for line in table]
    except OSError:
        return None
    best, kind = "", None
    for row in rows:
        point = row[4].replace("\\040", " ")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, row[row.index("-") + 1]
    return kind
