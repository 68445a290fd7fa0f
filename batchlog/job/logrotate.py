"""What logrotate is set to do with a log: copytruncate loses lines that nobody can count (R25)."""

import fnmatch
import glob
import re
import shlex

from batchlog.smallfile import MIB, read_small

CONFIGURATION = ("/etc/logrotate.conf", "/etc/logrotate.d/*")

_BLOCK = re.compile(r"^(?P<names>[^{}]*?)\{(?P<body>[^{}]*)\}", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_SCRIPT = re.compile(
    r"^\s*(?:pre|post|first|last)(?:rotate|action)\b.*?^\s*endscript\b|^\s*preremove\b.*?"
    r"^\s*endscript\b",
    re.MULTILINE | re.DOTALL,
)


def copytruncated(path: str, configuration: tuple[str, ...] = CONFIGURATION) -> str | None:
    """Return the logrotate file by which the log at `path` is copied and truncated, else None.

    Reads logrotate.conf(5) as far as needed: blocks of names with their options, and options that
    stand before all blocks.
    """
    everywhere = False
    for pattern in configuration:
        for name in sorted(glob.glob(pattern)):
            text = _SCRIPT.sub("", _COMMENT.sub("", _read(name)))
            everywhere |= _asks_for_it(_BLOCK.sub("", text))
            for block in _BLOCK.finditer(text):
                if _covers(block["names"], path):
                    chosen = everywhere and "nocopytruncate" not in block["body"].split()
                    return name if chosen or _asks_for_it(block["body"]) else None
    return None


def _read(name: str) -> str:
    try:
        return read_small(name, MIB).decode("utf-8", "replace")
    except OSError:
        return ""


def _asks_for_it(options: str) -> bool:
    return "copytruncate" in options.split()


def _covers(names: str, path: str) -> bool:
    # Options may stand on the lines before the names of a block; they match no path.
    try:
        words = shlex.split(names)
    except ValueError:
        words = names.split()
    return any(fnmatch.fnmatchcase(path, word) for word in words)
