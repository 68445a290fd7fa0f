"""Hostile logs and places, end to end: labels, floods, bombs, endless lines, secrets.

What stands in a log's place is in `rotation/test_links.py` and `cli/test_bad_logs.py`, what reaches
a terminal in `cli/test_terminal.py`, a state directory open to all in `cli/test_exit_codes.py`.
"""

import os
import resource
import zlib
from base64 import b64encode
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from batchlog.labels import vhost
from tests.cli.program import Program
from tests.gateways import Reply, StandIn
from tests.site import At, Site, line, lines, total

MIB = 1 << 20
MEMORY = 320 * MIB
"""Address space of the program: less than what is unpacked or read, more than it needs."""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def limited() -> None:
    """Bound the memory of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def test_no_line_and_no_name_adds_a_label_or_a_sample(site: Site) -> None:
    path = site.logs / 'a"} 9\nbatchlog_http_requests_total{x="\\.log'
    evil = [b'x"}1', b"a\\", b'a",b="c', b"\xe2\x80\xa8", b"{}", b"a\tb", b"A\\x22"]
    good = line(1).replace(b"GET /n/1", b"%s /")
    path.write_bytes(
        b"".join(b"%s:80 %s" % (one, good % one.replace(b'"', b'\\"')) for one in evil)
        + b"good.example:80 "
        + line(1)
    )
    ran = site.run(path, by="status,method,vhost", format="vhost_combined")
    families = list(text_string_to_metric_families(site.textfile.read_text()))
    assert {f.name for f in families if "batchlog" not in f.name} == set()
    samples = [s for f in families for s in f.samples if s.name == "batchlog_http_requests_total"]
    assert {"good.example", "other"} == {one.labels["vhost"] for one in samples if one.value}
    assert {"GET", "other"} == {one.labels["method"] for one in samples if one.value}
    assert {"status", "method", "vhost"} == {name for one in samples for name in one.labels}
    assert ran.requests == sum(one.value for one in samples)
    logs = {s.labels["log"] for f in families for s in f.samples if "log" in s.labels}
    assert 1 == len(logs)
    assert "other" == vhost(b'x"}1')


def test_a_flood_of_methods_and_hosts_keeps_series_and_memory_bounded(program: Program) -> None:
    with program.access.open("wb") as file:
        for number in range(100_000):
            one = line(number % 1000).replace(b"GET", b"M%d" % number)
            file.write(b"h%d.example:80 " % number + one)
    words = ("--by", "status,method,vhost", program.access)
    done = program.push(*words, preexec_fn=limited)
    assert 0 == done.exit, done.err
    series = program.status()["totals"]
    assert 100_000 == sum(one["requests"] for one in series)
    assert 2100 > len(series)


def bomb(piece: bytes, times: int) -> bytes:
    """Return a gzip of one member that is `piece` so many times: no checksum before its end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(times):
        checksum = zlib.crc32(piece, checksum)
    end = checksum.to_bytes(4, "little") + (len(piece) * times).to_bytes(4, "little")
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + body * times + b"\x03\0" + end


def test_r43_a_bomb_of_zeros_takes_no_memory(program: Program) -> None:
    program.access.write_bytes(bomb(bytes(16 * MIB), 32))
    done = program.push("--format", "combined", program.access, preexec_fn=limited)
    assert 0 == done.exit, done.err
    assert 0 == program.requests()


def test_r43_a_bomb_of_lines_takes_no_memory(program: Program) -> None:
    good = line(1)
    piece = (good + b"a\n" * 200) * 1000
    program.access.write_bytes(bomb(piece, 50))
    words = ("--since", "start", program.access)
    done = program.push("--format", "combined", *words, preexec_fn=limited)
    assert 65 == done.exit, done.err
    assert 50_000 == program.requests()


@pytest.mark.parametrize("short", [b"\n", b"a\n"])
def test_a_log_of_the_shortest_lines_takes_no_memory(program: Program, short: bytes) -> None:
    program.access.write_bytes(line(1) + short * (13 * MIB // len(short)) + line(2))
    words = ("--since", "start", "--workers", "1", program.access)
    done = program.push("--format", "combined", *words, preexec_fn=limited)
    assert 65 == done.exit, done.err
    assert 2 == program.requests()


def test_r55_a_line_of_a_gibibyte_takes_no_memory(program: Program) -> None:
    with program.access.open("wb") as file:
        file.write(lines(range(5)) + b"endless")
        file.truncate(1 << 30)  # a hole, so that it takes no disk
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + lines(range(5, 9)))
    done = program.push(program.access, preexec_fn=limited)
    assert 0 == done.exit, done.err
    assert 9 == program.requests()
    assert [1] == [log["oversize"] for log in program.status()["logs"]]


@pytest.mark.parametrize("moment", [1, 2, 3, 4])
def test_r20_a_link_that_is_pointed_elsewhere_during_a_run_counts_each_line_once(
    site: Site, moment: int
) -> None:
    link = site.logs / "current"
    site.append(range(10), to=site.logs / "access.2026-11-18")
    link.symlink_to("access.2026-11-18")
    site.run(link)
    site.append(range(10, 15), to=site.logs / "access.2026-11-18")
    site.append(range(100, 110), to=site.logs / "access.2026-11-19")

    def swap(_: object) -> None:
        (site.logs / "new").symlink_to("access.2026-11-19")
        (site.logs / "new").rename(link)

    stop = At(moment, swap)
    site.run(link, stop=stop)
    if not stop.happened:
        swap(stop)
    assert total(range(15), range(100, 110)) == site.run(link).totals
    assert site.rests(link)


def test_no_secret_is_in_any_message_file_or_dump(program: Program, tmp_path: Path) -> None:
    secrets = {"password": "correct-horse", "token": "eyJhbGciOi.J9-x"}
    hidden = [*secrets.values(), b64encode(b"u:correct-horse").decode()]
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret)
    said = b""
    with StandIn() as gateway:
        for setting in (
            f'username = "u"\npassword_file = "{tmp_path}/password"',
            f'bearer_token_file = "{tmp_path}/token"',
        ):
            program.config.write_text(f'[gateway]\nurl = "{gateway.url}"\n{setting}\n')
            program.log(5)
            for reply in (None, Reply(401)):
                gateway.faults.clear()
                gateway.faults.extend([reply] if reply else [])
                done = program("push", "-v", program.access)
                said += done.raw_out + done.raw_err
            for words in (("status", "--json"), ("check",), ("push", "--dry-run")):
                done = program(*words)
                said += done.raw_out + done.raw_err
        sent = {one.headers.get("Authorization", "").split()[0] for one in gateway.seen}
        assert {"Basic", "Bearer"} <= sent
    for path in (p for p in tmp_path.rglob("*") if p.is_file() and p.name not in secrets):
        said += path.read_bytes()
    assert [] == [one for one in hidden if one.encode() in said]
