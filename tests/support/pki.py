"""Certificates for tests: authorities, good and bad clients, servers, and TLS contexts that use them."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

FILE_CLIENT_CIPHER = "ECDHE-RSA-AES256-GCM-SHA384"
"""The only suite the upstream File Client offers, over TLS 1.2; its server therefore needs an RSA key."""

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class IdentityFiles:
    """Where an identity was written: a PEM certificate followed by its chain, and a PEM key (mode 600)."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key and the intermediates between it and its root."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The certificate alone, as PEM."""
        return _pem(self.certificate)

    @property
    def der(self) -> bytes:
        """The certificate alone, as DER: what a server compares."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def base64_der(self) -> str:
        """The certificate as the file server's UserService takes it (standard base64 of the DER)."""
        return base64.b64encode(self.der).decode("ascii")

    @property
    def chain_pem(self) -> bytes:
        """The certificate followed by its intermediates, as PEM."""
        return b"".join(_pem(certificate) for certificate in (self.certificate, *self.chain))

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS#8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def write(self, folder: Path, name: str) -> IdentityFiles:
        """Write `name.crt` and `name.key` into `folder`, which is made when it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        files = IdentityFiles(folder / f"{name}.crt", folder / f"{name}.key")
        files.certificate.write_bytes(self.chain_pem)
        descriptor = os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as key_file:
            key_file.write(self.key_pem)
        return files


@dataclass(frozen=True)
class Authority:
    """A certificate authority that signs servers, clients and intermediates."""

    identity: Identity

    @classmethod
    def create(cls, name: str = "Test authority") -> Authority:
        """Make a root authority, valid for ten years from yesterday."""
        return cls(_build(name, issuer=None, key=_rsa_key(), is_authority=True, days=3650))

    @classmethod
    def load(cls, certificate: Path, key: Path) -> Authority:
        """Read an authority from PEM files, such as the development authority that `kade init` makes."""
        private_key = serialization.load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(private_key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key} holds neither an RSA nor an EC key")
        return cls(Identity(x509.load_pem_x509_certificate(certificate.read_bytes()), private_key))

    @property
    def pem(self) -> bytes:
        """The authority's certificate as PEM: what the other side must trust."""
        return self.identity.pem

    def intermediate(self, name: str = "Test intermediate") -> Authority:
        """Make an authority below this one; what it signs carries it in the chain."""
        return Authority(_build(name, issuer=self.identity, key=_rsa_key(), is_authority=True, days=1825))

    def issue_server(self, *hosts: str) -> Identity:
        """Sign an RSA server certificate for names and addresses; for those of loopback if none are given."""
        names = hosts or ("localhost", "127.0.0.1", "::1")
        return _build(names[0], issuer=self.identity, key=_rsa_key(), hosts=names, days=825)

    def issue_client(self, name: str, oin: str | None = None) -> Identity:
        """Sign a client certificate that is valid now; *oin* is its serialNumber, if given."""
        return _build(name, issuer=self.identity, key=_ec_key(), days=365, oin=oin)

    def issue_crl(
        self,
        *revoked: Identity,
        days: float = 7,
        age: dt.timedelta = dt.timedelta(hours=1),
        extension: x509.ExtensionType | None = None,
        signed_by: Authority | None = None,
        encoding: serialization.Encoding = serialization.Encoding.PEM,
    ) -> bytes:
        """Sign a list of what this authority has revoked.

        It was issued *age* ago and ends *days* from now. *extension* is critical. *signed_by* forges it.
        """
        issued = _now() - age
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.identity.certificate.subject)
            .last_update(issued)
            .next_update(max(_now() + days * _DAY, issued + dt.timedelta(seconds=1)))
        )
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(issued).build())
        if extension is not None:
            builder = builder.add_extension(extension, critical=True)
        key = (signed_by or self).identity.key
        return builder.sign(key, hashes.SHA256()).public_bytes(encoding)

    def issue_expired_client(self, name: str) -> Identity:
        """Sign a client certificate whose validity ended yesterday."""
        return _build(name, issuer=self.identity, key=_ec_key(), start=_now() - 30 * _DAY, days=29)

    def issue_future_client(self, name: str) -> Identity:
        """Sign a client certificate whose validity begins tomorrow."""
        return _build(name, issuer=self.identity, key=_ec_key(), start=_now() + _DAY, days=365)


def self_signed_client(name: str) -> Identity:
    """Make a client certificate that no authority has signed."""
    return _build(name, issuer=None, key=_ec_key(), days=365)


def client_context(
    trust: bytes | None, identity: Identity | None = None, *, file_client_suite: bool = False
) -> ssl.SSLContext:
    """Make the TLS context of a client.

    `trust` is the PEM of the authorities it accepts (host names are checked); None accepts any server.
    `identity` is the certificate it presents. `file_client_suite` narrows the context to what the upstream
    File Client offers: TLS 1.2 with `FILE_CLIENT_CIPHER` alone.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=trust.decode("ascii"))
    if file_client_suite:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(FILE_CLIENT_CIPHER)
    if identity is not None:
        _load_identity(context, identity)
    return context


def server_context(identity: Identity, client_authorities: Sequence[bytes] = ()) -> ssl.SSLContext:
    """Make the TLS context of a server; with `client_authorities` (PEM) a client certificate is required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_identity(context, identity)
    for authority in client_authorities:
        context.load_verify_locations(cadata=authority.decode("ascii"))
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    # The ssl module reads certificates and keys from files only.
    with _temporary_files(identity) as files:
        context.load_cert_chain(files.certificate, files.key)


@contextmanager
def _temporary_files(identity: Identity) -> Iterator[IdentityFiles]:
    with tempfile.TemporaryDirectory() as folder:
        yield identity.write(Path(folder), "identity")


def _build(
    name: str,
    *,
    issuer: Identity | None,
    key: PrivateKey,
    days: int,
    start: dt.datetime | None = None,
    hosts: Sequence[str] = (),
    is_authority: bool = False,
    oin: str | None = None,
) -> Identity:
    begins = start or _now() - _DAY
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    parts += [x509.NameAttribute(NameOID.SERIAL_NUMBER, oin)] if oin else []
    subject = x509.Name(parts)
    signing_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + days * _DAY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
    )
    if is_authority:
        builder = builder.add_extension(_AUTHORITY_USAGE, critical=True)
    else:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(hosts)), critical=False)
    return Identity(builder.sign(signing_key, hashes.SHA256()), key, _chain_below(issuer))


def _chain_below(issuer: Identity | None) -> tuple[x509.Certificate, ...]:
    # A root is known to the other side, so only authorities that somebody else signed are sent along.
    if issuer is None or issuer.certificate.issuer == issuer.certificate.subject:
        return ()
    return (issuer.certificate, *issuer.chain)


def _general_names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


_AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
