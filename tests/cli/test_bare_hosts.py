"""Hosts that lack what is nearly always there."""

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.site import lines

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts need root"
)
WITHOUT_DEV = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev && exec "$@"', "sh")


@as_root
@pytest.mark.parametrize("closed", ["", " <&- >&-", " <&- >&- 2>&-"])
def test_a_host_without_dev_null_counts_as_any_other(program: Program, closed: str) -> None:
    path = program.log(5)
    shut = ("sh", "-c", f'exec "$@"{closed}', "sh")
    before = (*WITHOUT_DEV, *shut)
    done = program.push(path, before=before)
    assert (0, 5) == (done.exit, program.requests()), done.err
    old = program.site.logs / "old.log"
    old.write_bytes(lines(range(10, 17)))
    words = ("backfill", "--workers", "2", "--textfile", program.textfile, old)
    done = program(*words, before=before)
    assert (0, 12) == (done.exit, program.requests()), done.err
    check = ("check", "--textfile", program.textfile)
    for command in (("status",), check, ("detect", path), ("--version",)):
        done = program(*command, before=before)
        assert (0, "") == (done.exit, done.err)


@as_root
def test_history_is_made_without_dev_null_too(program: Program, tmp_path: Path) -> None:
    path = program.log(5)
    labels = ("--series-label", "job=b", "--series-label", "instance=i")
    done = program("backfill", "--tsdb", tmp_path / "tsdb", *labels, path, before=WITHOUT_DEV)
    assert 0 == done.exit, done.err
    assert list((tmp_path / "tsdb").glob("*/meta.json"))
