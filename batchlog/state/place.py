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

_REMOTE = ("nfs", "nfs4", "cifs")


def doubts(directory: str, mounts: str = "/proc/self/mountinfo") -> str | None:
    """Return why a checkpoint in `directory` may not last, None where nothing speaks against it.

    Reads the table of proc_pid_mountinfo(5); elsewhere than on Linux nothing is known.
    """
    kind = file_system(directory, mounts)
    reason = _FORGETS.get(kind or "")
    return f"the state directory {directory} {reason}" if reason else None


def is_remote(directory: str) -> bool:
    """Tell whether a directory lies on another host, whose users may have no number here."""
    return file_system(directory) in _REMOTE


def file_system(directory: str, mounts: str = "/proc/self/mountinfo") -> str | None:
    """Return the kind of file system that holds `directory`, None where that is not known."""
    path = os.path.realpath(directory)
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
