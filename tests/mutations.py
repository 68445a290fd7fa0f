"""Break the protocol on purpose, one rule at a time, and see that a test fails: `make mutations`.

A mutation is an exact text in one module and what stands there instead. Its text must be there
exactly once: a mutation that no longer applies is an error, not a success. Each runs in a copy of
the tree, with the few tests that should notice, all of which must pass in the copy as it is.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[1]

PATIENCE = 120.0
"""Seconds after which a run that a mutation keeps from ending has been noticed."""

_FAILED = 1
"""pytest's exit status where tests ran and some failed; others say that they did not run."""


class Mutation(NamedTuple):
    """One rule broken."""

    name: str
    module: str
    right: str
    wrong: str
    tests: tuple[str, ...]
    """Those that should notice, as pytest takes them."""


_IDENTITY = "tests/rotation/test_identity.py"
_RENAME = "tests/rotation/test_rename.py"
_ENDLESS = "tests/rotation/test_endless.py"
_HOLES = "tests/rotation/test_holes.py"
_ARCHIVES = "tests/rotation/test_compression.py"
_STORE = "tests/state/test_store.py"
_BACKFILL = "tests/backfill/test_totals.py"

_NAMED = """\
    same = [
        index
        for index, segment in enumerate(segments)
        if any(sight.{what} == file.sight.{what} for sight in segment.bearers)
    ]
"""

MUTATIONS = (
    Mutation(
        "push before commit",
        "batchlog/job/run.py",
        """\
            reach("run.read")
            work.commit()
""",
        """\
            durable, work.durable = work.durable, work.state
            outcome = self._deliver(work)
            work.durable = durable
            work.commit()
            return outcome
""",
        ("tests/job/test_commit_first.py",),
    ),
    Mutation(
        "skip the tail in compare",
        "batchlog/segments/identity.py",
        "        if digest(tail) == mark.tail:\n",
        "        if True:\n",
        (
            f"{_IDENTITY}::test_r13_files_that_begin_with_the_same_lines_are_told_apart_by_their_tail",
        ),
    ),
    Mutation(
        "identify by path",
        "batchlog/segments/resume.py",
        "    same = [index for index, like in alike.items() if like is Likeness.SAME]\n",
        _NAMED.format(what="path"),
        (f"{_RENAME}::test_r2_a_renamed_file_is_finished_and_the_new_one_begun_in_the_same_run",),
    ),
    Mutation(
        "identify by inode",
        "batchlog/segments/resume.py",
        "    same = [index for index, like in alike.items() if like is Likeness.SAME]\n",
        _NAMED.format(what="place"),
        (
            f"{_IDENTITY}::test_r12_a_freed_inode_taken_by_the_next_file_is_a_new_file",
            f"{_IDENTITY}::test_r12_two_inodes_that_swap_every_night_are_no_news",
        ),
    ),
    Mutation(
        "adopt a partial archive",
        "batchlog/segments/read.py",
        "        if block.verified >= self.lines.offset:\n",
        "        if True:\n",
        (f"{_ARCHIVES}::test_r33_a_truncated_archive_that_is_completed_in_time_counts_whole",),
    ),
    Mutation(
        "forget that the mark stands inside a line",
        "batchlog/segments/read.py",
        "        self.lines = Lines(mark.offset, tail, TAIL, inside=mark.inside)\n",
        "        self.lines = Lines(mark.offset, tail, TAIL)\n",
        (f"{_ENDLESS}::test_r112_a_line_that_grows_from_run_to_run_is_read_once",),
    ),
    Mutation(
        "cut a number",
        "batchlog/segments/lines.py",
        '_TORN = b"\\0\\n"\n',
        '_TORN = b"\\n"\n',
        (f"{_ENDLESS}::test_r55_a_number_that_is_cut_is_none",),
    ),
    Mutation(
        "consume NULs that a writer may fill",
        "batchlog/segments/lines.py",
        '            data = b"" if data == bytes(length) else data.rstrip(b"\\0")\n',
        "            data = data[:]\n",
        ("tests/segments/test_lines.py::test_r111_nuls_that_were_read_wait_too",),
    ),
    Mutation(
        "read the holes",
        "batchlog/segments/source.py",
        "        if size - status.st_blocks * _BLOCK < HOLE:\n",
        "        if True:\n",
        (f"{_HOLES}::test_r111_a_hole_is_not_counted_as_read",),
    ),
    Mutation(
        "no fsync of the directory",
        "batchlog/state/durable.py",
        "        sync_directory(os.path.dirname(path))\n",
        "",
        (f"{_STORE}::test_r61_the_file_is_synced_before_the_rename_and_the_directory_after",),
    ),
    Mutation(
        "commit into a state directory that was replaced",
        "batchlog/state/store.py",
        "if not all(held.is_in_place(base) for held in self._held):",
        "if False:",
        ("tests/state/test_replaced.py",),
    ),
    Mutation(
        "root keeps its own rights in the state of others",
        "batchlog/state/rights.py",
        "if us.uid != ROOT or status.st_uid == ROOT:",
        "if True:",
        ("tests/cli/test_owners.py::test_r126_roots_push_leaves_the_owners_push_as_it_was",),
    ),
    Mutation(
        "a group with other members may write in the state directory",
        "batchlog/state/owners.py",
        "return who.members.get(part.gid, frozenset()) - {who.uid, part.uid, _ROOT}",
        "return frozenset()",
        ("tests/state/test_owners.py",),
    ),
    Mutation(
        "start at zero on a damaged checkpoint",
        "batchlog/state/store.py",
        """\
        except CheckpointError as error:
            why = f"cannot be used: {error};"
""",
        """\
        except CheckpointError:
            return None
""",
        (
            f"{_STORE}::test_r63_damaged_is_refused_and_names_the_way_out",
            "tests/cli/test_exit_codes.py::test_r63_a_flipped_byte_is_a_74",
        ),
    ),
    Mutation(
        "POST instead of PUT",
        "batchlog/sinks/gateway.py",
        "from prometheus_client import delete_from_gateway, push_to_gateway\n",
        "from prometheus_client import delete_from_gateway\n"
        "from prometheus_client import pushadd_to_gateway as push_to_gateway\n",
        (
            "tests/sinks/test_gateway_contract.py::test_a_push_replaces_the_group_whole_and_no_other",
        ),
    ),
    Mutation(
        "a new log does not consult the ledger",
        "batchlog/job/run.py",
        "after_backfill(begun.log, work.ledger) if backfilled else begun.log",
        "begun.log",
        (f"{_BACKFILL}::test_a_push_since_a_moment_begins_after_what_was_backfilled",),
    ),
    Mutation(
        "a new file does not consult the ledger",
        "batchlog/job/work.py",
        "return Ledger(self.durable.backfill.contents)",
        "return Ledger(())",
        (f"{_BACKFILL}::test_a_push_leaves_a_backfilled_archive_that_comes_up_as_new",),
    ),
    Mutation(
        "a backfill reads past the origin",
        "batchlog/backfill/below.py",
        '    return Below(log, end, COUNTED if end <= content.start else "")\n',
        "    return Below(log, None)\n",
        (f"{_BACKFILL}::test_the_file_that_holds_an_origin_is_read_up_to_it",),
    ),
    Mutation(
        "a backfill's commit ignores claims",
        "batchlog/backfill/commit.py",
        "        if not self._alone:\n",
        "        if False:\n",
        (f"{_BACKFILL}::test_what_a_run_began_to_count_ends_it_with_65_and_the_rest_is_pushed",),
    ),
    Mutation(
        "no zero at the seam",
        "batchlog/history/seam.py",
        "    return begun - 1 if last < begun - 1 <= seams.now - LIMIT else last + 1\n",
        "    return None\n",
        ("tests/history/test_seam.py",),
    ),
    Mutation(
        "an interval by the wall clock",
        "batchlog/scheduler/rhythm.py",
        "        by_wall = schedule.cron is not None\n",
        "        by_wall = True\n",
        ("tests/scheduler/test_rhythm.py",),
    ),
    Mutation(
        "cron's next tick kept where the clock is set back",
        "batchlog/scheduler/rhythm.py",
        "        if self.by_wall and step < 0:\n",
        "        if False:\n",
        ("tests/scheduler/test_rhythm.py",),
    ),
    Mutation(
        "clients without a bound",
        "batchlog/scheduler/connections.py",
        "        if len(self._clients) >= self._limits.connections:\n",
        "        if False:\n",
        ("tests/scheduler/test_connections.py::test_one_more_takes_the_place_of_the_oldest",),
    ),
)


class Outcome(NamedTuple):
    """How the tests ended."""

    exit: int
    noticed: str
    """The first test that failed."""
    output: str
    seconds: float


def copy(to: Path) -> None:
    """Copy what the tests need of the tree."""
    for name in ("batchlog", "tests"):
        shutil.copytree(REPOSITORY / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", to)


def test(tree: Path, tests: tuple[str, ...]) -> Outcome:
    """Run tests in the copy up to the first that fails."""
    words = ("-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-m", "not real_server")
    began = monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words, *tests],
            cwd=tree,
            # No .pyc: a module that changes twice within a second would be taken for the same.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return Outcome(_FAILED, f"no end within {PATIENCE:.0f} s", "", monotonic() - began)
    failed = re.search(r"^(?:FAILED|ERROR) \S*?(\w+\.py::\S+)", done.stdout, re.MULTILINE)
    name = failed[1] if failed else ""
    return Outcome(done.returncode, name, done.stdout, monotonic() - began)


def attempt(tree: Path, mutation: Mutation) -> Outcome:
    """Break one rule, run its tests, and mend it again."""
    path = tree / mutation.module
    text = path.read_text()
    times = text.count(mutation.right)
    if times != 1:
        raise SystemExit(
            f"{mutation.name}: its text stands {times} times in {mutation.module}; "
            "give it the text that is there now"
        )
    path.write_text(text.replace(mutation.right, mutation.wrong))
    try:
        return test(tree, mutation.tests)
    finally:
        path.write_text(text)


def main() -> int:
    """Try those whose names hold one of the arguments, all without; return the exit status."""
    wanted = [m for m in MUTATIONS if not sys.argv[1:] or any(a in m.name for a in sys.argv[1:])]
    survived = 0
    with tempfile.TemporaryDirectory(prefix="batchlog-mutations-") as directory:
        tree = Path(directory)
        copy(tree)
        whole = test(tree, tuple({name: None for m in wanted for name in m.tests}))
        if whole.exit:
            raise SystemExit(f"{whole.output}\nthe tests fail without any mutation")
        sys.stdout.write(f"unchanged: all pass ({whole.seconds:.1f} s)\n")
        for mutation in wanted:
            outcome = attempt(tree, mutation)
            if outcome.exit not in (0, _FAILED):
                raise SystemExit(f"{outcome.output}\n{mutation.name}: the tests did not run")
            survived += outcome.exit == 0
            verdict = outcome.noticed if outcome.exit else "SURVIVED"
            sys.stdout.write(f"{mutation.name:40} {outcome.seconds:6.1f} s  {verdict}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(wanted)} mutations, {survived} survived\n")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
