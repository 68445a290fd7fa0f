"""Files that a URL names, through fsspec: their bytes.

A version of a remote file is known by its ETag where it has one, and it is read with few requests
of several MB each. Whatever fsspec and what lies below it raise becomes one line without secrets.
Each request has a limit in time and in bytes, and ends where a stop is asked for: what a library
does with a server that says nothing, or never stops, is not relied upon.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from batchlog.errors import ConfigError, LogError, Stop
from batchlog.segments import objects
from batchlog.segments.allowance import within
from batchlog.segments.cursor import BLOCK
from batchlog.segments.faults import clear, line_of
from batchlog.segments.patience import awaited
from batchlog.segments.source import Look, shown

FIRST = BLOCK
"""Bytes of the first request at a place: what is asked for at a time, and tells what a file is."""

AHEAD = 8 << 20
"""Bytes of each request from there on."""

LIMIT = 120.0
"""Seconds for one request, other tries of the library included."""

HEAD = 4 << 20
"""Bytes that an answer may have besides those that are asked for: of an error, or where a server
sends a whole file and it is left after the first bytes."""

WRAPPERS = (
    *("zip", "tar", "libarchive", "dir", "reference"),
    *("simplecache", "filecache", "blockcache", "cached"),
)
"""Protocols of fsspec that read what another URL names, which stands after `::`."""

_VERSIONS = ("ETag", "etag", "VersionId", "version_id", "generation", "md5Hash", "content_md5")
_TIMES = ("LastModified", "last_modified", "mtime", "modified", "updated")

T = TypeVar("T")


class Place(NamedTuple):
    """What reads such URLs, and a path in it."""

    files: Any
    path: str

    @property
    def protocols(self) -> tuple[str, ...]:
        """Its names."""
        found = self.files.protocol
        return (found,) if isinstance(found, str) else tuple(found)


def place_of(url: str) -> Place:
    """Return where a URL leads; ConfigError where nothing reads such URLs."""
    try:
        from fsspec.core import filesystem, get_filesystem_class, url_to_fs
    except ImportError:
        raise ConfigError(f"{shown(url)}: to read URLs, pip install 'batchlog[dask]'") from None
    try:
        if is_chained(url) or "::" not in url:
            return Place(*url_to_fs(url, use_listings_cache=False, **_options(url)))
        protocol = url.partition("://")[0]
        kind = get_filesystem_class(protocol)
        of_url = kind._get_kwargs_from_urls(url)  # noqa: SLF001 - as `url_to_fs` does
        more = {**of_url, **_options(url).get(protocol, {})}
        files = filesystem(protocol, use_listings_cache=False, **more)
        return Place(files, files._strip_protocol(url))  # noqa: SLF001 - the same
    except (ValueError, ImportError) as error:  # no such protocol; its package is not installed
        raise ConfigError(f"{shown(url)}: {line_of(error)}") from None


def is_chained(url: str) -> bool:
    """Return whether `::` in a URL leads to another one; in any other name it is part of that."""
    return url.partition("::")[0].partition("://")[0] in WRAPPERS


def _options(url: str) -> dict[str, Any]:
    """Return options by protocol, for those that are bounded."""
    names = [name for name in ("http", "https", "s3", "s3a") if f"{name}://" in url]
    if not names:
        return {}
    from fsspec.config import conf

    from batchlog.segments import sessions

    kinds = {"http": sessions.http, "https": sessions.http, "s3": sessions.s3, "s3a": sessions.s3}
    return {name: kinds[name](conf.get(name, {})) for name in names}


def asked(url: str, call: Callable[[], T], stop: Stop, *, gone: str = "", most: int = HEAD) -> T:
    """Return what a call finds out about a URL, which is answered with so many bytes at most.

    Raises FileNotFoundError where nothing is there, or LogError with what `gone` says of it, and
    LogError for anything else; Interrupted where a stop is asked for.
    """
    with clear(url, gone):
        return awaited(partial(within, most, call), LIMIT, stop)


class Remote:
    """An open remote file."""

    def __init__(self, url: str, stop: Stop) -> None:
        self._url = url
        self._stop = stop
        self._files, self._path = place_of(url)
        self._at, self._ahead = 0, b""
        self._file, self._look = asked(url, self._begun, stop, most=FIRST + HEAD)
        self._is_fresh = True
        self._is_whole = 0 < self._look.size == len(self._ahead)

    def pread(self, length: int, offset: int) -> bytes:
        """Return bytes of it; what follows them is read ahead where it is read on from there."""
        if self._file is None:
            self._reopen()
        begin = offset - self._at
        onward = bool(self._ahead) and 0 <= begin <= len(self._ahead)
        kept = self._ahead[begin:] if onward else b""
        if len(kept) < length and offset + len(kept) < self._look.size:
            want = max(length - len(kept), AHEAD if onward else FIRST)
            kept += self._fetch(want, offset + len(kept))
            self._at, self._ahead = offset, kept
        return kept[:length]

    def _fetch(self, length: int, offset: int) -> bytes:
        self._is_fresh = False
        length = min(length, self._look.size - offset)
        gone = f"{shown(self._url)} is gone while it was read"

        def read() -> bytes:
            self._file.seek(offset)
            data: bytes = self._file.read(length)
            return data

        data = asked(self._url, read, self._stop, gone=gone, most=length + HEAD)
        if len(data) != length:
            other = "fewer" if len(data) < length else "more"
            raise LogError(
                f"cannot read {shown(self._url)}: its server gives {other} bytes than it says"
            )
        return data

    def _begun(self) -> tuple[Any, Look]:
        """Open it, with its first bytes where one request gives both."""
        begun = objects.begin(self._files, self._path, FIRST)
        if begun is None:
            return self._opened()
        self._ahead = begun.data
        return begun.file, look_of(self._url, begun.info)

    def _opened(self) -> tuple[Any, Look]:
        file = self._files.open(self._path, "rb", cache_type="none")
        try:
            # What the file itself was opened by: S3 then refuses to read on in another version.
            info = getattr(file, "details", None) or self._files.info(self._path)
            return file, look_of(self._url, info)
        except BaseException:
            file.close()
            raise

    def _reopen(self) -> None:
        moved = f"{shown(self._url)} was changed while it was looked at: left for the next run"
        file, look = asked(self._url, self._opened, self._stop, gone=moved)
        if look != self._look:
            file.close()
            raise LogError(moved)
        self._file = file

    def hole(self, _offset: int, end: int) -> tuple[int, int]:
        """Return that there is none: no remote file tells of holes."""
        return end, end

    def look(self) -> Look | None:
        """Ask anew, but for what was just opened, or came with one answer.

        What was read of a file that has gone since is no worse for it.
        """
        if self._file is None:
            return None
        if self._is_fresh or self._is_whole:
            self._is_fresh = False
            return self._look
        self._ahead = b""
        try:
            info = asked(self._url, partial(self._files.info, self._path), self._stop)
        except FileNotFoundError:
            return self._look
        return look_of(self._url, info)

    def close(self) -> None:
        """Let go of it; connections stay with the file system, for the next file."""
        if self._file is not None:
            self._file.close()
        self._file, self._ahead = None, b""


def open_remote(url: str, stop: Stop) -> Remote:
    """Open what a URL names.

    Raises FileNotFoundError where nothing is there, ConfigError where what reads such URLs is not
    installed, LogError where it cannot be read, and Interrupted where a stop is asked for.
    """
    return Remote(url, stop)


def look_of(url: str, info: dict[str, Any]) -> Look:
    """Return how a file looks, by what its file system says of it."""
    size = info.get("size")
    if info.get("type", "file") != "file":
        raise LogError(f"{shown(url)} is not a regular file")
    if size is None:
        raise LogError(f"cannot read {shown(url)}: its server does not tell its size")
    # One of them is enough; a listing has fewer than an answer about one object.
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    number = blake2b(f"{url}\0{version}".encode(errors="surrogateescape"), digest_size=8)
    inode = int.from_bytes(number.digest()) >> 1  # fits where numbers have a sign
    times = (_nanoseconds(info[name]) for name in _TIMES if info.get(name))
    return Look((0, inode), int(size), next(times, 0), certain=bool(version))


def _nanoseconds(moment: object) -> int:
    """Return a time, of a datetime in whole seconds: HTTP has no more, and a listing may."""
    if isinstance(moment, datetime):
        return int(moment.timestamp()) * 1_000_000_000
    return round(moment * 1e9) if isinstance(moment, int | float) else 0
