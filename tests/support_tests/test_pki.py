"""The certificates must really be accepted and refused by TLS, for the reason their name says."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from tests.support import pki


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority.create()


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str | None, bytes | None]:
    """Shake hands over a socket pair; give the cipher and the client certificate that the server saw."""
    ours, theirs = socket.socketpair()
    seen: list[bytes | None] = []
    errors: list[ssl.SSLError] = []

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as tls:
                seen.append(tls.getpeercert(binary_form=True))
                tls.sendall(b"!")
        except ssl.SSLError as error:
            errors.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname="localhost") as tls:
            # With TLS 1.3 a refused client certificate shows only at the first read.
            if tls.recv(1) != b"!":
                raise errors[0] if errors else ssl.SSLError("closed without a word")
            cipher = tls.cipher()
    finally:
        thread.join()
    if errors:
        raise errors[0]
    return (cipher[0] if cipher else None, seen[0])


@pytest.fixture(scope="module")
def server(authority: pki.Authority) -> ssl.SSLContext:
    return pki.server_context(authority.issue_server(), [authority.pem])


def test_a_signed_client_is_accepted_and_seen(authority: pki.Authority, server: ssl.SSLContext) -> None:
    partner = authority.issue_client("partner")
    _, seen = _handshake(server, pki.client_context(authority.pem, partner))
    assert seen == partner.der


def test_a_client_of_an_intermediate_is_accepted(authority: pki.Authority, server: ssl.SSLContext) -> None:
    partner = authority.intermediate().issue_client("partner")
    assert len(partner.chain) == 1
    _, seen = _handshake(server, pki.client_context(authority.pem, partner))
    assert seen == partner.der


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "expired"),
        ("future", "not yet valid"),
        ("other authority", "unable to get local issuer|unknown ca"),
        ("self-signed", "self-signed"),
        ("none", "did not return a certificate|certificate required"),
    ],
)
def test_a_bad_client_is_refused(
    authority: pki.Authority, server: ssl.SSLContext, kind: str, reason: str
) -> None:
    identities = {
        "expired": authority.issue_expired_client("partner"),
        "future": authority.issue_future_client("partner"),
        "other authority": pki.Authority.create("Other").issue_client("partner"),
        "self-signed": pki.self_signed_client("partner"),
        "none": None,
    }
    ours, theirs = socket.socketpair()
    refusals: list[str] = []

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except ssl.SSLError as error:
            refusals.append(str(error))
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with pki.client_context(authority.pem, identities[kind]).wrap_socket(
            ours, server_hostname="localhost"
        ) as tls:
            if not tls.recv(1):
                raise ConnectionResetError("the server hung up")
    thread.join()
    assert len(refusals) == 1
    assert any(part in refusals[0] for part in reason.split("|")), refusals[0]


def test_the_client_checks_the_server(authority: pki.Authority) -> None:
    stranger = pki.server_context(pki.Authority.create("Other").issue_server())
    with pytest.raises(ssl.SSLError):
        _handshake(stranger, pki.client_context(authority.pem))
    wrong_host = pki.server_context(authority.issue_server("example.org"))
    with pytest.raises(ssl.SSLError, match=r"Hostname mismatch|alert"):
        _handshake(wrong_host, pki.client_context(authority.pem))


def test_the_file_client_offers_one_suite(authority: pki.Authority, server: ssl.SSLContext) -> None:
    partner = authority.issue_client("partner")
    client = pki.client_context(authority.pem, partner, file_client_suite=True)
    cipher, _ = _handshake(server, client)
    assert cipher == pki.FILE_CLIENT_CIPHER
    newer = pki.server_context(authority.issue_server(), [authority.pem])
    newer.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError):
        _handshake(newer, client)


def test_files_are_read_back(authority: pki.Authority, tmp_path: Path) -> None:
    files = authority.identity.write(tmp_path / "pki", "ca")
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    again = pki.Authority.load(files.certificate, files.key)
    assert again.identity.der == authority.identity.der
    _, seen = _handshake(
        pki.server_context(authority.issue_server(), [authority.pem]),
        pki.client_context(again.pem, again.issue_client("partner")),
    )
    assert seen is not None


def test_a_list_of_what_was_revoked() -> None:
    authority, other = pki.Authority.create("A"), pki.Authority.create("B")
    one, two = authority.issue_client("one"), authority.issue_client("two")
    crl = x509.load_pem_x509_crl(authority.issue_crl(one))
    assert crl.get_revoked_certificate_by_serial_number(one.certificate.serial_number) is not None
    assert crl.get_revoked_certificate_by_serial_number(two.certificate.serial_number) is None
    key = authority.identity.key.public_key()
    assert crl.is_signature_valid(key)
    forged = x509.load_pem_x509_crl(authority.issue_crl(one, signed_by=other))
    assert forged.issuer == crl.issuer and not forged.is_signature_valid(key)
