"""Who could replace, write or read a file or directory. Decided on values, no file is looked at.

Whoever writes in a directory can replace what is in it, whatever the rights of that. So all
directories on the way to the state directory, or to a secret, matter, those of links included, and
these are the rules:

1. Each directory and each link belongs to us or to root: its owner may do with it what it likes.
2. What the way leads to is not written by others: not by everybody, and not by a group that has
   members besides us and its owner. A group of its owner alone is none of these, nor is one of our
   own on a volume that Kubernetes made for it (`fsGroup`: root's, with the setgid bit).
3. A directory above it may be written by others if it is sticky: what is in it then is replaced
   only by the owner of the entry, who is us or root by rule 1.
4. Whom an access control list lets in is not looked at: that it lets somebody write is a warning.
5. An owner that has no number here (a user namespace, NFS) may be anybody: that is a warning.
"""

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from posixpath import dirname
from typing import NamedTuple

_ROOT = 0

_EVERYBODY = "everybody"


class Thing(NamedTuple):
    """What a way leads to, and what a person does where the way is not safe."""

    name: str
    move: str
    """Where something on the way is another's to write."""
    own: str
    """Where it belongs to another user."""


STATE = Thing(
    "the state directory",
    "choose another with --checkpoint FILE",
    "run as that user, or choose another with --checkpoint FILE",
)


class Part(NamedTuple):
    """A directory, link or file on the way to something, which is the last of them."""

    path: str
    uid: int
    gid: int
    mode: int
    """With its kind, as stat(2) has it."""
    listed: bool = False
    """Whether it has an access control list (acl(5))."""

    @property
    def is_link(self) -> bool:
        """Whether it is a link."""
        return stat.S_ISLNK(self.mode)


class Who(NamedTuple):
    """Who works on the state, and what is known of others."""

    uid: int
    groups: frozenset[int]
    members: Mapping[int, frozenset[int]]
    """By group: the users that are in it, as far as they are known."""
    unmapped: int = 65534
    """The user and group that stand for all that have no number here."""


class Judgement(NamedTuple):
    """What there is to say; nothing is refused where `refusals` is empty."""

    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(above: Sequence[Part], last: Part | None, who: Who, thing: Thing = STATE) -> Judgement:
    """Judge the way to a thing, and the thing itself where it is there: `last`.

    `above` holds the parts of the way, each after those that it is reached by.
    """
    parts = (*above, *([last] if last else ()))
    refusals: list[str] = []
    unknown: list[str] = []
    for part in parts:
        what = _name(part, thing, is_last=part is last)
        if part.uid not in (who.uid, _ROOT):
            if part.uid == who.unmapped:
                unknown.append(part.path)
            else:
                refusals.append(f"{what} belongs to another user ({part.uid}); {thing.own}")
        writers = "" if part.is_link else _writers(part, who)
        if writers and (part is last or not part.mode & stat.S_ISVTX):
            refusals.append(
                f"{what} can be written by {writers}; {thing.move}, or chmod "
                f"{'o' if writers == _EVERYBODY else 'g'}-w {part.path}"
            )
    warnings = (*_unknown(unknown, thing), *_listed(parts), *_shared(last, who, thing))
    return Judgement(tuple(refusals), warnings)


def readers(above: Sequence[Part], last: Part, who: Who) -> str:
    """Return who may read a file besides us, its owner and root; empty where nobody."""
    if last.mode & stat.S_IROTH and _is_reached(above, lambda part: bool(part.mode & stat.S_IXOTH)):
        return _EVERYBODY

    def lets_in(part: Part) -> bool:
        ours = stat.S_IXGRP if part.gid == last.gid else stat.S_IXOTH
        return bool(part.mode & ours)

    if last.mode & stat.S_IRGRP and _others(last, who) and _is_reached(above, lets_in):
        return f"other members of group {last.gid}"
    return ""


class Stray(NamedTuple):
    """A link beside which others may write, so that they may lead it where they like."""

    link: str
    others: str


def strays(parts: Sequence[Part], who: Who) -> tuple[Stray, ...]:
    """Return those links of a way that others than us and root could have made."""
    by_path = {part.path: part for part in parts}
    beside = [(part.path, by_path.get(dirname(part.path))) for part in parts if part.is_link]
    found = [(link, _makers(directory, who)) for link, directory in beside if directory]
    return tuple(Stray(link, others) for link, others in found if others)


def _makers(part: Part, who: Who) -> str:
    """Return who may make a name in a directory besides us and root; empty where nobody."""
    if part.uid not in (who.uid, _ROOT, who.unmapped):
        return f"user {part.uid}"
    return _writers(part, who)


def _is_reached(above: Iterable[Part], lets_in: Callable[[Part], bool]) -> bool:
    return all(part.is_link or lets_in(part) for part in above)


def _name(part: Part, thing: Thing, *, is_last: bool) -> str:
    if is_last:
        return f"{thing.name} {part.path}"
    kind = "link" if part.is_link else "directory"
    return f"the {kind} {part.path} on the way to {thing.name}"


def _unknown(paths: Sequence[str], thing: Thing) -> tuple[str, ...]:
    if not paths:
        return ()
    names = f"{paths[-1]} belongs" if len(paths) == 1 else f"{paths[0]} to {paths[-1]} belong"
    what = "a user that has no number here (a user namespace, NFS)"
    return (f"{names} to {what}: make sure that nobody else can write {thing.name}",)


def _listed(parts: Sequence[Part]) -> tuple[str, ...]:
    """Tell of access control lists, whose mask stands where the rights of the group do."""
    return tuple(
        f"{part.path} has an access control list that may let others write: see getfacl {part.path}"
        for part in parts
        if part.listed and part.mode & stat.S_IWGRP
    )


def _shared(last: Part | None, who: Who, thing: Thing) -> tuple[str, ...]:
    """Say that a volume of our own group has more users than us."""
    if last is None or not (last.mode & stat.S_IWGRP and _is_volume(last, who)):
        return ()
    if not _others(last, who):
        return ()
    what = _name(last, thing, is_last=True)
    return (f"{what} can be written by other members of group {last.gid}",)


def _writers(part: Part, who: Who) -> str:
    """Return who may write in a directory besides us, its owner and root; empty where nobody."""
    if part.mode & stat.S_IWOTH:
        return _EVERYBODY
    if part.mode & stat.S_IWGRP and _others(part, who) and not _is_volume(part, who):
        return f"other members of group {part.gid}"
    return ""


def _others(part: Part, who: Who) -> frozenset[int]:
    if part.gid == who.unmapped:
        return frozenset()
    return who.members.get(part.gid, frozenset()) - {who.uid, part.uid, _ROOT}


def _is_volume(part: Part, who: Who) -> bool:
    """Tell whether it is as Kubernetes leaves the root of a volume with an `fsGroup` of ours."""
    return part.uid == _ROOT and bool(part.mode & stat.S_ISGID) and part.gid in who.groups
