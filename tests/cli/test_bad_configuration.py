"""Configuration that cannot be used: a 2 that names file and key, before anything begins."""

import pytest

from tests.cli.program import Program, fails, plain_user


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('chekpoint = "/x"', ("chekpoint", "checkpoint")),
        ("max_malformed = 'much'", ("max_malformed", "number")),
        ("[gateway]\nurl = 7", ("gateway.url",)),
        ("[gateway]\nurl = 'push.example.org'", ("gateway.url", "is not a URL")),
        ("[gateway]\nurl = 'ftp://push.example.org'", ("gateway.url", "is not a URL")),
        ("[gateway]\ntimeout = '10 parsecs'", ("gateway.timeout", "is not a duration")),
        ("[gateway]\nusername = 'me'", ("gateway", "password_file")),
        ("[metrics]\nby = ['path']", ("metrics.by",)),
        ("[metrics]\nduration_buckets = [2, 1]", ("metrics.duration_buckets", "ascending")),
        ("[[log]]\nname = 'web'", ("log", "path")),
        ("[[log]]\npath = '/x'\nformat = 'combinde'", ("log[0].format", "combined")),
        ("[[log]]\npath = '/x'\nlabels_from_path = '('", ("labels_from_path",)),
        ("[[log]]\npath = '/x'\nlabels = { job = 'a' }", ("labels", "job")),
        ("[schedule]\ncron = '61 * * * *'", ("schedule.cron",)),
        ("[schedule]\nevery = '5m'\ncron = '@daily'", ("schedule",)),
        ("on_missing = 'shrug'", ("on_missing", "refuse", "zero")),
        ("this is not TOML", ("cannot be read",)),
    ],
)
def test_a_wrong_configuration_is_a_2_that_names_the_key(
    program: Program, text: str, words: tuple[str, ...]
) -> None:
    program.log(1)
    program.config.write_text(text)
    done = program.push(program.access)
    fails(done, 2, str(program.config), *words)
    assert 1 == len(done.err.splitlines())
    assert not program.checkpoint.exists()


def test_a_configuration_that_is_named_and_missing_is_a_2(program: Program) -> None:
    done = program.push("--config", program.root / "none.toml", program.access)
    fails(done, 2, "none.toml", "no such file")


def test_a_directory_for_a_configuration_is_a_2(program: Program) -> None:
    fails(program.push("--config", program.root, program.access), 2, "cannot be read")


def test_an_unreadable_configuration_is_a_2(program: Program) -> None:
    program.config.chmod(0)
    done = program.push(program.access, before=plain_user())
    fails(done, 2, str(program.config), "Permission denied")


def test_a_configuration_that_is_not_utf_8_is_a_2(program: Program) -> None:
    program.config.write_bytes(b"checkpoint = '\xff\xfe'\n")
    fails(program.push(program.access), 2, str(program.config))


@pytest.mark.parametrize(
    "url", ["nonsense", "http://", "http://host:99999", "http:///path", "http://h/metrics/job/x"]
)
def test_a_bad_url_is_a_2_that_names_flag_and_variable(program: Program, url: str) -> None:
    program.log(1)
    fails(program("push", "--gateway", url, program.access), 2, "--gateway", "BATCHLOG_GATEWAY")
    assert not program.checkpoint.exists()


def test_a_password_in_the_url_is_a_2_and_never_shown(program: Program) -> None:
    program.log(1)
    done = program("push", "--gateway", "http://me:S3cr3t@127.0.0.1:1", program.access)
    fails(done, 2, "password_file", "127.0.0.1:1")
    assert "S3cr3t" not in done.err
    assert not program.checkpoint.exists()


@pytest.mark.parametrize("by", ["path", "status,status", "status;method"])
def test_unknown_or_double_labels_are_a_2(program: Program, by: str) -> None:
    program.log(1)
    fails(program.push("--by", by, program.access), 2, "--by")


@pytest.mark.parametrize("grouping", ["instance", "=x", "job=x", "a b=c", "__x=y"])
def test_bad_grouping_is_a_2(program: Program, grouping: str) -> None:
    program.log(1)
    done = program("push", "--gateway=http://127.0.0.1:1", "--grouping", grouping, program.access)
    fails(done, 2, "--grouping")


@pytest.mark.parametrize("spec", ["combinde", "%h %l %u", "$remote_addr $request"])
def test_a_format_that_cannot_count_is_a_2(program: Program, spec: str) -> None:
    program.log(1)
    fails(program.push("--format", spec, program.access), 2, "--format")


def test_covered_arguments_take_the_entrys_settings(program: Program) -> None:
    program.log(3)
    program.config.write_text(
        f'[[log]]\npath = "{program.root}/logs/*.log"\nname = "web"\nlabels = {{ tier = "edge" }}\n'
    )
    assert 0 == program.push(program.access).exit
    text = program.textfile.read_text()
    assert 'batchlog_http_requests_total{status="200",tier="edge"} 3.0' in text
    assert 'batchlog_lines_total{log="web",outcome="counted"} 3.0' in text


def test_labels_from_path_come_from_the_path_less_its_rotation_suffix(program: Program) -> None:
    log = program.site.logs / "shop-access.log"
    program.log(3, log)
    log.rename(log.with_name("shop-access.log.1"))
    program.log(2, log)
    program.config.write_text(
        f'[[log]]\npath = "{program.root}/logs/*-access.log"\n'
        "labels_from_path = '(?P<site>[^/]+)-access\\.log$'\n"
    )
    assert 0 == program.push("--since", "start").exit
    assert '{site="shop",status="200"} 5.0' in program.textfile.read_text()


def test_r59_a_change_of_labels_begins_new_series_beside_the_old(program: Program) -> None:
    program.log(3)
    program.push(program.access)
    program.site.append(range(3, 5))
    program.push("--by", "method")
    text = program.textfile.read_text()
    assert 'batchlog_http_requests_total{status="200"} 3.0' in text
    assert 'batchlog_http_requests_total{method="GET"} 2.0' in text


@pytest.mark.parametrize(
    ("written", "end"),
    [
        ("[[log]]\npath = '/x'\nformat = '{}'", "expected at most 8192"),
        ("[schedule]\ncron = '{}'", "expected five: minute"),
        ("[metrics]\nby = ['{}']", "expected one of"),
        ("{} = 1", "schedule, log"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_however_long_it_is(
    program: Program, written: str, end: str
) -> None:
    program.config.write_text(written.format("x" * 1_000_000))
    for command in ("push", "check"):
        done = program(command)
        (said,) = (done.out + done.err).splitlines()
        assert 2 == done.exit
        assert str(program.config) in said
        assert end in said[-500:]
        assert 10_000 > len(said)
