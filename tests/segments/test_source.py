"""URLs as they may be shown, and how they are told from paths."""

import pytest

from batchlog.segments.source import is_url, local, shown


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/a.gz",
        "s3://bucket/log-?.gz",
        "s3://bucket/log-[ab].gz",
        "s3://bucket/log-?/dt=2026-01-01/a.gz",
        "s3://bucket/dt=2026-01-01/a.gz",
        "s3://bucket/nginx@web1/access.log",
        "https://host:8080/logs/access.log",
        "file:///var/log/nginx@web1.log",
        "zip://*.log::s3://bucket/a.zip",
        "simplecache::s3://bucket/logs/**/*.gz",
        "/var/log/a@b?c=d",
        "/var/log/a:b@c;d=e#f=g",
        "cannot read s3://bucket/a.gz: ask admin@example.org",
    ],
)
def test_what_holds_no_secret_is_shown_as_it_is(text: str) -> None:
    assert text == shown(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sftp://me:pass%40word@host/a.gz", "sftp://***@host/a.gz"),
        ("s3://AKIA:hunter2@bucket/a.gz", "s3://***@bucket/a.gz"),
        ("s3://AKIA:hun/ter2@bucket/a.gz", "s3://***@bucket/a.gz"),
        ("s3://AKIA:/hunter/2+=@bucket/*.gz", "s3://***@bucket/*.gz"),
        ("s3://AKIA:hun?ter2@bucket/a.gz", "s3://***@bucket/a.gz"),
        ("s3://AKIA:hun#ter2@bucket/a.gz", "s3://***@bucket/a.gz"),
        ("https://hunter2@host/a.gz", "https://***@host/a.gz"),
        ("ftp://user@corp:hunter2@host/x", "ftp://***@host/x"),
        ("simplecache::http://u@v:hunter2@host/x", "simplecache::http://***@host/x"),
        ("zip://a.log::ftp://u:hunter2@host/x", "zip://***@host/x"),
        ("https://host/a#token=hunter2", "https://host/a#token=***"),
        ("https://host/a;token=hunter2", "https://host/a;token=***"),
        ("https://host/a?b=hun;ter2#c=hunter2&d=e", "https://host/a?b=***&d=***"),
        (
            "403, url='https://host/a?X-Amz-Signature=abc&X-Amz-Date=1'",
            "403, url='https://host/a?X-Amz-Signature=***&X-Amz-Date=***'",
        ),
        (
            "cannot read ftp://u:hun/ter2@host/a: no ftp://u:hun/ter2@host/a",
            "cannot read ftp://***@host/a: no ftp://***@host/a",
        ),
    ],
)
def test_what_is_shown_of_a_url_holds_no_secret(text: str, expected: str) -> None:
    assert expected == shown(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/a", True),
        ("zip://*::s3://bucket/a.zip", True),
        ("simplecache::s3://bucket/a", True),
        ("/var/log/s3://bucket", False),
        ("access.log", False),
        ("logs::a", False),
    ],
)
def test_a_url_is_told_from_a_path(path: str, expected: bool) -> None:
    assert expected == is_url(path)
    assert path == local(path)
