"""The journal: what is finished stays so, in few bytes of memory, whatever happens to the run."""

import os
import shutil
import tracemalloc
from pathlib import Path

import pytest

from batchlog.errors import SinkUnreachable
from batchlog.history import journal as journal_module
from batchlog.history.journal import Found, Journal, LogLabels
from batchlog.tally import Row, Tally
from tests.history.histories import DAY, NOON, labelled, options, source, step, tally

SLOT = NOON // 60
A = source()


def rows(work: Journal, day: int = NOON // DAY) -> list[tuple[str, str, int, Row]]:
    """Return the rows of a day: source, status, time and row."""
    return [
        (*told(found, number), time, row)
        for found in work.rows(day)
        for number, time, row in found.rows
    ]


def told(found: Found, number: int) -> tuple[str, str]:
    """Return source and status."""
    return found.source, dict(found.table[number])["status"]


def some() -> Tally:
    """Return a tally of two days."""
    made = tally(
        [(SLOT, ("200",), [1, 10]), (SLOT, ("404",), [2, 20]), (SLOT + 1440, ("200",), [3, 30])]
    )
    made.malformed, made.undated, made.newest = 4, 1, NOON + 5
    return made


def test_rows_come_back_by_day_at_the_end_of_their_slots(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("t1", A, step(some()))
    assert [NOON // DAY, NOON // DAY + 1] == work.days
    assert [(A.name, "200", NOON + 60, [1, 10]), (A.name, "404", NOON + 60, [2, 20])] == rows(work)
    assert [(A.name, "200", NOON + DAY + 60, [3, 30])] == rows(work, NOON // DAY + 1)


def test_packed_rows_are_rows_too(tmp_path: Path) -> None:
    made = some()
    made.pack()
    made.add((SLOT, ("200",)), [5, 50])
    work = Journal(str(tmp_path), options())
    assert 11 == work.put("t1", A, step(made)).counted
    assert 2 == len([row for row in rows(work) if row[1] == "200"])


def test_a_row_that_ends_at_midnight_is_of_the_day_that_begins(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("t1", A, step(tally([((NOON + DAY // 2) // 60 - 1, ("200",), [1, 10])])))
    assert [NOON // DAY + 1] == work.days


def test_a_finished_task_says_all_that_its_step_said_in_another_run(tmp_path: Path) -> None:
    first = Journal(str(tmp_path), options()).put("t1", A, step(some(), 500))
    assert (500, "context", 6, 4, 1, NOON + 5) == (
        first.mark.offset,
        first.context,
        first.counted,
        first.malformed,
        first.undated,
        first.newest,
    )
    assert (NOON, NOON + DAY + 60) == (first.first, first.last)
    again = Journal(str(tmp_path), options())
    assert first == again.finished("t1", A)
    assert 2 == len(rows(again))


def test_a_task_that_is_asked_for_twice_is_built_with_once(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("t1", A, step(some()))
    assert work.finished("t1", A) == work.finished("t1", A)
    assert 2 == len(rows(work))


def test_a_task_without_a_line_is_finished_too(tmp_path: Path) -> None:
    outcome = Journal(str(tmp_path), options()).put("t1", A, step(Tally()))
    assert (None, None) == (outcome.first, outcome.last)
    assert outcome == Journal(str(tmp_path), options()).finished("t1", A)


@pytest.mark.parametrize("name", ["rename", "mkdir"])
def test_a_kill_before_the_rename_leaves_a_task_to_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: object) -> None:
        raise Killed

    work = Journal(str(tmp_path), options())
    work.put("t1", A, step(some()))
    with monkeypatch.context() as patch:
        patch.setattr(os, name, kill)
        with pytest.raises(Killed):
            work.put("t2", A, step(some()))
    again = Journal(str(tmp_path), options())
    assert again.finished("t1", A) is not None
    assert again.finished("t2", A) is None
    again.put("t2", A, step(some()))
    assert 4 == len(rows(again))


def test_a_meta_file_that_is_not_whole_is_no_finished_task(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("t1", A, step(some()))
    [meta] = tmp_path.rglob("meta")
    meta.write_bytes(meta.read_bytes()[:-1])
    again = Journal(str(tmp_path), options())
    assert again.finished("t1", A) is None
    again.put("t1", A, step(some()))
    assert 2 == len(rows(again))


def test_a_source_that_has_other_labels_now_is_read_anew(tmp_path: Path) -> None:
    Journal(str(tmp_path), options()).put("t1", A, step(some()))
    again = Journal(str(tmp_path), options())
    assert again.has("t1", A)
    assert not again.has("t1", source(tier="edge"))
    assert not again.has("t1", source("/var/log/b.log"))
    again.put("t1", source(tier="edge"), step(some()))
    assert not again.has("t1", A)


def test_what_was_stored_of_tasks_outside_the_plan_is_no_matter(tmp_path: Path) -> None:
    Journal(str(tmp_path), options()).put("t1", A, step(some()))
    again = Journal(str(tmp_path), options())
    assert [] == again.days
    assert {} == again.extents


def test_a_name_that_is_not_utf8_is_a_source_like_another(tmp_path: Path) -> None:
    odd = source(os.fsdecode(b"/var/log/\xff.log"))
    work = Journal(str(tmp_path), options())
    work.put("t1", odd, step(some()))
    assert work.has("t1", odd)
    assert {odd.name} == {name for name, *_ in rows(work)}


def test_series_beyond_the_limit_are_the_same_after_a_resume(tmp_path: Path) -> None:
    by = options(by=("status", "vhost"), max_series=2)
    hosts = [
        tally([(SLOT, ("200", "c.example"), [1, 1]), (SLOT, ("200", "b.example"), [1, 1])]),
        tally([(SLOT, ("200", "a.example"), [5, 1]), (SLOT, ("200", "c.example"), [1, 1])]),
        tally([(SLOT, ("404", "z.example"), [7, 1]), (SLOT, ("200", "a.example"), [1, 1])]),
    ]
    whole = Journal(str(tmp_path / "whole"), by)
    overflow = [whole.put(f"t{n}", A, step(one)).overflow for n, one in enumerate(hosts)]
    assert [0, 5, 8] == overflow
    killed = Journal(str(tmp_path / "killed"), by)
    killed.put("t0", A, step(hosts[0]))
    killed.put("t1", A, step(hosts[1]))
    resumed = Journal(str(tmp_path / "killed"), by)
    outcomes = [resumed.finished(f"t{n}", A) for n in range(2)]
    assert [0, 5] == [outcome.overflow for outcome in outcomes if outcome]
    assert 8 == resumed.put("t2", A, step(hosts[2])).overflow
    assert whole.extents == resumed.extents
    assert {"b.example", "c.example", "other"} == {
        dict(labels)["vhost"] for _, labels in whole.extents
    }


def test_static_labels_and_those_of_the_group_are_on_every_series(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("t1", source(tier="edge", job="mine"), step(some()))
    assert {labelled(status="200", tier="edge"), labelled(status="404", tier="edge")} == {
        labels for _, labels in work.extents
    }


def test_numbers_of_any_size_are_kept(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("t1", A, step(tally([(SLOT, ("200",), [2000, 2**64 + 5])])))
    found = [row for *_, row in rows(work)]
    assert [2000, 2**64 + 5] == [sum(column) for column in zip(*found, strict=True)]


def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    shutil.rmtree(work.path)
    with pytest.raises(SinkUnreachable, match="run again: it goes on where it was"):
        work.put("t1", A, step(some()))


@pytest.mark.parametrize("name", [".work", ".work/steps"])
def test_a_journal_is_never_written_through_a_link(tmp_path: Path, name: str) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "h" / name
    elsewhere.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    with pytest.raises(SinkUnreachable, match="Not a directory"):
        Journal(str(tmp_path / "h"), options())
    assert [] == list(elsewhere.iterdir())


def test_memory_is_bounded_however_many_the_days(tmp_path: Path) -> None:
    made = Tally()
    for day in range(100):
        for minute in range(1440):
            made.add((SLOT + day * 1440 + minute, ("200",)), [1, 1000 + minute])
            made.add((SLOT + day * 1440 + minute, ("404",)), [1, 1000 + minute])
        made.pack()
    work = Journal(str(tmp_path), options())
    tracemalloc.start()
    work.put("t1", A, step(made))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 288_000 == sum(len(rows(work, day)) for day in work.days)
    assert peak < 40_000_000


def test_a_day_of_many_rows_is_read_again_in_packets(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options(by=("vhost",), max_series=9999))
    many = ((SLOT + n % 700, (f"h{n // 700}.example",), [1, 1]) for n in range(140_000))
    work.put("t1", A, step(tally(many)))
    assert [100_000, 40_000] == [len(list(found.rows)) for found in work.rows(NOON // DAY)]


def test_nothing_of_the_journal_is_left_in_the_end(tmp_path: Path) -> None:
    work = Journal(str(tmp_path), options())
    work.put("t1", A, step(some()))
    assert (tmp_path / journal_module.NAME).is_dir()
    work.remove()
    assert [] == list(tmp_path.iterdir())


def test_sources_are_told_apart_by_all_they_are() -> None:
    assert LogLabels("a", {}, frozenset()) != LogLabels("a", {"b": "c"}, frozenset())


@pytest.mark.parametrize("name", ["rows", "meta"])
def test_r121_a_task_whose_file_is_a_pipe_is_not_finished(tmp_path: Path, name: str) -> None:
    Journal(str(tmp_path), options()).put("t1", A, step(some()))
    (file,) = tmp_path.rglob(name)
    file.unlink()
    os.mkfifo(file)
    work = Journal(str(tmp_path), options())
    assert work.finished("t1", A) is None
    work.put("t1", A, step(some()))
    assert 2 == len(rows(work))
