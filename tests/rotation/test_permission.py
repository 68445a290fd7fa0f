"""Files and directories that a run may not look at (R70, R71)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.site import Site, total

BARE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
"""Takes from root what lets it read any file: the mode of a file holds for it then."""


def _can_be_bare() -> bool:
    if os.geteuid() != 0:
        return True
    if shutil.which("setpriv") is None:
        return False
    return subprocess.run([*BARE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _can_be_bare(), reason="root's powers cannot be laid down")


def _push(site: Site, *paths: Path) -> tuple[int, str]:
    """Push as somebody for whom modes hold; return the exit status and what was said."""
    top = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "batchlog", "push", "--checkpoint", str(site.checkpoint)]
    command += ["--textfile", str(site.textfile), *map(str, paths or [site.access])]
    ended = subprocess.run(
        [*BARE, *command] if os.geteuid() == 0 else command,
        env={**os.environ, "PYTHONPATH": top},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


def _totals(site: Site) -> tuple[int, int]:
    totals = site.state().totals
    return sum(s.requests for s in totals), sum(s.bytes for s in totals)


def test_r70_a_log_that_may_not_be_read_is_an_error_in_each_run_and_the_others_go_on(
    site: Site,
) -> None:
    other = site.logs / "other.log"
    site.append(range(10))
    site.append(range(100, 110), to=other)
    assert 0 == _push(site, site.access, other)[0]
    site.append(range(10, 15))
    site.append(range(110, 115), to=other)
    site.access.chmod(0)
    for _ in range(3):
        code, said = _push(site, site.access, other)
        assert 65 == code
        assert f"cannot read {site.access}: Permission denied" in said
        assert total(range(10), range(100, 115)) == _totals(site)
    assert "batchlog_http_requests_total" in site.textfile.read_text()
    site.access.chmod(0o644)
    assert 0 == _push(site, site.access, other)[0]
    assert total(range(15), range(100, 115)) == _totals(site)


def test_r70_a_rotated_file_that_may_not_be_read_keeps_its_position(site: Site) -> None:
    site.append(range(10))
    _push(site)
    site.append(range(10, 15))
    site.rotate()
    site.rotated(1).chmod(0)
    site.append(range(15, 20))
    for _ in range(3):
        assert 65 == _push(site)[0]
        assert total(range(10), range(15, 20)) == _totals(site)
    site.rotated(1).chmod(0o640)
    assert 0 == _push(site)[0]
    assert total(range(20)) == _totals(site)


def test_r70_a_first_log_that_may_not_be_read_is_no_usable_log(site: Site) -> None:
    site.append(range(10))
    site.access.chmod(0)
    code, said = _push(site)
    assert 2 == code
    assert "Permission denied" in said
    assert not site.checkpoint.exists()


@pytest.mark.parametrize("mode", [0, 0o600, 0o311])
def test_r71_a_directory_that_may_not_be_read_is_not_an_empty_one(site: Site, mode: int) -> None:
    site.append(range(10))
    _push(site)
    site.append(range(10, 15))
    site.rotate()
    site.append(range(15, 20))
    site.logs.chmod(mode)
    try:
        for _ in range(3):
            assert 65 == _push(site)[0]
    finally:
        site.logs.chmod(0o755)
    (log,) = site.state().logs
    assert 0 == log.counters.lost_segments
    assert 0 == _push(site)[0]
    assert total(range(20)) == _totals(site)
