"""TLS with a gateway: what is needed for it from files, and what its failures mean."""

import re
import ssl
from typing import NamedTuple, NoReturn

from batchlog.sinks.target import Target, unusable
from batchlog.smallfile import MOST_PEM, look_at, system_authorities


class _Encrypted(Exception):  # noqa: N818 - it names what was found
    """A key asks for a password."""


def tls_context(target: Target) -> ssl.SSLContext | None:
    """Return how to speak TLS with `target`, None where it is not asked for."""
    if not target.base.startswith("https:"):
        return None
    authorities = target.ca_file or system_authorities()
    try:
        if authorities is not None:
            look_at(authorities, MOST_PEM)
        context = ssl.create_default_context(cafile=target.ca_file)
        # Debian's Python leaves it to OpenSSL's configuration.
        context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    except OSError as error:  # an SSLError too
        raise unusable(target, "ca_file", f"{authorities}: {_why(error)}") from None
    if target.cert_file is not None:
        files = " with ".join(filter(None, (target.cert_file, target.key_file)))
        setting = "key_file" if target.key_file else "cert_file"
        try:
            for path in filter(None, (target.cert_file, target.key_file)):
                look_at(path, MOST_PEM)
            # OpenSSL asks for a password only where the key is encrypted; not at a terminal here.
            context.load_cert_chain(target.cert_file, target.key_file, password=_ask)
        except _Encrypted:
            key = target.key_file or target.cert_file
            what = f"{key}: the key is encrypted; give it without a passphrase (openssl pkey -in)"
            raise unusable(target, setting, what) from None
        except OSError as error:
            raise unusable(target, "cert_file", f"{files}: {_why(error)}") from None
    return context


def _ask() -> NoReturn:
    raise _Encrypted


def _why(error: OSError) -> str:
    if not isinstance(error, ssl.SSLError):
        return error.strerror or str(error)
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is another certificate's"
    if error.reason and error.reason.endswith(("TOO_SMALL", "TOO_WEAK")):
        return f"too weak for this system ({error.reason})"
    return "not PEM that can be used" + (f" ({error.reason})" if error.reason else "")


class Meaning(NamedTuple):
    """What a failed handshake means, and what to do."""

    text: str
    advice: str


_CERTIFICATE = "{certificate}"

_MEANINGS: tuple[tuple[tuple[str, ...], Meaning], ...] = (
    (
        ("protocol version", "unsupported protocol", "no protocols available", "version too low"),
        Meaning("it shares no version of TLS with this system", "let it speak TLS 1.2 or newer"),
    ),
    (
        ("certificate", "unknown ca", "access denied", "decrypt error"),
        Meaning("", _CERTIFICATE),
    ),
    (
        ("handshake failure",),
        Meaning("", f"{_CERTIFICATE}, or it shares no cipher with this system"),
    ),
    (("unrecognized name",), Meaning("it knows no host of that name", "correct gateway.url")),
    (
        ("too small", "too weak", "legacy sigalg", "unsafe legacy renegotiation"),
        Meaning("it is too weak for this system", "give it stronger keys, or newer software"),
    ),
    (("alert",), Meaning("", "see its own log, or that of a proxy before it")),
    (("",), Meaning("", "if it does not speak TLS, gateway.url begins with http:")),
)
"""By what OpenSSL's reason for a failure holds; the first that fits. Each alert of the other side
is such a reason (sslerr.h), so none of these words are the server's."""


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason, of which Python knows not all by name."""
    unnamed = re.match(r"\[SSL\] (.+?) \(_ssl\.c", error.strerror or "")
    return error.reason or (unnamed[1] if unnamed else "connection lost")


def meaning(error: ssl.SSLError, *, shows_certificate: bool) -> Meaning:
    """Say what a failed handshake means; `shows_certificate`: we have one of our own to show."""
    reason = _reason(error).replace("_", " ").lower()
    found = next(found for words, found in _MEANINGS if any(word in reason for word in words))
    text = f"TLS failed ({reason})" + (f": {found.text}" if found.text else "")
    ours = "it may want gateway.cert_file and gateway.key_file"
    if shows_certificate:
        ours = "it may not accept the certificate in gateway.cert_file"
    return Meaning(text, found.advice.replace(_CERTIFICATE, ours))
