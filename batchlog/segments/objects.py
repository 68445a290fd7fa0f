"""Objects of S3: how one looks, and its first bytes, with one request instead of two.

An object is replaced whole, and its ETag says by which it is: what one answer gives of it belongs
together. The requests that come after it are fsspec's own, and S3 refuses them in another version.
"""

from datetime import datetime
from typing import Any, NamedTuple


class Begun(NamedTuple):
    """An object that was asked for its first bytes."""

    file: Any
    """fsspec's, for those that follow."""
    info: dict[str, Any]
    """What `info` of its file system would say of it."""
    data: bytes


def begin(files: Any, path: str, length: int) -> Begun | None:  # noqa: ANN401 - fsspec's
    """Ask for the first `length` bytes; None where it is no such object, or they say too little.

    Raises FileNotFoundError and what else fsspec raises.
    """
    protocols = [files.protocol] if isinstance(files.protocol, str) else files.protocol
    if "s3" not in protocols or files.version_aware:
        return None
    from fsspec.asyn import sync

    begun: Begun | None = sync(files.loop, _begin, files, path, length)
    return begun


async def _begin(files: Any, path: str, length: int) -> Begun | None:  # noqa: ANN401 - the same
    bucket, key, version = files.split_path(path)
    if version:
        return None
    what = {"Bucket": bucket, "Key": key, "Range": f"bytes=0-{length - 1}", **files.req_kw}
    try:
        answer = await files._call_s3("get_object", **what)  # noqa: SLF001 - `call_s3` waits
    except (FileNotFoundError, PermissionError):
        raise
    except OSError:  # of one that is empty there is no first byte (416)
        return None
    async with answer["Body"] as body:
        data: bytes = await body.read()
    size = answer.get("ContentRange", "").rpartition("/")[2]
    modified, tag = answer.get("LastModified"), answer.get("ETag")
    if not (size.isdecimal() and isinstance(modified, datetime) and tag):
        return None
    if len(data) != min(length, int(size)):  # what follows asks again, and says what is wrong
        return None
    info = {
        "name": path,
        "type": "file",
        "size": int(size),
        "ETag": tag,
        "LastModified": modified,
    }
    file = files.open(path, "rb", cache_type="none", size=int(size))
    file.details = info
    file.read_kw = {**file.read_kw, "IfMatch": tag}
    return Begun(file, info, data)
