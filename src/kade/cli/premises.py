"""What `kade doctor` looks at besides catalog and store: key files, sealed secrets, server certificates."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.config import Config, Listener
    from kade.services.soundness import Finding


def examine(config: Config) -> Iterator[Finding]:
    """Everything about key files and the listeners' certificates that needs an eye."""
    seen: set[Path] = set()
    for name, listener in (("web", config.web), ("exchange", config.exchange)):
        if listener.tls and listener.certificate and listener.key:
            yield from _certificate(name, listener, listener.certificate, listener.key)
            seen.add(listener.key)
    for key in sorted({*seen, config.data.sealing_key, *(config.data.folder / "pki").glob("*.key")}):
        yield from _mode(key)


async def examine_sealed(kade: Kade) -> list[Finding]:
    """Secrets in the catalog that the master key does not open, though they are still needed."""
    from kade.auth.sealing import SealError
    from kade.auth.tokens import purpose
    from kade.core.clock import now
    from kade.services import signing_keys
    from kade.services.soundness import Finding, Severity

    findings = []
    for key in await kade.catalog.read(signing_keys.published, now()):
        try:
            kade.sealer.open(key.sealed, purpose(key.id))
        except (SealError, OSError) as error:
            findings.append(Finding(Severity.ERROR, "signing_key.sealed", key.id, str(error)))
    return findings


def _certificate(name: str, listener: Listener, certificate: Path, key: Path) -> Iterator[Finding]:
    from kade.auth.authority import CertificateError, describe, load_issued
    from kade.core.clock import Millis, now, to_iso
    from kade.services.doctoring import EXPIRING_MS
    from kade.services.soundness import Finding, Severity

    try:
        until = describe(load_issued(certificate, key).certificate).not_after
        if listener.client_ca is not None:
            listener.client_ca.read_bytes()
    except (OSError, CertificateError) as error:
        yield Finding(Severity.ERROR, "listener.files", name, str(error))
        return
    if until <= now() + EXPIRING_MS:
        over = until <= now()
        severity, code = (
            (Severity.ERROR, "listener.expired") if over else (Severity.WARNING, "listener.expiring")
        )
        yield Finding(severity, code, name, f"{certificate}: valid until {to_iso(Millis(until))}")


def _mode(key: Path) -> Iterator[Finding]:
    from kade.services.soundness import Finding, Severity

    try:
        mode = stat.S_IMODE(key.stat().st_mode)
    except OSError:
        return  # found by what needs it
    if mode & 0o077:
        detail = f"its mode is {mode:04o}: others may read it; `chmod 600` mends that"
        yield Finding(Severity.WARNING, "key.readable", str(key), detail)
