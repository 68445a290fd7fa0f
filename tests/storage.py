"""An S3 server on loopback, and a bucket in it for each test."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from tests.servers import serving

_SIGNED = (  # nobody verifies the signature
    "AWS4-HMAC-SHA256 Credential=writer/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


@dataclass(frozen=True)
class Storage:
    """A running server."""

    endpoint: str
    log: Path

    @property
    def env(self) -> Mapping[str, str]:
        """What a process needs in its environment to use it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "reader",
            "AWS_SECRET_ACCESS_KEY": "the-secret-key",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@dataclass(frozen=True)
class Bucket:
    """A bucket that only one test uses."""

    server: Storage
    name: str

    def create(self) -> None:
        """Make it."""
        _send(f"{self.server.endpoint}/{self.name}", "PUT")

    def url(self, key: str = "") -> str:
        """Return the URL of an object or a pattern."""
        return f"s3://{self.name}/{key}"

    def put(self, key: str, data: bytes) -> str:
        """Write an object, and return its URL."""
        _send(f"{self.server.endpoint}/{self.name}/{key}", "PUT", data)
        return self.url(key)

    def delete(self, key: str) -> None:
        """Delete an object."""
        _send(f"{self.server.endpoint}/{self.name}/{key}", "DELETE")

    def reads(self, key: str) -> int:
        """Return how many requests for bytes of an object there were."""
        return self.server.log.read_text().count(f"GET /{self.name}/{key} ")

    def looks(self, key: str) -> int:
        """Return how many requests there were for how an object looks."""
        return self.server.log.read_text().count(f"HEAD /{self.name}/{key} ")


@contextmanager
def storage(log: Path) -> Iterator[Storage]:
    """Run a server for as long as the block lasts."""

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

    with serving(command, log) as port:
        yield Storage(f"http://127.0.0.1:{port}", log)


def _send(url: str, method: str, data: bytes = b"") -> None:
    headers = {"Content-Type": "application/octet-stream", "Authorization": _SIGNED}
    request = Request(url, data, headers, method=method)  # noqa: S310 - our own
    with build_opener(ProxyHandler({})).open(request, timeout=10):
        pass
