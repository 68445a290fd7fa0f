"""Files that a URL names, through fsspec: which there are, and their bytes.

A version of a remote file is known by its ETag where it has one, and it is read with few requests
of several MB each. Whatever fsspec and what lies below it raise becomes one line without secrets.
Nothing is remembered of a listing: what is asked is asked anew.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any

from batchlog.errors import BatchlogError, ConfigError, LogError
from batchlog.segments.cursor import BLOCK
from batchlog.segments.source import Look, local, shown

FIRST = BLOCK
"""Bytes of the first request at a place: what is asked for at a time, and tells what a file is."""

AHEAD = 8 << 20
"""Bytes of each request from there on."""

_VERSIONS = ("ETag", "etag", "VersionId", "version_id", "generation", "md5Hash", "content_md5")
_TIMES = ("LastModified", "last_modified", "mtime", "modified", "updated")
_REASON = 200


def expand(pattern: str) -> list[str]:
    """Return the URLs of the files that a URL or a pattern (`*`, `?`, `[…]`, `**`) names, sorted.

    None where nothing is found; LogError where that cannot be known. Paths come for `file://`.
    """
    head, chain, rest = pattern.partition("::")
    with _clear(pattern, gone=f"{shown(pattern)}: there is no such bucket or directory"):
        files, path = _file_system(pattern)
        found = sorted(
            name for name, info in files.glob(path, detail=True).items() if info["type"] == "file"
        )
        if not found:
            _check_root(files, path, pattern)
    before = head.removesuffix(path)
    if before == head and "://" not in path:  # fsspec writes the path in another way
        before = head.partition("://")[0] + "://"
    return [local(f"{before if '://' not in name else ''}{name}{chain}{rest}") for name in found]


def _check_root(files: Any, path: str, pattern: str) -> None:  # noqa: ANN401 - untyped fsspec
    """Raise LogError where a bucket does not exist: a glob finds nothing in it, and is silent."""
    root = path.partition("/")[0]
    if root and "://" not in path and not set(root) & set("*?[") and not files.exists(root):
        raise LogError(f"{shown(pattern)}: there is no {root}")


class Remote:
    """An open remote file."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._files, self._path = _file_system(url)
        self._file, self._look = self._opened()
        self._at, self._ahead = 0, b""

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
        with _clear(self._url, gone=f"{shown(self._url)} is gone while it was read"):
            self._file.seek(offset)
            data: bytes = self._file.read(min(length, self._look.size - offset))
            return data

    def _opened(self) -> tuple[Any, Look]:
        file = self._files.open(self._path, "rb", cache_type="none")
        try:
            # What the file itself was opened by: S3 then refuses to read on in another version.
            info = getattr(file, "details", None) or self._files.info(self._path)
            return file, _look(self._url, info)
        except BaseException:
            file.close()
            raise

    def _reopen(self) -> None:
        moved = f"{shown(self._url)} was changed while it was looked at: left for the next run"
        with _clear(self._url, gone=moved):
            file, look = self._opened()
        if look != self._look:
            file.close()
            raise LogError(moved)
        self._file = file

    def hole(self, _offset: int, end: int) -> tuple[int, int]:
        """Return that there is none: no remote file tells of holes."""
        return end, end

    def look(self) -> Look | None:
        """Ask anew; what was read of a file that has gone since is no worse for it."""
        if self._file is None:
            return None
        self._ahead = b""
        with _clear(self._url):
            try:
                return _look(self._url, self._files.info(self._path))
            except FileNotFoundError:
                return self._look

    def close(self) -> None:
        """Let go of it; connections stay with the file system, for the next file."""
        if self._file is not None:
            self._file.close()
        self._file, self._ahead = None, b""


def open_remote(url: str) -> Remote:
    """Open what a URL names.

    Raises FileNotFoundError where nothing is there, ConfigError where what reads such URLs is not
    installed, and LogError where it cannot be read.
    """
    with _clear(url):
        return Remote(url)


def _look(url: str, info: dict[str, Any]) -> Look:
    size = info.get("size")
    if info.get("type", "file") != "file":
        raise LogError(f"{shown(url)} is not a regular file")
    if size is None:
        raise LogError(f"cannot read {shown(url)}: its server does not tell its size")
    version = "\0".join(str(info[name]) for name in _VERSIONS if info.get(name))
    number = blake2b(f"{url}\0{version}".encode(errors="surrogateescape"), digest_size=8)
    inode = int.from_bytes(number.digest()) >> 1  # fits where numbers have a sign
    times = (_nanoseconds(info[name]) for name in _TIMES if info.get(name))
    return Look((0, inode), int(size), next(times, 0), certain=bool(version))


def _nanoseconds(moment: object) -> int:
    if isinstance(moment, datetime):
        return round(moment.timestamp() * 1_000_000) * 1000
    return round(moment * 1e9) if isinstance(moment, int | float) else 0


def _file_system(url: str) -> tuple[Any, str]:
    """Return what reads such URLs, and the path in it."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise ConfigError(f"{shown(url)}: to read URLs, pip install 'batchlog[dask]'") from None
    try:
        files, path = url_to_fs(url, use_listings_cache=False)
    except (ValueError, ImportError) as error:  # no such protocol; its package is not installed
        raise ConfigError(f"{shown(url)}: {_reason(error)}") from None
    return files, path


@contextmanager
def _clear(url: str, gone: str = "") -> Iterator[None]:
    """Turn what file systems raise, and they raise anything, into a line about `url`."""
    try:
        yield
    except BatchlogError:
        raise
    except FileNotFoundError:
        if not gone:
            raise
        raise LogError(gone) from None
    except Exception as error:  # noqa: BLE001 - each has its own kinds
        changed = isinstance(error, OSError) and error.errno == errno.EBUSY  # s3fs: FileExpired
        reason = "it was changed while it was read" if changed else _reason(error)
        raise LogError(f"cannot read {shown(url)}: {reason}") from None


def _reason(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return shown(lines[0])[:_REASON]
