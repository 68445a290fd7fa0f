import contextlib
import gzip
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from distributed import Security
from distributed.protocol import ToPickle, dumps
from msgspec.structs import replace

from batchlog import __version__
from batchlog.engines import Engine, Tls, open_window
from batchlog.engines.answer import Versions
from batchlog.engines.cluster import cluster as joined
from batchlog.engines.cluster import versions
from batchlog.errors import ConfigError, EngineUnreachable, Exit, Interrupted, Stop
from tests import clusters
from tests.clusters import Cluster
from tests.engines.test_gate import Trap
from tests.engines.work import HERE, carried_out, logs, long, task
from tests.servers import eventually
from tests.sinks.certificates import Authority, Pair
from tests.site import lines
from tests.storage import Bucket

REPOSITORY = Path(__file__).parents[2]


def dask(address: str, tls: Tls | None = None) -> Engine:
    return Engine(kind="dask", scheduler=address, tls=tls)


def test_the_results_are_those_of_one_process_in_the_same_order(
    cluster: Cluster, tmp_path: Path
) -> None:
    tasks = [task(path) for path in logs(tmp_path, 10, 20_000, 0, *range(40))]
    assert carried_out(HERE, tasks) == carried_out(dask(cluster.address), tasks)


def test_objects_are_read_by_the_workers(cluster: Cluster, s3: Bucket) -> None:
    tasks = [task(s3.put(f"logs/{n}.gz", gzip.compress(lines(range(n))))) for n in range(1, 20)]
    assert carried_out(HERE, tasks) == carried_out(dask(cluster.address), tasks)


def test_bytes_are_told_once_a_task_is_done(cluster: Cluster, tmp_path: Path) -> None:
    tasks = [task(path) for path in logs(tmp_path, 10, 20_000, 0, 30)]
    told: list[int] = []
    carried_out(dask(cluster.address), tasks, told.append)
    assert sum(one.weight for one in tasks) == sum(told)


def test_each_task_gives_one_result_where_a_worker_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    tasks = [task(path) for path in logs(tmp_path, *[10_000] * 30)]
    killed: list[int] = []

    def told(_bytes: int) -> None:
        if not killed:
            killed.append(cluster.kill_one())

    found = carried_out(dask(cluster.address), tasks, told)
    assert tasks == [done.task for done in found]
    assert [10_000] * 30 == [done.step and done.step.tally.counted for done in found]
    assert carried_out(HERE, tasks) == found
    assert 1 == len(killed)
    assert 2 == eventually(lambda: cluster.workers, 2)


def test_r130_a_task_of_which_all_workers_die_is_done_here_and_said(tmp_path: Path) -> None:
    planned = task(long(tmp_path / "long.gz"))
    with clusters.cluster(1) as own:
        own.local.scheduler.allowed_failures = 0

        def kill() -> bool:
            busy = [worker for worker in own.local.scheduler.workers.values() if worker.processing]
            for worker in busy:
                os.kill(own.pid_of(worker.address), signal.SIGKILL)
            return bool(busy)

        with open_window(dask(own.address), lambda _bytes: None, Stop()) as window:
            list(window.put(planned))
            assert eventually(kill, expected=True)
            [done] = window.drain()
    assert f"{planned.sight.path} was read here: a worker failed at it" == done.doubt
    assert carried_out(HERE, [planned]) == [replace(done, doubt="")]


CLIENT = """
import sys
from batchlog.engines import Engine, open_window, open_window
from batchlog.errors import EngineUnreachable, Stop
from tests.engines.test_gate import Trap
from tests.engines.work import task

with open_window(Engine(kind="dask", scheduler=sys.argv[1]), print, Stop()) as window:
    for path in sys.argv[2:]:
        list(window.put(task(path)))
    print("out", flush=True)
    try:
        list(window.drain())
    except EngineUnreachable as error:
        print(error)
"""


def test_a_scheduler_that_has_gone_is_one_clear_error(tmp_path: Path) -> None:
    path = str(long(tmp_path / "long.gz"))
    with (
        clusters.cluster(1) as own,
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, own.address, path, path],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as client,
    ):
        assert client.stdout is not None
        assert "out\n" == client.stdout.readline()
        own.local.close()
        said, complained = client.communicate(timeout=60)
    lost = f"the connection to the Dask scheduler at {own.address} was lost"
    assert f"{lost}: run again; what was done is kept\n" == said
    assert "" == complained


def test_a_stop_ends_the_waiting(cluster: Cluster, tmp_path: Path) -> None:
    tasks = [task(long(tmp_path / "long.gz"))] * 3
    tasks.insert(0, task(logs(tmp_path, 10)[0]))
    stop = Stop()

    def told(_bytes: int) -> None:
        stop.set()

    assert 1 >= len(carried_out(dask(cluster.address), tasks, told, stop))


def test_a_scheduler_that_is_not_there_is_one_clear_error() -> None:
    with (
        pytest.raises(EngineUnreachable, match=r"127\.0\.0\.1:9 cannot be reached") as raised,
        joined("127.0.0.1:9", None, Stop(), patience=1),
    ):
        pass
    assert Exit.UNAVAILABLE == raised.value.exit


def test_a_scheduler_without_workers_is_one_clear_error() -> None:
    with (
        clusters.cluster(0) as own,
        pytest.raises(EngineUnreachable, match="has no workers: start one"),
        joined(own.address, None, Stop(), patience=0.5),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "needs the address"),
        ("127.0.0.1", "missing port"),
        ("foo://127.0.0.1:1", "unknown address scheme"),
        ("tls://127.0.0.1:1", "needs TLS files"),
    ],
)
def test_an_address_that_is_none_is_a_configuration_error(address: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        carried_out(Engine(kind="dask", scheduler=address), [])


def secured(authority: Authority, theirs: Pair) -> Security:
    """Return what a cluster uses that shows this certificate."""
    return Security(
        require_encryption=True,
        tls_ca_file=str(authority.cert),
        **{
            f"tls_{who}_{what}": str(file)
            for who in ("scheduler", "worker", "client")
            for what, file in (("cert", theirs.cert), ("key", theirs.key))
        },
    )


def test_tls_files_lead_to_a_scheduler_that_asks_for_them(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    ours, theirs = authority.issue("client"), authority.issue("scheduler")
    security = secured(authority, theirs)
    tls = Tls(str(authority.cert), str(ours.cert), str(ours.key))
    tasks = [task(path) for path in logs(tmp_path, 10, 20)]
    with clusters.cluster(1, security=security) as own:
        assert own.address.startswith("tls://")
        address = own.address.removeprefix("tls://")
        assert carried_out(HERE, tasks) == carried_out(dask(address, tls), tasks)
        other = Authority(tmp_path / "other", "another CA")
        stranger = tls._replace(ca_file=str(other.cert))
        with (
            pytest.raises(EngineUnreachable, match="cannot be reached"),
            joined(address, stranger, Stop(), patience=1),
        ):
            pass


def test_tls_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "ca.pem")
    with pytest.raises(ConfigError, match=f"cannot read {missing}"):
        carried_out(dask("127.0.0.1:9", Tls(missing, missing)), [])


def test_tls_files_that_hold_no_certificate_are_named(tmp_path: Path) -> None:
    name = tmp_path / "ca.pem"
    name.write_text("no certificate")
    with pytest.raises(ConfigError, match=f"{name} cannot be used"):
        carried_out(dask("127.0.0.1:9", Tls(str(name), str(name))), [])


def test_a_worker_with_another_version_of_batchlog_is_refused_and_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(REPOSITORY / "batchlog", other / "batchlog")
    (other / "batchlog" / "__init__.py").write_text('__version__ = "0.0.9"\n')
    with clusters.cluster(0) as own, clusters.worker(own.address, other, tmp_path / "log"):
        with pytest.raises(ConfigError) as raised:
            carried_out(dask(own.address), [])
        [name] = own.local.scheduler.workers
    assert (
        f"worker {name} has batchlog 0.0.9, this host {__version__}: "
        "install the same version on both"
    ) == str(raised.value)


def test_a_worker_without_batchlog_is_refused_and_named(tmp_path: Path) -> None:
    (tmp_path / "batchlog.py").write_text("raise ImportError('no batchlog here')\n")
    with clusters.cluster(0) as own, clusters.worker(own.address, tmp_path, tmp_path / "log"):
        with pytest.raises(ConfigError, match=f"cannot load batchlog {__version__}") as raised:
            carried_out(dask(own.address), [])
        [name] = own.local.scheduler.workers
    assert name in str(raised.value)


def test_a_worker_with_another_version_that_joins_later_does_no_work(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(REPOSITORY / "batchlog", other / "batchlog")
    (other / "batchlog" / "__init__.py").write_text('__version__ = "0.0.9"\n')
    [path] = logs(tmp_path, 10)
    with (
        clusters.cluster(1) as own,
        open_window(dask(own.address), lambda _bytes: None, Stop()) as window,
        clusters.worker(own.address, other, tmp_path / "log"),
    ):
        assert 2 == eventually(lambda: own.workers, 2)
        own.local.scale(0)
        assert 1 == eventually(lambda: own.workers, 1)
        list(window.put(task(path)))
        with pytest.raises(ConfigError, match=r"batchlog 0\.0\.9, this host"):
            list(window.drain())


def test_versions_are_compared_of_batchlog_and_of_python() -> None:
    ours = Versions("1.2.0", "3.11")
    assert "" == ours.differ(ours, "w")
    assert "batchlog 1.1.0, this host 1.2.0" in ours.differ(Versions("1.1.0", "3.11"), "w")
    assert "worker w has Python 3.12, this host 3.11" in ours.differ(Versions("1.2.0", "3.12"), "w")
    assert "{}.{}".format(*sys.version_info) == versions().python


def test_without_the_extra_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('no distributed here')\n")
    program = (
        "from batchlog.engines import Engine, open_window\n"
        "from batchlog.errors import BatchlogError, Stop\n"
        "try:\n"
        "    with open_window(Engine(kind='dask', scheduler='h:1'), print, Stop()): pass\n"
        "except BatchlogError as error:\n"
        "    print(int(error.exit), error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)])},
        capture_output=True,
        text=True,
        check=True,
    )
    said = "--engine dask needs packages that are not installed: pip install 'batchlog[dask]'"
    assert f"2 {said}\n" == done.stdout


LIES = (
    *("none", "text", "number", "trap", "trapped", "bytes", "pickle", "runtime", "syntax"),
    *("memory", "full", "requests", "statuses", "newline", "offset"),
    *("another", "again", "huge"),
)


def liar(directory: Path) -> Path:
    """Make a batchlog for a worker that answers as `liar` does."""
    shutil.copytree(REPOSITORY / "batchlog", directory / "batchlog")
    engines = directory / "batchlog" / "engines"
    shutil.copy(Path(__file__).parent / "liar.py", engines)
    with (engines / "cluster.py").open("a") as module:
        module.write("from batchlog.engines.liar import on_worker\n")
    return directory


def test_r130_a_worker_that_lies_changes_nothing_and_runs_nothing_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchlog.engines.gate.MOST", 2 << 20)
    data = tmp_path / "logs"
    data.mkdir()
    for number, name in enumerate(LIES):
        (data / name).write_bytes(lines(range(number, number + 30)))
    tasks = [task(data / name) for name in LIES]
    other = liar(tmp_path / "other")
    with (
        clusters.scheduler(tmp_path / "said") as (address, _),
        clusters.worker(address, other, tmp_path / "log"),
    ):
        found = carried_out(dask(address), tasks)
    assert not (data / f"witness-{os.getpid()}").exists()
    assert [*data.glob("witness-*")]  # of the worker itself, which tries its traps
    assert carried_out(HERE, tasks) == [replace(done, doubt="") for done in found]
    doubted = [name for name, done in zip(LIES, found, strict=True) if done.doubt]
    assert [name for name in LIES if name != "another"] == doubted
    for name, done in zip(LIES, found, strict=True):
        assert done.doubt.startswith(f"{data / name} was read here: ") or not done.doubt
        assert done.doubt.isprintable()


@pytest.mark.parametrize("name", ["exit", "interrupt"])
def test_r130_workers_that_all_leave_are_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("batchlog.engines.cluster.SILENCE", 0.5)
    path, other = tmp_path / name, liar(tmp_path / "other")
    path.write_bytes(lines(range(30)))
    with (
        clusters.cluster(0) as own,
        clusters.worker(own.address, other, tmp_path / "log"),
        pytest.raises(EngineUnreachable, match="has no workers any more"),
    ):
        carried_out(dask(own.address), [task(path)])


class Scheduler:
    """What accepts connections as a scheduler does, and answers as it likes."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self._kept: list[socket.socket] = []
        self.asked = threading.Event()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Begin to accept."""
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()
        for connection in self._kept:
            connection.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._kept.append(connection)
                self.asked.set()
                threading.Thread(target=self._one, args=[connection], daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with suppress(OSError):
            self._answer(connection)


def say(data: bytes) -> Callable[[socket.socket], None]:
    """Return what sends these bytes."""
    return lambda connection: connection.sendall(data)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Header: more\r\n" * 1000)


def pickles(directory: Path) -> Callable[[socket.socket], None]:
    """Return what answers each message with a trap."""
    trap = Trap(directory / "witness")

    def answer(connection: socket.socket) -> None:
        hello = {"compression": None, "python": (3, 11, 7), "pickle-protocol": 5}
        connection.sendall(message(hello))
        while connection.recv(1 << 16):
            connection.sendall(message({"status": "uncaught-error", "exception": ToPickle(trap)}))
            connection.sendall(message(ToPickle(trap)))

    return answer


def message(value: object) -> bytes:
    frames = dumps(value)
    sizes = struct.pack(f"Q{len(frames)}Q", len(frames), *map(len, frames))
    body = sizes + b"".join(map(bytes, frames))
    return struct.pack("Q", len(body)) + body


@pytest.mark.parametrize(
    "answer",
    [
        say(b""),
        say(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        say(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        say(struct.pack("Q", 2**62)),
        say(struct.pack("QQ", 8, 2**40)),
        endless,
    ],
)
def test_r130_what_is_no_scheduler_is_one_clear_error(
    answer: Callable[[socket.socket], None],
) -> None:
    with (
        Scheduler(answer) as other,
        pytest.raises(EngineUnreachable, match=f"Dask scheduler at {other.address}") as raised,
        joined(other.address, None, Stop(), patience=0.5),
    ):
        pass
    assert str(raised.value).isprintable()


def test_r130_what_a_scheduler_pickles_is_not_run(tmp_path: Path) -> None:
    with (
        Scheduler(pickles(tmp_path)) as other,
        pytest.raises(EngineUnreachable),
        joined(other.address, None, Stop(), patience=0.5),
    ):
        pass
    assert not (tmp_path / "witness").exists()


def test_r130_a_stop_is_heard_while_a_scheduler_says_nothing() -> None:
    stop = Stop()
    with Scheduler(say(b"")) as silent:

        def ask() -> None:
            silent.asked.wait(30)
            stop.set()

        threading.Thread(target=ask, daemon=True).start()
        with pytest.raises(Interrupted), joined(silent.address, None, stop, patience=60):
            pass


def test_r130_a_scheduler_that_falls_silent_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchlog.engines.cluster.SILENCE", 0.5)
    path = task(long(tmp_path / "long.gz"))
    with (
        clusters.scheduler(tmp_path / "said") as (address, process),
        clusters.worker(address, tmp_path, tmp_path / "log"),
        contextlib.ExitStack() as ends,
    ):
        window = ends.enter_context(open_window(dask(address), print, Stop()))
        list(window.put(path))
        os.kill(process.pid, signal.SIGSTOP)
        ends.callback(os.kill, process.pid, signal.SIGCONT)
        with pytest.raises(EngineUnreachable, match="says nothing any more"):
            list(window.drain())


def test_r130_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    ours, theirs = authority.issue("client"), authority.issue("other", "DNS:other.example")
    tls = Tls(str(authority.cert), str(ours.cert), str(ours.key))
    with clusters.cluster(0, security=secured(authority, theirs)) as own:
        with pytest.raises(EngineUnreachable, match="its certificate is refused") as raised:
            carried_out(dask(own.address, tls), [])
        assert "not valid for '127.0.0.1'" in str(raised.value)


def test_r130_dask_s_own_settings_of_tls_check_the_host_too(tmp_path: Path) -> None:
    import dask as settings

    authority = Authority(tmp_path / "ca")
    ours, theirs = authority.issue("client"), authority.issue("other", "IP:192.0.2.1")
    own_way = {
        "distributed.comm.tls.ca-file": str(authority.cert),
        "distributed.comm.tls.client.cert": str(ours.cert),
        "distributed.comm.tls.client.key": str(ours.key),
    }
    with (
        clusters.cluster(0, security=secured(authority, theirs)) as own,
        settings.config.set(own_way),
        pytest.raises(EngineUnreachable, match="its certificate is refused"),
    ):
        carried_out(dask(own.address), [])
