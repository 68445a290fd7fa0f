"""A gateway as the configuration has it, and what of it lies in files: its secrets.

Secrets live in a `Secrets`, which shows them to nobody, and nothing of a server's words that could
be made of them.
"""

import re
from base64 import b64encode
from collections.abc import Container, Iterator, Mapping
from urllib.parse import unquote
from urllib.request import getproxies

import msgspec

from batchlog.errors import SinkUnreachable
from batchlog.sinks.words import masked
from batchlog.smallfile import MIB, read_small


class Target(msgspec.Struct, frozen=True):
    """One gateway, our group on it, and how to speak to it; durations in seconds."""

    url: str
    job: str
    grouping: Mapping[str, str]
    timeout: float = 10
    """For one request from looking up the host to the last byte of the answer."""
    retry_for: float = 30
    """For all tries of a push and the pauses between them; 0 = one try."""
    username: str | None = None
    password_file: str | None = None
    bearer_token_file: str | None = None
    ca_file: str | None = None
    """CAs to trust instead of the system's."""
    cert_file: str | None = None
    key_file: str | None = None
    compression: str = "gzip"
    """Or "none"."""

    @property
    def base(self) -> str:
        """The URL with its scheme (http where there is none) and no slash at the end."""
        url = self.url if re.match(r"https?://", self.url) else f"http://{self.url}"
        return url.rstrip("/")

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"gateway {without_userinfo(self.base)}"

    @property
    def group(self) -> dict[str, str]:
        """The labels of our group."""
        return {"job": self.job, **self.grouping}

    @property
    def budget(self) -> float:
        """Seconds for all tries together."""
        return self.retry_for or self.timeout


class Secrets:
    """What a request is authorised with."""

    def __init__(self, authorization: str = "", words: tuple[str, ...] = ()) -> None:
        self.authorization = authorization
        """The header's value; empty where none is sent."""
        self._words = words  # must not be shown

    def __bool__(self) -> bool:
        """Whether a server may be sent anything that must not be shown."""
        return bool(self._words)

    def hide(self, text: str, names: Container[str] = ()) -> str:
        """Return `text` as it may be shown; where there are secrets, only known words of it.

        `names` are words of ours.
        """
        return masked(text, names, self._words) if self else text


def without_userinfo(url: str) -> str:
    """Return `url` without a name and password in front of its host."""
    return re.sub(r"//[^/?#]*@", "//", url)


def read_secrets(target: Target) -> Secrets:
    """Read the password or token of `target`; SinkUnreachable where that cannot be done."""
    if target.base != without_userinfo(target.base):
        raise SinkUnreachable(
            f"{target.title}: its URL holds a user or password; give them as gateway.username and "
            "gateway.password_file instead"
        )
    proxies = tuple(_proxy_passwords())
    if target.bearer_token_file is not None:
        token = _read(target, "bearer_token_file", target.bearer_token_file)
        return Secrets(f"Bearer {token}", (token, *proxies))
    if target.username is not None and target.password_file is not None:
        password = _read(target, "password_file", target.password_file)
        pair = b64encode(f"{target.username}:{password}".encode(errors="surrogateescape"))
        return Secrets(f"Basic {pair.decode()}", (password, *proxies))
    return Secrets(words=proxies)


def _proxy_passwords() -> Iterator[str]:
    """Yield what the environment's proxies are authorised with."""
    for proxy in getproxies().values():
        if found := re.match(r"(?:[^@/]*//)?([^:@]*):(.+)@", proxy, re.DOTALL):
            yield unquote(found[2])


def _read(target: Target, setting: str, path: str) -> str:
    """Return a file's text without the white space around it, as Prometheus reads such files."""
    try:
        text = read_small(path, MIB).decode().strip()
    except OSError as error:
        raise unusable(target, setting, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise unusable(target, setting, f"{path} is not UTF-8 text") from None
    if not text:
        raise unusable(target, setting, f"{path} is empty")
    if setting == "bearer_token_file" and not re.fullmatch(r"[!-~]+", text):
        raise unusable(target, setting, f"{path} does not hold one token")
    return text


def unusable(target: Target, setting: str, what: str) -> SinkUnreachable:
    """Return the error that says what is wrong with a setting of `target`."""
    return SinkUnreachable(f"{target.title}: gateway.{setting}: {what}")
