"""Whatever bytes stand where a file or an answer is expected: an answer, no traceback, no hang."""

import bz2
import gzip
import lzma
import random
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchlog.config.load import load
from batchlog.config.schema import Flags
from batchlog.errors import BatchlogError, CheckpointError, ConfigError, Exit, SinkUnreachable
from batchlog.sinks.gateway import Target, forget, generation, holds_group
from batchlog.state.checkpoint import checksum, decode
from tests.cli.program import Program
from tests.gateways import Raw, StandIn
from tests.sinks.deliveries import deliver, target
from tests.site import Site, line, lines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECONDS = 20
"""More than any of these takes on a busy machine: what is not ready by then hangs."""

MEMORY = 512 << 20
"""Address space of a process that reads any of this."""

LINES = lines(range(60))
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
}
CONFIGURATION = b"""\
cron = "*/5 * * * *"
max_malformed = 0.1
[gateway]
url = "http://127.0.0.1:9091"
timeout = "5s"
grouping = { instance = "web1" }
[metrics]
by = ["status", "vhost"]
buckets = [0.1, 1]
[[log]]
path = "/var/log/nginx/access.log"
format = "combined"
labels = { tier = "a" }
"""
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 60\r\n\r\n"
    b'batchlog_info{job="batchlog",instance="web1",state_id="a"} 1\n'
)


def quick(examples: int) -> settings:
    """Return how many examples, the same in every run."""
    slow = [HealthCheck.too_slow]
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=slow
    )


@st.composite
def mutated(draw: st.DrawFn, whole: bytes) -> bytes:
    """Draw `whole` with pieces cut out, doubled, or replaced."""
    data = whole
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(begin + 40, len(data))))
        piece = draw(st.binary(max_size=8) | st.sampled_from([data[:end], b"\0" * 70, b"\n", b'"']))
        data = data[:begin] + piece + data[end:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@contextmanager
def on_a_host() -> Iterator[Site]:
    """Give a host of its own, and SECONDS."""

    def late(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        with tempfile.TemporaryDirectory() as directory:
            yield Site(Path(directory))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@quick(40)
@given(st.binary() | mutated(LINES))
def test_any_bytes_are_a_log_or_a_clear_refusal(data: bytes) -> None:
    with on_a_host() as site:
        site.access.write_bytes(data)
        try:
            ran = site.run()
        except ConfigError:
            assert not site.checkpoint.exists()
            return
        assert ran.exit in (Exit.OK, Exit.DATA)
        counters = ran.log().counters
        assert counters.counted == ran.requests
        assert data.count(b"\n") >= ran.requests + counters.malformed + counters.oversize
        with site.access.open("ab") as file:
            file.write(b"\n" + line(700))
        assert ran.requests <= site.run().requests
        assert site.run().totals == site.run().totals


@quick(40)
@given(st.data(), st.sampled_from(sorted(PACKED)))
def test_any_bytes_are_an_archive_that_harms_no_other_file(more: st.DataObject, form: str) -> None:
    with on_a_host() as site:
        site.append(range(1000, 1010))
        site.rotated(1, f".{form}").write_bytes(more.draw(mutated(PACKED[form](LINES))))
        first = site.run(since="start")
        assert first.exit in (Exit.OK, Exit.DATA)
        assert first.requests >= 10
        site.clock += 700
        second = site.run()
        assert second.exit in (Exit.OK, Exit.DATA)
        assert second.requests >= first.requests
        assert second.totals == site.run().totals


def _checkpoint() -> bytes:
    with on_a_host() as site:
        site.append(range(20))
        site.compress(site.access.rename(site.rotated(1)))
        site.append(range(100, 120))
        site.run(since="start")
        return site.checkpoint.read_bytes()


CHECKPOINT = _checkpoint()


@quick(150)
@given(st.binary(max_size=200) | mutated(CHECKPOINT))
def test_any_bytes_are_the_checkpoint_that_was_written_or_none(data: bytes) -> None:
    try:
        state = decode(data)
    except CheckpointError:
        return
    assert decode(CHECKPOINT) == state


@quick(150)
@given(st.data())
def test_any_content_with_the_right_checksum_is_a_state_or_a_clear_refusal(
    more: st.DataObject,
) -> None:
    raw = more.draw(mutated(CHECKPOINT[CHECKPOINT.index(b'"state":') + 8 : -2]))
    head = b'{"version":1,"oldest_reader":1,"checksum":"%s","state":' % checksum(raw).encode()
    said = ""
    try:
        decode(head + raw + b"}\n")
    except CheckpointError as error:
        said = str(error)
    assert "\n" not in said


@quick(150)
@given(st.binary(max_size=200) | mutated(CONFIGURATION))
def test_any_bytes_are_a_configuration_or_a_clear_refusal(data: bytes) -> None:
    with on_a_host() as site:
        file = site.root / "batchlog.toml"
        file.write_bytes(data)
        said = str(file)
        try:
            load(file, Flags())
        except ConfigError as error:
            said = str(error)
        assert str(file) in said


@quick(60)
@given(st.binary(max_size=200) | mutated(ANSWER), st.sampled_from([0, 1, 2, 3]))
def test_any_bytes_are_an_answer_or_a_clear_refusal(data: bytes, which: int) -> None:
    asks: list[Callable[[Target], object]] = [deliver, holds_group, generation, forget]
    ask = asks[which]
    with StandIn() as gateway:
        gateway.faults.append(Raw(data))
        wrong: BatchlogError = SinkUnreachable("")
        try:
            ask(target(gateway.url, timeout=SECONDS))
        except BatchlogError as error:
            wrong = error
        assert wrong.exit in (Exit.UNAVAILABLE, Exit.REFUSED)
        assert str(wrong).isprintable()


# --- the same as a process, with bounded memory ------------------------------------------------


def limited() -> None:
    """Bound the memory of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """Return `whole` with a few random bytes in it, and its end perhaps lost."""
    data = bytearray(whole)
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.3 else data)


@pytest.mark.parametrize("seed", range(10))
def test_a_process_says_what_is_wrong_without_a_traceback(program: Program, seed: int) -> None:
    rng = random.Random(seed)
    program.log(20)
    words = ("push", "--textfile", program.textfile, "--since", "start", program.access)
    place, whole = [
        (program.access, LINES),
        (program.access, PACKED[rng.choice(sorted(PACKED))](LINES)),
        (program.site.rotated(1), PACKED[rng.choice(sorted(PACKED))](LINES)),
        (program.checkpoint, CHECKPOINT),
        (program.config, CONFIGURATION),
        (program.config, bytes(rng.randrange(256) for _ in range(300))),
    ][seed % 6]
    place.parent.mkdir(mode=0o700, exist_ok=True)
    place.write_bytes(damaged(whole, rng))
    others = [("detect", program.access), ("status",), ("check",)]
    for each in (words, others[seed % 3]):
        done = program(*each, preexec_fn=limited)
        assert b"Traceback" not in done.raw_err + done.raw_out
        assert done.exit in set(Exit), done.err
