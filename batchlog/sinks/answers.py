"""What a gateway's answers and silences mean: a sentence each, with the next step. Pure.

A refusal shows what the gateway said, on one short line. Whatever comes from outside loses its
control characters first, and where credentials are sent all words that could be made of them.
"""

import re
import ssl
from http import HTTPStatus
from http.client import HTTPException, IncompleteRead, InvalidURL
from socket import gaierror
from typing import NamedTuple
from urllib.error import URLError
from urllib.parse import urlsplit

from batchlog.errors import GatewayRefused
from batchlog.sinks.response import Answer
from batchlog.sinks.target import Secrets, Target, without_userinfo
from batchlog.sinks.tls import meaning
from batchlog.sinks.wire import OddProxy, Tunnel

SHOWN, SHOWN_MASKED = 500, 200
"""Most characters shown of a text that is not ours; the second where credentials are sent.

A Pushgateway's own reason ends with what is wrong, behind all labels and values of the metric.
"""

_REASON = 40
"""Most characters shown of the words behind a status; those of HTTP itself have 31 at the most."""

_NO_PUSHGATEWAY = "gateway.url must lead to a Pushgateway, without /metrics at its end"

_OUT_OF_TIME = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED (x509_vfy.h)."""

_PROXY = "see http_proxy, https_proxy and no_proxy in the environment, and the proxy itself"

_ADVICE: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "where another program has one of these names as another type, set "
    'metrics.namespace; a Pushgateway before 1.5 needs gateway.compression = "none"',
    HTTPStatus.NOT_FOUND: _NO_PUSHGATEWAY,
    HTTPStatus.METHOD_NOT_ALLOWED: _NO_PUSHGATEWAY,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "http_proxy and https_proxy may hold a user and "
    "password for the proxy, no_proxy the hosts that need none",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 'set gateway.compression = "none"',
}

_WANTS_TLS = re.compile(rb"HTTP request to an HTTPS server|plain HTTP", re.IGNORECASE)
"""In a 400 of Go's net/http, or of nginx and Apache, to HTTP where TLS is spoken."""

_PATIENCE = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class Peer(NamedTuple):
    """Whom messages are about."""

    target: Target
    secrets: Secrets
    proxied: bool
    names: frozenset[str] = frozenset()
    """Of the metrics that are pushed: words that may be shown whoever says them."""

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.target.title + " (through the environment's proxy)" * self.proxied


class Fault(NamedTuple):
    """Why a try did not get through."""

    text: str
    advice: str
    again: bool = True
    """Whether another try may help."""


def fault(error: Exception, peer: Peer) -> Fault:  # noqa: PLR0911 - a table
    """Say what `error`, raised by a try, means."""
    if isinstance(error, URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, Tunnel):
        return _tunnel_fault(error.status, peer)
    if isinstance(error, ssl.SSLError):
        return _tls_fault(error, peer)
    if isinstance(error, OddProxy | gaierror | ConnectionRefusedError):
        return _no_connection(error, peer)
    if isinstance(error, TimeoutError):
        return Fault(
            f"no answer in time (gateway.timeout is {peer.target.timeout:g} s)",
            "see whether it is overloaded, or raise gateway.timeout",
        )
    if isinstance(error, OSError):
        text = error.strerror or str(error) or "the connection was lost"
        return Fault(shown(text, peer).lower(), "see whether it is up, and gateway.url")
    # Not their texts: they would show the URL or a header as it is.
    if isinstance(error, ValueError | OverflowError | InvalidURL):
        return _unusable(peer)
    if isinstance(error, HTTPException) and not isinstance(error, IncompleteRead):
        return Fault("what answers there does not speak HTTP", "correct gateway.url")
    return Fault("the connection was lost before the answer", "see whether it is up")


def _unusable(peer: Peer) -> Fault:
    if peer.proxied:
        return Fault("its URL, or that of the proxy, cannot be used", _PROXY, again=False)
    return Fault("its URL cannot be used", "correct gateway.url", again=False)


def _no_connection(error: OddProxy | gaierror | ConnectionRefusedError, peer: Peer) -> Fault:
    """Say that nobody was reached: of a proxy it is the proxy's address that is wrong."""
    if isinstance(error, OddProxy):
        return Fault("the environment's proxy is none of http://", _PROXY, again=False)
    named = isinstance(error, gaierror)
    text = f"host name leads nowhere ({error.strerror})" if named else "connection refused"
    if peer.proxied:
        return Fault(f"the proxy's {text}" if named else f"{text} by the proxy", _PROXY)
    if named:
        return Fault(f"its {text}", "correct gateway.url")
    return Fault(text, "start it, or correct gateway.url")


def _tls_fault(error: ssl.SSLError, peer: Peer) -> Fault:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"its certificate is not trusted ({error.verify_message})"
        if error.verify_code in _OUT_OF_TIME:
            return Fault(text, "renew it there, or set this host's clock", again=False)
        return Fault(
            text,
            "set gateway.ca_file to the CA that signed it, and gateway.url to a name that it bears",
            again=False,
        )
    text, advice = meaning(error, shows_certificate=peer.target.cert_file is not None)
    return Fault(text, advice)


def _tunnel_fault(status: int | None, peer: Peer) -> Fault:
    """Say what it means that a proxy opens no way to the gateway."""
    if status is None:
        return Fault("the proxy ended the connection, or does not speak HTTP", _PROXY)
    advice = _PROXY
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        advice = _ADVICE[status]
    elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
        host = urlsplit(peer.target.base).netloc
        advice = f"let it allow CONNECT to {host}, or name that host in no_proxy"
    again = status in _PATIENCE or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return Fault(f"the proxy answered {status} to CONNECT", advice, again)


def later(answer: Answer, peer: Peer) -> Fault | None:
    """Say why another try makes sense, None where it does not."""
    if answer.status in _PATIENCE or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Fault(_said(answer, peer), "see its own log, or that of a proxy before it")
    return None


def refuse(answer: Answer, peer: Peer, load: str = "") -> None:
    """Raise GatewayRefused unless `answer` is a success. `load` is what was sent, in words."""
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    said = _said(answer, peer)
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        said += f", to {_place(answer.location, peer)}, where nothing is sent"
    raise GatewayRefused(f"{peer.title} {said}; {_advice(answer, peer.target, load)}")


def refuse_other_than_200(answer: Answer, peer: Peer) -> None:
    """Raise GatewayRefused unless `answer` is a 200, the only one that holds all that was asked."""
    refuse(answer, peer)
    if answer.status != HTTPStatus.OK:
        raise GatewayRefused(
            f"{peer.title} {_said(answer, peer)}, where a Pushgateway says 200; {_NO_PUSHGATEWAY}"
        )


def refuse_page(answer: Answer, peer: Peer) -> None:
    """Raise GatewayRefused where a success comes with a text: a Pushgateway says nothing (R86)."""
    if answer.body.strip():
        raise GatewayRefused(
            f"{peer.title} {_said(answer, peer)}; no Pushgateway says that: {_NO_PUSHGATEWAY}"
        )


def accepted(answer: Answer, peer: Peer) -> str | None:
    """Return a warning, or None, for the answer to a push that succeeded.

    A Pushgateway answers 200 and nothing else; 202 where it does not check what it takes, or is
    older than 0.10.
    """
    refuse_page(answer, peer)
    if answer.status == HTTPStatus.ACCEPTED:
        return (
            f"{peer.title} took the push unchecked (202); run it without "
            "--push.disable-consistency-check to hear of mistakes"
        )
    if answer.status != HTTPStatus.OK:
        return f"{peer.title} answered {answer.status} where a Pushgateway says 200"
    return None


def shown(text: str, peer: Peer, limit: int = SHOWN) -> str:
    """Return a text from outside on one line, without secrets and control characters, cut."""
    safe = "".join(char if char.isprintable() else " " for char in text)
    line = peer.secrets.hide(" ".join(safe.split()), peer.names)
    most = min(limit, SHOWN_MASKED) if peer.secrets else limit
    return line if len(line) <= most else line[:most] + "…"


def _place(location: str, peer: Peer) -> str:
    """Return where a redirect leads; where credentials are sent, only whether that is to https."""
    if not peer.secrets:
        return shown(without_userinfo(location), peer) or "nowhere"
    host = re.escape(urlsplit(peer.target.base).hostname or "")
    to_https = re.match(rf"https://{host}(?:[:/]|$)", location, re.IGNORECASE)
    return "https on its host" if to_https else "another place"


def _said(answer: Answer, peer: Peer) -> str:
    """Return status and text of `answer`; of an HTML page its words only."""
    text = answer.body.decode("utf-8", "replace")
    if answer.kind == "text/html":
        text = re.sub(r"<[^<>]*>", " ", text)
    status = f"answered {answer.status} {shown(answer.reason, peer, _REASON)}".rstrip()
    words = shown(text, peer)
    return f"{status}: {words}" if words else status


def _advice(answer: Answer, target: Target, load: str) -> str:
    status = answer.status
    if status < HTTPStatus.BAD_REQUEST:
        return "set gateway.url to the gateway itself"
    if status == HTTPStatus.BAD_REQUEST and _WANTS_TLS.search(answer.body):
        return "begin gateway.url with https://"
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and load:
        compress = "" if target.compression == "gzip" else 'set gateway.compression = "gzip", '
        return f"the push had {load}: {compress}lower metrics.max_series or raise the limit there"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _login_advice(target)
    return _ADVICE.get(status, "see its own log, or that of a proxy before it")


def _login_advice(target: Target) -> str:
    if target.bearer_token_file is not None:
        return "check the token in gateway.bearer_token_file"
    if target.username is not None:
        return "check gateway.username and the password in gateway.password_file"
    return "set gateway.username and gateway.password_file, or gateway.bearer_token_file"
