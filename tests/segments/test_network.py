"""Servers that say nothing, say too much, or something else (R130)."""

import resource
import threading
from collections.abc import Iterator

import pytest

from batchlog.errors import Interrupted, LogError, Stop
from batchlog.segments.allowance import ANSWER, Allowance, TooMuch
from batchlog.segments.content import open_file
from batchlog.segments.listing import LONGEST, Found, listed
from batchlog.segments.patience import Late, awaited
from tests.segments.hostile import LINES, Server, hostile


@pytest.fixture
def server() -> Iterator[Server]:
    with hostile() as running:
        yield running


def whole(url: str, stop: Stop | None = None) -> bytes:
    with open_file(url, stop=stop) as content:
        return b"".join(block.data for block in content.blocks(0))


def names(pattern: str) -> tuple[list[str], list[str]]:
    """Return what is found, and what is said of the rest."""
    found = listed(pattern, Stop())
    urls = [one.url for one in found if isinstance(one, Found)]
    return urls, [str(one) for one in found if isinstance(one, LogError)]


def memory() -> int:
    """Return the most memory that this process has had, kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("path", ["file/a.log", "whole/a.log"])
def test_a_file_of_an_http_server_is_read(server: Server, path: str) -> None:
    assert LINES == whole(f"{server.url}/{path}")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("endless/a.log", "sends more than was asked for"),
        ("long/a.log", "gives more bytes than it says"),
        ("short/a.log", "gives fewer bytes than it says"),
        ("broken/a.log", "cannot read"),
        ("loop/a.log", "redirects without end"),
        ("astray/a.log", "redirects to what is no HTTP URL"),
        ("status/403/a.log", "answers 403"),
        ("status/500/a.log", "answers 500"),
        ("status/401/a.log", "answers 401"),
        ("headers/a.log", "cannot read"),
    ],
)
def test_r130_a_server_that_answers_badly_is_one_line_that_says_how(
    server: Server, path: str, said: str
) -> None:
    url, before = f"{server.url}/{path}", memory()
    with pytest.raises(LogError, match=said) as raised:
        whole(url)
    assert str(raised.value).startswith(f"cannot read {url}: ")
    assert str(raised.value).isprintable()
    assert memory() - before < 200_000


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("endless/a.log", "sends more than was asked for"),
        ("long/a.log", "gives more bytes than it says"),
        ("short/a.log", "gives fewer bytes than it says"),
        ("status/403/a.log", "Forbidden"),
    ],
)
def test_r130_an_s3_server_that_answers_badly_is_one_line_that_says_how(
    server: Server, path: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from s3fs import S3FileSystem

    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    S3FileSystem.clear_instance_cache()
    before = memory()
    try:
        with pytest.raises(LogError, match=said):
            whole(f"s3://{path}")
    finally:
        S3FileSystem.clear_instance_cache()
    assert memory() - before < 200_000


@pytest.mark.parametrize("path", ["status/403/a.log", "status/500/*.log", "loop/a.log", "loop/*"])
def test_r130_what_is_refused_is_not_told_as_no_match(server: Server, path: str) -> None:
    try:
        found, said = names(f"{server.url}/{path}")
    except LogError as problem:
        found, said = [], [str(problem)]
    assert [] == found
    [line] = said
    assert "answers" in line or "redirects without end" in line


@pytest.mark.parametrize("path", ["status/404/a.log", "status/410/a.log", "status/404/*.log"])
def test_what_is_not_there_is_no_match(server: Server, path: str) -> None:
    assert ([], []) == names(f"{server.url}/{path}")
    if "*" not in path:
        with pytest.raises(FileNotFoundError):
            whole(f"{server.url}/{path}")


def test_r130_one_directory_that_cannot_be_listed_hides_no_other(server: Server) -> None:
    found, said = names(f"{server.url}/dir/**")
    base = f"{server.url}/dir/"
    expected = ["a.b.log", "a.log", "b%20c.log", "denied.log", "gone.log", "sub/a.log", "x::y.log"]
    assert [base + name for name in expected] == [url for url in found if "?" not in url]
    assert [f"cannot read {base}denied/: its server answers 403 Forbidden"] == said
    assert LINES == whole(f"{base}x::y.log")


def test_r130_a_page_without_end_is_refused(server: Server) -> None:
    before = memory()
    _, [said] = names(f"{server.url}/pages/*.log")
    assert "sends more than was asked for" in said
    assert memory() - before < 1_500_000


def test_r130_directories_without_end_are_left_at_a_stop(server: Server) -> None:
    stop = Stop()

    def ask() -> None:
        while len(server.asked) < 5:
            server.ended.wait(0.01)
        stop.set()

    threading.Thread(target=ask, daemon=True).start()
    with pytest.raises(Interrupted):
        listed(f"{server.url}/deep/**/*.log", stop)


@pytest.mark.parametrize("path", ["silent/a.log", "silentbody/a.log"])
def test_r130_silence_has_an_end(
    server: Server, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchlog.segments.remote.LIMIT", 0.5)
    with pytest.raises(LogError, match="there was no answer"):
        whole(f"{server.url}/{path}")


@pytest.mark.parametrize("path", ["silent/a.log", "silentbody/a.log", "headers/a.log"])
def test_r130_a_stop_is_heard_in_silence(server: Server, path: str) -> None:
    stop = Stop()

    def ask() -> None:
        while not server.asked:
            server.ended.wait(0.01)
        stop.set()

    threading.Thread(target=ask, daemon=True).start()
    with pytest.raises((Interrupted, LogError)):
        whole(f"{server.url}/{path}", stop)


def test_a_call_that_raises_raises_here() -> None:
    def call() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        awaited(call, 10, Stop())


def test_a_stop_is_heard_between_answers_however_quick_they_are() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(Interrupted):
        awaited(lambda: 1, 10, stop)


def test_a_call_has_a_limit() -> None:
    with pytest.raises(Late, match="no answer"):
        awaited(threading.Event().wait, 0.2, Stop())


def test_what_is_allowed_comes_to_an_end() -> None:
    allowed = Allowance(10 * ANSWER)
    for _ in range(10):
        allowed.take(ANSWER)
    with pytest.raises(TooMuch):
        allowed.take(1)


def test_r130_a_listing_that_names_itself_ends(server: Server) -> None:
    before = memory()
    urls, problems = names(f"{server.url}/within/**")
    (said,) = problems
    assert "directories inside one another without end" in said
    assert f"{server.url}/within/access.log.1" in urls
    assert len(server.asked) == len(urls) < LONGEST
    assert memory() - before < 100_000


def test_a_pattern_of_one_depth_does_not_ask_for_what_is_below(server: Server) -> None:
    urls, problems = names(f"{server.url}/within/*/*.1")
    assert ([f"{server.url}/within/d/access.log.1"], []) == (urls, problems)
    assert 2 == len(server.asked)
