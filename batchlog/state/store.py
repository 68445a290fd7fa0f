"""The checkpoint on disk: read, verified, replaced as a whole, locked by one run at a time.

Rules: the file is replaced by rename, never written in place, and never absent while it is; what
is pushed was made durable before (fsync of file and directory); the lock lies in a file of its
own that is never replaced (R61, R62, R67, R68).
"""

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from batchlog.errors import Busy, CheckpointError, Stop
from batchlog.failpoints import reach
from batchlog.smallfile import NotUsable, read_small
from batchlog.state.checkpoint import State, decode, encode
from batchlog.state.directory import make_private, sync_directory
from batchlog.state.lock import acquire, open_lock

MOST = 1 << 30
"""Bytes of a checkpoint: thousands of logs with thousands of contents are a tenth of it."""


class _Held(Busy):
    """A lock is held by someone else."""


class Store:
    """The checkpoint at `path` with its companions: `.previous`, `.lock`, `.new`."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.directory = os.path.dirname(self.path)
        self.previous = self.path + ".previous"
        self._new = self.path + ".new"

    def companion(self, name: str) -> str:
        """Return the path of another file in the state directory."""
        return os.path.join(self.directory, name)

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
        self.prepare()
        path = self.path + ".lock"
        reach("lock.before")
        descriptor = self._open_lock(path)
        try:
            self._acquire(descriptor, path, wait, stop, sleep)
            reach("lock.held")
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def lock_backfill(self) -> Iterator[None]:
        """Keep a second backfill out; runs go on meanwhile. Busy at once where there is one."""
        self.prepare()
        path = self.path + ".backfill.lock"
        descriptor = self._open_lock(path)
        try:
            try:
                self._acquire(descriptor, path, 0)
            except _Held:
                raise Busy(f"another backfill is under way (it holds {path})") from None
            yield
        finally:
            os.close(descriptor)

    def prepare(self) -> None:
        """Make the state directory; CheckpointError where it cannot hold a checkpoint."""
        try:
            make_private(self.directory)
        except OSError as error:
            raise self._unusable(error) from None
        self.judge_directory()

    def judge_directory(self) -> None:
        """Raise a CheckpointError where everybody could replace the checkpoint."""
        try:
            mode = os.stat(self.directory).st_mode
        except OSError as error:
            raise self._unusable(error) from None
        if mode & stat.S_IWOTH:
            raise CheckpointError(
                f"the state directory {self.directory} can be written by everybody; "
                "choose another with --checkpoint FILE, or chmod o-w"
            )

    def _unusable(self, error: OSError) -> CheckpointError:
        return CheckpointError(
            f"cannot use the state directory {self.directory}: {error.strerror}; "
            "give another with --checkpoint FILE"
        )

    def _open_lock(self, path: str) -> int:
        try:
            return open_lock(path)
        except OSError as error:
            raise CheckpointError(
                f"cannot write in the state directory: {path}: {error.strerror}; "
                "run as its owner, or give another with --checkpoint FILE"
            ) from None

    def _acquire(
        self,
        descriptor: int,
        path: str,
        wait: float,
        stop: Stop | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            waited = acquire(descriptor, wait, stop, sleep)
        except OSError as error:
            raise CheckpointError(
                f"cannot lock {path}: {error.strerror}; "
                "the state directory needs a file system with locks"
            ) from None
        if waited is not None:
            raise _Held(f"another run holds the lock {path} (waited {waited:.0f} s; --lock-wait)")

    def load(self) -> State | None:
        """Return the last committed state, None where there never was one.

        CheckpointError where it is damaged, from a newer version, or has gone missing (R63, R64).
        """
        try:
            data = read_small(self.path, MOST)
        except FileNotFoundError:
            if not os.path.lexists(self.previous):
                return None
            raise CheckpointError(
                f"the checkpoint {self.path} is missing, {self._way_out()}"
            ) from None
        except NotUsable as error:
            raise CheckpointError(
                f"cannot read the checkpoint {self.path}: {error.strerror}; move it away, or give "
                "another with --checkpoint FILE"
            ) from None
        except OSError as error:
            raise CheckpointError(
                f"cannot read the checkpoint {self.path}: {error.strerror}; run as its owner"
            ) from None
        try:
            return decode(data)
        except CheckpointError as error:
            raise CheckpointError(
                f"the checkpoint {self.path} cannot be used: {error}; {self._way_out()}"
            ) from None

    def _way_out(self) -> str:
        anew = "'batchlog reset LOG…' starts anew from zero"
        try:
            decode(read_small(self.previous, MOST))
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
        try:
            self._write(encode(state))
            reach("store.synced")
            self._keep_previous()
            reach("store.kept")
            os.rename(self._new, self.path)
            reach("store.renamed")
            sync_directory(self.directory)
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._new)
            raise CheckpointError(
                f"cannot write the checkpoint {self.path}: {error.strerror}; "
                "the last one is intact, the next run reads again what this one read"
            ) from None
        reach("store.durable")

    def _write(self, data: bytes) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._new)  # left by a run that was killed, or something that is no file
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._new, flags, 0o600)
        reach("store.created")
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            reach("store.written")
            os.fsync(descriptor)  # never tried twice: a second one may lie (R62)
        finally:
            os.close(descriptor)

    def _keep_previous(self) -> None:
        """Keep the last generation under its other name without taking its own away."""
        temporary = self.previous + ".new"
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        try:
            os.link(self.path, temporary)
        except FileNotFoundError:
            return
        except OSError:  # a file system without hard links
            shutil.copy2(self.path, temporary)
        reach("store.linked")
        os.rename(temporary, self.previous)

    def set_aside(self) -> str | None:
        """Give a checkpoint that cannot be used another name and return it; None where none is.

        The generation before, which may still be good, stays where it is.
        """
        damaged = self.path + ".damaged"
        try:
            os.rename(self.path, damaged)
        except FileNotFoundError:
            return None
        return damaged
