"""The way to the state directory as it lies on disk, for `owners` to judge."""

import grp
import os
import pwd
import stat
from collections.abc import Iterable
from typing import NamedTuple

from batchlog.state.owners import Judgement, Part, Who, judge
from batchlog.state.rights import overflow_uid, worker

_MOST_LINKS = 40
"""As path_resolution(7) has it."""


class Judged(NamedTuple):
    """What there is to say of a way, and whom it was judged for."""

    judgement: Judgement
    uid: int


def judge_way(directory: str) -> Judged:
    """Judge whether somebody else could replace or write a state directory, there or not yet."""
    parts = parts_of(directory)
    there = os.path.realpath(directory)
    own = next((part for part in parts if part.path == there and not part.is_link), None)
    above = tuple(part for part in parts if part is not own)
    nearest = own or next(part for part in reversed(above) if not part.is_link)
    user = worker(nearest.path, os.stat(nearest.path))
    groups = {part.gid for part in parts if part.mode & stat.S_IWGRP and not part.is_link}
    who = Who(user.uid, user.groups, members_of(groups), overflow_uid())
    return Judged(judge(above, own, who), user.uid)


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
    part = Part(path, status.st_uid, status.st_gid, status.st_mode)
    return found.setdefault(path, part)


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
