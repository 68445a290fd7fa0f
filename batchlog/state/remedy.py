"""What a person does next where state cannot be read or written, by the system's error.

The text of an error says what is so, and is the same for a file that another owns and for a disk
that is full; what helps is not.
"""

import errno

from batchlog.smallfile import NotUsable

_ELSEWHERE = "give another with --checkpoint FILE"
_ROOM = "make room there (its quota and its inodes count too)"
_FILES = "raise the limit of open files (ulimit -n, LimitNOFILE= in a unit) and run again"
_OWNER = (
    f"run as its owner or as root (chown -R gives back what is another's in it), or {_ELSEWHERE}"
)

_REMEDIES = {
    errno.EACCES: _OWNER,
    errno.EPERM: (
        "run as its owner (root works there as that one, which takes CAP_SETUID and CAP_SETGID), "
        f"or {_ELSEWHERE}"
    ),
    errno.EROFS: f"mount it for writing (ReadWritePaths= in a unit), or {_ELSEWHERE}",
    errno.EMFILE: _FILES,
    errno.ENFILE: "the whole host has too many files open: see fs.file-max, and run again",
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EIO: "see what the kernel says of that disk (dmesg)",
    errno.ESTALE: "its server has gone away or another file is there: mount it again",
    errno.ENOLCK: "the state directory needs a file system with locks",
}


def remedy(error: OSError) -> str:
    """Return the next step after an error of the state directory."""
    if isinstance(error, NotUsable):
        return f"move it away, or {_ELSEWHERE}"
    return _REMEDIES.get(error.errno or 0, _ELSEWHERE)
