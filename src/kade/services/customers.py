"""Customers: made, found, changed, blocked; and the secret keys by which they begin."""

import hashlib

import msgspec

from kade.core.clock import Millis
from kade.core.customers import PAGE_SIZES, Account, Customer
from kade.core.errors import KadeError, PrincipalReason, RequestReason
from kade.core.events import Event
from kade.core.grants import ALL_VERBS, Verb
from kade.core.ids import Id, new_token
from kade.core.ports import Tx
from kade.core.principals import Caller, Credential, CredentialKind, Principal, PrincipalKind
from kade.core.records import Record
from kade.services import access, principals, spaces, tenants
from kade.services.naming import Namers

INSTANCE = "filing"
_COLLECTION = "customers"
_FIRST_NUMBER = 1001
_NUMBERS = range(1, 10**9)
_KEY_LENGTH = 32  # characters that carry 190 bits


class _Kept(msgspec.Struct, frozen=True):
    account: Account
    space_id: Id


_KEPT = msgspec.json.Decoder(_Kept)


def create(tx: Tx, caller: Caller, namers: Namers, name: str, number: int | None = None) -> Customer:
    """A customer with a space for its groups, in which it may do everything; *number* None: the next one.

    Raises:
        KadeError: ``PrincipalReason.BAD_NAME`` or ``NAME_TAKEN``, also for the number;
            ``RequestReason.BAD_VALUE`` for a number that is none; ``SpaceReason.NAME_TAKEN``.
    """
    principal = principals.create(tx, caller, namers, PrincipalKind.APPLICATION, name)
    space = spaces.create(tx, caller, namers, tenants.root_of(tx, caller.tenant_id).id, name)
    access.grant(tx, principal.id, space.id, ALL_VERBS)
    chosen = number if number is not None else _next_number(tx)
    if chosen not in _NUMBERS:
        raise KadeError(RequestReason.BAD_VALUE, "number")
    if tx.records.get(INSTANCE, _COLLECTION, str(chosen)) is not None:
        raise KadeError(PrincipalReason.NAME_TAKEN, str(chosen))
    made = Customer(principal, Account(chosen), space.id)
    _keep(tx, made)
    tx.journal.append(Event.by(caller, "customer.created", principal.id, number=chosen, name=name))
    return made


def numbered(tx: Tx, number: int) -> Customer:
    """The customer of that number, whatever its tenant. Raises KadeError(``PrincipalReason.UNKNOWN``)."""
    record = tx.records.get(INSTANCE, _COLLECTION, str(number)) if number in _NUMBERS else None
    principal = tx.principals.get(record.subject_id) if record is not None else None
    if record is None or principal is None or principal.removed_at is not None:
        raise KadeError(PrincipalReason.UNKNOWN, str(number))
    return _customer(principal, record)


def of_principal(tx: Tx, principal: Principal) -> Customer:
    """The customer that a principal is. Raises KadeError(``PrincipalReason.UNKNOWN``) when it is none."""
    found = tx.records.of_subject(INSTANCE, _COLLECTION, principal.id)
    if not found:
        raise KadeError(PrincipalReason.UNKNOWN, principal.name)
    return _customer(principal, found[0])


def of_tenant(tx: Tx, caller: Caller) -> list[Customer]:
    """The customers of the caller's tenant, by name."""
    found = []
    for principal in tx.principals.of_tenant(caller.tenant_id):
        records = tx.records.of_subject(INSTANCE, _COLLECTION, principal.id)
        found += [_customer(principal, each) for each in records]
    return found


def change(tx: Tx, caller: Caller, customer: Customer, account: Account) -> Customer:
    """Other settings for the customer, but for its number.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED``; ``RequestReason.BAD_VALUE`` for a page size beyond
            ``PAGE_SIZES``.
    """
    access.require(tx, caller, Verb.MANAGE, tenants.root_of(tx, customer.principal.tenant_id).id)
    if account.page_size not in PAGE_SIZES:
        raise KadeError(RequestReason.BAD_VALUE, "page size")
    changed = customer._replace(account=account)
    _keep(tx, changed)
    kind = "customer.blocked" if account.blocked and not customer.account.blocked else "customer.changed"
    tx.journal.append(Event.by(caller, kind, customer.principal.id, number=account.number))
    return changed


def new_key() -> str:
    """A fresh secret key, for the customer's eyes only."""
    return new_token(_KEY_LENGTH)


def fingerprint(key: str) -> str:
    """What a key is kept and found by: a plain hash suffices for 190 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def add_key(
    tx: Tx, caller: Caller, customer: Customer, key: str, *, label: str = "", until: Millis | None = None
) -> Credential:
    """One more key; those that there are stay in force."""
    return principals.register(
        tx,
        caller,
        customer.principal,
        CredentialKind.SECRET_KEY,
        fingerprint(key),
        label=label,
        not_after=until,
    )


def keys(tx: Tx, customer: Customer) -> list[Credential]:
    """The customer's keys, the revoked ones too, newest first."""
    found = tx.credentials.of_principal(customer.principal.id)
    return [each for each in found if each.kind == CredentialKind.SECRET_KEY]


def _next_number(tx: Tx) -> int:
    taken = {int(each.key) for each in tx.records.of_collection(INSTANCE, _COLLECTION)}
    return max(taken, default=_FIRST_NUMBER - 1) + 1


def _keep(tx: Tx, customer: Customer) -> None:
    value = msgspec.json.encode(_Kept(customer.account, customer.space_id)).decode()
    key = str(customer.account.number)
    tx.records.put(Record(INSTANCE, _COLLECTION, key, customer.principal.id, value))


def _customer(principal: Principal, record: Record) -> Customer:
    kept = _KEPT.decode(record.value)
    return Customer(principal, kept.account, kept.space_id)
