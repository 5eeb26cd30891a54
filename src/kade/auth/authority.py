"""A development certificate authority, and certificates as bytes: reading, describing, issuing.

The authority is for tests, demos and small installations; organisations bring certificates of their own.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kade import durable

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_OIN = re.compile(r"[0-9]{20}")
_PEM_BEGIN = b"-----BEGIN"
_CLOCK_SKEW = timedelta(minutes=5)


class CertificateError(ValueError):
    """These bytes are no certificate, or no key that goes with it."""


@dataclass(frozen=True)
class Description:
    """What people want to know of a certificate: times in UTC milliseconds, the fingerprint SHA-256 in hex.

    `oin` is the Dutch government's organisation number, twenty digits in the subject's serialNumber
    (PKIoverheid), or None.
    """

    subject: str
    issuer: str
    serial: str
    not_before: int
    not_after: int
    fingerprint: str
    oin: str | None


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS#8 without a password."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def pkcs12(self, password: str, authority: x509.Certificate | None = None) -> bytes:
        """Key, certificate and (if given) the authority's certificate as one file for browsers and Java.

        Raises ValueError for an empty password, which many programs cannot read.
        """
        if not password:
            raise ValueError("a PKCS#12 file needs a password")
        names = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return pkcs12.serialize_key_and_certificates(
            str(names[0].value).encode() if names else None,
            self.key,
            self.certificate,
            [authority] if authority else None,
            serialization.BestAvailableEncryption(password.encode()),
        )

    def save(self, certificate: Path, key: Path) -> None:
        """Write both as PEM, the key readable by its owner alone; the key first. Raises OSError."""
        durable.write(key, self.key_pem, 0o600)
        durable.write(certificate, self.certificate_pem, 0o644)


def create_authority(name: str, days: int = 3650) -> Issued:
    """A new authority: EC P-256, signed by itself; it cannot have further authorities below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = (
        _builder(subject, key, days, None)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue_server(authority: Issued, names: Sequence[str], days: int = 825) -> Issued:
    """A server certificate for these DNS names and IP addresses; the first is its common name.

    RSA 2048: older Java clients, upstream's File Client among them, offer suites that it always fits.
    Raises ValueError without a name.
    """
    if not names:
        raise ValueError("a server certificate needs at least one name")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    builder = (
        _builder(_name(names[0]), key, days, None)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return _signed(builder, authority, key)


def issue_client(
    authority: Issued,
    name: str,
    days: int = 365,
    oin: str | None = None,
    not_before: datetime | None = None,
) -> Issued:
    """A client certificate (EC P-256), valid for `days` from `not_before` (None: five minutes ago).

    `oin` is put into the subject's serialNumber, as PKIoverheid does. Raises ValueError when it is not
    twenty digits.
    """
    if oin is not None and not _OIN.fullmatch(oin):
        raise ValueError(f"an OIN is twenty digits, not {oin!r}")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name(name, oin), key, days, not_before)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return _signed(builder, authority, key)


def load_issued(certificate: Path, key: Path, password: str | None = None) -> Issued:
    """A certificate and its key from PEM files. Raises OSError, CertificateError."""
    loaded = x509.load_der_x509_certificate(first_certificate(certificate.read_bytes()))
    try:
        secret = serialization.load_pem_private_key(key.read_bytes(), password.encode() if password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{key} holds no private key that can be read: {error}") from None
    if not isinstance(secret, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise CertificateError(f"{key} is neither an EC nor an RSA key")
    if secret.public_key() != loaded.public_key():
        raise CertificateError(f"{key} is not the key of {certificate}")
    return Issued(loaded, secret)


def first_certificate(data: bytes) -> bytes:
    """The first certificate in these bytes, as exact DER.

    Accepts DER (whatever follows it), PEM (whatever precedes it), and base64 of either (file-service.md
    1.1). Raises CertificateError when there is none.
    """
    candidate = _cut_der(_unarmoured(data))
    try:
        certificate = x509.load_der_x509_certificate(candidate)
        # Parsing is lazy; what describe() needs must not fail later.
        describe(certificate)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateError(f"no readable X.509 certificate: {error}") from None
    return candidate


def describe(certificate: x509.Certificate | bytes) -> Description:
    """What is in a certificate (an object, or DER). Raises ValueError when it cannot be parsed."""
    if isinstance(certificate, bytes):
        certificate = x509.load_der_x509_certificate(certificate)
    numbers = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    oins = [str(number.value) for number in numbers if _OIN.fullmatch(str(number.value))]
    return Description(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        not_before=_milliseconds(certificate.not_valid_before_utc),
        not_after=_milliseconds(certificate.not_valid_after_utc),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        oin=oins[0] if oins else None,
    )


def _unarmoured(data: bytes) -> bytes:
    if _PEM_BEGIN in data:
        return _from_pem(data)
    if data[:1] == b"\x30":
        return data
    try:
        decoded = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        raise CertificateError("neither DER nor PEM nor base64 of one of them") from None
    return _from_pem(decoded) if _PEM_BEGIN in decoded else decoded


def _from_pem(data: bytes) -> bytes:
    try:
        certificate = x509.load_pem_x509_certificate(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"no certificate in this PEM text: {error}") from None
    return certificate.public_bytes(serialization.Encoding.DER)


def _cut_der(data: bytes) -> bytes:
    """The first DER SEQUENCE alone (X.690 8.1.3): a long length says in how many bytes it is written."""
    if len(data) < 2 or data[0] != 0x30:
        raise CertificateError("no DER certificate: it does not begin with a SEQUENCE")
    if data[1] < 0x80:
        end = 2 + data[1]
    else:
        count = data[1] & 0x7F
        end = 2 + count + int.from_bytes(data[2 : 2 + count])
    if end > len(data):
        raise CertificateError("the certificate is cut off")
    return data[:end]


def _builder(
    subject: x509.Name, key: PrivateKey, days: int, not_before: datetime | None
) -> x509.CertificateBuilder:
    start = not_before or datetime.now(UTC) - _CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, authority: Issued, key: PrivateKey) -> Issued:
    issuer = authority.certificate
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        builder.issuer_name(issuer.subject)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return Issued(certificate, key)


def _name(common_name: str, serial_number: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if serial_number is not None:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number))
    return x509.Name(attributes)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool = False, key_encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
