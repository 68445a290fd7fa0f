import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.engines.task import carry_out
from batchlog.errors import ConfigError, LogError, Stop
from batchlog.segments.content import UnknownForm, open_file
from batchlog.segments.listing import Found, listed
from batchlog.segments.marks import mark_at_end
from batchlog.segments.remote import AHEAD, FIRST
from tests.engines.work import task
from tests.segments.contents import mark
from tests.site import lines, wide
from tests.storage import Bucket

LINES = lines(range(1000))


def expand(pattern: str) -> list[str]:
    return [one.url for one in listed(pattern, Stop()) if isinstance(one, Found)]


def once(do: Callable[[], None]) -> Callable[[int], None]:
    """Return what does something when it is told of bytes for the first time."""
    left = [do]

    def told(_taken: int) -> None:
        if left:
            left.pop()()

    return told


def whole(url: str) -> bytes:
    with open_file(url) as content:
        return b"".join(block.data for block in content.blocks(0))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_the_content_of_an_object_is_that_of_a_file(
    s3: Bucket, tmp_path: Path, pack: "type[bytes]"
) -> None:
    (tmp_path / "a").write_bytes(pack(LINES))
    url = s3.put("logs/a", pack(LINES))
    assert LINES == whole(url)
    with open_file(url) as remote, open_file(str(tmp_path / "a")) as here:
        assert (here.sight.size, here.sight.form) == (remote.sight.size, remote.sight.form)
        assert here.beginning == remote.beginning
        assert mark(LINES) == mark_at_end(here) == mark_at_end(remote)
        assert LINES[500:700] == remote.span(500, 700)
        assert remote.span(0, len(LINES) + 1) is None


def test_an_empty_object_is_an_empty_content(s3: Bucket) -> None:
    with open_file(s3.put("empty", b"")) as content:
        assert content.empty
        assert content.plain


def test_an_object_of_another_kind_is_not_read_as_text(s3: Bucket) -> None:
    with pytest.raises(UnknownForm, match=f"s3://{s3.name}/a.zip is not text"):
        open_file(s3.put("a.zip", b"PK\x03\x04 and so on"))


def test_a_pattern_finds_objects_in_order(s3: Bucket) -> None:
    for key in ("logs/b.gz", "logs/a.gz", "logs/2015/05/c.gz", "logs/a.txt", "other/d.gz"):
        s3.put(key, b"x")
    assert [s3.url("logs/a.gz"), s3.url("logs/b.gz")] == expand(s3.url("logs/*.gz"))
    deep = [s3.url("logs/2015/05/c.gz"), s3.url("logs/a.gz"), s3.url("logs/b.gz")]
    assert deep == expand(s3.url("logs/**/*.gz"))
    assert [s3.url("logs/a.txt")] == expand(s3.url("logs/a.txt")) == expand(s3.url("*/a.t?t"))


def test_a_pattern_sees_what_was_written_since(s3: Bucket) -> None:
    found = []
    for key in ("logs/a", "logs/b", "logs/c"):
        found.append(s3.put(key, b"x"))
        assert found == expand(s3.url("logs/*")) == expand(s3.url("l*s/*"))


def test_a_pattern_that_finds_nothing_gives_nothing(s3: Bucket) -> None:
    s3.put("logs/a.gz", b"x")
    assert [] == expand(s3.url("logs/*.zst"))
    assert [] == expand(s3.url("nothing"))


@pytest.mark.parametrize("key", ["", "*.gz", "logs/**/*.gz", "logs/a.gz"])
def test_a_bucket_that_is_not_there_is_said(s3: Bucket, key: str) -> None:
    missing = Bucket(s3.server, "no-such-bucket")
    with pytest.raises(LogError, match="no-such-bucket"):
        expand(missing.url(key))


def test_an_object_that_is_not_there_is_not_found(s3: Bucket) -> None:
    with pytest.raises(FileNotFoundError):
        open_file(s3.url("nothing"))


def test_names_with_signs_of_patterns_are_opened_as_they_are(s3: Bucket) -> None:
    s3.put("odd/[a]*%20b.log", LINES)
    [url] = expand(s3.url("odd/*"))
    assert LINES == whole(url)


def test_the_sight_of_an_object_is_the_same_until_it_is_written_anew(s3: Bucket) -> None:
    url = s3.put("a", LINES)
    with open_file(url) as first, open_file(url) as again:
        assert first.sight == again.sight
        assert url == first.sight.path
        assert 0 == first.sight.device
        assert 0 <= first.sight.inode < 2**63
        assert 0 < first.sight.mtime
    s3.put("a", LINES[::-1])
    with open_file(url) as changed:
        assert first.sight.inode != changed.sight.inode


def test_a_big_object_is_read_with_few_requests(s3: Bucket) -> None:
    data = b"".join(map(wide, range(6000)))
    assert data == whole(s3.put("big", data))
    assert 2 + len(data) // AHEAD >= s3.reads("big") - 1


@pytest.mark.parametrize("size", [1, FIRST - 1, FIRST, FIRST + 1])
def test_an_object_as_large_as_its_first_answer_is_read_whole(s3: Bucket, size: int) -> None:
    data = (LINES * (1 + size // len(LINES)))[:size]
    url = s3.put("even", data)
    assert data == whole(url)
    assert (2 if size > FIRST else 1) == s3.reads("even")
    with open_file(url) as content:
        assert size == content.sight.size


def test_a_piece_of_a_big_object_is_read_without_the_rest(s3: Bucket) -> None:
    data = b"".join(map(wide, range(6000)))
    url = s3.put("big", data)
    done = carry_out(task(url, begin=4096 * 5000))
    assert done.step is not None
    assert replace(mark(data), lines=1000) == done.step.mark
    assert 1000 == done.step.tally.counted
    assert 4 >= s3.reads("big")


def test_an_object_that_is_written_anew_while_it_is_read_gives_no_step(s3: Bucket) -> None:
    data = b"".join(map(wide, range(6000)))
    url = s3.put("big", data)

    def write() -> None:
        s3.put("big", data[::-1])

    done = carry_out(task(url), once(write))
    assert (None, f"cannot read {url}: it was changed while it was read") == (done.step, done.fault)


def test_an_object_that_is_written_anew_after_its_last_byte_gives_no_step(s3: Bucket) -> None:
    data = b"".join(map(wide, range(2000)))
    url = s3.put("big", data)
    with open_file(url) as content:
        end = mark_at_end(content)
        assert content.still_holds(end)
        s3.put("big", data + data)
        assert not content.still_holds(end)


def test_an_object_that_came_with_one_answer_counts_as_it_was(s3: Bucket) -> None:
    """As a file does that another one was renamed over: what was read was there."""
    url = s3.put("small", LINES)

    def write() -> None:
        s3.put("small", LINES + LINES)

    planned = task(url)
    before = s3.reads("small")
    done = carry_out(planned, once(write))
    assert done.step is not None
    assert (1000, mark(LINES)) == (done.step.tally.counted, done.step.mark)
    assert 1 == s3.reads("small") - before
    assert 0 == s3.looks("small")


def test_an_object_that_is_deleted_after_its_last_byte_was_read_counts(s3: Bucket) -> None:
    url = s3.put("small", LINES)

    def delete() -> None:
        s3.delete("small")

    done = carry_out(task(url), once(delete))
    assert done.step is not None
    assert 1000 == done.step.tally.counted


def test_an_object_that_is_deleted_while_it_is_read_gives_a_sentence(s3: Bucket) -> None:
    url = s3.put("big", b"".join(map(wide, range(6000))))

    def delete() -> None:
        s3.delete("big")

    done = carry_out(task(url), once(delete))
    assert (None, f"{url} is gone while it was read") == (done.step, done.fault)


def test_an_object_is_opened_again_after_a_rest_if_it_is_the_same(s3: Bucket) -> None:
    url = s3.put("a", LINES)
    with open_file(url) as content:
        content.rest()
        assert LINES == b"".join(block.data for block in content.blocks(0))
        content.rest()
        s3.put("a", LINES[::-1])
        with pytest.raises(LogError, match="was changed while it was looked at"):
            content.span(6000, 7000)


def test_an_object_that_is_not_the_planned_one_is_not_read(s3: Bucket) -> None:
    planned = task(s3.put("a", LINES))
    s3.put("a", LINES + LINES)
    assert carry_out(planned).step is None


def test_a_server_that_is_not_there_and_missing_credentials_are_one_line(
    s3: Bucket, tmp_path: Path
) -> None:
    url = s3.put("a", LINES)
    changes: list[tuple[dict[str, str | None], str]] = [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, "Could not connect"),
        ({"AWS_ACCESS_KEY_ID": None, "HOME": str(tmp_path)}, "Unable to locate credentials"),
    ]
    for change, said in changes:
        done = opens(url, change)
        assert f"LogError: cannot read {url}: {said}" in done.stdout
        assert "" == done.stderr
        assert "the-secret-key" not in done.stdout


def test_nothing_is_left_to_complain_of_when_the_process_ends(s3: Bucket) -> None:
    done = opens(s3.put("a", LINES), {})
    assert (f"{len(LINES)}\n", "") == (done.stdout, done.stderr)


def opens(url: str, change: dict[str, str | None]) -> "subprocess.CompletedProcess[str]":
    """Open a URL in a process of its own: a file system keeps the environment it began with."""
    program = (
        "import json, sys\n"
        "from batchlog.errors import BatchlogError\n"
        "from batchlog.segments.content import open_file\n"
        "try:\n"
        "    with open_file(json.loads(sys.argv[1])) as content:\n"
        "        print(sum(len(block.data) for block in content.blocks(0)))\n"
        "except BatchlogError as error:\n"
        "    print(f'{type(error).__name__}: {error}')\n"
    )
    environment = {**os.environ, **change}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, json.dumps(url)],
        env={name: value for name, value in environment.items() if value is not None},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )


def test_without_fsspec_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "fsspec.py").write_text("raise ImportError('no module named fsspec')\n")
    done = opens("s3://bucket/a.log", {"PYTHONPATH": str(tmp_path)})
    assert (
        "ConfigError: s3://bucket/a.log: to read URLs, pip install 'batchlog[dask]'\n"
        == done.stdout
    )


@pytest.mark.parametrize("url", ["nothing://a/b", "gs://bucket/a"])
def test_a_url_that_nothing_reads_is_a_configuration_error(url: str) -> None:
    for ask in (open_file, expand):
        with pytest.raises(ConfigError, match=url):
            ask(url)


def test_files_inside_another_are_found_and_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("logs/b.log", LINES)
        packed.writestr("logs/a.log", LINES * 2)
    found = expand(f"zip://logs/*.log::{tmp_path}/a.zip")
    assert [f"zip://logs/{name}.log::{tmp_path}/a.zip" for name in "ab"] == found
    assert [LINES * 2, LINES] == [whole(url) for url in found]


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINES)
    assert [str(tmp_path / "a.log")] == expand(f"file://{tmp_path}/*.log")
    with open_file(f"file://{tmp_path}/a.log") as content:
        assert str(tmp_path / "a.log") == content.sight.path
        assert (tmp_path / "a.log").stat().st_ino == content.sight.inode
