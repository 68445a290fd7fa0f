"""Who could replace or write the state directory, by values (DESIGN.md, section 6)."""

import stat
from typing import NamedTuple

import pytest

from batchlog.state.owners import Judgement, Part, Who, judge

US, OWN_GROUP, ALICE, BOB, ROOT, NOBODY = 1000, 1000, 1001, 1002, 0, 65534
STAFF, VOLUME, USERS = 50, 2000, 100

WHO = Who(
    US,
    frozenset({OWN_GROUP, VOLUME, USERS}),
    {
        OWN_GROUP: frozenset({US}),
        ALICE: frozenset({ALICE}),
        STAFF: frozenset({ALICE, US}),
        USERS: frozenset({US, ALICE, BOB}),
        ROOT: frozenset({ROOT}),
    },
)


def directory(path: str, uid: int = ROOT, gid: int = ROOT, mode: int = 0o755) -> Part:
    return Part(path, uid, gid, stat.S_IFDIR | mode)


def link(path: str, uid: int = ROOT) -> Part:
    return Part(path, uid, uid, stat.S_IFLNK | 0o777)


TOP = (directory("/"), directory("/var"), directory("/var/lib"))
OURS = directory("/var/lib/batchlog", US, OWN_GROUP, 0o700)


class Case(NamedTuple):
    """A way to the state directory, and what is said of it: nothing where it is fine."""

    above: tuple[Part, ...]
    own: Part | None
    refused: str = ""
    warned: str = ""


def _own(uid: int = US, gid: int = OWN_GROUP, mode: int = 0o700) -> Part:
    return directory("/var/lib/batchlog", uid, gid, mode)


def _in(parent: Part, own: Part | None = None) -> Case:
    path = f"{parent.path}/state"
    own = own or directory(path, US, OWN_GROUP, 0o700)
    return Case((directory("/"), parent), own._replace(path=path))


CASES: dict[str, Case] = {
    "ours alone": Case(TOP, OURS),
    "root's": Case(TOP, _own(ROOT, ROOT, 0o755)),
    "not there yet": Case(TOP, None),
    "everybody": Case(TOP, _own(mode=0o707), "/var/lib/batchlog can be written by everybody"),
    "everybody, sticky": Case(TOP, _own(mode=0o1777), "by everybody"),
    "a group of our own": Case(TOP, _own(mode=0o2770)),
    "a group with others": Case(TOP, _own(gid=USERS, mode=0o770), "other members of group 100"),
    "a group with others that only reads": Case(TOP, _own(gid=USERS, mode=0o750)),
    "a group with others, root's": Case(TOP, _own(ROOT, STAFF, 0o775), "members of group 50"),
    "a group that nobody knows": Case(TOP, _own(gid=4242, mode=0o770)),
    "group root, a user of no name": Case(TOP, _own(ROOT, ROOT, 0o775)),
    "fsGroup": Case(TOP, _own(ROOT, VOLUME, 0o2775)),
    "fsGroup with an account in the image": Case(
        TOP, _own(ROOT, USERS, 0o2775), warned="other members of group 100"
    ),
    "setgid of a group that is not ours": Case(TOP, _own(ROOT, STAFF, 0o2775), "group 50"),
    "setgid of ours, a stranger's": Case(TOP, _own(ALICE, VOLUME, 0o2775), "another user (1001)"),
    "a stranger's": Case(TOP, _own(ALICE), "the state directory /var/lib/batchlog belongs"),
    "unmapped": Case(TOP, _own(NOBODY), warned="no number here"),
    "unmapped all": Case(
        tuple(p._replace(uid=NOBODY, gid=NOBODY) for p in TOP), _own(), warned="/ to /var/lib"
    ),
    "unmapped and everybody's": Case(TOP, _own(NOBODY, mode=0o777), "everybody", "no number"),
    "unmapped group": Case(TOP, _own(gid=NOBODY, mode=0o770)),
    "below our home": _in(directory("/home", US, OWN_GROUP, 0o775)),
    "below a stranger's home": _in(directory("/home", ALICE, ALICE), None)._replace(
        refused="the directory /home on the way to the state directory belongs to another user"
    ),
    "below everybody's": _in(directory("/open", mode=0o777))._replace(refused="/open on the way"),
    "below everybody's, not there yet": Case(
        (directory("/"), directory("/open", mode=0o777)), None, "can be written by everybody"
    ),
    "below a sticky one": _in(directory("/scratch", mode=0o1777)),
    "below a sticky one of a stranger": _in(directory("/scratch", ALICE, ALICE, 0o1777))._replace(
        refused="/scratch on the way to the state directory belongs to another user"
    ),
    "a stranger's in a sticky one": _in(
        directory("/scratch", mode=0o1777), directory("", ALICE, ALICE)
    )._replace(refused="/scratch/state belongs to another user"),
    "below a group's with others": _in(directory("/srv", ROOT, STAFF, 0o775))._replace(
        refused="/srv on the way to the state directory can be written by other members"
    ),
    "below a group's with others, sticky": _in(directory("/srv", ROOT, STAFF, 0o1775)),
    "a subPath of fsGroup": _in(directory("/data", ROOT, VOLUME, 0o2777 & ~0o002)),
    "dynamic user": Case(
        (*TOP, link("/var/lib/batchlog"), directory("/var/lib/private", mode=0o700)),
        directory("/var/lib/private/batchlog", US, OWN_GROUP, 0o755),
    ),
    "a stranger's link": Case((*TOP, link("/var/lib/b", ALICE)), OURS, "the link /var/lib/b on"),
    "a link of an owner without a number": Case(
        (*TOP, link("/var/lib/b", NOBODY)), OURS, warned="no number here"
    ),
    "an access control list": Case(
        TOP, _own(mode=0o770)._replace(listed=True), warned="getfacl /var/lib/batchlog"
    ),
    "an access control list that lets nobody write": Case(TOP, _own()._replace(listed=True)),
    "a stranger's link in a sticky one": Case(
        (directory("/"), directory("/scratch", mode=0o1777), link("/scratch/b", ALICE), *TOP[1:]),
        OURS,
        "the link /scratch/b on the way to the state directory belongs to another user",
    ),
    "our link in a sticky one": Case(
        (directory("/"), directory("/scratch", mode=0o1777), link("/scratch/b", US), *TOP[1:]), OURS
    ),
    "a stranger's link beside a group's": Case(
        (directory("/"), directory("/srv", ROOT, STAFF, 0o1775), link("/srv/b", ALICE), *TOP[1:]),
        OURS,
        "the link /srv/b",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_may_own_and_write_it(case: Case) -> None:
    found = judge(case.above, case.own, WHO)
    assert bool(case.refused) == bool(found.refusals), found
    assert case.refused in "".join(found.refusals[:1])
    assert bool(case.warned) == bool(found.warnings), found
    assert case.warned in "".join(found.warnings)


def test_each_refusal_names_the_next_step() -> None:
    for case in CASES.values():
        for text in judge(case.above, case.own, WHO).refusals:
            assert "choose another with --checkpoint FILE" in text


def test_root_trusts_nobody_but_itself() -> None:
    root = WHO._replace(uid=ROOT, groups=frozenset({ROOT}))
    assert Judgement() == judge(TOP, _own(ROOT), root)
    assert judge((*TOP, directory("/var/lib/x", US)), _own(ROOT), root).refusals
