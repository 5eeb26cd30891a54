"""Certificates: issued, read in every form partners send, and used in a real handshake."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from kade.auth.authority import (
    CertificateError,
    Issued,
    create_authority,
    describe,
    first_certificate,
    issue_client,
    issue_server,
    load_issued,
)

OIN = "00000001003214345000"


@pytest.fixture(scope="module")
def authority() -> Issued:
    return create_authority("Test authority")


@pytest.fixture(scope="module")
def partner(authority: Issued) -> Issued:
    return issue_client(authority, "partner", oin=OIN)


def handshake(authority: Issued, server: Issued, client: Issued, folder: Path) -> tuple[bytes | None, str]:
    """The certificate that a TLS 1.2 server sees of the client, and the suite they agreed on."""
    server.save(folder / "server.crt", folder / "server.key")
    client.save(folder / "client.crt", folder / "client.key")
    ca = authority.certificate_pem.decode()
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=ca)
    ours.load_cert_chain(folder / "server.crt", folder / "server.key")
    ours.verify_mode = ssl.CERT_REQUIRED
    ours.verify_flags |= ssl.VERIFY_X509_STRICT
    ours.maximum_version = ssl.TLSVersion.TLSv1_2
    ours.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    theirs = ssl.create_default_context(cadata=ca)
    theirs.verify_flags |= ssl.VERIFY_X509_STRICT
    theirs.load_cert_chain(folder / "client.crt", folder / "client.key")
    seen: list[tuple[bytes | None, str]] = []

    def serve(connection: socket.socket) -> None:
        with ours.wrap_socket(connection, server_side=True) as wrapped:
            cipher = wrapped.cipher()
            seen.append((wrapped.getpeercert(binary_form=True), cipher[0] if cipher else ""))

    left, right = socket.socketpair()
    thread = threading.Thread(target=serve, args=(left,))
    thread.start()
    with theirs.wrap_socket(right, server_hostname="127.0.0.1"):
        thread.join(10)
    return seen[0]


def test_issued_certificates_pass_a_strict_handshake(
    authority: Issued, partner: Issued, tmp_path: Path
) -> None:
    server = issue_server(authority, ["localhost", "127.0.0.1", "::1"])
    certificate, suite = handshake(authority, server, partner, tmp_path)
    assert certificate == partner.der
    assert suite == "ECDHE-RSA-AES256-GCM-SHA384"


def test_the_kinds_of_key_are_those_that_every_client_can_use(authority: Issued, partner: Issued) -> None:
    server = issue_server(authority, ["localhost"])
    assert isinstance(server.key, rsa.RSAPrivateKey)
    assert server.key.key_size == 2048
    for issued in (authority, partner):
        assert isinstance(issued.key, ec.EllipticCurvePrivateKey)
        assert issued.key.curve.name == "secp256r1"


def test_a_private_key_is_readable_by_its_owner_alone(partner: Issued, tmp_path: Path) -> None:
    certificate, key = tmp_path / "a.crt", tmp_path / "a.key"
    partner.save(certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(tmp_path.iterdir()) == [certificate, key]
    loaded = load_issued(certificate, key)
    assert loaded.der == partner.der
    assert loaded.key_pem == partner.key_pem


def test_a_key_of_another_certificate_is_refused(authority: Issued, partner: Issued, tmp_path: Path) -> None:
    partner.save(tmp_path / "a.crt", tmp_path / "a.key")
    authority.save(tmp_path / "b.crt", tmp_path / "b.key")
    with pytest.raises(CertificateError, match=r"is not the key of"):
        load_issued(tmp_path / "a.crt", tmp_path / "b.key")
    with pytest.raises(CertificateError, match="no private key"):
        load_issued(tmp_path / "a.crt", tmp_path / "a.crt")


def test_pkcs12_carries_key_certificate_and_authority(authority: Issued, partner: Issued) -> None:
    bundle = pkcs12.load_pkcs12(partner.pkcs12("hush", authority.certificate), b"hush")
    assert bundle.cert is not None
    assert bundle.cert.certificate == partner.certificate
    assert [extra.certificate for extra in bundle.additional_certs] == [authority.certificate]
    with pytest.raises(ValueError, match="needs a password"):
        partner.pkcs12("")


def test_a_certificate_is_read_in_every_form(authority: Issued, partner: Issued) -> None:
    pem = partner.certificate_pem
    forms = [
        partner.der,
        partner.der + authority.der,
        pem,
        b"Bag Attributes\n    friendlyName: x\n" + pem + authority.certificate_pem,
        pem.replace(b"\n", b"\r\n"),
        base64.b64encode(pem),
        base64.b64encode(partner.der),
        base64.encodebytes(partner.der),
    ]
    assert [first_certificate(form) for form in forms] == [partner.der] * len(forms)


@pytest.mark.parametrize(
    "data",
    [
        *[
            b"",
            b"hello",
            b"aGVsbG8=",
            b"\x30",
            b"\x30\x03\x02\x01\x01",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\xff",
        ],
        *[
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN PRIVATE KEY-----\n",
        ],
    ],
)
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(CertificateError):
        first_certificate(data)


def test_a_certificate_that_is_cut_off_is_refused(partner: Issued) -> None:
    for end in (1, 2, 3, 10, len(partner.der) - 1):
        with pytest.raises(CertificateError):
            first_certificate(partner.der[:end])


def test_a_certificate_is_described(authority: Issued, partner: Issued) -> None:
    about = describe(partner.der)
    assert "CN=partner" in about.subject
    assert about.issuer == "CN=Test authority"
    assert about.oin == OIN
    assert about.fingerprint == hashlib.sha256(partner.der).hexdigest()
    assert int(about.serial, 16) == partner.certificate.serial_number
    assert about.not_after - about.not_before == 365 * 86_400_000
    assert describe(authority.certificate).oin is None


def test_an_expired_certificate_can_be_issued(authority: Issued) -> None:
    start = datetime.now(UTC) - timedelta(days=10)
    about = describe(issue_client(authority, "late", days=5, not_before=start).der)
    assert about.not_after < datetime.now(UTC).timestamp() * 1000


def test_an_oin_that_is_none_is_refused(authority: Issued) -> None:
    with pytest.raises(ValueError, match="twenty digits"):
        issue_client(authority, "partner", oin="123")


def test_a_server_certificate_needs_a_name(authority: Issued) -> None:
    with pytest.raises(ValueError, match="at least one name"):
        issue_server(authority, [])
