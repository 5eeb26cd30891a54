"""Certificate revocation lists: what authorities have taken back (RFC 5280, section 5; GB011).

Lists are files that something else fetches; they are read again when they change. A list counts when the
authority that it names has signed it and may sign lists. A certificate is judged by the list of the authority
that signed it, and that authority by the one above it, as far as they are known. What a list says is revoked
stays so after the list's time is over.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from kade.core.errors import AccessReason, KadeError

_log = structlog.get_logger("kade.auth.revocation")
_PEM = b"-----BEGIN X509 CRL-----"
_PEM_END = b"-----END X509 CRL-----"
_REMEMBERED = 4096  # certificates whose authorities are known already
_DEEPEST = 8
_NOT_VERIFIED = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)


class Refreshed(NamedTuple):
    """Whether lists changed, and a sentence for each file that is no use."""

    changed: bool
    problems: tuple[str, ...]


class _Scope(NamedTuple):
    """Of which certificates a list tells: those that *authority* (its number here) signed, by kind."""

    authority: int
    of_users: bool
    of_authorities: bool


class _List(NamedTuple):
    issued: datetime
    ends: datetime | None
    serials: frozenset[int]


class _Step(NamedTuple):
    """One certificate of a chain: its number, and which authority signed it."""

    authority: int
    serial: int
    is_user: bool


class RevocationLists:
    """The lists in one file, or in the files of one folder, of certain authorities.

    *refuse_unknown*: whether a certificate is refused when there is no list in force of its authority.
    """

    def __init__(self, place: Path, authorities: Sequence[x509.Certificate], *, refuse_unknown: bool) -> None:
        self._place = place
        self._authorities = authorities
        self._refuse_unknown = refuse_unknown
        self._seen: dict[Path, tuple[int, int, int]] | None = None
        self._lists: dict[_Scope, _List] = {}
        self._chains: OrderedDict[bytes, tuple[_Step, ...]] = OrderedDict()
        self._warned: set[bytes] = set()

    def refresh(self) -> Refreshed:
        """Read the files again if they changed. While one of them is no use, what was known before stays."""
        try:
            seen = {path: _stamp(path) for path in self._files()}
        except OSError as error:
            return Refreshed(False, (str(error),))
        if seen == self._seen:
            return Refreshed(False, ())
        found: dict[_Scope, _List] = {}
        problems: list[str] = []
        for path in seen:
            try:
                self._read(path, found)
            except (OSError, *_NOT_VERIFIED) as error:
                problems.append(f"{path}: {error or type(error).__name__}")
        kept = {**self._lists, **found} if problems else found
        changed = kept != self._lists
        self._seen, self._lists = seen, kept
        self._warned.clear()
        return Refreshed(changed, tuple(problems))

    def revokes(self, certificate: bytes) -> bool:
        """Whether the certificate (DER), or an authority above it, is on a list."""
        return any(
            step.serial in each.serials for step in self._chain(certificate) for each in self._telling(step)
        )

    def require_good(self, certificate: bytes) -> None:
        """Nothing for a certificate that no known authority signed: it was registered itself.

        Raises:
            KadeError: ``AccessReason.REVOKED_BY_AUTHORITY``; ``REVOCATION_UNKNOWN`` when there is no list in
                force and the policy is to refuse.
        """
        if self.revokes(certificate):
            raise KadeError(AccessReason.REVOKED_BY_AUTHORITY, _fingerprint(certificate).hex())
        at = datetime.now(UTC)
        for step in self._chain(certificate):
            if any(each.ends is None or at < each.ends for each in self._telling(step)):
                continue
            if self._refuse_unknown:
                raise KadeError(AccessReason.REVOCATION_UNKNOWN, _fingerprint(certificate).hex())
            self._warn(certificate, step)

    def _warn(self, certificate: bytes, step: _Step) -> None:
        fingerprint = _fingerprint(certificate)
        if fingerprint not in self._warned:
            self._warned.add(fingerprint)
            authority = self._authorities[step.authority].subject.rfc4514_string()
            _log.warning("no revocation list in force", authority=authority, certificate=fingerprint.hex())

    def _files(self) -> list[Path]:
        if not self._place.is_dir():
            return [self._place]
        return sorted(
            each for each in self._place.iterdir() if each.is_file() and not each.name.startswith(".")
        )

    def _read(self, path: Path, found: dict[_Scope, _List]) -> None:
        """The lists of one file, each under what it tells of; the newest wins. Raises ValueError."""
        for crl in _parse(path.read_bytes()):
            scope = self._scope(crl)
            one = _List(
                crl.last_update_utc, crl.next_update_utc, frozenset(each.serial_number for each in crl)
            )
            before = found.get(scope)
            if before is None or before.issued <= one.issued:
                found[scope] = one

    def _scope(self, crl: x509.CertificateRevocationList) -> _Scope:
        """Raises ValueError for a list that is not of one of the authorities, or tells of a part only."""
        if crl.last_update_utc > datetime.now(UTC):
            raise ValueError("the list is not in force yet")
        of_users = of_authorities = True
        for extension in crl.extensions:
            value = extension.value
            if isinstance(value, x509.IssuingDistributionPoint):
                if value.indirect_crl or value.only_some_reasons or value.only_contains_attribute_certs:
                    raise ValueError("the list tells of a part of what is revoked only")
                of_users = not value.only_contains_ca_certs
                of_authorities = not value.only_contains_user_certs
            elif extension.critical:
                raise ValueError(f"the list has a critical extension {extension.oid.dotted_string}")
        for number, authority in enumerate(self._authorities):
            if crl.issuer == authority.subject and _may_sign_lists(authority) and _has_signed(authority, crl):
                return _Scope(number, of_users, of_authorities)
        raise ValueError(f"no authority of ours has signed the list of {crl.issuer.rfc4514_string()}")

    def _telling(self, step: _Step) -> Iterator[_List]:
        for scope, each in self._lists.items():
            tells = scope.of_users if step.is_user else scope.of_authorities
            if scope.authority == step.authority and tells:
                yield each

    def _chain(self, certificate: bytes) -> tuple[_Step, ...]:
        """The certificate and the known authorities above it, each with who signed it; never changes."""
        fingerprint = _fingerprint(certificate)
        chain = self._chains.get(fingerprint)
        if chain is None:
            chain = self._chains[fingerprint] = tuple(self._climb(certificate))
            if len(self._chains) > _REMEMBERED:
                self._chains.popitem(last=False)
        return chain

    def _climb(self, der: bytes) -> Iterator[_Step]:
        try:
            current = x509.load_der_x509_certificate(der)
        except ValueError:
            return  # what a proxy passes on need not be a certificate
        for depth in range(_DEEPEST):
            number = self._signer(current)
            if number is None or self._authorities[number] == current:
                return
            yield _Step(number, current.serial_number, depth == 0)
            current = self._authorities[number]

    def _signer(self, certificate: x509.Certificate) -> int | None:
        """The authority that signed it; None when that is not known."""
        for number, authority in enumerate(self._authorities):
            try:
                certificate.verify_directly_issued_by(authority)
            except _NOT_VERIFIED:
                continue
            return number
        return None


def _parse(data: bytes) -> Iterator[x509.CertificateRevocationList]:
    """DER, or one PEM or several. Raises ValueError."""
    if _PEM not in data:
        yield x509.load_der_x509_crl(data)
        return
    for block in data.split(_PEM)[1:]:
        yield x509.load_pem_x509_crl(_PEM + block.partition(_PEM_END)[0] + _PEM_END + b"\n")


def _may_sign_lists(authority: x509.Certificate) -> bool:
    try:
        return authority.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _has_signed(authority: x509.Certificate, crl: x509.CertificateRevocationList) -> bool:
    try:
        return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # others: TypeError
    except _NOT_VERIFIED:
        return False


def _stamp(path: Path) -> tuple[int, int, int]:
    told = path.stat()
    return told.st_mtime_ns, told.st_size, told.st_ino


def _fingerprint(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()
