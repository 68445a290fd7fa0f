"""Secrets that others can write are refused, readable ones told (DESIGN.md, section 6)."""

import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.config.schema import Gateway, Settings
from batchlog.errors import ConfigError
from batchlog.job.credentials import demand_safe_secrets, findings
from tests.users import SERVICE, STRANGER, demand_root, public_directory


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a place that others reach, of root, with a secret as it should be."""
    demand_root()
    with public_directory() as made:
        secret = made / "secret"
        secret.touch(mode=0o600)
        yield made


def _group_with_members() -> int:
    return next(one.pw_gid for one in pwd.getpwall() if one.pw_uid and one.pw_gid)


def _settings(place: Path, setting: str = "password_file") -> Settings:
    return Settings(gateway=replace(Gateway(), **{setting: str(place / "secret")}))


def _checkpoint(place: Path) -> str:
    """Return a checkpoint in a state directory that is not there yet, but where a test made one."""
    there = place / "state"
    return str((there if there.exists() else Path("/not-there-yet")) / "checkpoint.json")


def _demand(place: Path, setting: str = "password_file") -> None:
    demand_safe_secrets(_settings(place, setting), _checkpoint(place))


def _said(place: Path, setting: str = "password_file") -> list[str]:
    found = findings(_settings(place, setting), _checkpoint(place))
    return [f"{'FAIL' if one.is_error else 'WARN'} {one.text}" for one in found]


def _everybodys(secret: Path) -> None:
    secret.chmod(0o602)


def _groups(secret: Path) -> None:
    os.chown(secret, 0, _group_with_members())
    secret.chmod(0o660)


def _strangers(secret: Path) -> None:
    os.chown(secret, STRANGER, STRANGER)
    secret.chmod(0o400)


def _in_an_open_directory(secret: Path) -> None:
    secret.parent.chmod(0o777)


def _in_a_strangers_directory(secret: Path) -> None:
    os.chown(secret.parent, STRANGER, STRANGER)


def _behind_a_strangers_link(secret: Path) -> None:
    real = secret.with_name("real")
    secret.rename(real)
    secret.symlink_to(real)
    os.chown(secret, STRANGER, STRANGER, follow_symlinks=False)
    secret.parent.chmod(0o1777)


UNSAFE = (
    _everybodys,
    _groups,
    _strangers,
    _in_an_open_directory,
    _in_a_strangers_directory,
    _behind_a_strangers_link,
)


@pytest.mark.parametrize("make", UNSAFE)
@pytest.mark.parametrize("setting", ["password_file", "bearer_token_file", "key_file"])
def test_a_secret_that_others_could_write_or_replace_is_refused(
    place: Path, setting: str, make: Callable[[Path], None]
) -> None:
    make(place / "secret")
    with pytest.raises(ConfigError, match=f"gateway.{setting}") as error:
        _demand(place, setting)
    assert f"FAIL {error.value}" in _said(place, setting)


@pytest.mark.parametrize("setting", ["ca_file", "cert_file"])
def test_certificates_that_others_could_write_are_told(place: Path, setting: str) -> None:
    _everybodys(place / "secret")
    _demand(place, setting)
    (said,) = _said(place, setting)
    assert said.startswith(f"WARN gateway.{setting} {place}/secret can be written by everybody")


def test_a_secret_that_is_not_there_is_for_its_reader_to_tell(place: Path) -> None:
    (place / "secret").unlink()
    _demand(place)
    assert [] == _said(place)


def _kubernetes(secret: Path) -> None:
    """As kubelet lays out a volume of a Secret: links into a directory that it re-points."""
    secret.unlink()
    volume = secret.with_name("volume")
    volume.mkdir()
    volume.chmod(0o1777)
    (volume / "..2026").mkdir(mode=0o755)
    (volume / "..2026" / "secret").touch(mode=0o440)
    os.chown(volume / "..2026" / "secret", 0, SERVICE)
    (volume / "..data").symlink_to("..2026")
    (volume / "secret").symlink_to("..data/secret")
    secret.symlink_to("volume/secret")


def _credential(secret: Path) -> None:
    """As systemd's LoadCredential leaves it: the service's own, in a directory of its own."""
    secret.chmod(0o400)


def _state_owners(secret: Path) -> None:
    """Of the user whose state root works on: root's hand push uses the job's own secret."""
    os.chown(secret, SERVICE, SERVICE)
    (secret.parent / "state").mkdir(mode=0o700)
    os.chown(secret.parent / "state", SERVICE, SERVICE)


def _own_group(secret: Path) -> None:
    os.chown(secret, 0, 4242)
    secret.chmod(0o660)


@pytest.mark.parametrize("make", [_kubernetes, _credential, _state_owners, _own_group])
def test_a_secret_that_only_we_can_write_is_taken_in_silence(
    place: Path, make: Callable[[Path], None]
) -> None:
    make(place / "secret")
    _demand(place)
    assert [] == _said(place)


@pytest.mark.parametrize(
    ("mode", "group", "above", "said"),
    [
        (0o644, 0, 0o755, "everybody"),
        (0o640, 0, 0o755, None),
        (0o640, None, 0o755, "other members of group"),
        (0o440, None, 0o711, "other members of group"),
        (0o644, 0, 0o700, None),
        (0o644, None, 0o750, None),
    ],
)
def test_a_secret_that_others_could_read_is_told_where_they_reach_it(
    place: Path, mode: int, group: int | None, above: int, said: str | None
) -> None:
    secret = place / "secret"
    os.chown(secret, 0, _group_with_members() if group is None else group)
    secret.chmod(mode)
    place.chmod(above)
    _demand(place)
    found = _said(place)
    assert bool(said) == len(found)
    assert all(f"can be read by {said}" in text and "; chmod " in text for text in found)
