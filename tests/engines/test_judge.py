"""A result that could be true is taken, any other is not, whoever computed it (R130)."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins
from msgspec.structs import replace

from batchlog.engines import answer
from batchlog.engines.judge import Seen, doubt
from batchlog.engines.task import Done, Task, carry_out
from batchlog.scan import Timing
from batchlog.segments.identity import Mark
from batchlog.segments.steps import Step
from batchlog.tally import Tally
from tests.engines.work import task
from tests.segments.contents import mark
from tests.site import lines

DURATION = '%h %l %u %t "%r" %>s %b %D'


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("logs")
    (directory / "a.log").write_bytes(lines(range(100)))
    (directory / "a.log.gz").write_bytes(gzip.compress(lines(range(100))))
    (directory / "timed.log").write_bytes(
        b"".join(
            b'10.0.0.1 - - [08/Nov/2026:11:27:%02d +0000] "GET / HTTP/1.1" 200 7 %d\n'
            % (n, n * 900)
            for n in range(60)
        )
    )
    return directory


def judged(done: Done, seen: Seen | None = None) -> str:
    return doubt(done.task, done, seen or Seen(done.task.sight.size))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("a.log", {}),
        ("a.log", {"by": ("status_class", "method", "vhost", "protocol")}),
        ("a.log", {"begin": 930, "end": 1860}),
        ("a.log", {"timing": Timing(60)}),
        ("a.log", {"timing": Timing(60, since=2_000_000_000)}),
        ("a.log.gz", {}),
        ("a.log.gz", {"begin": 930}),
        ("timed.log", {"spec": DURATION, "bounds": (1_000_000, 30_000_000)}),
        ("timed.log", {"spec": DURATION}),
    ],
)
def test_what_was_read_can_be_true(written: Path, name: str, changes: dict[str, Any]) -> None:
    planned = task(written / name, **changes)
    done = carry_out(planned)
    assert done.step is not None
    assert "" == judged(done)
    seen = Seen(planned.sight.size, 0, lines(range(1))[:64] if name.startswith("a") else b"")
    assert "" == judged(done, seen)
    assert done == answer.read(answer.done(done), planned)


def of_mark(**changes: object) -> Callable[[Step], Step]:
    return lambda step: replace(step, mark=replace(step.mark, **changes))


def of_tally(**changes: object) -> Callable[[Step], Step]:
    return lambda step: replace(step, tally=replace(step.tally, **changes))


def of_rows(*rows: tuple[tuple[int, tuple[str, ...]], list[int]]) -> Callable[[Step], Step]:
    def change(step: Step) -> Step:
        tally = replace(step.tally, rows=dict(rows))
        return replace(step, tally=tally, mark=replace(step.mark, lines=tally.lines))

    return change


LIES: dict[str, Callable[[Step], Step]] = {
    "10^30 requests": of_rows(((0, ("200",)), [10**30, 0])),
    "more requests than bytes": of_rows(((0, ("200",)), [20_000, 0])),
    "20,000 statuses": of_rows(*[((0, (str(n),)), [1, 1]) for n in range(20_000)]),
    "a newline": of_rows(((0, ("200\n",)), [100, 1])),
    "a status that is none": of_rows(((0, ("600",)), [100, 1])),
    "two labels": of_rows(((0, ("200", "GET")), [100, 1])),
    "no label": of_rows(((0, ()), [100, 1])),
    "a time": of_rows(((7, ("200",)), [100, 1])),
    "bytes that are none": of_rows(((0, ("200",)), [100, -1])),
    "more bytes than are believed": of_rows(((0, ("200",)), [100, 2**60 + 1])),
    "no request": of_rows(((0, ("200",)), [0, 0])),
    "a short row": of_rows(((0, ("200",)), [100])),
    "a long row": of_rows(((0, ("200",)), [100, 1, 1])),
    "an offset beyond the end": of_mark(offset=10**9),
    "an offset before": of_mark(offset=929),
    "another start": of_mark(start=1),
    "a start below nothing": of_mark(start=-1),
    "no heads": of_mark(heads=()),
    "heads that are none": of_mark(heads=("x" * 32,) * 4),
    "another content": of_mark(heads=("0" * 32,) * 4),
    "a tail with a newline": of_mark(tail="\n" * 32),
    "other lines": of_mark(lines=1),
    "fewer lines than none": of_tally(malformed=-1),
    "more malformed": of_tally(malformed=10),
    "more undated": of_tally(undated=1),
    "a newest of no time": of_tally(newest=10**15),
    "other bytes": lambda step: replace(step, read_bytes=1),
    "no end": lambda step: replace(step, end="more"),
    "an end of archives": lambda step: replace(step, end="corrupt", fault="damaged"),
    "a fault": lambda step: replace(step, fault="damaged"),
    "a long context": lambda step: replace(step, context="x" * 10_000),
    "more that waits": lambda step: replace(step, waiting=10**9),
}


@pytest.mark.parametrize("lie", LIES)
def test_r130_a_lie_is_not_taken(written: Path, lie: str) -> None:
    planned = task(written / "a.log")
    done = carry_out(planned)
    assert done.step is not None
    false = replace(done, step=LIES[lie](done.step))
    seen = Seen(planned.sight.size, 0, lines(range(1))[:64])
    assert doubt(planned, false, seen)
    sent = answer.read(answer.done(false), planned)
    assert doubt(planned, sent, seen)


@pytest.mark.parametrize(
    "row",
    [
        [60, 420, 0, 60, 0, -1],
        [60, 420, 10**9, 60, 0, 0],
        [60, 420, 0, 0, 60, 0],
        [60, 420, 1, 61, 0, 0],
        [60, 420, 2**60, 0, 0, 60],
    ],
)
def test_r130_durations_agree_with_their_buckets(written: Path, row: list[int]) -> None:
    planned = task(written / "timed.log", spec=DURATION, bounds=(1_000_000, 30_000_000))
    done = carry_out(planned)
    assert done.step is not None
    false = of_rows(((0, ("200",)), row))(done.step)
    assert doubt(planned, replace(done, step=false), Seen(planned.sight.size))


@pytest.mark.parametrize("false", [None, "text", b"bytes", 7, [], object()])
def test_r130_what_is_no_result_is_not_taken(written: Path, false: object) -> None:
    assert doubt(task(written / "a.log"), false, Seen(10**6))


def test_r130_another_task_s_result_is_not_taken(written: Path) -> None:
    one, other = task(written / "a.log"), task(written / "a.log", begin=930)
    assert doubt(one, carry_out(other), Seen(10**6))
    with pytest.raises(answer.Unusable, match="not the answer"):
        answer.read(answer.done(carry_out(other)), one)


@pytest.mark.parametrize("fault", ["", "a\nb", "x" * 5000, "\x1b[2J"])
def test_r130_a_reason_is_short_and_printable(written: Path, fault: str) -> None:
    planned = task(written / "a.log")
    assert doubt(planned, Done(planned, None, fault), Seen(10**6))
    assert not doubt(planned, Done(planned, None, f"{planned.sight.path} is gone"), Seen(10**6))


def test_a_plain_file_may_have_grown(written: Path) -> None:
    planned = task(written / "a.log")
    smaller = replace(planned, sight=replace(planned.sight, size=930))
    done = replace(carry_out(planned), task=smaller)
    assert judged(done)
    assert not judged(done, Seen(planned.sight.size))


def test_labels_that_scanners_let_through_are_taken_whatever_they_are(tmp_path: Path) -> None:
    spec = '%v %h %l %u %t "%r" %>s %b'
    hosts = ["a.example", "[::1]:80", "192.0.2.7", "_", "x" * 300, "A.B.", "-", "ü", "a_b"]
    path = tmp_path / "a.log"
    with path.open("w") as file:
        for host in hosts:
            for words in ("GET / HTTP/1.1", "PRI * HTTP/2", "-", "\\x16", "get / HTTP/9"):
                for status in (200, 99, 600, 404, 1000):
                    stamp = "[08/Nov/2026:11:27:00 +0000]"
                    file.write(f'{host} 1.2.3.4 - - {stamp} "{words}" {status} 5\n')
    names = ("status", "status_class", "method", "vhost", "protocol")
    for by in (names, *[(name,) for name in names]):
        assert "" == judged(carry_out(task(path, spec=spec, by=by)))


def leaves(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    """Return the places of all numbers and texts in a nest of dicts and lists."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for name, one in pairs:
        nested = isinstance(one, dict | list | tuple)
        found += leaves(one, (*place, name)) if nested else [(*place, name)]
    return found


NUMBERS = st.integers(-(10**30), 10**30) | st.integers(-3, 2000)


@given(st.data())
def test_r130_any_change_of_a_result_is_refused_or_could_be_true(
    written: Path, data: st.DataObject
) -> None:
    planned = task(written / "a.log")
    done = carry_out(planned)
    assert done.step is not None
    step = to_builtins(done.step, str_keys=False)
    step["tally"]["rows"] = [[slot, [*labels], row] for (slot, labels), row in _rows(done)]
    step["mark"]["heads"] = [*step["mark"]["heads"]]
    for place in data.draw(st.lists(st.sampled_from(leaves(step)), min_size=1, max_size=3)):
        at = step
        for name in place[:-1]:
            at = at[name]
        at[place[-1]] = data.draw(NUMBERS if isinstance(at[place[-1]], int) else st.text())
    false = replace(done, step=_step(step))
    seen = Seen(planned.sight.size, 0, lines(range(1))[:64])
    if not doubt(planned, false, seen):
        assert_possible(planned, false)


def _rows(done: Done) -> list[tuple[tuple[int, tuple[str, ...]], list[int]]]:
    assert done.step is not None
    return list(done.step.tally.all_rows())


def _step(raw: dict[str, Any]) -> Step:
    tally, heads = dict(raw["tally"]), tuple(raw["mark"]["heads"])
    tally["rows"] = {(slot, tuple(labels)): list(row) for slot, labels, row in tally["rows"]}
    mark = Mark(**{**raw["mark"], "heads": heads})
    return Step(**{**raw, "mark": mark, "tally": Tally(**tally)})


def assert_possible(planned: Task, done: Done) -> None:
    """Assert what may be said of any log of this size, by other words than the judge's."""
    step = done.step
    assert step is not None
    allowed = {"other", *map(str, range(100, 600))}
    assert {labels for (_, labels) in step.tally.rows} <= {(one,) for one in allowed}
    assert all(slot == 0 for (slot, _) in step.tally.rows)
    assert 0 <= step.tally.lines <= planned.sight.size / 2 + 1
    assert 0 <= step.read_bytes <= step.mark.offset <= planned.sight.size  # holes are not read
    assert mark(lines(range(1))).heads[:1] == step.mark.heads[:1]
    assert step.mark.lines == step.tally.lines
    assert all(0 <= row[1] <= row[0] * 2**53 for row in step.tally.rows.values())


@given(st.binary(max_size=200) | st.text() | st.none())
def test_r130_any_bytes_are_an_answer_or_refused(written: Path, data: object) -> None:
    with pytest.raises(answer.Unusable):
        answer.read(data, task(written / "a.log"))


def test_r130_an_answer_of_endless_length_is_refused(written: Path) -> None:
    import zlib

    bomb = zlib.compress(b"[" * (answer.MOST + 10), 9)
    with pytest.raises(answer.Unusable, match="too long"):
        answer.read(bomb, task(written / "a.log"))
