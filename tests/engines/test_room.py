"""Fewer processes where memory is bounded."""

import resource
from pathlib import Path

import pytest

from batchlog.backfill.inputs import Input
from batchlog.engines.room import room
from tests.cli.program import Program, fails
from tests.site import lines

MB = 1 << 20


def group(root: Path, path: str, name: str, text: str) -> None:
    """Write what a control group says."""
    file = root / path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n")


@pytest.mark.parametrize(
    ("ours", "files", "expected"),
    [
        ("0::/a/b", {"a/b/memory.max": str(64 * MB)}, 1),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": str(200 * MB)}, 3),
        ("0::/a/b", {"a/b/memory.max": str(700 * MB), "a/memory.max": str(130 * MB)}, 2),
        ("0::/../elsewhere", {"memory.max": str(130 * MB)}, 2),
        ("0::/", {"memory.max": "max"}, None),
        ("0::/", {}, None),
        ("0::/a", {"a/memory.max": "nonsense"}, None),
        ("4:cpu,memory:/a", {"memory/a/memory.limit_in_bytes": str(10 * MB)}, 1),
        ("4:cpu:/a", {"memory/a/memory.limit_in_bytes": str(10 * MB)}, None),
        ("nonsense", {}, None),
    ],
)
def test_processes_fit_the_memory_of_the_control_group(
    tmp_path: Path, ours: str, files: dict[str, str], expected: int | None
) -> None:
    for name, text in files.items():
        group(tmp_path / "groups", *name.rpartition("/")[::2], text)
    (tmp_path / "ours").write_text(ours + "\n")
    assert expected == room(tmp_path / "groups", tmp_path / "ours")


def test_where_nothing_can_be_read_nothing_is_bounded(tmp_path: Path) -> None:
    assert None is room(tmp_path, tmp_path / "nothing")


@pytest.mark.parametrize("size", [48, 64, 100])
def test_a_backfill_in_little_memory_is_exact_and_says_so(tmp_path: Path, size: int) -> None:
    program = Program(tmp_path)
    for number in range(2):
        data = lines(range(number, number + 100))
        (tmp_path / f"access.log.{number}").write_bytes(data * 100)

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (size * MB, size * MB))

    words = ("--workers", "2", "--textfile", program.textfile)
    done = program("backfill", *words, "access.log.0", "access.log.1", preexec_fn=bound)
    fails(done, 0, "INFO memory is bounded: 1 process instead of 2")
    assert 20_000 == program.requests()


def test_processes_are_no_more_than_there_is_room_for() -> None:
    from batchlog.backfill.request import Wanted
    from batchlog.engines import Engine

    files = [Input(f"/a{n}", 1 << 30, (0, n, 1 << 30, 0)) for n in range(8)]
    wanted = Wanted(None, (), Engine(8, room=3), automatic=False)  # type: ignore[arg-type]
    assert (3, 2) == (wanted.engine_for(files).workers, wanted.engine_for(files).cores)
    wanted = Wanted(None, (), Engine(8), automatic=False)  # type: ignore[arg-type]
    assert 8 == wanted.engine_for(files).workers
