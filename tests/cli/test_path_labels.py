"""Labels from paths whose names somebody else has chosen, through the program (R119)."""

import pytest

from tests.cli.program import Program
from tests.site import lines


@pytest.fixture
def hostile(program: Program) -> str:
    """Give an honest log, and one whose name the pattern goes back over for ever."""
    name = "a" * 120
    program.log(3, program.site.logs / "aab.log")
    (program.site.logs / f"{name}.log").write_bytes(lines(range(5, 7)))
    program.config.write_text(
        f"[[log]]\npath = \"{program.root}/logs/*.log\"\nlabels_from_path = '(?P<site>(a+)+)b'\n"
    )
    return f"{name}.log: its labels are 'other': labels_from_path '(?P<site>(a+)+)b' takes too long"


def test_r119_a_hostile_name_keeps_nobody_and_is_told_once(program: Program, hostile: str) -> None:
    first = program.push("--since", "start")
    assert (0, 1) == (first.exit, first.err.count(hostile))
    text = program.textfile.read_text()
    assert 'batchlog_http_requests_total{site="aa",status="200"} 3.0' in text
    assert 'batchlog_http_requests_total{site="other",status="200"} 2.0' in text
    second = program.push()
    assert (0, 0) == (second.exit, second.err.count(hostile))
    assert program.textfile.read_text().count('site="aa"') == text.count('site="aa"')


def test_a_backfill_is_not_kept_and_check_tells_of_it(program: Program, hostile: str) -> None:
    done = program("backfill", "--textfile", program.textfile, program.site.logs / "*.log")
    assert (0, 1) == (done.exit, program("check").out.count(hostile)), done.err
    text = program.textfile.read_text()
    assert '{backfill="1",site="aa",status="200"} 3.0' in text
    assert '{backfill="1",site="other",status="200"} 2.0' in text
