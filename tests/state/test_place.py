"""Which file systems a checkpoint had better not lie on (R66, R69)."""

from pathlib import Path

import pytest

from batchlog.state.place import doubts

TABLE = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:5 / /dev/shm rw,nosuid - tmpfs tmpfs rw
23 21 0:6 / /srv/my\\040logs rw - nfs4 server:/x rw
24 21 0:7 / /layer rw master:3 propagate_from:2 - overlay overlay rw
25 24 0:8 / /layer/volume rw - xfs /dev/sdb rw
26 21 0:9 / /run rw - tmpfs tmpfs rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> str:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    return str(table)


@pytest.mark.parametrize(
    ("directory", "word"),
    [
        ("/dev/shm/x", "memory"),  # noqa: S108 - a name in a table
        ("/srv/my logs/state", "NFS"),
        ("/layer/x", "container"),
        ("/layer", "container"),
    ],
)
def test_r66_r69_a_place_that_forgets_is_named(mounts: str, directory: str, word: str) -> None:
    said = doubts(directory, mounts)
    assert said is not None
    assert word in said
    assert directory in said


@pytest.mark.parametrize("directory", ["/var/lib/batchlog", "/layer/volume/x", "/layers", "/"])
def test_a_disk_is_no_reason_to_doubt(mounts: str, directory: str) -> None:
    assert doubts(directory, mounts) is None


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert doubts("/var/lib/batchlog", str(tmp_path / "none")) is None
