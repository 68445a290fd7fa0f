"""The files of a history: compared with a count of the lines, and taken by the real promtool."""

import os
import stat
import tracemalloc
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchlog.errors import SinkUnreachable, Stop
from batchlog.history.days import Built, build, outline
from batchlog.history.journal import Journal
from batchlog.history.seam import LIMIT, Seams
from tests.history.histories import (
    BOUNDS,
    DAY,
    NOON,
    Line,
    Samples,
    expected,
    labelled,
    of_lines,
    options,
    promtool_samples,
    read,
    source,
    step,
    tally,
)
from tests.servers import Promtool

NOW = NOON + 3 * DAY
NOTHING = Seams(NOW, {}, {})
REQUESTS = "batchlog_http_requests_total"
BYTES = "batchlog_http_response_bytes_total"
OK = labelled(status="200")


def journal(path: str | Path, lines: Sequence[Line], width: int = 60) -> Journal:
    """Return a journal with these lines, two tasks a source."""
    work = Journal(str(path), options(width))
    for name in sorted({line.source for line in lines}):
        own = [line for line in lines if line.source == name]
        for number, some in enumerate((own[: len(own) // 2], own[len(own) // 2 :])):
            work.put(f"{name}{number}", source(name), step(of_lines(some, width)))
    return work


def history(work: Journal, seams: Seams = NOTHING, width: int = 60) -> Built:
    """Write the files."""
    planned = outline(work, options(width), seams)
    built = build(work, options(width), seams, planned)
    assert built is not None
    assert built.samples == planned.samples
    return built


LINES = [
    Line("a", "200", NOON, 100),
    Line("a", "200", NOON + DAY, 7),
    Line("a", "404", NOON + 60, 0),
]


def test_counters_go_on_from_one_days_file_to_the_next(tmp_path: Path) -> None:
    built = history(journal(tmp_path, LINES))
    assert ["2015-05-17", "2015-05-18"] == [file.day for file in built.files]
    assert [2, 1] == [file.lines for file in built.files]
    has = read(built.files)
    assert 1442 == len(has[REQUESTS, OK])
    assert [(NOON, 0), (NOON + 60, 1), (NOON + 120, 1)] == has[REQUESTS, OK][:3]
    assert [(NOON + DAY, 1), (NOON + DAY + 60, 2)] == has[REQUESTS, OK][-2:]
    assert (NOON + DAY + 60, 107) == has[BYTES, OK][-1]
    assert {OK: [2, 107], labelled(status="404"): [1, 0]} == built.series


def test_a_file_holds_the_samples_of_its_day_and_says_which(tmp_path: Path) -> None:
    built = history(journal(tmp_path, LINES))
    for file in built.files:
        times = [time for samples in read([file]).values() for time, _ in samples]
        assert (len(times), min(times), max(times)) == (file.samples, file.first, file.last)
        day = NOON - DAY // 2 + (file.day == "2015-05-18") * DAY
        assert day <= file.first
        assert file.last < day + DAY
        text = Path(file.path).read_bytes()
        assert blake2b(text, digest_size=16).hexdigest() == file.digest
        assert text.endswith(b"\n# EOF\n")
        assert f"batchlog-{file.day}.om.txt" == os.path.basename(file.path)


def test_the_0_before_the_first_line_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    midnight = NOON + DAY // 2
    built = history(journal(tmp_path, [Line("a", "200", midnight - 1)]))
    assert [(midnight - 60, 0), (midnight, 1)] == read(built.files)[REQUESTS, OK]
    assert [("2015-05-17", 2, 0), ("2015-05-18", 2, 1)] == [
        (file.day, file.samples, file.lines) for file in built.files
    ]


def test_a_day_without_any_sample_has_no_file(tmp_path: Path) -> None:
    seams = Seams(NOW + 30 * DAY, {OK: NOON + 10 * DAY}, {"a": NOON + DAY})
    built = history(journal(tmp_path, [Line("a", "200", NOON)]), seams)
    assert ["2015-05-17", "2015-05-27"] == [file.day for file in built.files]
    assert (NOON + 10 * DAY - 1, 0) == read(built.files)[REQUESTS, OK][-1]


def test_lines_beyond_the_seam_are_clamped_also_from_days_after_it(tmp_path: Path) -> None:
    seams = Seams(NOW, {OK: NOON + 95}, {"a": NOON + 90})
    lines = [*LINES, Line("a", "200", NOON + 2 * DAY), Line("a", "404", NOON + DAY)]
    built = history(journal(tmp_path, lines), seams)
    assert (4, 0) == (built.clamped, built.left_out)
    has = read(built.files)
    assert [(NOON, 0), (NOON + 60, 1), (NOON + 88, 3), (NOON + 94, 0)] == has[REQUESTS, OK]
    assert [(NOON + 28, 0), (NOON + 88, 2), (NOON + 89, 0)] == has[REQUESTS, labelled(status="404")]


def test_lines_at_the_ceiling_itself_are_where_they_belong(tmp_path: Path) -> None:
    lines = [Line("a", "200", NOON + 60), Line("a", "200", NOON + 120)]
    built = history(journal(tmp_path, lines), Seams(NOW, {}, {"a": NOON + 122}))
    assert 1 == built.clamped
    assert [(NOON + 60, 0), (NOON + 120, 2), (NOON + 121, 0)] == read(built.files)[REQUESTS, OK]


def test_lines_less_than_a_step_above_the_ceiling_are_clamped_too(tmp_path: Path) -> None:
    built = history(journal(tmp_path, [Line("a", "200", NOON)]), Seams(NOW, {}, {"a": NOON + 50}))
    assert [(NOON - 12, 0), (NOON + 48, 1), (NOON + 49, 0)] == read(built.files)[REQUESTS, OK]


def test_newer_lines_of_a_log_without_a_seam_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = [Line("a", "200", NOON), Line("a", "200", NOW - LIMIT), Line("a", "500", NOW)]
    lines = [*lines, lines[2], lines[2], lines[2]]
    built = history(journal(tmp_path, lines))
    assert (5, 0) == (built.left_out, built.clamped)
    assert {OK: [1, 10]} == built.series
    assert max(file.last for file in built.files) < NOW - LIMIT


def test_durations_are_a_histogram_also_where_another_log_has_none(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("1", source("a"), step(tally([(NOON // 60, ("200",), [1, 10])])))
    row = [2, 20, 1_500_000_000, 1, 0, 1]
    work.put("2", source("b"), step(tally([(NOON // 60 + 1, ("200",), row)])))
    built = history(work)
    has = read(built.files)
    family = "batchlog_http_request_duration_seconds"
    assert [(NOON, 0), (NOON + 60, 0), (NOON + 120, 1)] == has[
        f"{family}_bucket", labelled(status="200", le="1")
    ]
    assert [(NOON, 0), (NOON + 60, 0), (NOON + 120, 1.5)] == has[f"{family}_sum", OK]
    assert {OK: [3, 30, *row[2:]]} == built.series
    assert 3 * (2 + len(BOUNDS) + 3) == built.samples


def test_durations_that_are_clamped_are_added_up(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    row = [2, 20, 1_500_000_000, 1, 0, 1]
    work.put("1", source("a"), step(tally([(NOON // 60 + 9, ("200",), row)])))
    work.put("2", source("b"), step(tally([(NOON // 60 + 9, ("200",), [1, 10])])))
    built = history(work, Seams(NOW, {OK: NOON + 20}, {}))
    assert {OK: [3, 30, *row[2:]]} == built.series
    assert (NOON + 18, 3) == read(built.files)[REQUESTS, OK][1]


def test_without_a_line_there_is_no_file(tmp_path: Path) -> None:
    built = history(Journal(str(tmp_path), options()))
    assert ((), 0, {}) == (built.files, built.samples, built.series)
    assert (0, None, {}) == outline(Journal(str(tmp_path), options()), options(), NOTHING)


def test_files_of_an_earlier_build_are_removed_and_others_are_not(tmp_path: Path) -> None:
    stale, other = tmp_path / "batchlog-1999-01-01.om.txt", tmp_path / "other"
    stale.touch()
    other.touch()
    history(journal(tmp_path, LINES))
    assert not stale.exists()
    assert other.exists()


def test_the_same_journal_gives_the_same_bytes(tmp_path: Path) -> None:
    first = history(journal(tmp_path / "a", LINES))
    again = history(journal(tmp_path / "b", LINES[::-1]))
    assert [file.digest for file in first.files] == [file.digest for file in again.files]


class Once(Stop):
    """A request to stop that is made once a file is there."""

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def __bool__(self) -> bool:
        return self._path.exists()


def test_a_stop_leaves_whole_files_and_the_journal(tmp_path: Path) -> None:
    work = journal(tmp_path, LINES)
    stop = Once(tmp_path / "batchlog-2015-05-17.om.txt")
    assert build(work, options(), NOTHING, outline(work, options(), NOTHING), stop) is None
    assert ["batchlog-2015-05-17.om.txt"] == [path.name for path in tmp_path.glob("*.txt")]
    assert history(work).files == history(journal(tmp_path, LINES)).files


def test_others_can_read_the_files_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        built = history(journal(tmp_path, LINES))
    finally:
        os.umask(before)
    assert {0o644} == {stat.S_IMODE(os.stat(file.path).st_mode) for file in built.files}


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    work = journal(tmp_path, LINES)
    (tmp_path / "batchlog-2015-05-18.om.txt").mkdir()
    with pytest.raises(SinkUnreachable, match="cannot be written"):
        history(work)


def test_a_link_that_lies_where_a_file_is_made_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    victim.chmod(0o600)
    work = journal(tmp_path / "h", LINES)
    (tmp_path / "h" / ".work" / "day").symlink_to(victim)
    built = history(work)
    assert ("precious", 0o600) == (victim.read_text(), stat.S_IMODE(victim.stat().st_mode))
    assert not any(os.path.islink(file.path) for file in built.files)


def test_memory_holds_one_day(tmp_path: Path) -> None:
    def lines(days: int) -> list[Line]:
        return [
            Line("a", "200", NOON + day * DAY + n * 60) for day in range(days) for n in range(1440)
        ]

    seams = Seams(NOW + 90 * DAY, {}, {})
    peaks = []
    for days in (2, 20):
        work = journal(tmp_path / str(days), lines(days))
        tracemalloc.start()
        history(work, seams)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


LOGS = st.lists(
    st.builds(
        Line,
        source=st.sampled_from("abc"),
        status=st.sampled_from(("200", "404")),
        stamp=st.integers(NOON, NOW),
        size=st.integers(0, 2**40),
    ),
    min_size=1,
    max_size=10,
)
SEAMS = st.builds(
    Seams,
    now=st.just(NOW),
    live=st.dictionaries(st.just(OK), st.integers(NOON + 700, NOW)),
    origins=st.dictionaries(st.sampled_from("ab"), st.integers(NOON + 700, NOW - LIMIT)),
)


@settings(max_examples=40, deadline=None)
@given(lines=LOGS, seams=SEAMS, width=st.sampled_from((300, 77)))
def test_the_files_are_what_a_count_of_the_lines_says(
    lines: list[Line], seams: Seams, width: int
) -> None:
    wanted, left_out = expected(lines, seams, width)
    with TemporaryDirectory() as path:
        built = history(journal(path, lines, width), seams, width)
        has = read(built.files)
    assert left_out == built.left_out
    assert {labels: len(one.times) for labels, one in wanted.items()} == {
        labels: row[0] for labels, row in built.series.items()
    }
    assert built.samples == sum(map(len, has.values()))
    for labels, one in wanted.items():
        samples = has[REQUESTS, labels]
        body = samples[:-1] if one.created is not None else samples
        assert [(time, one.at(time)) for time, _ in body] == body
        assert [time for time, _ in samples] == [time for time, _ in has[BYTES, labels]]
        assert sorted({time for time, _ in samples}) == [time for time, _ in samples]
        if one.created is not None:
            assert [0, 0] == [has[name, labels][-1][1] for name in (REQUESTS, BYTES)]


def test_promtool_takes_every_sample(promtool: Promtool, tmp_path: Path) -> None:
    seams = Seams(NOW, {OK: NOON + 2 * DAY - 31}, {"a": NOON + 2 * DAY})
    lines = [Line("a", "200", NOON + n * 977, n) for n in range(200)]
    lines += [Line("b", "200", NOON + 500 + n * 1100, n) for n in range(200)]
    row = [2, 20, 1_500_000_000, 1, 0, 1]
    work = journal(tmp_path / "history", lines)
    work.put("c", source("c"), step(tally([(NOON // 60 + 1000, ("500",), row)])))
    built = history(work, seams)
    taken = promtool_samples(promtool, tmp_path, [Path(file.path) for file in built.files])
    assert built.samples == sum(map(len, taken.values()))
    assert _by_series(read(built.files)) == _by_series(taken)


def _by_series(samples: Samples) -> Samples:
    return {key: samples[key] for key in sorted(samples)}
