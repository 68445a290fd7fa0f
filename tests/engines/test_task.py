import gzip
import pickle
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.engines import Task
from batchlog.engines.task import carry_out
from batchlog.errors import Stop
from batchlog.scan import Timing
from batchlog.segments.ranges import ranges
from batchlog.tally import Tally
from tests.engines.work import task
from tests.segments.contents import mark, opened
from tests.site import At, line, lines


def counted(done_task: Task) -> int:
    done = carry_out(done_task)
    assert done.step is not None, done.fault
    return done.step.tally.counted


def test_a_whole_file_gives_one_step_with_the_mark_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(10)))
    done = carry_out(task(path))
    assert done.step is not None
    assert mark(lines(range(10))) == done.step.mark
    assert 10 == done.step.tally.counted
    assert not done.fault


def test_the_pieces_of_a_file_add_up_to_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(1000)))
    with opened(path) as content:
        pieces = ranges(content, 0, None, 7000)
    whole, parts = carry_out(task(path)).step, Tally()
    for begin, end in pieces:
        step = carry_out(task(path, begin=begin, end=end)).step
        assert step is not None
        parts.merge(step.tally)
    assert whole is not None
    assert 2 < len(pieces)
    assert whole.tally == parts


def test_the_steps_of_a_large_file_are_merged_into_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(30_000)))
    monkeypatch.setattr("batchlog.segments.read.LIMIT", 1 << 20)
    done = carry_out(task(path))
    assert done.step is not None
    assert 30_000 == done.step.tally.counted
    assert path.stat().st_size == done.step.read_bytes == done.step.mark.offset
    assert 30_000 == done.step.mark.lines


def test_a_task_begins_after_what_was_read_before_and_counts_its_own_lines(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(lines(range(10))))
    done = carry_out(task(path, begin=len(lines(range(4)))))
    assert done.step is not None
    assert 6 == done.step.tally.counted
    assert replace(mark(lines(range(10))), lines=6) == done.step.mark


def test_a_hole_at_the_beginning_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"\0" * 9000 + lines(range(3)))
    assert 3 == counted(task(path))


def test_lines_are_counted_by_time_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(120)))
    done = carry_out(task(path, timing=Timing(60)))
    assert done.step is not None
    assert 2 < len({slot for (slot, _), _ in done.step.tally.all_rows()}) < 5


def test_a_last_line_without_an_end_counts_where_the_content_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(3))[:-1])
    assert 2 == counted(task(path))
    assert 3 == counted(task(path, final=True))


def test_an_archive_that_was_cut_counts_where_it_will_not_be_completed(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(b"".join(line(n % 97) for n in range(50_000)))[:-100])
    assert 0 == counted(task(path))
    assert 0 < counted(task(path, salvage=True))


def test_a_file_that_has_gone_gives_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(3)))
    planned = task(path)
    path.unlink()
    done = carry_out(planned)
    assert (None, f"{path} is not there any more") == (done.step, done.fault)


@pytest.mark.parametrize("packed", [False, True])
def test_another_file_under_the_name_of_the_planned_one_is_not_read(
    tmp_path: Path,
    packed: bool,
) -> None:
    path = tmp_path / "a.log"
    data = lines(range(3))
    path.write_bytes(gzip.compress(data) if packed else data)
    planned = task(path)
    path.rename(tmp_path / "a.log.1")
    path.write_bytes(gzip.compress(data * 2) if packed else data * 2)
    done = carry_out(planned)
    assert done.step is None
    assert str(path) in done.fault


def test_a_plain_file_may_have_grown_since_it_was_planned_but_not_become_shorter(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(3)))
    planned = task(path)
    with path.open("ab") as file:
        file.write(line(3))
    assert 4 == counted(planned)
    path.write_bytes(line(0))
    assert carry_out(planned).step is None


def test_an_archive_that_was_written_to_since_is_not_the_planned_one(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(lines(range(3))))
    planned = task(path)
    with path.open("ab") as file:
        file.write(gzip.compress(line(3)))
    assert carry_out(planned).step is None


def test_a_file_that_is_written_anew_while_it_is_read_gives_no_step(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(3)))

    def truncate(_stop: Stop) -> None:
        path.write_bytes(line(9))

    done = carry_out(task(path), stop=At(1, truncate))
    assert (None, f"{path} was changed while it was read") == (done.step, done.fault)


def test_what_cannot_be_read_gives_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(3)))
    planned = task(path)
    path.unlink()
    path.mkdir()
    assert f"{path} is not a regular file" == carry_out(planned).fault


def test_a_task_and_what_came_of_it_travel_between_processes(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(3)))
    planned = task(path, timing=Timing(60))
    done = carry_out(planned)
    assert planned == pickle.loads(pickle.dumps(planned))  # noqa: S301 - our own
    assert done == pickle.loads(pickle.dumps(done))  # noqa: S301 - our own


@pytest.mark.parametrize(("begin", "end"), [(0, None), (930, None), (930, 1860), (0, 1860)])
def test_what_is_told_of_a_piece_is_its_own_bytes(
    tmp_path: Path, begin: int, end: int | None
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(range(100)))
    planned, told = task(path, begin=begin, end=end), [0]
    carry_out(planned, told.append)
    assert (path.stat().st_size if end is None else end) - begin == planned.weight == told[-1]


def test_of_an_archive_the_compressed_bytes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(lines(range(100))) * 3)
    planned, told = task(path, begin=930), [0]
    carry_out(planned, told.append)
    assert path.stat().st_size == planned.weight == told[-1]
    assert sorted(told) == told
