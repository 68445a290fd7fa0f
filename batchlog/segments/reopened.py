"""The file that was looked at a moment ago, for who reads it next.

To open a remote one takes a request, and with it most of them have been read.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Self

from batchlog.errors import Stop
from batchlog.segments.content import OpenFile, open_file

Open = Callable[..., AbstractContextManager[OpenFile]]
"""Opens a path while a block lasts, given a `stop`: `open_file`, or one of `LastOpened`."""


class LastOpened:
    """Keeps one file open; a context manager that closes it."""

    def __init__(self) -> None:
        self._path = ""
        self._content: OpenFile | None = None

    @contextmanager
    def anew(self, path: str, *, stop: Stop | None) -> Iterator[OpenFile]:
        """Open a file, as `open_file` does, and keep it open until the next one is."""
        self.close()
        self._path, self._content = path, open_file(path, stop=stop)
        yield self._content

    @contextmanager
    def again(self, path: str, *, stop: Stop | None) -> Iterator[OpenFile]:
        """Give the file that was opened last; open it where it is another one."""
        if self._content is not None and path == self._path:
            yield self._content
        else:
            with open_file(path, stop=stop) as content:
                yield content

    def close(self) -> None:
        """Close what is open."""
        if self._content is not None:
            self._content.close()
        self._content = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
