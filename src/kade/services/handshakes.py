"""Handshakes: a credential that changes with each success, so that one that leaks is soon worth nothing.

A handshake names its chain, and proves by a keyed hash which link of it it is. A success issues the next
link. The one before stays good until its successor was used: so a client that never got a reply can go on,
and two that use one link at once get the same successor. An older one is refused.
"""

import hashlib
import hmac
import re
from typing import NamedTuple

import msgspec

from kade.core.clock import Millis, now
from kade.core.customers import Customer
from kade.core.errors import AccessReason, KadeError
from kade.core.events import Event
from kade.core.ids import Id, new_token
from kade.core.ports import Tx
from kade.core.principals import Caller, CredentialKind, Origin, in_force
from kade.core.records import Record
from kade.services.customers import INSTANCE, fingerprint

PREFIX = "API_"
LENGTH = 100
IDLE_MS = 30 * 86_400_000
_COLLECTION = "handshakes"
_NAME = 22  # characters that name the chain; those that follow are the proof
_PROOF = LENGTH - len(PREFIX) - _NAME
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{LENGTH - len(PREFIX)}}}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Chain(msgspec.Struct, frozen=True):
    """A chain of handshakes: whose, begun with which key, for which spaces (None: all), its last *link*."""

    principal_id: Id
    credential_id: Id
    spaces: tuple[Id, ...] | None
    link: int
    created_at: Millis
    used_at: Millis
    address: str = ""
    revoked_at: Millis | None = None


class Held(NamedTuple):
    """A chain by its name."""

    name: str
    chain: Chain


_CHAIN = msgspec.json.Decoder(Chain)


def initialize(
    tx: Tx, secret: bytes, customer: Customer, key: str, spaces: tuple[Id, ...] | None, origin: Origin
) -> str:
    """The first handshake of a new chain, for whoever has a secret key of the customer.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``, ``REVOKED_CREDENTIAL`` or ``EXPIRED_CREDENTIAL``.
    """
    credential = key_of(tx, customer, key)
    chain = Chain(customer.principal.id, credential, spaces, 1, now(), now(), origin.address)
    name = new_token(_NAME)
    _keep(tx, name, chain)
    caller = caller_of(customer, chain, origin)
    tx.journal.append(Event.by(caller, "handshake.initialized", name))
    return _value(secret, name, chain.link)


def key_of(tx: Tx, customer: Customer, key: str) -> Id:
    """The id of a secret key in force. Raises as ``initialize`` does."""
    found = tx.credentials.proven(CredentialKind.SECRET_KEY, fingerprint(key))
    if found is None or found[1].id != customer.principal.id:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL, customer.principal.id)
    return in_force(found[0], now()).id


def verify(tx: Tx, secret: bytes, customer: Customer, presented: str, *, lock: bool = False) -> Held:
    """The customer's chain that *presented* is a good link of; with *lock* nobody else changes it meanwhile.

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL``; ``SPENT_HANDSHAKE`` for one that a successor took the
            place of; ``EXPIRED_CREDENTIAL`` after a month without use; ``REVOKED_CREDENTIAL``.
    """
    if not _FORM.fullmatch(presented):
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL)
    name = presented[len(PREFIX) :][:_NAME]
    read = tx.records.lock if lock else tx.records.get
    record = read(INSTANCE, _COLLECTION, name)
    if record is None or record.subject_id != customer.principal.id:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL)
    chain = _CHAIN.decode(record.value)
    if not any(
        hmac.compare_digest(presented, _value(secret, name, link)) for link in (chain.link, chain.link - 1)
    ):
        raise KadeError(AccessReason.SPENT_HANDSHAKE, name)
    if chain.revoked_at is not None:
        raise KadeError(AccessReason.REVOKED_CREDENTIAL, name)
    if now() - chain.used_at > IDLE_MS:
        raise KadeError(AccessReason.EXPIRED_CREDENTIAL, name)
    in_force(tx.credentials.get(chain.credential_id), now())
    return Held(name, chain)


def rotate(tx: Tx, secret: bytes, customer: Customer, presented: str) -> str:
    """The successor of *presented*, written with what else the transaction does. Raises as ``verify``."""
    held = verify(tx, secret, customer, presented, lock=True)
    last = hmac.compare_digest(presented, _value(secret, held.name, held.chain.link))
    link = held.chain.link + 1 if last else held.chain.link
    _keep(tx, held.name, msgspec.structs.replace(held.chain, link=link, used_at=now()))
    return _value(secret, held.name, link)


def caller_of(customer: Customer, chain: Chain, origin: Origin) -> Caller:
    """Who calls by a handshake of the chain: the customer, in the groups of the chain."""
    principal = customer.principal
    return Caller(
        principal.id,
        principal.name,
        principal.tenant_id,
        chain.credential_id,
        origin,
        frozenset(chain.spaces) if chain.spaces is not None else None,
    )


def of_customer(tx: Tx, customer: Customer) -> list[Held]:
    """Every chain of the customer, the revoked ones too, longest unused first."""
    found = tx.records.of_subject(INSTANCE, _COLLECTION, customer.principal.id)
    held = [Held(each.key, _CHAIN.decode(each.value)) for each in found]
    return sorted(held, key=lambda each: each.chain.used_at)


def revoke(tx: Tx, caller: Caller, held: Held) -> None:
    """Let no handshake of the chain count from now on. Raises KadeError(``CredentialReason.UNKNOWN``)."""
    record = tx.records.lock(INSTANCE, _COLLECTION, held.name)
    if record is not None and held.chain.revoked_at is None:
        _keep(tx, held.name, msgspec.structs.replace(_CHAIN.decode(record.value), revoked_at=now()))
        tx.journal.append(Event.by(caller, "handshake.revoked", held.name))


def forget_expired(tx: Tx, customer: Customer) -> int:
    """Forget chains that nobody used for twice the time after which they expire; how many."""
    old = [each for each in of_customer(tx, customer) if now() - each.chain.used_at > 2 * IDLE_MS]
    for each in old:
        tx.records.remove(INSTANCE, _COLLECTION, each.name)
    return len(old)


def _keep(tx: Tx, name: str, chain: Chain) -> None:
    value = msgspec.json.encode(chain).decode()
    tx.records.put(Record(INSTANCE, _COLLECTION, name, chain.principal_id, value))


def _value(secret: bytes, name: str, link: int) -> str:
    """The link's handshake: its proof is a keyed hash (RFC 2104) in letters and digits."""
    number = int.from_bytes(hmac.digest(secret, f"{name}/{link}".encode(), hashlib.sha512))
    proof = ""
    while len(proof) < _PROOF:
        number, digit = divmod(number, len(_DIGITS))
        proof += _DIGITS[digit]
    return f"{PREFIX}{name}{proof}"
