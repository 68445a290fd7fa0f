"""The line of crontab.example, as cron starts it, into the real Pushgateway.

cron itself is not started: Debian's has its spool compiled in and waits for a full minute.
`tests/test_deploy.py` reads the file by the rules of crontab(5) and tries its other lines.
"""

import os
import subprocess
from pathlib import Path

from tests.integration.host import BATCHLOG, Counted, Host, counted
from tests.servers import Pushgateway
from tests.site import lines

EXAMPLE = Path(__file__).parents[2] / "crontab.example"


def command(host: Host) -> str:
    """Return the example's only line in force, with this host's paths and program in it."""
    [job] = [line for line in EXAMPLE.read_text().splitlines() if line[:1].isdigit()]
    words = job.split(maxsplit=5)[5]
    return words.replace("/usr/local/bin/batchlog", str(BATCHLOG)).replace(
        "/var/log/nginx", str(host.logs)
    )


def cron(host: Host, gateway: Pushgateway) -> list[str]:
    """Return how cron starts the line: a bare environment and /bin/sh."""
    environment = {
        "HOME": host.root,
        "LOGNAME": "root",
        "PATH": "/usr/bin:/bin",
        "SHELL": "/bin/sh",
        "BATCHLOG_GATEWAY": gateway.url,
        "BATCHLOG_CHECKPOINT": host.checkpoint,
        "BATCHLOG_CONFIG": os.devnull,
    }
    bare = [f"{name}={value}" for name, value in environment.items()]
    return ["env", "-i", *bare, "/bin/sh", "-c", command(host)]


def test_the_example_counts_every_site_and_mails_nothing(host: Host, gateway: Pushgateway) -> None:
    (host.logs / "a-access.log").write_bytes(lines(range(10)))
    (host.logs / "b-access.log").write_bytes(lines(range(10, 20)))
    (host.logs / "error.log").write_text("2026/11/22 10:00:00 [error] 1#1: not a request\n")
    for end in (30, 40):
        done = subprocess.run(cron(host, gateway), capture_output=True, check=False)
        assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)
        with (host.logs / "a-access.log").open("ab") as file:
            file.write(lines(range(end - 10, end)))
    subprocess.run(cron(host, gateway), check=True)
    assert Counted({"200": 40}, {"200": sum(range(40))}) == counted(gateway.metrics())


def test_four_lines_in_the_same_minute_count_every_line_once_r67(
    host: Host, gateway: Pushgateway
) -> None:
    (host.logs / "access.log").write_bytes(lines(range(500)))
    jobs = [
        subprocess.Popen(cron(host, gateway), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(4)
    ]
    ended = [(job.communicate(timeout=60)[0], job.returncode) for job in jobs]
    assert [(b"", 0)] * 4 == ended
    assert Counted({"200": 500}, {"200": sum(range(500))}) == counted(gateway.metrics())
