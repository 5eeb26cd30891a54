"""Requests → callers: by client certificate, bearer key, access token, or name and password.

The certificate is the one of the TLS connection; on a listener that stands behind proxies it is the one in a
header, and then only when the request comes from a listed proxy. It is looked up on every request.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from cryptography.x509 import Certificate, load_pem_x509_certificates
from starlette.requests import Request

from kade.auth import bearer, client_certificate
from kade.auth.authority import CertificateError, first_certificate
from kade.auth.password import Passwords
from kade.auth.revocation import RevocationLists
from kade.auth.tokens import Tokens, Verified
from kade.config import Listener
from kade.core.errors import AccessReason, KadeError
from kade.core.networks import canonical, cover
from kade.core.ports import Catalog
from kade.core.principals import Caller, Origin
from kade.services.installing import local_operator
from kade.web.middleware.forwarded import client_of


@dataclass(frozen=True, slots=True)
class CertificateHeader:
    """The header in which proxies of these networks pass the client's certificate (PEM or base64 DER)."""

    name: str
    proxies: str

    @classmethod
    def of(cls, name: str, proxies: tuple[str, ...]) -> "CertificateHeader | None":
        """None when no header is configured."""
        return cls(name, canonical(proxies)) if name else None


def certificate_headers(listeners: Mapping[str, Listener]) -> dict[str, CertificateHeader | None]:
    """By a listener's name: the header in which certificates are passed on to it."""
    return {
        name: CertificateHeader.of(each.client_certificate_header, each.trusted_proxies)
        for name, each in listeners.items()
    }


def client_authorities(listeners: Mapping[str, Listener]) -> dict[str, Sequence[Certificate]]:
    """By a listener's name: the authorities of client certificates; none where the default's is missing."""
    return {
        name: load_pem_x509_certificates(each.client_ca.read_bytes())
        for name, each in listeners.items()
        if each.client_ca is not None and (each.tls or each.client_crls or each.client_ca.exists())
    }


class Authentication:
    """Finds out who is calling."""

    def __init__(
        self,
        catalog: Catalog,
        passwords: Passwords,
        headers: dict[str, CertificateHeader | None],
        authorities: dict[str, Sequence[Certificate]],
        revocations: Mapping[str, RevocationLists],
    ) -> None:
        """By a listener's name: *headers*, *authorities* (of client certificates), *revocations*."""
        self._catalog = catalog
        self._passwords = passwords
        self._headers = headers
        self._authorities = authorities
        self._revocations = revocations

    async def by_certificate(self, request: Request, *, by_oin: bool = False) -> Caller:
        """The caller that the client certificate proves.

        Raises as ``client_certificate.authenticate`` and ``RevocationLists.require_good`` do.
        """
        certificate = self._certificate(request)
        authorities = self._authorities.get(request.scope["kade.listener"], ()) if by_oin else ()
        caller = await self._catalog.glance(
            client_certificate.authenticate, certificate, origin_of(request), authorities
        )
        remember(request, caller)
        lists = self._revocations.get(request.scope["kade.listener"])
        if lists is not None and certificate is not None:
            lists.require_good(certificate)
        return caller

    async def by_any(self, request: Request) -> Caller:
        """The caller that an ``Authorization`` header or else the client certificate proves.

        Raises:
            KadeError: an ``AccessReason`` of code ``unauthenticated``.
        """
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            caller = await self._catalog.glance(bearer.authenticate, value.strip(), origin_of(request))
        elif scheme.lower() == "basic":
            name, password = _basic(value)
            caller = await self._passwords.authenticate(name, password, origin_of(request))
        elif scheme:
            raise KadeError(AccessReason.UNKNOWN_CREDENTIAL)
        else:
            return await self.by_certificate(request)
        return remember(request, caller)

    async def by_token(self, request: Request, tokens: Tokens) -> Verified:
        """The caller whose access token the request brings, in its header alone (RFC 6750, 2.1).

        Raises as ``Tokens.verify`` does, and ``AccessReason.NO_CREDENTIAL`` without a token.
        """
        values = request.headers.getlist("authorization")
        scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            raise KadeError(AccessReason.NO_CREDENTIAL)
        verified = await tokens.verify(token.strip(), origin_of(request))
        remember(request, verified.caller)
        return verified

    async def by_nothing(self, request: Request) -> Caller:
        """The local operator, for an API that is configured to ask for no credential."""
        caller = replace(await self._catalog.read(local_operator), origin=origin_of(request))
        return remember(request, caller)

    def _certificate(self, request: Request) -> bytes | None:
        header = self._headers.get(request.scope["kade.listener"])
        if header is not None:
            return _passed_on(request, header)
        tls = request.scope["extensions"].get("tls") or {}
        certificate: bytes | None = tls.get("client_cert")
        return certificate


def origin_of(request: Request) -> Origin:
    """Where the request comes from, for events."""
    scope = request.scope
    return Origin(scope.get("kade.operation", ""), scope.get("kade.request_id", ""), client_of(scope))


def caller_of(request: Request) -> Caller | None:
    """The caller that this request was found to come from, if it was."""
    caller: Caller | None = request.scope.get("kade.caller")
    return caller


def placed(request: Request) -> Caller:
    """The caller that was found out, coming from where the request is by now: its operation is known."""
    caller = caller_of(request)
    assert caller is not None
    return remember(request, replace(caller, origin=origin_of(request)))


def remember(request: Request, caller: Caller) -> Caller:
    """Have the request count as *caller*'s from here on: in the log, the events and refusals."""
    request.scope["kade.caller"] = caller
    return caller


def _passed_on(request: Request, header: CertificateHeader) -> bytes | None:
    client = request.client
    values = request.headers.getlist(header.name)
    if len(values) != 1 or client is None:
        return None  # several: the client sent one, too, and nobody knows which is the proxy's
    if not cover(header.proxies, client.host):
        return None
    return _certificate_in(values[0])


@lru_cache(256)  # a partner's requests all bring the same one
def _certificate_in(value: str) -> bytes | None:
    try:
        return first_certificate(unquote_to_bytes(value))
    except CertificateError:
        return None


def _basic(value: str) -> tuple[str, str]:
    try:
        name, separator, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError as error:  # not Base64, not even US-ASCII, or not UTF-8
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL) from error
    if not separator:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL)
    return name, password
