"""What file systems raise, and they raise anything, as one line without secrets."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from batchlog.errors import BatchlogError, LogError
from batchlog.segments.source import shown

_REASON = 200
_MISSING = (404, 410)

_OF_AIOHTTP = {
    "TooManyRedirects": "its server redirects without end",
    "NonHttpUrlRedirectClientError": "its server redirects to what is no HTTP URL",
    "InvalidUrlRedirectClientError": "its server redirects to what is no HTTP URL",
    "ClientPayloadError": "its answer ends too early",
}
"""What its errors mean whose own words are of no use; nobody went to such URLs."""


@contextmanager
def clear(url: str, gone: str) -> Iterator[None]:
    """Turn what is raised into a line about `url`; `gone` is the one where nothing is there."""
    try:
        yield
    except BatchlogError:
        raise
    except Exception as error:  # noqa: BLE001 - each has its own kinds
        if not _is_missing(error):
            raise LogError(f"cannot read {shown(url)}: {reason_of(error)}") from None
        if gone:
            raise LogError(gone) from None
        raise FileNotFoundError(errno.ENOENT, "it is not there any more", shown(url)) from None


def _is_missing(error: Exception) -> bool:
    """Tell whether nothing is there: fsspec says so of HTTP servers that answer anything else."""
    if not isinstance(error, FileNotFoundError):
        return False
    cause = error.__cause__
    if cause is None or _status(cause) in _MISSING:
        return True
    return _status(cause) is None and not type(cause).__module__.startswith("aiohttp")


def _status(error: BaseException) -> int | None:
    """Return the status of the HTTP answer that an error is about."""
    answer = getattr(error, "response", None)
    meta = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
    found = getattr(error, "status", None) or meta.get("HTTPStatusCode")
    return found if isinstance(found, int) else None


def reason_of(error: BaseException) -> str:
    """Return what is wrong, by the server's answer where there is one."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and cause is not None:
        return reason_of(cause)
    if isinstance(error, OSError) and error.errno == errno.EBUSY:  # s3fs: FileExpired
        return "it was changed while it was read"
    if said := _OF_AIOHTTP.get(type(error).__name__):
        return said
    if getattr(error, "request_info", None) is not None and _status(error):  # of aiohttp
        return f"its server answers {_status(error)} {_line(getattr(error, 'message', ''))}".strip()
    return _of_library(error)


def _of_library(error: BaseException) -> str:
    """Return what is wrong where only a library's own words say so."""
    if isinstance(error, TimeoutError):
        return "there was no answer in time"
    if isinstance(error, LookupError | TypeError | AttributeError | ValueError):  # of a parser
        return f"its server's answer cannot be understood ({line_of(error)})"
    return line_of(error)


def line_of(error: BaseException) -> str:
    """Return what an error says of itself, in one line."""
    return _line(str(error)) or type(error).__name__


def _line(text: str) -> str:
    """Return the first line of a text, printable, short and without secrets."""
    first = next(iter(text.splitlines()), "")
    return "".join(one if one.isprintable() else "?" for one in shown(first))[:_REASON]
