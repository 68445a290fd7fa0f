"""Exit codes, the errors behind them, and the request to stop.

Every error that a user or a log can cause is a `BatchlogError`: its text is one line that names
the thing and the next step, its `exit` the status the process leaves with. Nothing else may be
shown to a user in place of a traceback.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar


class Exit(IntEnum):
    """Exit status of a run; the values follow sysexits.h."""

    OK = 0
    USAGE = 2
    DATA = 65
    UNAVAILABLE = 69
    CHECKPOINT = 74
    BUSY = 75
    REFUSED = 76

    @classmethod
    def first(cls, codes: Iterable["Exit"]) -> "Exit":
        """Return the one that is reported when several apply: the order of the README's table."""
        found = set(codes)
        order = (cls.USAGE, cls.CHECKPOINT, cls.REFUSED, cls.UNAVAILABLE, cls.DATA, cls.BUSY)
        return next((code for code in order if code in found), cls.OK)


class BatchlogError(Exception):
    """Something a person can mend; the text names the thing and the next step."""

    exit: ClassVar[Exit] = Exit.DATA


class ConfigError(BatchlogError):
    """An option, a configuration value or a format that cannot be used."""

    exit = Exit.USAGE


class LogError(BatchlogError):
    """A log or segment that cannot be read or understood; others go on."""

    exit = Exit.DATA


class CheckpointError(BatchlogError):
    """The checkpoint cannot be read, verified or written."""

    exit = Exit.CHECKPOINT


class SinkUnreachable(BatchlogError):  # noqa: N818 - it names a state, as ConnectionRefusedError's kin
    """A gateway or textfile could not be reached or written; the next run delivers."""

    exit = Exit.UNAVAILABLE


class EngineUnreachable(BatchlogError):  # noqa: N818 - the same
    """Processes or a cluster that are to do the work cannot be had, or have gone; run again."""

    exit = Exit.UNAVAILABLE


class GatewayRefused(BatchlogError):  # noqa: N818 - the same
    """The gateway answered, and said no; its own words are part of the text."""

    exit = Exit.REFUSED


class Busy(BatchlogError):  # noqa: N818 - the same
    """Another run holds the lock."""

    exit = Exit.BUSY


class Interrupted(Busy):
    """A stop was asked for while an answer was waited for."""


_FEW = 100
"""Files that are opened although a stop is asked for: what is begun is done where that is quick."""


class Stop:
    """A request to stop that a signal handler sets and loops look at: true once asked for."""

    __slots__ = ("_asked", "_passed")

    def __init__(self) -> None:
        self._asked = False
        self._passed = 0

    def set(self) -> None:
        """Ask for the stop."""
        self._asked = True

    def one_more(self) -> None:
        """Let one more file be opened; Interrupted where a few were since the stop is asked for."""
        self._passed += self._asked
        if self._passed > _FEW:
            raise Interrupted("interrupted while files were looked at: the same command goes on")

    def __bool__(self) -> bool:
        return self._asked
