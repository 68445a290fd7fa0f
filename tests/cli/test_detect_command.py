"""`batchlog detect`: format, field by field, share, and the column where matching stops."""

import bz2
import gzip
import lzma

import pytest

from tests.cli.program import Program, data, fails, plain_user
from tests.site import lines

SHARED = {
    "elastic-examples/apache_logs/apache_logs": "combined",
    "nasa-http/nasa_sample.log": "common",
    "lnav/docs/tutorials/playground/logs/access_log.gz": "combined",
    "lnav/test/logfile_shop_access_log.0": "combined",
    "lnav/test/logfile_access_log.0": "combined",
    "lnav/test/logfile_access_log.1": "combined",
    "lnav/test/logfile_bad_access_log.0": "combined",
    "mtail/apache-common.log": "common",
    "mtail/apache-combined.log": "combined",
}


@pytest.mark.parametrize("name", SHARED)
def test_real_logs_are_in_the_format_that_their_source_says(program: Program, name: str) -> None:
    path = data(name)
    done = program("detect", path)
    assert 0 == done.exit, done.err
    assert f"{path}: {SHARED[name]}" == done.out.splitlines()[0]


@pytest.mark.parametrize(
    "name",
    [
        "lnav/test/logfile_w3c.0",
        "lnav/test/logfile_caddy_log.0",
        "lnav/test/logfile_cloudflare.json",
        "lnav/test/logfile_haproxy.0",
        "lnav/test/logfile_uwsgi.0",
        "lnav/test/logfile_bro_http.log.0",
        "lnav/format_samples.jsonl",
    ],
)
def test_real_logs_in_other_formats_are_a_65_with_the_next_step(
    program: Program, name: str
) -> None:
    done = program("detect", data(name))
    assert 65 == done.exit
    assert "no format that batchlog knows" in done.out
    assert "--format" in done.out
    assert "column" in done.out


@pytest.mark.parametrize("name", ["logfile_invalid_utf8.0", "logfile_crlf.0"])
def test_bytes_that_are_no_text_and_crlf_are_no_crash(program: Program, name: str) -> None:
    done = program("detect", data(f"lnav/test/{name}"))
    assert done.exit in (0, 65)
    assert "Traceback" not in done.err


def test_a_bad_line_is_shown_with_its_column(program: Program) -> None:
    done = program("detect", data("lnav/test/logfile_bad_access_log.0"))
    assert "line 2: matching stops at column" in done.out


def test_fields_are_shown_one_by_one_with_their_meaning(program: Program) -> None:
    program.log(3)
    done = program("detect", program.access)
    assert "of 3 lines 3 count (100.0%), 3 match to their end" in done.out
    assert "192.0.2.0" in done.out
    assert "GET /n/0 HTTP/1.1" in done.out
    assert "200" in done.out


def test_a_format_can_be_tried(program: Program) -> None:
    program.log(3)
    done = program("detect", "--format", "vhost_combined", program.access)
    assert "of 3 lines 0 count" in done.out
    assert "line 1: matching stops at column" in done.out


def test_the_format_comes_from_the_environment(program: Program) -> None:
    program.log(3)
    done = program("detect", program.access, env={"BATCHLOG_FORMAT": "vhost_combined"})
    assert f"{program.access}: vhost_combined" in done.out


def test_an_unknown_format_is_a_2(program: Program) -> None:
    program.log(3)
    fails(program("detect", "--format", "combinde", program.access), 2, "combined")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_are_looked_into(program: Program, pack: object) -> None:
    assert callable(pack)
    path = program.site.logs / "archive"
    path.write_bytes(pack(lines(range(10))))
    done = program("detect", path)
    assert f"{path}: combined" in done.out


def test_several_files_are_each_shown_and_the_worst_decides(program: Program) -> None:
    program.log(3)
    done = program("detect", program.access, program.root / "none", program.config)
    assert 65 == done.exit
    assert f"{program.access}: combined" in done.out
    assert f"{program.root}/none: there is no such file" in done.err


def test_files_that_cannot_be_looked_into_are_one_clear_line_each(program: Program) -> None:
    program.log(1).chmod(0)
    binary = program.root / "binary"
    binary.write_bytes(b"\x7fELF\x02" * 100)
    empty = program.root / "empty"
    empty.touch()
    for path in (program.access, binary, empty, program.root, "/dev/null"):
        done = program("detect", path, before=plain_user())
        fails(done, 65, str(path))
        assert 1 == len(done.err.splitlines())


def test_a_single_line_without_its_end_is_detected(program: Program) -> None:
    program.access.write_bytes(lines(1).rstrip())
    assert 0 == program("detect", program.access).exit
