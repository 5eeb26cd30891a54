"""Users: a partner with a certificate and a box, in one transaction each (spec 1.1)."""

from kade.auth.authority import CertificateError, describe, first_certificate
from kade.auth.client_certificate import fingerprint
from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.errors import CredentialReason, KadeError
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller, Credential, CredentialKind, Principal, PrincipalKind
from kade.dialects.fileserver import boxes, wire
from kade.dialects.fileserver.namer import INSTANCE
from kade.dialects.fileserver.wire import UserInfo
from kade.services import access, partners, principals, tenants
from kade.services.naming import Namers

_LABEL = "registered by the service"


def find(tx: Tx, caller: Caller, number: str) -> Principal:
    """The partner of that user number.

    Raises:
        KadeError: ``PrincipalReason.UNKNOWN``, also for a number that is none.
    """
    partner_id = tx.bindings.object_of(INSTANCE, Noun.PRINCIPAL, number) if wire.is_user_id(number) else None
    return principals.find(tx, caller, partner_id)


def get(tx: Tx, caller: Caller, number: str) -> UserInfo:
    """What is known of the user. Raises as ``find`` does."""
    _require_overview(tx, caller)
    partner = find(tx, caller, number)
    return _info(tx, int(number), partner)


def get_all(tx: Tx, caller: Caller) -> list[UserInfo]:
    """Every user, by name."""
    _require_overview(tx, caller)
    everybody = {each.id: each for each in tx.principals.of_tenant(caller.tenant_id)}
    numbers = tx.bindings.keys_of(INSTANCE, Noun.PRINCIPAL, list(everybody))
    return [_info(tx, int(numbers[each.id]), each) for each in everybody.values() if each.id in numbers]


def create(tx: Tx, caller: Caller, namers: Namers, name: str, certificate: bytes, ceiling: int | None) -> int:
    """A user with a box of at most *ceiling* bytes (None: no limit); its number.

    *certificate* is DER or PEM; the first one in it counts.

    Raises:
        KadeError: a name that is not allowed or taken, ``CredentialReason.NOT_A_CERTIFICATE`` or
            ``ALREADY_REGISTERED``.
    """
    der = _der(certificate)
    partner = partners.create(tx, caller, namers, PrincipalKind.PARTNER, wire.user_name(name), ceiling)
    _register(tx, caller, partner, der)
    return int(boxes.number_of(tx, partner.id))


def update(tx: Tx, caller: Caller, namers: Namers, number: str, name: str, certificate: bytes) -> None:
    """Rename the user with its box, and replace the certificate that ``get`` shows.

    Others that are in force, for a rotation, stay so. Raises as ``find`` and ``create`` do.
    """
    partner = find(tx, caller, number)
    der = _der(certificate)
    if wire.user_name(name) != partner.name:
        partners.rename(tx, caller, namers, partner, name)
    _replace(tx, caller, partner, der)


def delete(tx: Tx, caller: Caller, namers: Namers, number: str) -> None:
    """Remove a user who owns no file, with the box.

    Raises:
        KadeError: ``PrincipalReason.UNKNOWN`` or ``STILL_OWNS_FILES``.
    """
    partners.remove(tx, caller, namers, find(tx, caller, number))


def number_of_box(tx: Tx, space_id: Id) -> int | None:
    """The number of the user whose box it is; None for a space that is no box."""
    number = tx.bindings.key_of(INSTANCE, Noun.SPACE, space_id)
    return None if number is None else int(number)


def _replace(tx: Tx, caller: Caller, partner: Principal, der: bytes) -> None:
    registered = principals.certificates(tx, partner.id)
    shown = _shown(registered)
    if shown is not None and shown.material == der:
        return
    if shown is not None:
        principals.revoke(tx, caller, shown)
    if all(each.material != der for each in registered):
        _register(tx, caller, partner, der)


def _register(tx: Tx, caller: Caller, partner: Principal, der: bytes) -> None:
    told = describe(der)
    principals.register(
        tx,
        caller,
        partner,
        CredentialKind.CERTIFICATE,
        fingerprint(der),
        label=_LABEL,
        material=der,
        not_before=Millis(told.not_before),
        not_after=Millis(told.not_after),
    )


def _der(certificate: bytes) -> bytes:
    try:
        return first_certificate(certificate)
    except CertificateError as error:
        raise KadeError(CredentialReason.NOT_A_CERTIFICATE) from error


def _info(tx: Tx, number: int, partner: Principal) -> UserInfo:
    shown = _shown(principals.certificates(tx, partner.id))
    return UserInfo(number, partner.name, shown.material if shown else None)


def _shown(registered: list[Credential]) -> Credential | None:
    """The newest in force, else the newest: *registered* are unrevoked and come newest first."""
    at = now()
    valid = [each for each in registered if each.not_after is None or at < each.not_after]
    return next(iter(valid or registered), None)


def _require_overview(tx: Tx, caller: Caller) -> None:
    """Users are shown to those who may list every box: operators and applications."""
    access.require(tx, caller, Verb.LIST, tenants.root_of(tx, caller.tenant_id).id)
