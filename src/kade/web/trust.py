"""TLS contexts whose trust changes while they are in use.

A client certificate is trusted when it chains to a configured authority or is registered itself. When that
changes, a new context is built, and ``sni_callback`` puts it into every handshake from then on, also of
clients that send no server name. Sessions are never resumed: a resumed one would let a revoked partner in.
"""

import contextlib
import ssl
from collections.abc import Iterable
from pathlib import Path

# TLS 1.2 stays on for the File Client, which offers no 1.3 suites (spec 2.6).
_TLS12_SUITES = (
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
)
_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class Trust:
    """The TLS of one listener.

    Raises:
        OSError: when a file is missing or is no certificate or key (ssl.SSLError is one).
    """

    def __init__(
        self, certificate: Path, key: Path, client_ca: Path | None, client_certificates: str
    ) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._verify = _VERIFY[client_certificates]
        self._registered: frozenset[bytes] = frozenset()
        self._current = self._build()
        self.context = self._current
        self.context.sni_callback = self._swap

    @property
    def asks_for_certificates(self) -> bool:
        """Whether clients are asked for a certificate."""
        return self._verify != ssl.CERT_NONE

    def register(self, certificates: Iterable[bytes]) -> None:
        """Trust exactly these certificates (DER), besides those of the authorities, from now on."""
        registered = frozenset(certificates)
        if registered != self._registered:
            self._registered = registered
            self._current = self._build()

    def _build(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_TLS12_SUITES)
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.verify_mode = self._verify
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self._client_ca is not None:
            context.load_verify_locations(self._client_ca)
        for certificate in sorted(self._registered):
            # One that OpenSSL does not read cannot shake hands anyway; the others must not depend on it.
            with contextlib.suppress(ssl.SSLError):
                context.load_verify_locations(cadata=certificate)
        return context

    def _swap(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        if connection.context is not self._current:
            connection.context = self._current
