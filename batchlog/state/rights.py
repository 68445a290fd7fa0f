"""Whose rights work on state has: our own, unless root works in a directory of somebody else.

Root could read and write anywhere, but the files that it makes would be its own, and the job of
the directory's owner could not use them any more (R126). And the owner of a directory may put links
into it that lead root elsewhere. So root takes the owner's rights, for each piece of work on
state alone: logs, secrets and sinks are reached with root's.

seteuid(2) holds for all threads of a process. That does no harm: what other threads do while one
works on state is to count bytes that were read before, or to answer with metrics in memory; files
are opened by the thread that commits, and by processes of their own. The real and the saved user
stay root, so that the owner can neither signal nor trace the process meanwhile.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES
from typing import NamedTuple

from batchlog.state.place import is_remote

ROOT = 0


class User(NamedTuple):
    """Somebody who works on state."""

    uid: int
    gid: int
    groups: frozenset[int]
    """All groups, the one above included."""


def ourselves() -> User:
    """Return who we are."""
    return User(os.geteuid(), os.getegid(), frozenset((os.getegid(), *os.getgroups())))


def worker(directory: str, status: os.stat_result) -> User:
    """Return who works in a directory that looks like this: its owner where we are root."""
    us = ourselves()
    if us.uid != ROOT or status.st_uid == ROOT:
        return us
    if status.st_uid == overflow_uid() and (is_remote(directory) or not all_have_numbers()):
        return us  # it stands for anybody; else it is the number of `nobody` alone
    return _account(status.st_uid, status.st_gid)


def all_have_numbers(table: str = "/proc/self/uid_map") -> bool:
    """Tell whether each user of the host has a number here, so that `overflow_uid` is but one.

    That is so outside of user namespaces alone (user_namespaces(7)).
    """
    try:
        with open(table) as file:
            return file.read().split() == ["0", "0", str(2**32 - 1)]
    except OSError:
        return False


def overflow_uid(table: str = "/proc/sys/kernel/overflowuid") -> int:
    """Return the user that stands for all who have no number here (user_namespaces(7))."""
    try:
        with open(table) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 65534


def _account(uid: int, gid: int) -> User:
    """Return a user with the groups of its account; one without an account has but `gid`."""
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return User(uid, gid, frozenset({gid}))
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return User(uid, account.pw_gid, frozenset(groups))


@contextmanager
def inside(directory: str, judged: int | None = None) -> Iterator[str]:
    """Yield a path of the directory, and work there with the rights that are due.

    Where root has taken an owner's rights, the path leads through an open descriptor, since the
    owner need not reach the directory by itself: systemd keeps those of a dynamic user in one that
    only root may enter. OSError where it cannot be opened, or rights cannot be taken.

    `judged` is the user that the way was judged for: who owns a part of it may lead it elsewhere
    since then, but to no directory where root has other rights.
    """
    if os.geteuid() != ROOT:
        yield directory
        return
    descriptor = os.open(directory, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
    try:
        user = worker(directory, os.fstat(descriptor))
        if judged not in (None, user.uid):
            raise OSError(EACCES, "It is another user's by now")
        if user.uid == ROOT:
            yield directory
            return
        open_here = f"/proc/self/fd/{descriptor}"
        path = open_here if os.path.isdir(open_here) else directory
        with _taken(user):
            yield path
    finally:
        os.close(descriptor)


@contextmanager
def _taken(user: User) -> Iterator[None]:
    """Have a user's rights meanwhile; only root can."""
    gid, groups = os.getegid(), os.getgroups()
    try:
        os.setgroups(sorted(user.groups))
        os.setegid(user.gid)
        os.seteuid(user.uid)
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(gid)
        os.setgroups(groups)
