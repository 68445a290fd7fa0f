"""What operators copy works: units, configuration, rules, rotation, a crontab as cron runs it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from batchlog.config.load import load
from batchlog.config.schema import (
    File,
    Flags,
    Gateway,
    LogEntry,
    Metrics,
    Schedule,
    Settings,
    Textfile,
)

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
BATCHLOG = Path(sys.executable).with_name("batchlog")
INSTALLED = "/usr/local/bin/batchlog"  # where crontab.example and the units expect it


def program(name: str) -> str:
    """Return a program's path; skip without it, or fail where the servers are required."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    required = "BATCHLOG_TEST_REQUIRE_SERVERS" in os.environ and not name.startswith("systemd-")
    if path is None and required:
        pytest.fail(f"{name} is not installed")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=os.environ | environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


# Configuration

CONFIGURATION = (DEPLOY / "batchlog.toml").read_text()


def settings(text: str, folder: Path) -> Settings:
    """Return what is in force with this text as the configuration file and no flags."""
    path = folder / "batchlog.toml"
    path.write_text(text)
    return load(path, Flags())


def with_options(text: str, names: str = "") -> str:
    """Take the # off the options of these names, or off all; prose has a space after its #."""
    return re.sub(rf"(?m)^#(?=(?:{names}) =)" if names else r"(?m)^#(?! |$)", "", text)


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    found = settings(CONFIGURATION, tmp_path)
    assert ["/var/log/nginx/*access.log"] == [log.path for log in found.log]
    assert found.textfile is None


def without(text: str, names: str) -> str:
    """Leave out the options of these names."""
    return re.sub(rf"(?m)^(?:{names}) = .*\n", "", text)


@pytest.mark.parametrize("others", ["bearer_token_file|cron", "username|password_file|every"])
def test_the_example_configuration_is_valid_with_every_option_in_it(
    tmp_path: Path, others: str
) -> None:
    """All but those in whose place others stand."""
    found = settings(without(with_options(CONFIGURATION), others), tmp_path)
    assert "shop" == found.log[1].name
    assert found.textfile is not None
    assert {"instance": "web1"} == found.gateway.grouping


def test_the_example_configuration_has_every_key() -> None:
    written = tomllib.loads(with_options(CONFIGURATION))
    assert set(File.__struct_fields__) == set(written)
    for shape in (Gateway, Textfile, Metrics, Schedule):
        assert set(shape.__struct_fields__) == set(written[shape.__name__.lower()])
    assert set(LogEntry.__struct_fields__) == {key for log in written["log"] for key in log}


def test_the_defaults_that_the_example_has_in_comments_are_the_defaults(tmp_path: Path) -> None:
    """All options in comments that have a default; the others would change something."""
    gateway = "job|timeout|retry_for|compression"
    metrics = "namespace|duration_buckets|max_series|max_logs"
    others = f"on_missing|max_malformed|{metrics}|timezone|format"
    text = with_options(CONFIGURATION.partition("#[[log]]")[0], f"{gateway}|{others}")
    assert text.count("\n#") < CONFIGURATION.count("\n#")
    assert settings(CONFIGURATION, tmp_path) == settings(text, tmp_path)


# systemd


def unit(tmp_path: Path, name: str, *drop_ins: str) -> Path:
    """Put a unit beside the others as an operator would, with the program of this environment."""
    for source in [*DEPLOY.glob("*.service"), *DEPLOY.glob("*.timer")]:
        text = source.read_text()
        (tmp_path / source.name).write_text(text.replace(INSTALLED, str(BATCHLOG)))
    folder = tmp_path / f"{name}.d"
    folder.mkdir()
    for drop_in in drop_ins:
        shutil.copy(DEPLOY / "drop-ins" / drop_in, folder)
    return tmp_path / name


@pytest.mark.parametrize("name", ["batchlog.timer", "batchlog.service", "batchlog-run.service"])
def test_systemd_finds_nothing_wrong_with_a_unit(tmp_path: Path, name: str) -> None:
    result = run(program("systemd-analyze"), "verify", unit(tmp_path, name))
    assert ("", 0) == (result.stdout, result.returncode)


@pytest.mark.parametrize("drop_in", sorted(path.name for path in DEPLOY.glob("drop-ins/*")))
def test_systemd_finds_nothing_wrong_with_a_drop_in(tmp_path: Path, drop_in: str) -> None:
    path = unit(tmp_path, "batchlog.service", drop_in)
    result = run(program("systemd-analyze"), "verify", path)
    assert ("", 0) == (result.stdout, result.returncode)


@pytest.mark.parametrize("name", ["batchlog.service", "batchlog-run.service"])
def test_systemd_scores_a_service_as_well_confined(tmp_path: Path, name: str) -> None:
    # 20 is an exposure of 2.0 of 10; without the hardening it is 9.2 or more.
    options = ["security", "--offline=true", "--threshold=20", "--no-pager"]
    result = run(program("systemd-analyze"), *options, unit(tmp_path, name))
    if "unrecognized option" in result.stdout:
        pytest.skip("systemd-analyze is older than 250")
    assert 0 == result.returncode, result.stdout


def test_both_services_are_confined_alike() -> None:
    """All that follows `User=` is the same text in both."""
    once = (DEPLOY / "batchlog.service").read_text().partition("\nUser=")[2]
    daemon = (DEPLOY / "batchlog-run.service").read_text().partition("\nUser=")[2]
    assert once.strip() == daemon.partition("\n[Install]")[0].strip()


@pytest.mark.parametrize(
    "setting",
    [
        *("Type=oneshot", "StateDirectory=batchlog", "StateDirectoryMode=0700", "UMask=0077"),
        *("SupplementaryGroups=adm", "ProtectSystem=strict", "ReadOnlyPaths=/var/log"),
        *("NoNewPrivileges=yes", "PrivateTmp=yes", "PrivateDevices=yes", "ProtectHome=yes"),
        *("RestrictNamespaces=yes", "LockPersonality=yes", "CapabilityBoundingSet="),
        "SystemCallFilter=@system-service",
    ],
)
def test_the_service_has_the_setting(setting: str) -> None:
    assert setting in (DEPLOY / "batchlog.service").read_text().splitlines()


def test_systemd_makes_the_user_and_lets_it_read_debians_logs(tmp_path: Path) -> None:
    path = DEPLOY / "batchlog.sysusers.conf"
    (tmp_path / "etc").mkdir()
    result = run(program("systemd-sysusers"), "--dry-run", f"--root={tmp_path}", path)
    assert 0 == result.returncode, result.stdout
    assert {"group 'adm'", "user 'batchlog'"} == set(
        re.findall(r"Creating (group 'adm'|user 'batchlog')", result.stdout)
    )
    assert "m batchlog adm" in path.read_text().splitlines()


def test_the_timer_catches_up_and_spreads_hosts() -> None:
    lines = (DEPLOY / "batchlog.timer").read_text().splitlines()
    assert {"Persistent=true", "RandomizedDelaySec=4min", "FixedRandomDelay=true"} <= set(lines)


# Prometheus, logrotate, Kubernetes


@pytest.mark.parametrize(
    "command",
    ["check config prometheus.yml", "check rules alerts.yml", "test rules alerts.test.yml"],
)
def test_promtool_accepts(command: str) -> None:
    *words, name = command.split()
    result = run(program("promtool"), *words, DEPLOY / name)
    assert 0 == result.returncode, result.stdout


def test_the_gateways_job_keeps_the_pushed_labels() -> None:
    assert "    honor_labels: true\n" in (DEPLOY / "prometheus.yml").read_text()


def test_logrotate_accepts_the_example_and_delays_compression(tmp_path: Path) -> None:
    log = tmp_path / "log" / "access.log"
    log.parent.mkdir()
    log.write_text("x\n")
    text = (DEPLOY / "logrotate-example").read_text()
    path = tmp_path / "nginx"
    path.write_text(text.replace("/var/log/nginx/", f"{log.parent}/").replace("www-data adm", ""))
    path.chmod(0o644)
    state = tmp_path / "state"
    result = run(program("logrotate"), "--debug", "--state", state, path)
    assert 0 == result.returncode, result.stdout
    assert "error" not in result.stdout
    assert str(log) in result.stdout
    assert {"delaycompress", "rotate 14"} <= {line.strip() for line in text.splitlines()}


def test_kubernetes_gets_one_run_at_a_time_on_a_root_that_is_read_only() -> None:
    text = (DEPLOY / "kubernetes-cronjob.yaml").read_text()
    lines = {line.strip() for line in text.splitlines()}
    expected = {
        *("concurrencyPolicy: Forbid", "startingDeadlineSeconds: 240", "backoffLimit: 0"),
        *("readOnlyRootFilesystem: true", "runAsNonRoot: true"),
        "- { name: logs, mountPath: /var/log/nginx, readOnly: true }",
    }
    assert expected <= lines


def test_kubernetes_configuration_is_valid_and_its_group_outlives_a_pod(tmp_path: Path) -> None:
    text = (DEPLOY / "kubernetes-cronjob.yaml").read_text()
    inside = text.partition("  batchlog.toml: |\n")[2].partition("---\n")[0]
    assert {"instance": "web"} == settings(textwrap.dedent(inside), tmp_path).gateway.grouping


# cron


class Crontab(NamedTuple):
    """What cron makes of a crontab: variables for every job, and the jobs."""

    variables: dict[str, str]
    jobs: list["Job"]


class Job(NamedTuple):
    """When, what /bin/sh gets, and what it gets on standard input."""

    schedule: str
    command: str
    stdin: str


def read_crontab(text: str) -> Crontab:
    """Read a user's crontab by the rules of crontab(5)."""
    table = Crontab({}, [])
    for line in map(str.lstrip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if assignment := re.fullmatch(r"([A-Za-z_]+)\s*=\s*(?:(['\"])(.*)\2|(.*?))\s*", line):
            name, _, quoted, plain = assignment.groups()
            table.variables[name] = plain if quoted is None else quoted
            continue
        entry = re.fullmatch(r"(@\w+|(?:\S+\s+){4}\S+)\s+(.*)", line)
        assert entry, line
        command, *stdin = re.split(r"(?<!\\)%", entry[2])
        clean = [part.replace("\\%", "%") for part in [command, *stdin]]
        table.jobs.append(Job(entry[1], clean[0], "\n".join(clean[1:])))
    return table


EXAMPLE = (ROOT / "crontab.example").read_text()
EVERY_JOB = read_crontab(with_options(EXAMPLE)).jobs


def line(status: int, sent: int) -> str:
    stamp = "[22/Nov/2026:10:00:00 +0000]"
    return f'192.0.2.1 - - {stamp} "GET / HTTP/1.1" {status} {sent} "-" "curl/8.5.0"'


def as_cron_runs_it(
    job: Job, variables: dict[str, str], places: dict[str, str], home: Path
) -> subprocess.CompletedProcess[str]:
    """Run a job in cron's environment, with files of the test in place of the host's."""
    command = job.command
    for place, instead in places.items():
        command = command.replace(place, instead)
    cron = {"HOME": str(home), "LOGNAME": "root", "USER": "root", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [variables.get("SHELL", "/bin/sh"), "-c", command],
        env=cron | variables,
        cwd=home,
        input=job.stdin,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


def test_the_reader_of_crontabs_knows_percent_signs_quotes_and_nicknames() -> None:
    text = " # c\n\nA = 'x y'\nB=\n@daily date +\\%F%one%two\n"
    assert Crontab({"A": "x y", "B": ""}, [Job("@daily", "date +%F", "one\ntwo")]) == read_crontab(
        text
    )


@pytest.mark.parametrize("text", [EXAMPLE, with_options(EXAMPLE)])
def test_cron_accepts_the_example(tmp_path: Path, text: str) -> None:
    command = program("crontab")
    path = tmp_path / "crontab"
    path.write_text(text)
    result = run(command, "-n", path)  # Debian's dry run; others know none
    if "invalid option" in result.stdout:
        pytest.skip("this crontab has no dry run")
    assert 0 == result.returncode, result.stdout


def test_the_example_has_one_job_that_mails_errors_and_needs_no_path() -> None:
    table = read_crontab(EXAMPLE)
    assert 1 == len(table.jobs)
    assert {"SHELL", "MAILTO", "BATCHLOG_GATEWAY"} == set(table.variables)
    assert not [job for job in EVERY_JOB if job.stdin]
    assert {INSTALLED} == {shlex.split(job.command)[0] for job in EVERY_JOB}


@pytest.mark.parametrize("job", EVERY_JOB, ids=["example", "configured", "format"])
def test_a_job_counts_in_crons_environment_and_mails_nothing(tmp_path: Path, job: Job) -> None:
    logs = tmp_path / "log"
    logs.mkdir()
    tail = " 1234" if "%D" in job.command else ""
    text = "".join(f"{line(*values)}{tail}\n" for values in [(200, 10), (200, 30), (404, 2)])
    (logs / "access.log").write_text(text)
    configuration = tmp_path / "batchlog.toml"
    configuration.write_text(f'[[log]]\npath = "{logs}/*access.log"\n')
    variables = read_crontab(EXAMPLE).variables | {
        "BATCHLOG_CONFIG": str(configuration),
        "BATCHLOG_CHECKPOINT": str(tmp_path / "state" / "checkpoint.json"),
        "BATCHLOG_TEXTFILE": str(tmp_path / "batchlog.prom"),
    }
    del variables["BATCHLOG_GATEWAY"]  # the textfile stands for it
    places = {
        INSTALLED: shlex.quote(str(BATCHLOG)),
        "/var/log/nginx": str(logs),
        "/var/log/apache2": str(logs),
    }
    result = as_cron_runs_it(job, variables, places, tmp_path)
    assert ("", 0) == (result.stdout, result.returncode)
    counters = (tmp_path / "batchlog.prom").read_text()
    assert re.search(r'(?m)^batchlog_http_requests_total{.*status="200".*} 2\.0$', counters)
    assert re.search(r'(?m)^batchlog_http_response_bytes_total{.*"200".*} 40\.0$', counters)
