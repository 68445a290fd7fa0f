"""The state directory and its owner, with real users: nobody else's, and root as a guest (R126)."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program, fails
from tests.gateways import StandIn
from tests.site import lines
from tests.users import SERVICE, STRANGER, as_user, demand_root, public_directory

SECRET = "s3cret-of-root"  # noqa: S105 - nobody's


@pytest.fixture
def host() -> Iterator[Program]:
    """Yield a host whose state directory is that of a service's own user."""
    demand_root()
    with public_directory() as place:
        program = Program(place)
        program.log(3)
        state(program)
        yield program


def state(program: Program, uid: int = SERVICE, gid: int | None = None, mode: int = 0o700) -> Path:
    directory = program.checkpoint.parent
    directory.mkdir(exist_ok=True)
    os.chown(directory, uid, uid if gid is None else gid)
    directory.chmod(mode)
    return directory


def owners(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_uid for path in directory.iterdir()}


def append(program: Program, *numbers: int) -> None:
    with program.access.open("ab") as file:
        file.write(lines(numbers))


def test_r126_roots_push_leaves_the_owners_push_as_it_was(host: Program, gateway: StandIn) -> None:
    push = ("push", "--gateway", gateway.url, host.access)
    assert 0 == host(*push, before=as_user(SERVICE)).exit
    append(host, 3, 4)
    done = host(*push)
    assert 0 == done.exit, done.err
    assert {SERVICE} == set(owners(host.checkpoint.parent).values())
    append(host, 5)
    done = host(*push, before=as_user(SERVICE))
    assert 0 == done.exit, done.err
    assert 6 == host.requests()


def test_r126_roots_first_push_of_all_makes_the_owners_files(
    host: Program, gateway: StandIn
) -> None:
    done = host("push", "--gateway", gateway.url, host.access)
    assert 0 == done.exit, done.err
    assert {SERVICE} == set(owners(host.checkpoint.parent).values())
    assert {0o600} == {stat.S_IMODE(p.stat().st_mode) for p in host.checkpoint.parent.iterdir()}
    done = host("push", "--gateway", gateway.url, host.access, before=as_user(SERVICE))
    assert 0 == done.exit, done.err


@pytest.mark.parametrize("command", ["backfill", "reset", "resolve", "status", "check"])
def test_r126_no_command_of_root_takes_the_state(
    host: Program, gateway: StandIn, command: str
) -> None:
    old = host.root / "old.log"
    old.write_bytes(lines(range(100, 104)))
    host.push(before=as_user(SERVICE))
    to = ("--gateway", gateway.url)
    words: dict[str, tuple[str | Path, ...]] = {
        "backfill": ("backfill", *to, old),
        "reset": ("reset", host.access),
        "resolve": ("resolve", "--ignore", host.access),
        "status": ("status",),
        "check": ("check", *to, host.access),
    }
    done = host(*words[command])
    assert "Traceback" not in done.err
    assert {SERVICE} >= set(owners(host.checkpoint.parent).values())
    done = host("push", *to, host.access, before=as_user(SERVICE))
    assert 0 == done.exit, done.err


def test_r126_logs_secrets_and_sinks_are_reached_with_roots_rights(
    host: Program, gateway: StandIn
) -> None:
    host.access.chmod(0o600)
    password = host.root / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    host.config.write_text(
        f'[gateway]\nurl = "{gateway.url}"\nusername = "me"\npassword_file = "{password}"\n'
        f'[textfile]\npath = "{host.textfile}"\n'
    )
    done = host("push", host.access)
    assert 0 == done.exit, done.err
    assert 0 == host.textfile.stat().st_uid
    assert {SERVICE} == set(owners(host.checkpoint.parent).values())


def test_r126_roots_work_follows_no_link_of_the_owner(host: Program, gateway: StandIn) -> None:
    """What the owner may not read or write, root does not read or write for it."""
    victim = host.root / "victim"
    victim.write_text(SECRET)
    victim.chmod(0o600)
    for name in ("checkpoint.json", "checkpoint.json.lock", "last-run.json", "checkpoint.json.new"):
        link = host.checkpoint.parent / name
        link.unlink(missing_ok=True)
        link.symlink_to(victim)
        done = host("push", "--gateway", gateway.url, host.access)
        assert "Traceback" not in done.err
        assert SECRET not in done.err
        assert (SECRET, 0, 0o600) == (
            victim.read_text(),
            victim.stat().st_uid,
            stat.S_IMODE(victim.stat().st_mode),
        )
        link.unlink(missing_ok=True)


def test_r126_a_directory_that_only_root_may_enter_above(host: Program, gateway: StandIn) -> None:
    """Systemd's DynamicUser: a link into /var/lib/private, which is root's and 0700."""
    directory = host.checkpoint.parent
    private = host.root / "private"
    private.mkdir(mode=0o700)
    directory.rename(private / "batchlog")
    directory.symlink_to("private/batchlog")
    for _ in range(2):
        done = host("push", "--gateway", gateway.url, host.access)
        assert 0 == done.exit, done.err
        append(host, 7)
    assert {SERVICE} == set(owners(private / "batchlog").values())
    private.chmod(0o755)  # as the service sees it
    done = host("push", "--gateway", gateway.url, host.access, before=as_user(SERVICE))
    assert 0 == done.exit, done.err


def test_r126_a_checkpoint_that_is_missing_there_is_told_with_the_way_out(
    host: Program, gateway: StandIn
) -> None:
    private = host.root / "private"
    private.mkdir(mode=0o700)
    host.checkpoint.parent.rename(private / "batchlog")
    host.checkpoint.parent.symlink_to("private/batchlog")
    for number in (7, 8):
        assert 0 == host("push", "--gateway", gateway.url, host.access).exit
        append(host, number)
    host.checkpoint.unlink()
    fails(host.push(), 74, "is missing", "copy it back")


def test_r126_nobody_is_an_owner_like_any_other(host: Program, gateway: StandIn) -> None:
    """Its number stands for owners that have none, but only in a user namespace or on NFS."""
    nobody = int(Path("/proc/sys/kernel/overflowuid").read_text())
    state(host, nobody)
    for before in ([], as_user(nobody), [], as_user(nobody)):
        done = host("push", "--gateway", gateway.url, host.access, before=before)
        assert 0 == done.exit, done.err
        append(host, 5)
    assert {nobody} == set(owners(host.checkpoint.parent).values())


def test_r126_what_root_left_before_is_given_back_by_hand(host: Program, gateway: StandIn) -> None:
    push = ("push", "--gateway", gateway.url, host.access)
    assert 0 == host(*push).exit
    os.chown(host.checkpoint, 0, 0)
    for before in ([], as_user(SERVICE)):
        fails(host(*push, before=before), 74, "Permission denied", "chown -R")
    os.chown(host.checkpoint, SERVICE, SERVICE)
    assert 0 == host(*push, before=as_user(SERVICE)).exit


def test_root_that_cannot_be_another_is_told_what_that_takes(host: Program) -> None:
    bare = ["setpriv", "--bounding-set=-setuid,-setgid"]
    fails(host.push(host.access, before=bare), 74, "CAP_SETUID")
    assert [] == list(host.checkpoint.parent.iterdir())


def test_any_other_user_is_refused(host: Program) -> None:
    state(host, mode=0o755)
    before = as_user(STRANGER)
    fails(host("push", host.access, before=before), 74, "belongs to another user", "run as")
    assert [] == list(host.checkpoint.parent.iterdir())


def test_r126_a_state_that_is_not_there_yet_is_made_for_the_owner_of_its_place(
    host: Program, gateway: StandIn
) -> None:
    home = host.root / "home"
    os.chown(home, SERVICE, SERVICE)
    place = home / ".local" / "state" / "checkpoint.json"
    words = ("push", "--gateway", gateway.url, "--checkpoint", place, host.access)
    for before in ([], as_user(SERVICE)):
        done = host(*words, before=before)
        assert 0 == done.exit, done.err
    assert {SERVICE} == {path.stat().st_uid for path in home.rglob("*")}


def _world(program: Program) -> None:
    state(program, mode=0o777)


def _group(program: Program) -> None:
    state(program, gid=_group_with_members(), mode=0o770)


def _above(program: Program) -> None:
    program.root.chmod(0o777)


def _stranger_above(program: Program) -> None:
    os.chown(program.root, STRANGER, STRANGER)


def _link(program: Program) -> None:
    directory = program.checkpoint.parent
    directory.rename(directory.with_name("real"))
    directory.symlink_to("real")
    os.chown(directory, STRANGER, STRANGER, follow_symlinks=False)
    program.root.chmod(0o1777)


def _group_with_members() -> int:
    """Return a group whose members are not us: the first user's own that is not root's."""
    import pwd

    return next(one.pw_gid for one in pwd.getpwall() if one.pw_uid and one.pw_gid)


@pytest.mark.parametrize("open_it", [_world, _group, _above, _stranger_above, _link])
def test_a_place_that_others_could_replace_is_refused(
    host: Program, open_it: Callable[[Program], None]
) -> None:
    """Refused by the owner and by root, before anything is written; `check` says the same."""
    open_it(host)
    for before in (as_user(SERVICE), []):
        done = host.push(host.access, before=before)
        fails(done, 74, "choose another with --checkpoint FILE")
        checked = host("check", "--textfile", host.textfile, host.access, before=before)
        assert 65 == checked.exit
        assert done.err.removeprefix("ERROR ").strip() in checked.out
    assert [] == list(host.checkpoint.parent.iterdir())


def _volume(program: Program) -> None:
    state(program, uid=0, gid=4242, mode=0o2775)


def _own_group(program: Program) -> None:
    state(program, mode=0o2770)


def _sticky(program: Program) -> None:
    program.root.chmod(0o1777)


@pytest.mark.parametrize("made", [_volume, _own_group, _sticky])
def test_a_place_that_only_we_can_write_is_taken(
    host: Program, gateway: StandIn, made: Callable[[Program], None]
) -> None:
    """`fsGroup`, a group of the user's own, a sticky directory above: nothing is said of them."""
    made(host)
    for _ in range(2):
        done = host(
            *("push", "--gateway", gateway.url, host.access),
            before=as_user(SERVICE, groups=[4242]),
        )
        assert 0 == done.exit, done.err
        assert "group" not in done.err
    assert 3 == host.requests()


def test_an_owner_without_a_number_is_a_warning(host: Program, gateway: StandIn) -> None:
    """As in a user namespace, where root's directories seem to be nobody's."""
    overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
    state(host, uid=overflow, gid=4242, mode=0o2770)
    before = as_user(SERVICE, groups=[4242])
    done = host("push", "--gateway", gateway.url, host.access, before=before)
    assert 0 == done.exit, done.err
    assert "no number here" in done.err


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_user_without_a_home_is_asked_for_a_place(host: Program, home: str | None) -> None:
    env = {"HOME": home, "BATCHLOG_CHECKPOINT": None, "XDG_STATE_HOME": None}
    done = host.push(host.access, env=env, before=as_user(STRANGER))
    fails(done, 2, "no home directory to keep the checkpoint in: give --checkpoint FILE")
    assert [] == list(host.root.rglob("checkpoint.json*"))
