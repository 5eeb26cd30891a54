"""TLS contexts of a client that shows a certificate."""

from __future__ import annotations

import os
import secrets
import ssl
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from kade.client.errors import TransferError


def client_context(
    certificate: Path | None = None,
    key: Path | None = None,
    *,
    password: str | None = None,
    authorities: Path | None = None,
) -> ssl.SSLContext:
    """A context that shows this certificate (PEM with `key`, or a PKCS#12 file alone) if one is given.

    It trusts `authorities` (a PEM file) alone, or the system's when None. TLS 1.2 or newer, host names
    are checked. Raises TransferError when a file cannot be used.
    """
    context = _trusting(authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is None:
        if key is not None:
            raise TransferError("a key was given without its certificate")
        return context
    try:
        if certificate.suffix.lower() in (".p12", ".pfx"):
            _load_pkcs12(context, certificate, password)
        else:
            # Without a password the library would ask for one on the terminal.
            context.load_cert_chain(certificate, key, password or (lambda: b""))
    except ssl.SSLError:
        named = f"{certificate} and {key}" if key else str(certificate)
        raise TransferError(f"{named}: no certificate with its key, or not the right password") from None
    except OSError as error:
        raise TransferError(f"{error.filename or certificate}: {error.strerror}") from None
    return context


def _trusting(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except ssl.SSLError:
        raise TransferError(f"{authorities}: holds no certificates in PEM") from None
    except OSError as error:
        raise TransferError(f"{authorities}: {error.strerror}") from None


def _load_pkcs12(context: ssl.SSLContext, path: Path, password: str | None) -> None:
    try:
        bundle = pkcs12.load_pkcs12(path.read_bytes(), password.encode() if password else None)
    except ValueError:
        raise TransferError(f"{path}: not a PKCS#12 file, or not the right password") from None
    if bundle.key is None or bundle.cert is None:
        raise TransferError(f"{path}: holds no certificate with its key")
    chain = [bundle.cert, *bundle.additional_certs]
    # The ssl module reads files only. The key touches the disk under a password that nobody else learns.
    once = secrets.token_urlsafe(24).encode()
    text = bundle.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(once),
    ) + b"".join(entry.certificate.public_bytes(serialization.Encoding.PEM) for entry in chain)
    descriptor, name = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        context.load_cert_chain(name, password=once)
    finally:
        Path(name).unlink()
