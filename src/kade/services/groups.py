"""File groups: spaces as a customer names them, with the folders, mailboxes and sites that fill them."""

from dataclasses import replace

import msgspec

from kade.core import names
from kade.core.customers import Customer, FileGroup, GroupSettings
from kade.core.errors import KadeError, SpaceReason
from kade.core.events import Event
from kade.core.grants import ALL_VERBS, Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.records import Record
from kade.core.spaces import Policy, Space
from kade.services import access, sources, spaces
from kade.services.customers import INSTANCE
from kade.services.naming import Namers

_COLLECTION = "groups"
_SETTINGS = msgspec.json.Decoder(GroupSettings)


def create(
    tx: Tx,
    caller: Caller,
    namers: Namers,
    customer: Customer,
    settings: GroupSettings,
    *,
    keep_deleted_ms: int = 0,
    space: Space | None = None,
    ceiling: int | None = None,
) -> FileGroup:
    """A group of a customer: *space* by another name, or a new one of the group's name.

    What is in it is read and can be searched. What is deleted can be had for *keep_deleted_ms* (0: not at
    all).

    Raises:
        KadeError: ``SpaceReason.BAD_NAME``, or ``NAME_TAKEN`` when the customer has a group of that name, or
            the space is a group already; ``AccessReason.VERB_NOT_GRANTED``.
    """
    text = names.clean(settings.name, SpaceReason.BAD_NAME)
    if find(tx, customer, text) is not None:
        raise KadeError(SpaceReason.NAME_TAKEN, text)
    if space is None:
        policy = Policy(trash_ms=keep_deleted_ms, index=True)
        space = spaces.create(tx, caller, namers, customer.space_id, text, policy=policy, ceiling=ceiling)
    elif of_space(tx, space.id) is not None:
        raise KadeError(SpaceReason.NAME_TAKEN, text)
    else:
        policy = replace(space.policy, index=True, trash_ms=keep_deleted_ms or space.policy.trash_ms)
        spaces.set_policy(tx, caller, space, policy)
        access.grant(tx, customer.principal.id, space.id, ALL_VERBS)
        space = space._replace(policy=policy)
    made = FileGroup(space, msgspec.structs.replace(settings, customer_id=customer.principal.id, name=text))
    _keep(tx, made)
    namers.name_space(tx, space)
    tx.journal.append(Event.by(caller, "group.created", space.id, name=text))
    return made


def find(tx: Tx, customer: Customer, name: str) -> FileGroup | None:
    """The customer's group of that name, in whatever case."""
    record = tx.records.get(INSTANCE, _COLLECTION, _key(customer.principal.id, name))
    return _group(tx, record) if record is not None else None


def of_space(tx: Tx, space_id: Id) -> FileGroup | None:
    """The group that a space is, if it is one."""
    found = tx.records.of_subject(INSTANCE, _COLLECTION, space_id)
    return _group(tx, found[0]) if found else None


def of_customer(tx: Tx, customer: Customer) -> list[FileGroup]:
    """Every group of the customer, by name."""
    found = tx.records.with_prefix(INSTANCE, _COLLECTION, f"{customer.principal.id}/")
    present = tx.spaces.get_many([each.subject_id for each in found])
    made = (_made(present.get(each.subject_id), each) for each in found)
    return [group for group in made if group is not None]


def change(
    tx: Tx, caller: Caller, group: FileGroup, settings: GroupSettings, *, keep_deleted_ms: int | None = None
) -> FileGroup:
    """Other settings for a group, but for its name and customer; *keep_deleted_ms* None: as before."""
    access.require(tx, caller, Verb.MANAGE, group.space.id)
    space = group.space
    if keep_deleted_ms is not None and keep_deleted_ms != space.policy.trash_ms:
        policy = replace(space.policy, trash_ms=keep_deleted_ms)
        spaces.set_policy(tx, caller, space, policy)
        space = space._replace(policy=policy)
    kept = group.settings
    changed = FileGroup(
        space, msgspec.structs.replace(settings, customer_id=kept.customer_id, name=kept.name)
    )
    _keep(tx, changed)
    tx.journal.append(Event.by(caller, "group.changed", space.id, name=changed.name))
    return changed


def remove(tx: Tx, caller: Caller, group: FileGroup) -> None:
    """End a group: nothing fills it any longer, and what came from elsewhere goes; the space stays."""
    access.require(tx, caller, Verb.MANAGE, group.space.id)
    for source in tx.sources.of_space(group.space.id):
        sources.remove(tx, caller, source)
    spaces.set_policy(tx, caller, group.space, replace(group.space.policy, index=False))
    tx.records.remove(INSTANCE, _COLLECTION, _key(group.settings.customer_id, group.name))
    tx.journal.append(Event.by(caller, "group.removed", group.space.id, name=group.name))


def _key(customer_id: Id, name: str) -> str:
    return f"{customer_id}/{names.fold(name)}"


def _keep(tx: Tx, group: FileGroup) -> None:
    value = msgspec.json.encode(group.settings).decode()
    key = _key(group.settings.customer_id, group.name)
    tx.records.put(Record(INSTANCE, _COLLECTION, key, group.space.id, value))


def _group(tx: Tx, record: Record) -> FileGroup | None:
    return _made(tx.spaces.get(record.subject_id), record)


def _made(space: Space | None, record: Record) -> FileGroup | None:
    if space is None or space.removed_at is not None:
        return None
    return FileGroup(space, _SETTINGS.decode(record.value))
