"""What guards the promise itself."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.config.load import load
from batchlog.config.schema import Flags
from batchlog.job.work import TotalsFall, Work
from batchlog.state.checkpoint import State
from batchlog.state.store import Store
from tests.site import BEGINNING, Site, total


def test_a_commit_that_would_take_back_a_count_is_refused(site: Site, tmp_path: Path) -> None:
    site.append(range(10))
    site.run()
    state = site.state()
    less = tuple(replace(one, requests=max(0, one.requests - 1)) for one in state.totals)
    settings = load(None, Flags(), default=tmp_path / "none.toml")

    class Forgetful(Work):
        @property
        def state(self) -> State:
            return replace(super().state, totals=less)

    work = Forgetful(Store(str(site.checkpoint)), state, settings, site.clock)
    with pytest.raises(TotalsFall):
        work.commit()
    assert state == site.state()


def test_a_rotated_file_that_is_no_log_does_not_stop_a_run_since_a_moment(site: Site) -> None:
    site.rotated(1).write_text("nothing of a log\n" * 50)
    site.append(range(10))
    ran = site.run(since=BEGINNING + 5)
    assert total(range(5, 10)) == ran.totals
    assert 65 == ran.exit
    assert ran.said(r"access\.log\.1 is in no format")


def test_r59_a_new_format_is_for_the_lines_that_are_not_read_yet(site: Site) -> None:
    site.append(range(10))
    site.run(format="common")
    site.append(range(10, 20))
    ran = site.run(format='%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"')
    assert total(range(20)) == ran.totals
    assert site.state().logs[0].segments[0].format.startswith("%h")
