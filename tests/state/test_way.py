"""The way to a directory as it lies on disk: links, what cannot be looked at, lists of rights."""

import os
import pwd
import stat
import struct
from pathlib import Path

import pytest

from batchlog.state.way import judge_way, members_of, parts_of
from tests.users import demand_root


def _named(tmp_path: Path, path: Path) -> list[str]:
    """Return the names below `tmp_path` on the way to a path, links with an @."""
    parts = [part for part in parts_of(str(path)) if part.path.startswith(f"{tmp_path}/")]
    return [part.path.removeprefix(f"{tmp_path}/") + "@" * part.is_link for part in parts]


def test_links_are_on_the_way_with_all_that_they_lead_through(tmp_path: Path) -> None:
    (tmp_path / "private" / "batchlog").mkdir(parents=True)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "batchlog").symlink_to("../again")
    (tmp_path / "again").symlink_to(tmp_path / "private" / "batchlog")
    wanted = ["lib", "lib/batchlog@", "again@", "private", "private/batchlog"]
    assert wanted == _named(tmp_path, tmp_path / "lib" / "batchlog")


def test_what_is_not_there_ends_the_way(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("none/below")
    assert ["link@"] == _named(tmp_path, tmp_path / "link" / "state")


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert ["one@", "two@"] == _named(tmp_path, tmp_path / "one")


def test_the_members_of_a_group_are_those_whose_own_it_is_too() -> None:
    root = pwd.getpwuid(0)
    assert 0 in members_of({root.pw_gid})[root.pw_gid]
    assert {} == members_of(())
    assert frozenset() == members_of({4242424})[4242424]


def test_an_access_control_list_is_a_warning(tmp_path: Path) -> None:
    """Its mask shows as the rights of a group that may do nothing."""
    demand_root()
    entry = struct.Struct("<HHI").pack
    nobody, everything = 0xFFFFFFFF, 7
    rights = [(1, everything, nobody), (2, everything, 1000), (4, 5, nobody)]
    rights += [(0x10, everything, nobody), (0x20, 5, nobody)]
    data = struct.pack("<I", 2) + b"".join(entry(*one) for one in rights)
    try:
        os.setxattr(tmp_path, "system.posix_acl_access", data)
    except OSError:
        pytest.skip("no access control lists on this file system")
    assert tmp_path.stat().st_mode & stat.S_IWGRP
    found = judge_way(str(tmp_path)).judgement
    assert () == found.refusals
    assert [f"getfacl {tmp_path}"] == [text.split(": see ")[1] for text in found.warnings]
