"""A presented client certificate → who it is.

The exact DER decides: the certificate must be registered and unrevoked, whatever authority signed it. Where
an instance asks for it, the OIN in the subject of a certificate that a configured authority signed counts as
well (Grote Berichten, GB009). That a TLS handshake passed is not enough for that: there a certificate that is
registered itself is trusted, too, and with it whatever its owner signs.
"""

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from kade.core import networks
from kade.core.clock import now
from kade.core.errors import AccessReason, KadeError
from kade.core.ports import Tx
from kade.core.principals import Caller, Credential, CredentialKind, Origin, Principal, in_force


def fingerprint(der: bytes) -> str:
    """SHA-256 of the certificate's DER in lower-case hex: what it is registered and found by."""
    return hashlib.sha256(der).hexdigest()


def authenticate(
    tx: Tx, der: bytes | None, origin: Origin, authorities: Sequence[x509.Certificate] = ()
) -> Caller:
    """The principal that the certificate belongs to; by its OIN only when one of *authorities* signed it.

    Raises:
        KadeError: ``AccessReason.NO_CREDENTIAL`` without a certificate, ``UNKNOWN_CREDENTIAL``,
            ``REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``.
    """
    if der is None:
        raise KadeError(AccessReason.NO_CREDENTIAL)
    found = tx.credentials.proven(CredentialKind.CERTIFICATE, fingerprint(der))
    if found is None and authorities:
        number = vouched_oin(der, authorities)
        found = tx.credentials.proven(CredentialKind.OIN, number) if number else None
    return caller_of(found, origin)


def caller_of(found: tuple[Credential, Principal] | None, origin: Origin) -> Caller:
    """The caller that a credential in force proves: every door passes here.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``, ``REVOKED_CREDENTIAL``, ``EXPIRED_CREDENTIAL``, or
            ``ADDRESS_NOT_ALLOWED`` when the principal may not call from where it does.
    """
    credential = in_force(found[0] if found else None, now())
    principal = found[1] if found else None
    if principal is None or principal.removed_at is not None:
        raise KadeError(AccessReason.REVOKED_CREDENTIAL, credential.id)
    if not networks.cover(principal.networks, origin.address):
        raise KadeError(AccessReason.ADDRESS_NOT_ALLOWED, principal.id)
    return Caller(principal.id, principal.name, principal.tenant_id, credential.id, origin)


def vouched_oin(der: bytes, authorities: Sequence[x509.Certificate]) -> str | None:
    """The organisation's number in the subject's serialNumber (PKIoverheid).

    None when there is none, or several, or when none of *authorities* signed the certificate.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        found = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    except ValueError:
        return None  # what a proxy passes on need not be a certificate
    if len(found) != 1 or not any(_signed(certificate, each) for each in authorities):
        return None
    return str(found[0].value)


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
