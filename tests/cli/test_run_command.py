"""`batchlog run`: the schedule, the exporter and the signals."""

import signal
import socket
import subprocess
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.cli.program import PATIENCE, Program, Running, fails
from tests.gateways import StandIn
from tests.servers import eventually

SUMMARY = "INFO read"


def scrape(url: str) -> str:
    """Return what a Prometheus would get."""
    with build_opener(ProxyHandler({})).open(url, timeout=10) as answer:
        return str(answer.read().decode())


def listening(running: Running) -> str:
    """Return the URL that the program says it serves."""
    return running.until("serving metrics on").split()[-1]


def served(line: str, text: str) -> bool:
    """Return whether a scrape has that line."""
    return line in text.splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r77_a_signal_ends_it_with_0(program: Program, number: signal.Signals) -> None:
    program.log(3)
    words = ("run", "--every", "1h", "--textfile", program.textfile, program.access)
    with program.start(*words) as running:
        running.until(SUMMARY)
        done = running.end(number)
    assert 0 == done.exit, done.err
    assert 3 == program.requests()


def test_every_runs_again_and_counts_what_is_new(program: Program) -> None:
    program.log(3)
    words = ("run", "--every", "100ms", "--textfile", program.textfile, program.access)
    with program.start(*words) as running:
        running.until("read 1 file, 3 lines")
        program.site.append(range(3, 8))
        running.until("read 1 file, 5 lines")
        assert 0 == running.end(signal.SIGTERM).exit
    assert 8 == program.requests()


def test_r77_a_signal_in_the_middle_of_a_run_commits_pushes_and_is_a_0(
    program: Program, gateway: StandIn
) -> None:
    program.log(3)
    program("push", "--gateway", gateway.url, program.access)
    with program.start("run", "--every", "1h", "--gateway", gateway.url) as running:
        running.until(SUMMARY)
        assert 0 == running.end(signal.SIGTERM).exit
    assert 2 == sum(seen.method == "PUT" for seen in gateway.seen)


def test_cron_waits_for_its_first_tick(program: Program) -> None:
    program.log(3)
    listen = ("--listen", "127.0.0.1:0")
    with program.start("run", "--cron", "0 0 29 2 *", *listen, program.access) as running:
        listening(running)
        done = running.end(signal.SIGTERM)
    assert 0 == done.exit
    assert SUMMARY not in done.err
    assert not program.checkpoint.exists()


def test_listen_serves_the_metrics_and_is_a_sink(program: Program) -> None:
    program.log(3)
    words = ("run", "--every", "1h", "--listen", "127.0.0.1:0", program.access)
    with program.start(*words) as running:
        url = listening(running)
        running.until(SUMMARY)
        expected = 'batchlog_http_requests_total{status="200"} 3.0'
        assert eventually(lambda: served(expected, scrape(url)), expected=True)
        done = running.end(signal.SIGTERM)
    assert 0 == done.exit
    assert "localhost:9091" not in done.err


def test_listen_alone_warns_on_a_first_run(program: Program) -> None:
    program.log(3)
    words = ("run", "--every", "1h", "--listen", "127.0.0.1:0", program.access)
    with program.start(*words) as running:
        assert running.until("WARNING there is no checkpoint")
        running.end(signal.SIGTERM)


def test_listen_serves_what_the_checkpoint_holds_before_the_first_run(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    with program.start("run", "--cron", "0 0 29 2 *", "--listen", "127.0.0.1:0") as running:
        text = scrape(listening(running))
        running.end(signal.SIGTERM)
    assert served('batchlog_http_requests_total{status="200"} 3.0', text)


def test_a_port_in_use_is_a_69_and_one_clear_line(program: Program) -> None:
    program.log(3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        done = program("run", "--listen", at, program.access)
    fails(done, 69, at, "--listen")
    assert 1 == len(done.err.splitlines())
    assert not program.checkpoint.exists()


def test_sighup_reads_the_configuration_again(program: Program) -> None:
    program.log(3)
    program.config.write_text(f'[textfile]\npath = "{program.textfile}"\n')
    with program.start("run", "--every", "1h", program.access) as running:
        running.until(SUMMARY)
        other = program.root / "other.prom"
        program.config.write_text(f'[textfile]\npath = "{other}"\n[metrics]\nby = ["method"]\n')
        running.process.send_signal(signal.SIGHUP)
        running.until("configuration read again")
        assert 0 == running.end(signal.SIGTERM).exit


def test_sighup_with_a_wrong_configuration_keeps_the_old_one(program: Program) -> None:
    program.log(3)
    words = ("run", "--every", "100ms", "--textfile", program.textfile, program.access)
    with program.start(*words) as running:
        running.until(SUMMARY)
        program.config.write_text("nonsense = 1\n")
        running.process.send_signal(signal.SIGHUP)
        assert "nonsense" in running.until("ERROR ")
        program.site.append(range(3, 8))
        running.until("5 lines")
        done = running.end(signal.SIGTERM)
    assert 0 == done.exit
    assert "Traceback" not in done.err


def test_sighup_changes_what_the_next_run_does(program: Program) -> None:
    program.log(3)
    other = program.log(4, program.site.logs / "other.log")
    program.config.write_text(
        f'[textfile]\npath = "{program.textfile}"\n[[log]]\npath = "{program.access}"\n'
    )
    with program.start("run", "--every", "100ms") as running:
        running.until("3 lines")
        with program.config.open("a") as file:
            file.write(f'[[log]]\npath = "{other}"\n')
        running.process.send_signal(signal.SIGHUP)
        running.until("configuration read again")
        running.until(SUMMARY)
        program.site.append(range(4, 6), to=other)
        running.until("2 lines")
        assert 0 == running.end(signal.SIGTERM).exit
    assert 5 == program.requests()


def test_a_failed_run_is_logged_and_the_next_goes_ahead(program: Program) -> None:
    late = program.access
    words = ("run", "--every", "100ms", "--textfile", program.textfile, late)
    with program.start(*words) as running:
        running.until("the next run goes ahead")
        program.log(3, late)
        running.until("3 lines")
        done = running.end(signal.SIGTERM)
    assert 0 == done.exit
    assert "Traceback" not in done.err


def test_a_wrong_configuration_at_the_start_is_a_2(program: Program) -> None:
    program.config.write_text("nonsense = 1\n")
    fails(program("run"), 2, "nonsense")


def test_a_wrong_address_is_a_2(program: Program) -> None:
    fails(program("run", "--listen", "127.0.0.1:70000"), 2, "--listen")


def test_quiet_says_nothing_while_all_is_well(program: Program) -> None:
    program.log(3)
    words = ("run", "-q", "--every", "1h", "--textfile", program.textfile, program.access)
    with program.start(*words) as running:
        assert eventually(program.textfile.exists, expected=True)
        done = running.end(signal.SIGTERM)
    assert (0, "") == (done.exit, done.err)


def test_the_metrics_served_are_those_pushed(program: Program, promtool_text: Path) -> None:
    program.log(3)
    words = ("run", "--every", "1h", "--listen", "127.0.0.1:0", "--textfile", promtool_text)
    with program.start(*words, program.access) as running:
        url = listening(running)
        running.until(SUMMARY)
        wanted = promtool_text.read_text()
        totals = [line for line in wanted.splitlines() if line.startswith("batchlog_http")]
        assert eventually(lambda: set(totals) <= set(scrape(url).splitlines()), expected=True)
        running.end(signal.SIGTERM)


@pytest.fixture
def promtool_text(tmp_path: Path) -> Path:
    return tmp_path / "metrics.prom"


def test_two_of_it_on_one_checkpoint_do_not_count_twice(program: Program) -> None:
    program.log(3)
    words = ("run", "--every", "100ms", "--textfile", program.textfile, program.access)
    env = {"BATCHLOG_LOCK_WAIT": "30s"}
    with program.start(*words, env=env) as one, program.start(*words, env=env) as two:
        one.until(SUMMARY)
        two.until(SUMMARY)
        program.site.append(range(3, 9))
        assert eventually(lambda: 9 == program.requests(), expected=True)
        one.end(signal.SIGTERM)
        two.end(signal.SIGTERM)
    assert 9 == program.requests()


def test_it_ends_when_a_signal_comes_before_the_first_tick(program: Program) -> None:
    with program.start("run", "--cron", "@yearly", "--listen", "127.0.0.1:0", "x") as running:
        listening(running)
        running.process.send_signal(signal.SIGINT)
        try:
            running.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail("it does not end")
        assert 0 == running.process.returncode
