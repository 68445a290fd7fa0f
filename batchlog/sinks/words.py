"""The words of a server that may be shown though it was sent credentials. Pure.

A server that was sent a password or token may echo it in any form: in capitals, backwards, in
base64, a letter a line. No form is looked for. Instead:

1. A word is shown only if it stands in a list that was there before the server spoke: words of the
   messages below, and the names of the metrics that we pushed ourselves.
2. It is shown as the list has it, with one of four marks behind it at the most. Numbers and
   single letters are on no list.
3. A word that a secret holds, forwards or backwards, is on no list.

So nothing that is shown was made from a secret, whatever was done to it.
"""

from collections.abc import Container
from http import HTTPStatus

HIDDEN = "***"
"""Stands for any number of words that are not shown."""

_MARKS = ".,:;"
_AROUND = _MARKS + "\"'`()[]{}<>!?"

_MESSAGES = """
pushed metrics are invalid or inconsistent with existing metrics
text format parsing error in line
pushed metrics must not have timestamps
job name is required, invalid label name, improper label name, reserved label name
collected metric was collected before with the same name and label values
collected metric is not a Counter, Gauge, Histogram, Summary, Untyped, COUNTER, GAUGE, HISTOGRAM,
SUMMARY, UNTYPED
gathered metric family has type but should have help
a histogram where another group has two or more labels, label dimensions inconsistent with
previously collected metrics in the same metric family
has explicit label, a label value that is not valid UTF-8, duplicate label names for metric
expected float as value, got; unexpected end of input stream; unknown metric type; invalid metric
name in comment; invalid escape sequence; second TYPE line, HELP line for metric name, or reported
after samples; duplicate series
An error has occurred while serving metrics, errors occurred
gzip: invalid header, checksum; unexpected EOF, unsupported content encoding
Client sent an HTTP request to an HTTPS server
http: request body too large, too big; page not found; no space left on device; dial tcp; connection
refused; connection reset by peer; i/o timeout; context deadline exceeded; no such host
The plain HTTP request was sent to HTTPS port
Welcome to nginx, Apache, It works
Authorization Required; This server could not verify that you are authorized to access the document
requested; Either you supplied the wrong credentials, bad password, or your browser does not
understand how to supply the credentials required
The requested URL was not found on this server
The server encountered an internal error or misconfiguration and was unable to complete your request
The proxy server received an invalid response from an upstream server
No server is available to handle this request; Your browser sent an invalid request; The server
did not respond in time; Request forbidden by administrative rules
You need a valid user and password to access this content
upstream connect error or disconnect/reset before headers; reset reason: connection failure,
connection termination, connection timeout, overflow; no healthy upstream; upstream request timeout
RBAC: access denied; Jwt is missing, is expired, verification fails
invalid username or password; invalid credentials; invalid token; token is expired, revoked, missing
please log in, sign in, login; Access Denied; Cache Access Denied; URL could not be retrieved
rate limit exceeded, quota exceeded, try again later, blocked, maintenance; default backend
You don't have permission to access this resource
"""
"""What Pushgateway and the libraries below it (client_golang, common/expfmt, net/http), nginx,
Apache, HAProxy, Envoy, Squid and login proxies say, as far as it helps a person."""

_PHRASES = (status.phrase for status in HTTPStatus)
_WORDS = {word.strip(_AROUND) for text in (_MESSAGES, *_PHRASES) for word in text.split()}
_LISTED = {word for word in _WORDS if len(word) > 1}
_KNOWN = _LISTED | {word.lower() for word in _LISTED} | {word.capitalize() for word in _LISTED}


def masked(text: str, names: Container[str], secrets: tuple[str, ...]) -> str:
    """Return the words of `text` that are listed or among `names`, `HIDDEN` for all others."""
    words: list[str] = []
    for word in text.split():
        core = word.strip(_AROUND)
        if (core in _KNOWN or core in names) and not _held(core, secrets):
            words.append(core + (word[-1] if word[-1] in _MARKS else ""))
        elif words[-1:] != [HIDDEN]:
            words.append(HIDDEN)
    return " ".join(words)


def _held(word: str, secrets: tuple[str, ...]) -> bool:
    """Whether a secret holds a word; of a word of two letters, whether it is one."""
    forms = (word.casefold(), word[::-1].casefold())
    folded = [secret.casefold() for secret in secrets]
    if len(word) < 3:  # noqa: PLR2004 - any long token holds most of these
        return any(form == secret for form in forms for secret in folded)
    return any(form in secret for form in forms for secret in folded)
