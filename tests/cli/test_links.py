"""Links among the logs that somebody else could have made: followed, and told by `check`."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.site import lines
from tests.users import SERVICE, as_user, demand_root, public_directory


@pytest.fixture
def host() -> Iterator[Program]:
    """Yield a host whose logs' directory is a service's, with a file of root's alone beside it."""
    demand_root()
    with public_directory() as place:
        program = Program(place)
        (place / "logs").mkdir(exist_ok=True)
        os.chown(place / "logs", SERVICE, SERVICE)
        (place / "private").write_bytes(lines(range(3)))
        (place / "private").chmod(0o600)
        yield program


def _active(host: Program) -> Path:
    host.access.symlink_to("../private")
    return host.access


def _rotated(host: Program) -> Path:
    host.log(2)
    link = host.access.with_name("access.log.1")
    link.symlink_to(host.root / "private")
    return link


def _twice(host: Program) -> Path:
    host.access.symlink_to("other")
    link = host.access.with_name("other")
    link.symlink_to("../private")
    return link


def _in_a_groups_directory(host: Program) -> Path:
    import pwd

    group = next(one.pw_gid for one in pwd.getpwall() if one.pw_uid and one.pw_gid)
    os.chown(host.access.parent, 0, group)
    host.access.parent.chmod(0o1775)
    return _active(host)


def _a_directory(host: Program) -> Path:
    (host.root / "elsewhere").mkdir()
    (host.root / "elsewhere" / "access.log").write_bytes(lines(range(3)))
    link = host.access.parent / "site"
    link.symlink_to("../elsewhere")
    return link


@pytest.mark.parametrize("make", [_active, _rotated, _twice, _in_a_groups_directory, _a_directory])
def test_a_link_out_of_a_directory_that_others_may_write_to_is_told(
    host: Program, make: Callable[[Program], Path]
) -> None:
    link = make(host)
    log = link / "access.log" if link.is_dir() else host.access
    done = host("check", "--textfile", host.textfile, log)
    said = [line for line in done.out.splitlines() if "could have made that link" in line]
    assert any(line.startswith(f"WARN  {link} leads to {link.resolve()}, and ") for line in said)
    assert 0 == done.exit, done.out


def _in_roots_directory(host: Program) -> None:
    os.chown(host.access.parent, 0, 0)
    _active(host)


def _to_a_file_beside(host: Program) -> None:
    host.log(3, host.access.with_name("today"))
    host.access.symlink_to("today")


def _no_link(host: Program) -> None:
    host.log(3)


@pytest.mark.parametrize("make", [_in_roots_directory, _to_a_file_beside, _no_link])
def test_other_links_are_nothing_to_tell(host: Program, make: Callable[[Program], None]) -> None:
    make(host)
    done = host("check", "--textfile", host.textfile, host.access)
    assert "could have made" not in done.out
    assert 0 == done.exit, done.out


def test_the_owner_of_the_directory_is_told_of_no_link_of_its_own(host: Program) -> None:
    (host.root / "private").chmod(0o644)
    _active(host)
    state = host.root / "state"
    state.mkdir()
    os.chown(state, SERVICE, SERVICE)
    done = host("check", "--textfile", host.textfile, host.access, before=as_user(SERVICE))
    assert "could have made" not in done.out
