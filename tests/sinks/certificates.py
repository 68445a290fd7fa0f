"""Certificates for tests, made by the openssl program."""

import os
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers import binary

_CONFIG = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${ENV::NAMES}
"""

_OURS = "IP:127.0.0.1, DNS:localhost"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """A CA of one's own and what it has signed."""

    def __init__(self, directory: Path, name: str = "test CA") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._config = directory / "openssl.cnf"
        self._config.write_text(_CONFIG)
        self._pair = self._make("ca", name, "ca")
        self.cert = self._pair.cert

    def issue(self, name: str, hosts: str = _OURS) -> Pair:
        """Sign a certificate for 127.0.0.1 and localhost, or for other hosts."""
        by = ("-CA", str(self._pair.cert), "-CAkey", str(self._pair.key))
        return self._make(name, name, "leaf", *by, hosts=hosts)

    def server_context(self, *, client_certificate: bool) -> ssl.SSLContext:
        """Return a server's side, which demands a client certificate of this CA if asked to."""
        pair = self.issue("server")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        if client_certificate:
            context.load_verify_locations(self.cert)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _make(self, stem: str, name: str, extensions: str, *by: str, hosts: str = _OURS) -> Pair:
        pair = Pair(self._directory / f"{stem}.pem", self._directory / f"{stem}.key")
        command = [binary("openssl"), "req", "-x509", "-nodes", "-days", "2"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-config", str(self._config), "-extensions", extensions]
        command += ["-subj", f"/CN={name}", "-out", str(pair.cert), "-keyout", str(pair.key), *by]
        environment = {**os.environ, "NAMES": hosts}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        return pair
