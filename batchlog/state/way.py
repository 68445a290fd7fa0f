"""The way to the state directory, or to a secret, as it lies on disk, for `owners` to judge."""

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from typing import NamedTuple

from batchlog.state.directory import nearest
from batchlog.state.owners import Judgement, Part, Stray, Thing, Who, judge, readers, strays
from batchlog.state.rights import User, overflow_uid, worker

_MOST_LINKS = 40
"""As path_resolution(7) has it."""


class Judged(NamedTuple):
    """What there is to say of a way, and whom it was judged for."""

    judgement: Judgement
    user: User


def judge_way(directory: str) -> Judged:
    """Judge whether somebody else could replace or write a state directory, there or not yet.

    OSError where it cannot be looked at.
    """
    way, user = _way(directory), user_of(directory)
    return Judged(judge(way.above, way.last, _who(way, user)), user)


def user_of(directory: str) -> User:
    """Return who works in a state directory, or will once it is there; OSError as above."""
    there = nearest(directory)
    return worker(there, os.stat(there))


def judge_file(path: str, thing: Thing, user: User) -> Judgement:
    """Judge whether somebody else than `user` could replace or write a file, there or not.

    What is no regular file is not judged: whoever reads it refuses it.
    """
    way = _way(os.path.abspath(path))
    if way.last is not None and not stat.S_ISREG(way.last.mode):
        return Judgement()
    return judge(way.above, way.last, _who(way, user), thing)


def readers_of(path: str, user: User) -> str:
    """Return who else than `user` may read a file: empty where nobody, or where there is none."""
    way = _way(os.path.abspath(path))
    if way.last is None:
        return ""
    members = members_of({way.last.gid})
    return readers(way.above, way.last, Who(user.uid, user.groups, members, overflow_uid()))


def strays_of(path: str, user: User) -> tuple[Stray, ...]:
    """Return the links that lead to a file, out of directories where others than `user` write."""
    if os.path.realpath(path) == path:
        return ()
    way = _way(path)
    found = strays((*way.above, *([way.last] if way.last else ())), _who(way, user))
    return tuple(stray for stray in found if _leads_out(stray.link))


def _leads_out(link: str) -> bool:
    around = os.path.realpath(os.path.dirname(link))
    return os.path.commonpath((around, os.path.realpath(link))) != around


class _Way(NamedTuple):
    above: tuple[Part, ...]
    last: Part | None


def _way(path: str) -> _Way:
    parts = parts_of(path)
    there = os.path.realpath(path)
    last = next((part for part in parts if part.path == there and not part.is_link), None)
    return _Way(tuple(part for part in parts if part is not last), last)


def _who(way: _Way, user: User) -> Who:
    """Return who works, with the members of the groups that may write."""
    parts = (*way.above, *([way.last] if way.last else ()))
    groups = {part.gid for part in parts if part.mode & stat.S_IWGRP and not part.is_link}
    return Who(user.uid, user.groups, members_of(groups), overflow_uid())


def parts_of(path: str) -> list[Part]:
    """Return all directories and links on the way to an absolute path, each once, in order.

    What cannot be looked at is left out: nobody but root can be asked about it.
    """
    found: dict[str, Part] = {}
    at, names, links = "/", list(reversed(path.split("/"))), 0
    _add(found, at)
    while names:
        name = names.pop()
        if name in ("", "."):
            continue
        at_name = os.path.join(at, name) if name != ".." else os.path.dirname(at)
        part = _add(found, at_name)
        if part is None or not part.is_link:
            at = at_name
            continue
        links += 1
        if links > _MOST_LINKS:
            break
        target = os.readlink(at_name)
        at = "/" if target.startswith("/") else at
        names += reversed(target.split("/"))
    return list(found.values())


def _add(found: dict[str, Part], path: str) -> Part | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    listed = bool(status.st_mode & stat.S_IWGRP) and _is_listed(path)
    part = Part(path, status.st_uid, status.st_gid, status.st_mode, listed)
    return found.setdefault(path, part)


def _is_listed(path: str) -> bool:
    """Tell whether an access control list goes beyond the mode (acl(5))."""
    try:
        return bool(os.getxattr(path, "system.posix_acl_access", follow_symlinks=False))
    except (OSError, AttributeError):  # there is none, or none can be, or not on this system
        return False


def members_of(groups: Iterable[int]) -> dict[int, frozenset[int]]:
    """Return the users of each group: those that it lists, and those whose own group it is."""
    wanted = set(groups)
    if not wanted:
        return {}
    accounts = pwd.getpwall()
    numbers = {account.pw_name: account.pw_uid for account in accounts}
    members = {gid: {a.pw_uid for a in accounts if a.pw_gid == gid} for gid in wanted}
    for gid in wanted:
        try:
            listed = grp.getgrgid(gid).gr_mem
        except KeyError:
            continue
        members[gid] |= {numbers[name] for name in listed if name in numbers}
    return {gid: frozenset(uids) for gid, uids in members.items()}
