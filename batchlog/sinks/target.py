"""A gateway as the configuration has it, and what of it lies in files: secrets and certificates.

Secrets live in a `Secrets`, which shows them to nobody and takes them out of whatever is shown.
"""

import re
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import unquote
from urllib.request import getproxies

import msgspec

from batchlog.errors import SinkUnreachable
from batchlog.smallfile import MIB, MOST_PEM, look_at, read_small, system_authorities


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

    def hide(self, text: str) -> str:
        """Return `text` without any secret, as when a server echoes a request."""
        for word in sorted(self._words, key=len, reverse=True):  # one may hold another
            text = text.replace(word, "***")
        return text


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
    proxies = tuple(_proxy_words())
    if target.bearer_token_file is not None:
        token = _read(target, "bearer_token_file", target.bearer_token_file)
        return Secrets(f"Bearer {token}", (token, *proxies))
    if target.username is not None and target.password_file is not None:
        password = _read(target, "password_file", target.password_file)
        pair = _pair(f"{target.username}:{password}")
        return Secrets(f"Basic {pair}", (pair, password, *proxies))
    return Secrets(words=proxies)


def _pair(user_and_password: str) -> str:
    return b64encode(user_and_password.encode(errors="surrogateescape")).decode()


def _proxy_words() -> Iterator[str]:
    """Yield what the environment's proxies are authorised with, in each form it may be echoed."""
    for proxy in getproxies().values():
        if found := re.match(r"(?:[^@/]*//)?([^:@]*):(.+)@", proxy, re.DOTALL):
            for user, password in (found.groups(), map(unquote, found.groups())):
                login = f"{user}:{password}"
                yield from (_pair(login), login, password)


def _read(target: Target, setting: str, path: str) -> str:
    """Return a file's text without the white space around it, as Prometheus reads such files."""
    try:
        text = read_small(path, MIB).decode().strip()
    except OSError as error:
        raise _unusable(target, setting, f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _unusable(target, setting, f"{path} is not UTF-8 text") from None
    if not text:
        raise _unusable(target, setting, f"{path} is empty")
    if setting == "bearer_token_file" and not re.fullmatch(r"[!-~]+", text):
        raise _unusable(target, setting, f"{path} does not hold one token")
    return text


def tls_context(target: Target) -> ssl.SSLContext | None:
    """Return how to speak TLS with `target`, None where it is not asked for."""
    if not target.base.startswith("https:"):
        return None
    authorities = target.ca_file or system_authorities()
    try:
        if authorities is not None:
            look_at(authorities, MOST_PEM)
        context = ssl.create_default_context(cafile=target.ca_file)
    except OSError as error:  # an SSLError too
        raise _unusable(target, "ca_file", f"{authorities}: {_why(error)}") from None
    if target.cert_file is not None:
        try:
            for path in filter(None, (target.cert_file, target.key_file)):
                look_at(path, MOST_PEM)
            # An empty password, so that OpenSSL asks nobody at a terminal for one.
            context.load_cert_chain(target.cert_file, target.key_file, password="")
        except OSError as error:
            files = " with ".join(filter(None, (target.cert_file, target.key_file)))
            raise _unusable(target, "cert_file", f"{files}: {_why(error)}") from None
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "not PEM that can be used" + (f" ({error.reason})" if error.reason else "")
    return error.strerror or str(error)


def _unusable(target: Target, setting: str, what: str) -> SinkUnreachable:
    return SinkUnreachable(f"{target.title}: gateway.{setting}: {what}")
