"""Which files a URL or a pattern in one names (`*`, `?`, `[…]`, `**`).

Each directory is listed by a request of its own, so that one that cannot be listed does not hide
the others, and a stop is heard in between. Nothing is remembered of a listing: what is asked is
asked anew. What it says of a file spares the question about each.
"""

import re
from collections import deque
from collections.abc import Iterator
from functools import partial
from html import unescape
from typing import Any, NamedTuple
from urllib.parse import urljoin

from batchlog.errors import Interrupted, LogError, Stop
from batchlog.segments.patience import INTERRUPTED
from batchlog.segments.remote import Place, asked, is_chained, look_of, place_of
from batchlog.segments.source import Look, local, shown

PAGES = 256 << 20
"""Bytes of one listing: of half a million objects."""

MOST = 100_000
"""Directories of one pattern."""

LONGEST = 1024
"""Characters of a directory's name, as many as a key of S3 may have: a listing may name itself as
what is in it, and so on without end."""

_LINK = re.compile(r"\shref\s{0,9}=\s{0,9}[\"']?([^\"'\s>]+)", re.IGNORECASE)
_LONGEST_LINK = 4096
_SHOWN = 80


class Found(NamedTuple):
    """A file that a listing names."""

    url: str
    """A path, for `file://`."""
    look: Look | None
    """None where the listing does not say enough of it."""


def listed(pattern: str, stop: Stop) -> list[Found | LogError]:
    """Return the files that a URL or a pattern names, sorted, and what cannot be listed.

    None where nothing is found; LogError where that cannot be known, Interrupted where a stop is
    asked for.
    """
    walk = _Walk(pattern, stop)
    found = sorted(walk.found(), key=lambda one: one.url)
    if not found and not walk.problems:
        walk.check_root()
    return [*found, *walk.problems]


class _Walk:
    def __init__(self, pattern: str, stop: Stop) -> None:
        head, chain, rest = pattern.partition("::") if is_chained(pattern) else (pattern, "", "")
        self._pattern = pattern
        self._stop = stop
        self._place = place_of(pattern)
        path = self._place.path
        self._is_http = "http" in self._place.protocols
        before = head.removesuffix(path)
        if before == head:  # fsspec writes the path in another way
            before = head.partition("://")[0] + "://"
        self._before, self._after = "" if self._is_http else before, chain + rest
        self.problems: list[LogError] = []
        self._is_endless = False

    def found(self) -> Iterator[Found]:
        """Yield the files, in no order."""
        path = self._place.path
        magic = re.search(r"[*\[]" if self._is_http else r"[*?\[]", path)
        if magic is None:
            yield from self._named(path)
            return
        from fsspec.utils import glob_translate

        matches = re.compile(glob_translate(path)).match
        root = path[: path.rfind("/", 0, magic.start()) + 1]
        depth = None if "**" in path else path.count("/", len(root)) + 1
        if not root and "s3" in self._place.protocols:
            raise LogError(f"{shown(self._pattern)} names no bucket")
        for info in self._files(root, depth):
            if matches(info["name"]):
                yield self._one(info)

    def _named(self, path: str) -> Iterator[Found]:
        """Yield what has just that name."""
        try:
            info = asked(self._pattern, partial(self._place.files.info, path), self._stop)
        except FileNotFoundError:
            return
        if info["type"] == "file":
            yield self._one({**info, "name": path})

    def _files(self, root: str, depth: int | None) -> Iterator[dict[str, Any]]:
        """Yield what is said of all files below a directory, down to a depth."""
        if depth is None and "s3" in self._place.protocols:  # one listing of all keys
            yield from self._list(root, deep=True)
            return
        waiting, seen = deque([(root, 1)]), {root.rstrip("/")}
        while waiting:
            if self._stop:
                raise Interrupted(INTERRUPTED)
            directory, level = waiting.popleft()
            for info in self._entries(directory):
                name = info["name"].rstrip("/")
                if info["type"] == "file":
                    yield info
                elif name not in seen and (depth is None or level < depth):
                    seen.add(name)
                    waiting.append((info["name"], level + 1))
            if len(seen) > MOST:
                raise LogError(f"{shown(self._pattern)}: more directories than {MOST:,}")

    def _entries(self, directory: str) -> list[dict[str, Any]]:
        """Return what is said of the files in a directory; none where it cannot be listed."""
        if len(directory) > LONGEST:
            if not self._is_endless:  # said once
                self.problems.append(_endless(directory))
            self._is_endless = True
            return []
        try:
            return self._list(directory)
        except LogError as problem:
            self.problems.append(problem)
            return []

    def _list(self, directory: str, *, deep: bool = False) -> list[dict[str, Any]]:
        files = self._place.files
        if self._is_http:
            ask = partial(_of_page, self._place, directory)
        elif deep:
            ask = partial(_below, self._place, directory)
        else:
            ask = partial(files.ls, directory.rstrip("/"), detail=True)
        url = f"{self._before}{directory}{self._after}"
        try:
            return list(asked(url, ask, self._stop, most=PAGES))
        except FileNotFoundError:
            return []

    def _one(self, info: dict[str, Any]) -> Found:
        url = local(f"{self._before}{info['name']}{self._after}")
        if info.get("size") is None:
            return Found(url, None)
        look = look_of(url, info)
        return Found(url, look if look.certain else None)

    def check_root(self) -> None:
        """Raise LogError where a bucket does not exist: nothing is found in it, without a word."""
        path = self._place.path
        root = path.partition("/")[0]
        if not root or "://" in path or set(root) & set("*?["):
            return
        gone = f"{shown(self._pattern)}: there is no {root}"
        if not asked(self._pattern, partial(self._place.files.exists, root), self._stop, gone=gone):
            raise LogError(gone)


def _endless(name: str) -> LogError:
    return LogError(
        f"{shown(name)[:_SHOWN]}…: directories inside one another without end, as a server gives "
        "them whose listing names itself: name the files with fewer '**'"
    )


def _below(place: Place, directory: str) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = place.files.find(directory, detail=True)
    return list(found.values())


def _of_page(place: Place, url: str) -> list[dict[str, Any]]:
    """Return what the links of a page name that stands for a directory.

    fsspec looks for them with an expression that a page may keep busy for ever.
    """
    page = place.files.cat_file(url).decode(errors="replace")
    tags = (tag[:_LONGEST_LINK].partition(">")[0] for tag in page.split("<"))
    links = (_LINK.search(tag) for tag in tags if tag[:1] in ("a", "A"))
    names = {urljoin(url, unescape(link[1])) for link in links if link}
    return [
        {"name": name, "size": None, "type": "directory" if name.endswith("/") else "file"}
        for name in names
        if name.startswith(url) and name != url
    ]
