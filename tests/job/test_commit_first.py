"""Commit before push: a sink is never told what is not durable."""

import gzip
import os
import re
from pathlib import Path

from batchlog.errors import Exit
from tests.gateways import StandIn
from tests.site import Site


def test_r62_what_could_not_be_committed_is_told_to_no_gateway_not_even_once(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    with StandIn() as gateway:
        site.append(range(5))
        assert Exit.OK == site.run(gateway=(gateway.url,)).exit
        gateway.seen.clear()
        site.append(range(5, 9))
        os.mkdir(f"{site.checkpoint}.new")  # what cannot be written over
        assert Exit.CHECKPOINT == site.run(gateway=(gateway.url,)).exit
        assert {"5.0"} == {value for one in gateway.seen for value in _requests(one.body)}
        os.rmdir(f"{site.checkpoint}.new")
        assert Exit.OK == site.run(gateway=(gateway.url,)).exit
        assert {"9.0"} == set(_requests(gateway.seen[-1].body))


def _requests(body: bytes) -> list[str]:
    text = (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode()
    return re.findall(
        r'^batchlog_http_requests_total\{.*status="200".*\} (\S+)', text, re.MULTILINE
    )
