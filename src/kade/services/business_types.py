"""Business types, and the spaces that tenants have for them."""

from dataclasses import replace

from kade.core import names
from kade.core.business_types import NUMBERS, BusinessType, Direction
from kade.core.clock import now
from kade.core.errors import BusinessTypeReason, KadeError, RequestReason
from kade.core.events import Event
from kade.core.grants import Verb
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Policy, Space
from kade.services import spaces, tenants
from kade.services.naming import Namers

_FIELDS = ("keep_content_ms", "keep_record_ms", "max_file_size", "file_names", "refused_extensions")


def create(
    tx: Tx, caller: Caller, number: int, name: str, direction: Direction, policy: Policy
) -> BusinessType:
    """A kind of exchange for every tenant; each gets a space for it when it is offered there.

    Raises:
        KadeError: ``BusinessTypeReason.NUMBER_TAKEN`` or ``BAD_NAME``; ``SpaceReason.BAD_POLICY``;
            ``RequestReason.BAD_VALUE`` for a number that is none of ``NUMBERS``.
    """
    tenants.require_operator(tx, caller)
    if number not in NUMBERS:
        raise KadeError(RequestReason.BAD_VALUE, "number")
    text = names.clean(name, BusinessTypeReason.BAD_NAME)
    made = BusinessType(number, text, direction, policy.checked(), now())
    tx.business_types.add(made)
    tx.journal.append(Event.by(caller, "business_type.created", str(number), name=text))
    return made


def find(tx: Tx, number: int) -> BusinessType:
    """The business type of that number.

    Raises:
        KadeError: ``BusinessTypeReason.UNKNOWN``.
    """
    found = tx.business_types.get(number) if number in NUMBERS else None
    if found is None:
        raise KadeError(BusinessTypeReason.UNKNOWN, str(number))
    return found


def change(tx: Tx, caller: Caller, changed: BusinessType) -> None:
    """Change its name, direction and rules; the rules hold in the spaces of every tenant from now on.

    Raises:
        KadeError: ``BusinessTypeReason.UNKNOWN`` or ``BAD_NAME``; ``SpaceReason.BAD_POLICY``.
    """
    tenants.require_operator(tx, caller)
    find(tx, changed.number)
    text = names.clean(changed.name, BusinessTypeReason.BAD_NAME)
    tx.business_types.change(changed._replace(name=text, policy=changed.policy.checked()))
    for space in tx.spaces.of_number(changed.number):
        tx.spaces.set_policy(space.id, _applied(changed, space.policy))
    tx.journal.append(Event.by(caller, "business_type.changed", str(changed.number), name=text))


def remove(tx: Tx, caller: Caller, number: int) -> None:
    """Raises KadeError(BusinessTypeReason.UNKNOWN), or IN_USE while a tenant has a space for it."""
    tenants.require_operator(tx, caller)
    found = find(tx, number)
    if tx.spaces.of_number(number):
        raise KadeError(BusinessTypeReason.IN_USE, str(number))
    tx.business_types.remove(number)
    tx.journal.append(Event.by(caller, "business_type.removed", str(number), name=found.name))


def offer(
    tx: Tx,
    caller: Caller,
    namers: Namers,
    number: int,
    space: Space | None = None,
    ceiling: int | None = None,
) -> Space:
    """The space of the caller's tenant for a business type: *space*, or a new one of the number's name.

    *ceiling* is the quota in bytes of a new one. A tenant that has a space for the type keeps it.

    Raises:
        KadeError: ``BusinessTypeReason.UNKNOWN``; ``SpaceReason.NUMBER_TAKEN`` when the tenant has another
            space for the type, or *space* has another number.
    """
    found = find(tx, number)
    existing = tx.spaces.of_number(number, caller.tenant_id)
    if existing and space is None:
        return existing[0]
    if space is None:
        root = tenants.root_of(tx, caller.tenant_id)
        policy = _applied(found, Policy())
        space = spaces.create(tx, caller, namers, root.id, str(number), policy=policy, ceiling=ceiling)
    else:
        spaces.set_policy(tx, caller, space, _applied(found, space.policy))
    return spaces.give_number(tx, caller, namers, space, number)


def require_direction(found: BusinessType, verb: Verb) -> None:
    """Raises KadeError(BusinessTypeReason.WRONG_DIRECTION) when applications may not do that with it."""
    wrong = Direction.SUBSCRIBE if verb is Verb.WRITE else Direction.PUBLISH
    if found.direction == wrong:
        raise KadeError(BusinessTypeReason.WRONG_DIRECTION, str(found.number), direction=found.direction)


def _applied(found: BusinessType, policy: Policy) -> Policy:
    """The rules of a space with those of its business type in their place."""
    return replace(policy, **{name: getattr(found.policy, name) for name in _FIELDS})
