"""A name server that says nothing: nobody waits for it who is asked to stop (R77, R130)."""

import os
import shutil
import signal
import socket
import time

import pytest

from tests.cli.program import PATIENCE, Program

SILENT_NAMES = (
    "mount --bind {resolv} /etc/resolv.conf && mount --bind {switch} /etc/nsswitch.conf"
    ' && exec "$@"'
)
"""A shell's words for a host whose name server says nothing."""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts need root")
@pytest.mark.parametrize(
    ("words", "address"),
    [
        (("backfill", "http://silent.test/x/*"), "127.0.0.9"),
        (("backfill", "s3://bucket/x/*"), "127.0.0.10"),
        (
            ("backfill", "--engine", "dask", "--scheduler", "silent.test:1", "access.log"),
            "127.0.0.11",
        ),
        (("run", "--listen", "silent.test:0", "access.log"), "127.0.0.12"),
        (("push", "--gateway", "http://silent.test", "access.log"), "127.0.0.13"),
    ],
)
def test_a_name_server_that_says_nothing_keeps_no_process(
    program: Program, words: tuple[str, ...], address: str
) -> None:
    program.log(3).rename(program.root / "access.log")
    resolv, switch = program.root / "resolv.conf", program.root / "nsswitch.conf"
    resolv.write_text(f"nameserver {address}\noptions timeout:30 attempts:5\n")
    switch.write_text("hosts: dns\n")
    mounts = SILENT_NAMES.format(resolv=resolv, switch=switch)
    before = ("unshare", "--mount", "sh", "-c", mounts, "sh")
    env = {"AWS_ENDPOINT_URL": "http://silent.test", "AWS_ACCESS_KEY_ID": "a"}
    more = {"AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    sink = () if "push" in words else ("--textfile", str(program.textfile))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind((address, 53))  # a file that names name servers has no place for a port
        except OSError:
            pytest.skip("somebody answers there already")
        server.settimeout(PATIENCE)
        with program.start(*words, *sink, env={**env, **more}, before=before) as running:
            assert server.recv(512)
            began = time.monotonic()
            done = running.end(signal.SIGTERM)
    assert time.monotonic() - began < PATIENCE / 2
    assert 75 == done.exit, done.err
    assert "interrupted" in done.err
