"""Prometheus' own promtool: where it is, what it is asked for, and how it says no.

The only place that starts it. It turns a file of history into blocks of a server's database, which
no other program of Debian does.
"""

import errno
import os
import shlex
import shutil
import subprocess
from contextlib import suppress
from typing import NamedTuple

from batchlog.errors import BatchlogError, ConfigError, LogError, SinkUnreachable, Stop
from batchlog.nowhere import nowhere

DURATION = "18h"
"""The longest block that promtool makes.

promtool reads a file once for every span of this length, and knows spans of 2 hours times a power
of three, counted from 1970: 2h, 6h, 18h, 54h … The next shorter one is taken. Measured with
promtool 2.42 over 30 days of 20 series, a sample a minute, a file a day:

    longest   blocks   seconds
    2h           360      12.0   its default
    18h           60       4.4
    54h           39       3.9
    162h          33       3.3
    486h          31       3.4
    39366h        30       3.1   the longest that it knows: a block a day

18h is the longest block that a server with the default retention makes itself. A longer one, which
ends with its day, lies across two of the server's: those overlap, so that the server merges what
touches, 72 hours of all its series at a time (tried). One of 18h lies within one of the server's,
also within those of 54h and more that longer retentions make.
"""

PATIENCE = 10.0
"""Seconds to say a version."""

_LOOK = 0.1
"""Seconds between two looks at the request to stop."""

_SHOWN = 300
"""Characters of promtool's complaint that are shown."""


_MACHINE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
)
"""What is wrong with the machine and not with the file; Go has the C library's words for it, in
small letters (zerrors_linux_amd64.go)."""


class Promtool(NamedTuple):
    """A promtool that runs."""

    path: str
    version: str

    def convert(self, file: str, into: str, scratch: str, stop: Stop) -> bool:
        """Make blocks of a file in the directory `into`; `scratch` takes promtool's own files.

        Returns whether it is done: not so where a stop was asked for. Raises LogError with what
        promtool says where it refuses the file, SinkUnreachable where the machine stands in its
        way. That it ends well does not mean that every sample is in: it drops those that are not
        in order without a word.
        """
        with (
            nowhere() as nothing,
            subprocess.Popen(
                [self.path, *_words(), file, into],
                env={**os.environ, "TMPDIR": scratch},
                umask=0o022,  # Prometheus runs as another user
                stdin=nothing,
                stdout=nothing,
                stderr=subprocess.PIPE,
            ) as process,
        ):
            try:
                said = _said(process, stop)
            finally:
                process.kill()  # nothing where it has ended
        if process.returncode and not stop:  # Ctrl-C at a terminal reaches promtool too
            raise _failure(f"promtool {self.version} fails on {file}", process.returncode, said)
        return process.returncode == 0


def find() -> Promtool:
    """Return the promtool on PATH; ConfigError where there is none or it does not run."""
    path = shutil.which("promtool")
    if path is None:
        raise ConfigError(
            "promtool is not on PATH, and --tsdb needs it to make blocks (Debian: apt install "
            "prometheus); or give --openmetrics DIR and run promtool where it is"
        )
    try:
        done = subprocess.run(
            [path, "--version"],
            input=b"",
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except OSError as error:
        raise ConfigError(f"{path} does not run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{path} hangs: it does not say its version") from None
    # "promtool, version 2.42.0+ds (branch: …": on standard error by some versions.
    words = (done.stdout or done.stderr).decode(errors="backslashreplace").split()
    if done.returncode or words[:2] != ["promtool,", "version"]:
        raise ConfigError(f"{path} is not Prometheus' promtool: it does not say its version")
    return Promtool(path, words[2])


def command_line(files: str, into: str) -> str:
    """Return the shell's line that makes blocks of all `files`, a quoted pattern, in `into`.

    The first file that promtool refuses ends it.
    """
    words = " ".join(_words())
    into = shlex.quote(into)
    return f'for day in {files}; do promtool {words} "$day" {into} || break; done'


def _words() -> list[str]:
    # The duration is there from 2.24 to 3.x, though --help does not show it.
    flags = ["-q", f"--max-block-duration={DURATION}"]
    return ["tsdb", "create-blocks-from", "openmetrics", *flags]


def _said(process: subprocess.Popen[bytes], stop: Stop) -> bytes:
    """Wait for the end of the process, or of our patience; return what it said."""
    while not stop:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_LOOK)[1]
    return b""


def _failure(what: str, status: int, said: bytes) -> BatchlogError:
    """Return why promtool has failed: the machine's doing can be mended, and is gone on from."""
    text = said.decode(errors="backslashreplace").strip()
    reason = text.splitlines()[-1][:_SHOWN] if text else f"exit status {status}"
    if status < 0:
        reason = f"it was ended by signal {-status}"
    elif not any(os.strerror(number).lower() in text.lower() for number in _MACHINE):
        return LogError(f"{what}: {reason}")
    return SinkUnreachable(
        f"{what}: {reason}; see to the space, memory and rights there, and run again: it goes on "
        "where it was"
    )
