"""Flags over file over defaults, and what each mistake is told."""

from pathlib import Path

import pytest

from batchlog.config import rules
from batchlog.config.load import load
from batchlog.config.schema import Duration, Flags, Gateway, LogEntry, Schedule, Settings, Urls
from batchlog.errors import ConfigError, Exit

DESIGN = r"""
checkpoint = "/var/lib/batchlog/checkpoint.json"
on_missing = "zero"
max_malformed = 0.25

[gateway]
url = "https://push.example.org"
job = "edge"
grouping = { instance = "web1" }
timeout = "5s"
retry_for = "1m"
username = "batchlog"
password_file = "/etc/batchlog/password"
ca_file = "/etc/batchlog/ca.pem"
cert_file = "/etc/batchlog/cert.pem"
key_file = "/etc/batchlog/key.pem"
compression = "none"

[textfile]
path = "/var/lib/prometheus/node-exporter/batchlog.prom"

[metrics]
namespace = "edge_http"
by = ["status_class", "method"]
duration_buckets = [0.1, 1, 10]
max_series = 500
max_logs = 70

[schedule]
cron = "*/5 * * * *"
timezone = "Europe/Berlin"
jitter = "30s"

[[log]]
name = "web"
path = "/var/log/nginx/*access.log"
format = "combined"
labels_from_path = '(?P<site>[^/]+)-access\.log$'
labels = { tier = "edge" }
rotated = ["archive/{name}-*"]

[[log]]
path = "/var/log/apache2/access.log"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "batchlog.toml"


def settings(file: Path, text: str, flags: Flags | None = None) -> Settings:
    file.write_text(text)
    return load(file, flags or Flags())


def refusal(file: Path, text: str, flags: Flags | None = None) -> str:
    """Return what the user is told, less the name of the file."""
    with pytest.raises(ConfigError) as error:
        settings(file, text, flags)
    expected = Exit.USAGE
    assert expected == error.value.exit
    message = str(error.value)
    assert "\n" not in message
    return message.removeprefix(f"{file}: ")


def test_every_key_of_the_file_is_read(file: Path) -> None:
    found = settings(file, DESIGN)
    assert found.checkpoint == "/var/lib/batchlog/checkpoint.json"
    assert (found.on_missing, found.max_malformed) == ("zero", 0.25)
    gateway = Gateway(
        url=Urls(("https://push.example.org",)),
        job="edge",
        grouping={"instance": "web1"},
        timeout=Duration(5),
        retry_for=Duration(60),
        username="batchlog",
        password_file="/etc/batchlog/password",  # noqa: S106 - a file's name
        ca_file="/etc/batchlog/ca.pem",
        cert_file="/etc/batchlog/cert.pem",
        key_file="/etc/batchlog/key.pem",
        compression="none",
    )
    assert gateway == found.gateway
    assert found.textfile is not None
    assert found.textfile.path == "/var/lib/prometheus/node-exporter/batchlog.prom"
    metrics = found.metrics
    assert (metrics.namespace, metrics.by) == ("edge_http", ("status_class", "method"))
    assert (metrics.bounds, metrics.max_series) == ((10**8, 10**9, 10**10), 500)
    assert metrics.max_logs == 70
    schedule = Schedule(cron="*/5 * * * *", timezone="Europe/Berlin", jitter=Duration(30))
    assert schedule == found.schedule
    web = LogEntry(
        name="web",
        path="/var/log/nginx/*access.log",
        format="combined",
        labels_from_path=r"(?P<site>[^/]+)-access\.log$",
        labels={"tier": "edge"},
        rotated=("archive/{name}-*",),
    )
    assert (web, LogEntry(path="/var/log/apache2/access.log")) == found.log
    assert str(file) == found.source


def test_without_file_and_flags_the_defaults_are_in_force(tmp_path: Path) -> None:
    found = load(None, Flags(), default=tmp_path / "absent.toml")
    assert Settings() == found
    assert found.source is None
    assert (found.on_missing, found.max_malformed, found.format) == ("refuse", 0.1, "auto")
    gateway = Gateway(job="batchlog", timeout=Duration(10), retry_for=Duration(30))
    assert gateway == found.gateway
    assert (found.metrics.namespace, found.metrics.by) == ("batchlog_http", ("status",))
    assert (found.metrics.bounds[0], found.metrics.bounds[-1]) == (5_000_000, 10_000_000_000)
    assert (found.schedule.interval, found.schedule.timezone) == (300, "UTC")


def test_an_empty_file_gives_the_defaults(file: Path) -> None:
    expected = load(None, Flags(), default=file)
    assert expected.log == settings(file, "").log
    assert expected.gateway == settings(file, "").gateway


def test_the_file_at_the_default_place_is_read_if_it_is_there(file: Path) -> None:
    file.write_text("max_malformed = 0.5")
    found = load(None, Flags(), default=file)
    assert (found.max_malformed, found.source) == (0.5, str(file))


def test_a_file_that_was_named_and_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; --config names one that is"):
        load(file, Flags())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a = ", "Invalid value (at end of document)"),
        (b"a = 1\na = 2\n", "Cannot overwrite a value (at line 2, column 6)"),
        (b"\xff", "can't decode byte 0xff"),
        (b"a = " + b"[" * 5000, "recursion"),
    ],
)
def test_a_file_that_is_not_toml_is_refused_with_the_place(
    file: Path, content: bytes, reason: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="the configuration cannot be read: ") as error:
        load(None, Flags(), default=file)
    assert reason in str(error.value)


def test_a_directory_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(None, Flags(), default=tmp_path)


def test_a_name_that_cannot_be_a_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be read: embedded null byte"):
        load(Path("a\0b"), Flags())


# Flags


EVERYTHING = Flags(
    checkpoint="/tmp/other.json",  # noqa: S108 - never written
    gateway=("http://a:9091", "http://b:9091"),
    job="flagged",
    grouping=("instance=web2", "dc=eu=1"),
    format="common",
    by="status, vhost",
    textfile="/srv/batchlog.prom",
    retry_for="0",
    every="10m",
)


def test_flags_go_before_the_file(file: Path) -> None:
    found = settings(file, DESIGN, EVERYTHING)
    assert found.checkpoint == EVERYTHING.checkpoint
    gateway = found.gateway
    assert EVERYTHING.gateway == gateway.url
    assert (gateway.job, gateway.retry_for) == ("flagged", Duration(0))
    assert gateway.grouping == {"instance": "web2", "dc": "eu=1"}
    assert found.metrics.by == ("status", "vhost")
    assert found.textfile is not None
    assert EVERYTHING.textfile == found.textfile.path
    schedule = Schedule(every=Duration(600), timezone="Europe/Berlin", jitter=Duration(30))
    assert schedule == found.schedule
    assert found.format == "common"
    assert [entry.format for entry in found.log] == ["common", "common"]


def test_what_no_flag_speaks_of_is_the_file_s(file: Path) -> None:
    found = settings(file, DESIGN, EVERYTHING)
    assert (found.gateway.timeout, found.gateway.username) == (Duration(5), "batchlog")
    assert (found.metrics.namespace, found.max_malformed) == ("edge_http", 0.25)


def test_flags_need_no_file(tmp_path: Path) -> None:
    found = load(None, EVERYTHING, default=tmp_path / "absent.toml")
    assert EVERYTHING.gateway == found.gateway.url
    assert found.source is None


def test_a_cron_flag_takes_the_place_of_the_file_s_interval(file: Path) -> None:
    found = settings(file, '[schedule]\nevery = "1m"\njitter = "2s"', Flags(cron="@hourly"))
    assert Schedule(cron="@hourly", jitter=Duration(2)) == found.schedule


def test_no_labels_at_all_may_be_asked_for(file: Path) -> None:
    assert settings(file, "", Flags(by="")).metrics.by == ()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (Flags(gateway=("localhost:9091",)), "--gateway (BATCHLOG_GATEWAY): 'localhost:9091' is"),
        (Flags(job="."), "--job (BATCHLOG_JOB): '.' cannot be part of the group"),
        (Flags(grouping=("web1",)), "--grouping (BATCHLOG_GROUPING): 'web1' is not KEY=VALUE"),
        (Flags(grouping=("a=1", "a=2")), "--grouping (BATCHLOG_GROUPING): 'a' is given twice"),
        (Flags(grouping=("job=x",)), "--grouping (BATCHLOG_GROUPING): 'job' cannot be a label"),
        (Flags(retry_for="soon"), "--retry-for (BATCHLOG_RETRY_FOR): 'soon' is not a duration"),
        (Flags(by="status,path"), "--by (BATCHLOG_BY): 'path' is not known; expected one of stat"),
        (Flags(by="status,status"), "--by (BATCHLOG_BY): status, status has a label twice"),
        (Flags(textfile=""), "--textfile (BATCHLOG_TEXTFILE): '' cannot be the path of a file"),
        (Flags(every="0"), "--every (BATCHLOG_EVERY): expected more than 0, such as 5m"),
        (Flags(every="1m", cron="@daily"), "--every (BATCHLOG_EVERY): excludes schedule.cron"),
        (Flags(cron="61 * * * *"), "--cron (BATCHLOG_CRON): minute '61' cannot be used"),
        (Flags(format="aparche"), "--format (BATCHLOG_FORMAT): "),
    ],
)
def test_a_bad_flag_is_refused_by_its_own_name(file: Path, flags: Flags, message: str) -> None:
    assert refusal(file, "", flags).startswith(message)


def test_a_flag_that_does_not_fit_the_file_is_refused_with_both(file: Path) -> None:
    text = '[[log]]\npath = "/a"\nlabels = { vhost = "x" }'
    expected = "log[0].labels.vhost with the options given: 'vhost' cannot be a label"
    assert refusal(file, text, Flags(by="vhost")).startswith(expected)


# Sinks and the group


@pytest.mark.parametrize(
    ("expected", "text", "listen"),
    [
        (("http://localhost:9091",), "", False),
        (("http://localhost:9091",), '[gateway]\njob = "x"', False),
        ((), "", True),
        ((), '[textfile]\npath = "/srv/x.prom"', False),
        (("http://a",), '[gateway]\nurl = "http://a"\n[textfile]\npath = "/srv/x.prom"', True),
        (("http://a", "http://b"), '[gateway]\nurl = ["http://a", "http://b"]', False),
    ],
)
def test_the_local_gateway_is_pushed_to_where_no_other_sink_is_named(
    file: Path, expected: tuple[str, ...], text: str, listen: bool
) -> None:
    assert expected == settings(file, text).gateways(listen=listen)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ({"instance": "web1"}, ""),
        ({}, "[gateway]\ngrouping = {}"),
        ({"dc": "a/b"}, '[gateway]\ngrouping = { dc = "a/b" }'),
    ],
)
def test_the_group_s_instance_is_the_host_unless_a_grouping_is_given(
    file: Path, expected: dict[str, str], text: str
) -> None:
    assert expected == settings(file, text).gateway.group("web1")


# Mistakes in the file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("checkpont = 'x'", "checkpont: there is no such key; did you mean checkpoint?"),
        ("[gateway]\nurll = 'x'", "gateway.urll: there is no such key; did you mean gateway.url?"),
        ("url = 'x'", "url: there is no such key; did you mean gateway.url?"),
        ("[metrics]\nevery = '5m'", "metrics.every: there is no such key; did you mean schedule."),
        ("[[log]]\npath = '/a'\nlabel = {}", "log.label: there is no such key; did you mean log.l"),
        ("[textfile]\nx = 1", "textfile.x: there is no such key; expected one of path"),
        ("format = 'combined'", "format: there is no such key; did you mean log.format?"),
        ("checkpoint = 5", "checkpoint: expected a text in quotes, got a whole number"),
        ("gateway = 'x'", "gateway: expected a table, got a text in quotes"),
        ("log = { path = '/a' }", "log: expected a list, got a table"),
        ("log = ['/a']", "log[0]: expected a table, got a text in quotes"),
        ("[[log]]\nname = 'x'", "log[0].path: it is missing"),
        ("[textfile]", "textfile.path: it is missing"),
        ("max_malformed = '10%'", "max_malformed: expected a number, got a text in quotes"),
        ("max_malformed = 10", "max_malformed: expected a share from 0 to 1, got 10"),
        ("max_malformed = nan", "max_malformed: expected a share from 0 to 1, got nan"),
        ("on_missing = 'start'", "on_missing: 'start' is not known; expected one of refuse, zero"),
        ("checkpoint = ''", "checkpoint: '' cannot be the path of a file"),
        ("checkpoint = 2026-01-01", "checkpoint: expected a text in quotes, got date"),
        ('[gateway]\nca_file = "a\\u0000b"', "gateway.ca_file: 'a\\x00b' cannot be the path"),
        ("[gateway]\nurl = 5", "gateway.url: expected a URL in quotes or a list of them"),
        ("[gateway]\nurl = [5]", "gateway.url: expected a URL in quotes or a list of them"),
        ("[gateway]\ntimeout = 10", "gateway.timeout: expected a duration in quotes, such as"),
        ("[gateway]\ntimeout = 0", "gateway.timeout: expected more than 0, such as 10s"),
        ("[gateway]\nretry_for = false", "gateway.retry_for: expected a duration in quotes"),
        ("[gateway]\nretry_for = '5 min'", "gateway.retry_for: '5 min' is not a duration"),
        ("[gateway]\ncompression = 'zip'", "gateway.compression: 'zip' is not known; expected o"),
        ("[gateway]\njob = ''", "gateway.job: '' cannot be part of the group"),
        ("[gateway]\ngrouping = { a = 1 }", "gateway.grouping: expected a text in quotes, got a w"),
        ("[gateway]\ngrouping = { a = '..' }", "gateway.grouping.a: '..' cannot be part"),
        ("[gateway]\ngrouping = { a = '' }", "gateway.grouping.a: '' cannot be part"),
        ("[gateway]\ngrouping = { job = 'x' }", "gateway.grouping.job: 'job' cannot be a label"),
        ("[gateway]\ngrouping = { __a = 'x' }", "gateway.grouping.__a: '__a' cannot be a label"),
        (
            "[gateway]\ngrouping = { status = 'x' }",
            "gateway.grouping.status: is a label of the series too; rename one",
        ),
        (
            "[gateway]\ngrouping = { tier = 'x' }\n[[log]]\npath = '/a'\nlabels = { tier = 'y' }",
            "gateway.grouping.tier: is a label of the series too; rename one",
        ),
        ("[gateway]\nusername = 'u'", "gateway.username: needs gateway.password_file beside it"),
        ("[gateway]\npassword_file = 'p'", "gateway.password_file: needs gateway.username beside"),
        ("[gateway]\ncert_file = 'c'", "gateway.cert_file: needs gateway.key_file beside it"),
        ("[gateway]\nkey_file = 'k'", "gateway.key_file: needs gateway.cert_file beside it"),
        (
            "[gateway]\nusername = 'u:v'\npassword_file = 'p'",
            "gateway.username: 'u:v' cannot be a user name; expected one without ':'",
        ),
        (
            "[gateway]\nusername = 'u'\npassword_file = 'p'\nbearer_token_file = 't'",
            "gateway.bearer_token_file: excludes gateway.username; remove one",
        ),
        ("[metrics]\nnamespace = 'a-b'", "metrics.namespace: 'a-b' cannot begin a metric's name"),
        ("[metrics]\nby = 'status'", "metrics.by: expected a list, got a text in quotes"),
        ("[metrics]\nby = ['path']", "metrics.by[0]: 'path' is not known; expected one of status"),
        ("[metrics]\nby = ['method', 'method']", "metrics.by: method, method has a label twice"),
        ("[metrics]\nmax_series = 0", "metrics.max_series: expected at least 1, got 0"),
        ("[metrics]\nmax_logs = 0", "metrics.max_logs: expected at least 1, got 0"),
        ('[metrics]\nmax_logs = "9"', "metrics.max_logs: expected a whole number, got a text"),
        ("[metrics]\nmax_series = 1.5", "metrics.max_series: expected a whole number, got a numbe"),
        *(
            (f"[metrics]\nduration_buckets = {buckets}", "metrics.duration_buckets: expected secon")
            for buckets in (
                "[]",
                "[0, 1]",
                "[-1]",
                "[1, 1]",
                "[2, 1]",
                "[1, inf]",
                "[nan]",
                "[1e-12]",
            )
        ),
        ("[schedule]\nevery = '0s'", "schedule.every: expected more than 0, such as 5m"),
        ("[schedule]\nevery = '5m'\ncron = '@daily'", "schedule.every: excludes schedule.cron"),
        ("[schedule]\ncron = '* * *'", "schedule.cron: '* * *' has 3 fields; expected five"),
        ("[schedule]\ntimezone = 'Mars/Base'", "schedule.timezone: 'Mars/Base' is not a time zone"),
        ("[schedule]\ntimezone = '../etc'", "schedule.timezone: '../etc' is not a time zone"),
        ("[schedule]\ntimezone = 'Europe'", "schedule.timezone: 'Europe' is not a time zone"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_was_expected(
    file: Path, text: str, message: str
) -> None:
    assert refusal(file, text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path = ''", "log[0].path: '' cannot be the path of a file"),
        ("path = '/a'\nname = ''", "log[0].name: expected a name; leave the key out"),
        ("path = '/a'\nformat = '%h %l'", "log[0].format: "),
        ("path = '/a'\nlabels = { le = 'x' }", "log[0].labels.le: 'le' cannot be a label"),
        ("path = '/a'\nlabels = { a-b = 'x' }", "log[0].labels.a-b: 'a-b' cannot be a label"),
        ("path = '/a'\nlabels = { status = 'x' }", "log[0].labels.status: 'status' cannot be"),
        ("path = '/a'\nlabels = { a = '' }", "log[0].labels.a: an empty label is no label"),
        ("path = '/a'\nlabels_from_path = '('", "log[0].labels_from_path: '(' is not a regular"),
        ("path = '/a'\nlabels_from_path = '(.*)'", "log[0].labels_from_path: '(.*)' names no lab"),
        ("path = '/a'\nlabels_from_path = '(?P<log>.)'", "log[0].labels_from_path: 'log' cannot"),
        (
            "path = '/a'\nlabels = { site = 'x' }\nlabels_from_path = '(?P<site>.)'",
            "log[0].labels_from_path: 'site' cannot be a label",
        ),
        ("path = '/a'\nrotated = ['{base}-*']", "log[0].rotated: '{base}-*' cannot be used"),
        ("path = '/a'\nrotated = ['']", "log[0].rotated: '' cannot be used"),
    ],
)
def test_a_mistake_in_a_log_entry_is_named_with_its_number(
    file: Path, text: str, message: str
) -> None:
    assert refusal(file, f"[[log]]\n{text}").startswith(message)


@pytest.mark.parametrize("again", ["/var/log/a", "/var//log/./a", "/var/log/b/../a"])
def test_r17_the_same_path_twice_is_refused(file: Path, again: str) -> None:
    text = f"[[log]]\npath = '/var/log/a'\n[[log]]\npath = '/c'\n[[log]]\npath = '{again}'"
    expected = f"log[2].path: {again!r} stands in log[0] too; remove one"
    assert expected == refusal(file, text)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:9091",
        "//localhost:9091",
        "ftp://localhost",
        "http://",
        "http://:9091",
        "http://h:port",
        "http://h:99999",
        "http://[::1",
        "http://a b",
        "",
    ],
)
def test_what_is_no_url_is_refused_with_an_example(file: Path, url: str) -> None:
    expected = f"gateway.url: {url!r} is not a URL; expected one such as http://localhost:9091"
    assert expected == refusal(file, f"[gateway]\nurl = '{url}'")


@pytest.mark.parametrize(
    "url", ["http://h/metrics", "http://h/metrics/job/x", "http://h/?a=b", "http://h/#a"]
)
def test_a_url_that_goes_beyond_the_gateway_is_refused(file: Path, url: str) -> None:
    assert "give the gateway's own address" in refusal(file, f"[gateway]\nurl = '{url}'")


@pytest.mark.parametrize("url", ["http://h/prefix/", "https://[::1]:9091", "HTTP://h"])
def test_a_url_with_a_prefix_or_an_address_is_accepted(file: Path, url: str) -> None:
    assert settings(file, f"[gateway]\nurl = '{url}'").gateways() == (url,)


def test_the_same_gateway_twice_is_refused(file: Path) -> None:
    expected = "gateway.url: http://a is given twice; remove one"
    assert expected == refusal(file, "[gateway]\nurl = ['http://a', 'http://b', 'http://a']")


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@h:9091/x",
        "http://hunter2@h:9091",
        "http://user:hunter2/3@h",
        "http://user:hunter2?x#y@h",
        "user:hunter2@h:9091",
        "ftp://user:hunter2@h",
        "http://user:hunter2@[broken",
        "http://user:a://hunter2@h",
    ],
)
def test_a_password_in_a_url_is_refused_and_never_shown(file: Path, url: str) -> None:
    for message in (
        refusal(file, f"[gateway]\nurl = '{url}'"),
        refusal(file, "", Flags(gateway=(url,))),
    ):
        assert "hunter2" not in message
        assert "user name or password in it" in message
        assert "password_file under [gateway]" in message


@pytest.mark.parametrize(
    "bounds", [(1e300,), (1e12,), (0.1, 1e30), (-1e300,), (float("-inf"),), (float("nan"),)]
)
def test_a_bound_that_no_request_lasts_is_refused(bounds: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="expected seconds above 0, ascending, up to 1,000,000"):
        rules.buckets(bounds)


def test_a_bound_of_days_is_none_that_is_refused() -> None:
    rules.buckets((0.005, 1.0, 1_000_000.0))
