"""Forms by magic bytes."""

import bz2
import gzip
import lzma
import sys

import pytest

from batchlog import codecs

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LINE = b'127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326\n'

COMPRESSED = {
    "gzip": gzip.compress(LINE),
    "bzip2": bz2.compress(LINE),
    "xz": lzma.compress(LINE),
    "zstd": zstd.compress(LINE),
}


@pytest.mark.parametrize("form", COMPRESSED)
def test_a_compressed_file_is_known_by_its_first_bytes_r46(form: str) -> None:
    assert form == codecs.form_of(COMPRESSED[form])
    assert form == codecs.form_of(COMPRESSED[form][:64])


@pytest.mark.parametrize("level", range(1, 10))
def test_bzip2_is_known_at_every_level_and_when_empty(level: int) -> None:
    assert codecs.form_of(bz2.compress(LINE, level)) == "bzip2"
    assert codecs.form_of(bz2.compress(b"", level)) == "bzip2"


def test_pzstd_begins_with_a_skippable_frame() -> None:
    assert codecs.form_of(b"\x50\x2a\x4d\x18\x04\0\0\0\x12\0\0\0\x28\xb5\x2f\xfd") == "zstd"


@pytest.mark.parametrize(
    ("head", "form"), [(b"\x1f", "gzip"), (b"\xfd7z", "xz"), (b"\x28\xb5", "zstd")]
)
def test_a_magic_that_is_still_being_written_counts_r34(head: bytes, form: str) -> None:
    assert form == codecs.form_of(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        LINE,
        b"\0" * 512,
        b"\0\0\0" + LINE,
        b"(",
        b"B",
        b"BZh9.example.org - - [10/Oct/2000:13:55:36 -0700]",
        b"PK.example.org - -",
        b"#Fields: date time c-ip\n",
        b'{"request": {}}\n',
        b"::1 - - [",
        b"\xc3\xa9t\xc3\xa9.example ",
        b"\xef\xbb\xbf#Fields:",
        b"\r\n",
        b"\x1b[32mhost",
    ],
)
def test_text_is_plain_whatever_it_begins_with(head: bytes) -> None:
    assert codecs.form_of(head) == "plain"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x1f\x9d\x90", "compress (.Z)"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"PK\x03\x04", "zip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07\x01\0", "rar"),
        (b"LZIP\x01", "lzip"),
        (b"\x89LZO\0\r\n\x1a\n", "lzop"),
        (b"LPKSHHRH\0", "a systemd journal"),
        (b"\x7fELF\x02", "a program"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"SQLite format 3\0", "an SQLite database"),
    ],
)
def test_what_batchlog_does_not_read_is_named_and_never_text_r45(head: bytes, kind: str) -> None:
    assert codecs.form_of(head) is None
    assert kind == codecs.kind_of(head)


def test_an_unknown_binary_is_never_text_r45() -> None:
    assert codecs.form_of(b"\x0b\x02\x80some brotli") is None
    assert codecs.kind_of(b"\x0b\x02\x80some brotli") is None
