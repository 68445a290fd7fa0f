import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from batchlog.engines import Engine, Task, Window, open_window
from batchlog.engines.local import KILLED, NAME, Pool
from batchlog.engines.task import carry_out
from batchlog.engines.window import Progress, Runner
from batchlog.errors import ConfigError, EngineUnreachable, Stop
from tests.engines.work import HERE, carried_out, logs, long, task
from tests.servers import eventually

POOL = Engine(workers=2)
ENGINES = pytest.mark.parametrize("engine", [HERE, POOL, Engine(workers=5)])

CLIENT = """
import json, multiprocessing, sys
from batchlog.engines import Engine, open_window, open_window
from batchlog.errors import Stop
from tests.engines.work import task

def main():
    def report(_bytes):
        print(json.dumps([child.pid for child in multiprocessing.active_children()]), flush=True)

    with open_window(Engine(workers=2), report, Stop()) as window:
        for path in sys.argv[1:]:
            list(window.put(task(path)))
        list(window.drain())

if __name__ == "__main__":
    main()
"""


def workers() -> list[BaseProcess]:
    """Return the workers; a Dask cluster of other tests may have processes here too."""
    return [child for child in active_children() if child.name == NAME]


def never(_bytes: int) -> None:
    """Take no notice."""


@pytest.fixture(autouse=True)
def _all_end() -> object:
    yield
    assert not workers()


@ENGINES
def test_results_come_in_the_order_of_the_tasks(tmp_path: Path, engine: Engine) -> None:
    counts = [random.Random(7).choice([1, 10, 5_000]) for _ in range(30)]
    tasks = [task(path) for path in logs(tmp_path, *counts)]
    found = carried_out(engine, tasks)
    assert tasks == [done.task for done in found]
    assert counts == [done.step and done.step.tally.counted for done in found]


@ENGINES
def test_the_results_are_those_of_one_process(tmp_path: Path, engine: Engine) -> None:
    tasks = [task(path) for path in logs(tmp_path, 10, 20_000, 0, 30)]
    assert carried_out(HERE, tasks) == carried_out(engine, tasks)


@ENGINES
def test_a_file_that_cannot_be_read_does_not_keep_others_from_it(
    tmp_path: Path, engine: Engine
) -> None:
    paths = logs(tmp_path, 1, 2, 3)
    tasks = [task(path) for path in paths]
    paths[1].unlink()
    found = carried_out(engine, tasks)
    assert ["", f"{paths[1]} is not there any more", ""] == [done.fault for done in found]


@ENGINES
def test_what_is_told_adds_up_to_the_bytes_of_all_tasks(tmp_path: Path, engine: Engine) -> None:
    paths = logs(tmp_path, 10, 20_000, 0, 30)
    tasks = [task(path) for path in paths]
    paths[3].unlink()
    told: list[int] = []
    carried_out(engine, tasks, told.append)
    assert sum(one.weight for one in tasks) == sum(told)
    assert all(new > 0 for new in told)


@ENGINES
def test_bytes_are_told_in_the_middle_of_a_long_archive(tmp_path: Path, engine: Engine) -> None:
    planned = task(long(tmp_path / "long.gz"))
    told: list[int] = []
    carried_out(engine, [planned], told.append)
    assert 3 < len(told)
    assert planned.weight == sum(told)


@ENGINES
def test_only_so_many_tasks_are_out_at_a_time(tmp_path: Path, engine: Engine) -> None:
    [path] = logs(tmp_path, 1)
    planned, found = task(path), 0
    with open_window(engine, never, Stop()) as window:
        for put in range(1, 50):
            found += len(list(window.put(planned)))
            assert put - found <= 4 * engine.workers
        found += len(list(window.drain()))
    assert 49 == found


@ENGINES
def test_a_stop_ends_the_waiting_and_gives_no_half_results(tmp_path: Path, engine: Engine) -> None:
    planned, stop = task(long(tmp_path / "long.gz")), Stop()

    def told(_bytes: int) -> None:
        stop.set()

    assert [] == carried_out(engine, [planned] * 3, told, stop)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_a_terminal_sends_to_all_is_left_to_the_client(tmp_path: Path, number: int) -> None:
    tasks = [task(path) for path in logs(tmp_path, *[1000] * 6)]
    with open_window(POOL, never, Stop()) as window:
        for child in workers():
            os.kill(child.pid or 0, number)
        found = [done for one in tasks for done in window.put(one)] + list(window.drain())
    assert [1000] * 6 == [done.step and done.step.tally.counted for done in found]


def kill(number: int) -> Callable[[int], None]:
    """Return what kills that worker when it is told of bytes."""

    def told(_bytes: int) -> None:
        for child in workers()[number : number + 1]:
            os.kill(child.pid or 0, signal.SIGKILL)

    return told


@pytest.mark.parametrize("number", [0, 1])
def test_a_worker_that_is_killed_while_it_reads_is_one_clear_error(
    tmp_path: Path, number: int
) -> None:
    planned = task(long(tmp_path / "long.gz"))
    with pytest.raises(EngineUnreachable) as raised:
        carried_out(POOL, [planned] * 4, kill(number))
    assert KILLED == str(raised.value)


def test_what_was_done_before_a_worker_was_killed_is_given_out(tmp_path: Path) -> None:
    small = [task(path) for path in logs(tmp_path, 10, 20, 30)]
    with open_window(POOL, never, Stop()) as window:
        found = [done for one in small for done in window.put(one)] + list(window.drain())
        for child in workers():
            os.kill(child.pid or 0, signal.SIGKILL)
        list(window.put(small[0]))
        with pytest.raises(EngineUnreachable, match="run again with fewer --workers"):
            list(window.drain())
    assert small == [done.task for done in found]


LIMITED = """
import resource
from batchlog.engines import Engine, open_window, open_window
from batchlog.errors import EngineUnreachable, Stop

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    try:
        with open_window(Engine(workers=100), lambda _bytes: None, Stop()):
            print("all")
    except EngineUnreachable as error:
        print(error)
"""


def test_processes_that_the_system_has_no_room_for_are_one_clear_error(tmp_path: Path) -> None:
    client = tmp_path / "client.py"
    client.write_text(LIMITED)
    done = subprocess.run(
        [sys.executable, str(client)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    reason = "Too many open files; run again with fewer --workers"
    assert (f"cannot start 100 worker processes: {reason}\n", "") == (done.stdout, done.stderr)


def test_what_has_gone_is_asked_for_while_a_result_is_waited_for(tmp_path: Path) -> None:
    gone = EngineUnreachable("it has gone")

    def check() -> None:
        raise gone

    pool = Pool(1)
    pool.start()
    with pool:
        window = Window(Runner(pool, carry_out, 4, check=check), Progress(never), Stop())
        list(window.put(task(logs(tmp_path, 1)[0])))
        with pytest.raises(EngineUnreachable, match="it has gone"):
            list(window.drain())


def test_a_fault_of_the_program_in_a_worker_is_shown_with_its_place(tmp_path: Path) -> None:
    [path] = logs(tmp_path, 1)
    with pytest.raises(RuntimeError, match=r"(?s)in a worker process:.*scan"):
        carried_out(POOL, [task(path, by=("no such label",))])


def test_an_error_that_a_person_can_mend_comes_as_it_is(tmp_path: Path) -> None:
    [path] = logs(tmp_path, 1)
    for engine in (HERE, POOL):
        with pytest.raises(ConfigError, match="no status"):
            carried_out(engine, [task(path, spec="%h")])


def test_the_executor_keeps_what_its_interface_promises(tmp_path: Path) -> None:
    tasks = [task(path) for path in logs(tmp_path, 5, 6, 7)]
    pool = Pool(2)
    pool.start()
    with pool:
        futures = [pool.submit(carry_out, one) for one in tasks]
    assert tasks == [future.result().task for future in futures]


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def start(tmp_path: Path) -> "subprocess.Popen[str]":
    program = tmp_path / "client.py"
    program.write_text(CLIENT)
    path = str(long(tmp_path / "long.gz"))
    return subprocess.Popen(
        [sys.executable, str(program), *[path] * 4],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Ignored where the tests run in the background of a shell; Python then leaves it at that.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def test_workers_die_with_a_client_that_is_killed(tmp_path: Path) -> None:
    with start(tmp_path) as client:
        assert client.stdout is not None
        assert client.stderr is not None
        pids = json.loads(client.stdout.readline())
        assert all(map(is_running, pids))
        client.kill()
        client.wait()
        assert not eventually(lambda: any(map(is_running, pids)), expected=False)
        assert not client.stderr.read()
    assert 2 == len(pids)


def test_an_interrupt_from_the_terminal_is_said_once(tmp_path: Path) -> None:
    with start(tmp_path) as client:
        assert client.stdout is not None
        pids = json.loads(client.stdout.readline())
        os.killpg(client.pid, signal.SIGINT)
        _, said = client.communicate(timeout=30)
    assert not any(map(is_running, pids))
    assert 1 == said.count("KeyboardInterrupt")
    assert "batchlog-worker" not in said


def test_a_window_takes_tasks_that_are_equal_for_different_ones(tmp_path: Path) -> None:
    [path] = logs(tmp_path, 3)
    tasks: list[Task] = [task(path)] * 5
    assert 5 == len(carried_out(POOL, tasks))
