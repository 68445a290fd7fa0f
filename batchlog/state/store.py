"""The checkpoint on disk: read, verified, replaced as a whole, locked by one run at a time.

Rules: the file is replaced by rename, never written in place, and never absent while it is; what
is pushed was made durable before (fsync of file and directory); the lock lies in a file of its
own that is never replaced (R61, R62, R67, R68). Nothing is written once another directory or lock
has taken the place of ours (R120).
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from batchlog.errors import Busy, CheckpointError, Stop
from batchlog.failpoints import reach
from batchlog.smallfile import read_small
from batchlog.state.checkpoint import State, decode, encode
from batchlog.state.directory import make_private, nearest
from batchlog.state.durable import replace_kept
from batchlog.state.lock import Held, acquire, hold
from batchlog.state.remedy import remedy
from batchlog.state.rights import inside
from batchlog.state.way import judge_way

MOST = 1 << 30
"""Bytes of a checkpoint: thousands of logs with thousands of contents are a tenth of it."""


class Store:
    """The checkpoint at `path` with its companions: `.previous`, `.lock`, `.new`."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.directory, self._name = os.path.split(self.path)
        self.previous = self.path + ".previous"
        self._held: list[Held] = []
        self._user: int | None = None
        """Whom the way to the directory was judged for."""

    def companion(self, name: str) -> str:
        """Return the path of another file in the state directory."""
        return os.path.join(self.directory, name)

    @contextmanager
    def inside(self) -> Iterator[str]:
        """Yield a path of the state directory, with the rights to work there (`rights`).

        CheckpointError where it, or a lock that is held, was replaced meanwhile.
        """
        if self._held and not os.path.isdir(self.directory):
            raise self._replaced()
        with inside(self.directory, self._user) as base:
            if not all(held.is_in_place(base) for held in self._held):
                raise self._replaced()
            yield base

    def _replaced(self) -> CheckpointError:
        return CheckpointError(
            f"the state directory {self.directory}, or a lock in it, was replaced while "
            "this ran: nothing was written there; run again with the one that is to stay"
        )

    @contextmanager
    def lock(
        self,
        wait: float,
        stop: Stop,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[None]:
        """Hold the lock; Busy after `wait` seconds or when asked to stop.

        Creates the state directory (0700) where it is not there yet.
        """
        reach("lock.before")
        path = f"{self.path}.lock"

        def busy(waited: float) -> str:
            return f"another run holds the lock {path} (waited {waited:.0f} s; --lock-wait)"

        with self._locked(path, busy, wait, stop, sleep):
            reach("lock.held")
            yield

    @contextmanager
    def lock_backfill(self) -> Iterator[None]:
        """Keep a second backfill out; runs go on meanwhile. Busy at once where there is one."""
        path = f"{self.path}.backfill.lock"
        with self._locked(path, lambda _: f"another backfill is under way (it holds {path})", 0):
            yield

    @contextmanager
    def _locked(
        self,
        path: str,
        busy: Callable[[float], str],
        wait: float,
        stop: Stop | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[None]:
        self.prepare()
        try:
            with self.inside() as base:
                held = hold(base, os.path.basename(path))
        except OSError as error:
            raise CheckpointError(
                f"cannot write in the state directory: {path}: {error.strerror}; {remedy(error)}"
            ) from None
        try:
            try:
                waited = acquire(held.descriptor, wait, stop, sleep)
            except OSError as error:
                raise CheckpointError(
                    f"cannot lock {path}: {error.strerror}; "
                    "the state directory needs a file system with locks"
                ) from None
            if waited is not None:
                raise Busy(busy(waited))
            self._held.append(held)
            yield
        finally:
            self._held = [one for one in self._held if one is not held]
            os.close(held.descriptor)

    def prepare(self) -> None:
        """Make the state directory; CheckpointError where it cannot hold a checkpoint."""
        self.judge_directory()
        if os.path.isdir(self.directory):
            return
        if self._held:
            raise self._replaced()
        try:
            with inside(nearest(self.directory), self._user):
                make_private(self.directory)
        except OSError as error:
            raise self._unusable(error) from None

    def judge_directory(self) -> tuple[str, ...]:
        """Return what speaks against the directory, there or not yet.

        CheckpointError where somebody else could replace or write it (`owners`).
        """
        try:
            judgement, user = judge_way(self.directory)
        except OSError as error:
            raise self._unusable(error) from None
        self._user = user.uid
        if judgement.refusals:
            raise CheckpointError(judgement.refusals[0])
        return judgement.warnings

    def _unusable(self, error: OSError) -> CheckpointError:
        return CheckpointError(
            f"cannot use the state directory {self.directory}: {error.strerror}; {remedy(error)}"
        )

    def load(self) -> State | None:
        """Return the last committed state, None where there never was one.

        CheckpointError where it is damaged, from a newer version, or has gone missing (R63, R64).
        """
        try:
            with self.inside() as base:
                return self._read(base)
        except FileNotFoundError:  # not even its directory
            return None
        except OSError as error:
            raise CheckpointError(
                f"cannot read the checkpoint {self.path}: {error.strerror}; {remedy(error)}"
            ) from None

    def _read(self, base: str) -> State | None:
        try:
            return decode(read_small(os.path.join(base, self._name), MOST))
        except FileNotFoundError:
            if not os.path.lexists(os.path.join(base, self._name + ".previous")):
                return None
            why = "is missing,"
        except CheckpointError as error:
            why = f"cannot be used: {error};"
        raise CheckpointError(f"the checkpoint {self.path} {why} {self._way_out(base)}")

    def _way_out(self, base: str) -> str:
        anew = "'batchlog reset LOG…' starts anew from zero"
        try:
            decode(read_small(os.path.join(base, self._name + ".previous"), MOST))
        except (OSError, CheckpointError):
            return anew
        return (
            f"and {self.previous} holds the state before: copy it back "
            f"(what came between is read again), or {anew}"
        )

    def load_usable(self) -> State | None:
        """Return the last committed state, None also where it cannot be used (for `reset`)."""
        try:
            return self.load()
        except CheckpointError:
            return None

    def commit(self, state: State) -> None:
        """Make `state` durable; CheckpointError where that fails, the old one is intact then."""
        data = encode(state)
        try:
            with self.inside() as base:
                replace_kept(os.path.join(base, self._name), data)
        except OSError as error:
            raise CheckpointError(
                f"cannot write the checkpoint {self.path}: {error.strerror}; {remedy(error)}; "
                "the last one is intact, the next run reads again what this one read"
            ) from None
        reach("store.durable")

    def set_aside(self) -> str | None:
        """Give a checkpoint that cannot be used another name and return it; None where none is.

        The generation before, which may still be good, stays where it is.
        """
        damaged = self._name + ".damaged"
        try:
            with self.inside() as base:
                os.rename(os.path.join(base, self._name), os.path.join(base, damaged))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from None
        return self.companion(damaged)
