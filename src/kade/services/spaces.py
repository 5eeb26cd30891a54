"""Spaces: made, changed and removed."""

from kade.core import names
from kade.core.bindings import Noun
from kade.core.clock import now
from kade.core.errors import KadeError, SpaceReason
from kade.core.events import Event
from kade.core.files import FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal
from kade.core.spaces import Policy, Quota, Space
from kade.services import access, tenants
from kade.services.naming import Namers

PERSONAL_VERBS = (Verb.LIST, Verb.READ, Verb.WRITE, Verb.REMOVE)
OCCUPIED = (FileState.RECEIVING, FileState.HELD, FileState.LIVE, FileState.TRASHED)


def create(
    tx: Tx,
    caller: Caller,
    namers: Namers,
    parent_id: Id,
    name: str,
    *,
    policy: Policy | None = None,
    ceiling: int | None = None,
) -> Space:
    """A space below *parent_id*; *ceiling* is its quota in bytes, None for no limit."""
    access.require(tx, caller, Verb.MANAGE, parent_id)
    find(tx, caller, parent_id, Verb.MANAGE)
    text = names.clean(name, SpaceReason.BAD_NAME)
    space = Space(
        new_id(),
        caller.tenant_id,
        parent_id,
        text,
        names.fold(text),
        (policy or Policy()).checked(),
        now(),
        None,
    )
    tx.spaces.add(space)
    tx.quotas.add(Quota(space.id, ceiling, 0, 0))
    namers.name_space(tx, space)
    tx.journal.append(Event.by(caller, "space.created", space.id, name=text))
    return space


def create_personal(
    tx: Tx, caller: Caller, namers: Namers, principal: Principal, *, ceiling: int | None = None
) -> Space:
    """The principal's own space, named like the principal, in which it may do all but manage."""
    root = tenants.root_of(tx, caller.tenant_id)
    space = create(tx, caller, namers, root.id, principal.name, ceiling=ceiling)
    access.grant(tx, principal.id, space.id, PERSONAL_VERBS)
    namers.name_personal_space(tx, principal, space)
    return space


def at_path(tx: Tx, caller: Caller, path: str) -> Space:
    """The space at *path*: names from below the tenant's root downwards, parted by slashes.

    Raises:
        KadeError: ``SpaceReason.UNKNOWN``.
    """
    space = tenants.root_of(tx, caller.tenant_id)
    for name in path.split("/"):
        found = tx.spaces.named(caller.tenant_id, space.id, names.fold(name))
        if found is None:
            raise KadeError(SpaceReason.UNKNOWN, path)
        space = found
    return find(tx, caller, space.id)


def paths(tx: Tx, caller: Caller) -> dict[Id, str]:
    """The path of every space of the caller's tenant below the root, in the order of the paths."""
    living = {space.id: space for space in tx.spaces.of_tenant(caller.tenant_id)}
    found = {space.id: _path(living, space) for space in living.values() if space.parent_id is not None}
    return dict(sorted(found.items(), key=lambda item: names.fold(item[1])))


def find(tx: Tx, caller: Caller, space_id: Id, verb: Verb = Verb.LIST) -> Space:
    """The space, when the caller has *verb* in it; to anybody else it is unknown."""
    space = tx.spaces.get(space_id)
    if space is None or space.removed_at is not None or space.tenant_id != caller.tenant_id:
        raise KadeError(SpaceReason.UNKNOWN, space_id)
    if not access.allowed(tx, caller, verb, space_id):
        raise KadeError(SpaceReason.UNKNOWN, space_id)
    return space


def rename(tx: Tx, caller: Caller, space: Space, name: str) -> None:
    """Give the space another name."""
    access.require(tx, caller, Verb.MANAGE, space.id)
    text = names.clean(name, SpaceReason.BAD_NAME)
    tx.spaces.rename(space.id, text, names.fold(text))
    tx.journal.append(Event.by(caller, "space.renamed", space.id, name=text))


def set_policy(tx: Tx, caller: Caller, space: Space, policy: Policy) -> None:
    """Change the rules for the space's files; they hold for what comes in from now on."""
    access.require(tx, caller, Verb.MANAGE, space.id)
    tx.spaces.set_policy(space.id, policy.checked())
    tx.journal.append(Event.by(caller, "space.policy_changed", space.id))


def set_ceiling(tx: Tx, caller: Caller, space: Space, ceiling: int | None) -> None:
    """Change the space's quota in bytes; None for no limit. What is there already stays."""
    access.require(tx, caller, Verb.MANAGE, space.id)
    tx.quotas.set_ceiling(space.id, ceiling)
    tx.journal.append(Event.by(caller, "space.quota_changed", space.id, ceiling=ceiling or 0))


def give_number(tx: Tx, caller: Caller, namers: Namers, space: Space, number: int) -> Space:
    """Make the space the tenant's for a business type. Once more is harmless.

    Raises:
        KadeError: ``SpaceReason.NUMBER_TAKEN`` when it has another number, or another space has this one.
    """
    access.require(tx, caller, Verb.MANAGE, space.id)
    if space.number == number:
        return space
    if space.number is not None:
        raise KadeError(SpaceReason.NUMBER_TAKEN, str(space.number))
    tx.spaces.set_number(space.id, number)
    numbered = space._replace(number=number)
    namers.name_space(tx, numbered)
    tx.journal.append(Event.by(caller, "space.numbered", space.id, number=number))
    return numbered


def remove(tx: Tx, caller: Caller, space: Space) -> None:
    """Remove an empty space and every name that it had.

    Raises:
        KadeError: ``SpaceReason.NOT_EMPTY`` while a file, even a trashed or unfinished one, or a space is
            in it, and for the space at the root of the tenant.
    """
    access.require(tx, caller, Verb.MANAGE, space.id)
    below = any(each.parent_id == space.id for each in tx.spaces.of_tenant(space.tenant_id))
    if below or space.parent_id is None or tx.files.of_space(space.id, OCCUPIED, limit=1):
        raise KadeError(SpaceReason.NOT_EMPTY, space.id)
    tx.spaces.remove(space.id, now())
    tx.bindings.remove(Noun.SPACE, space.id)
    tx.rules.forget_space(space.id)
    tx.grants.forget_space(space.id)
    tx.journal.append(Event.by(caller, "space.removed", space.id, name=space.name))


def _path(living: dict[Id, Space], space: Space) -> str:
    above = living.get(space.parent_id) if space.parent_id is not None else None
    return f"{_path(living, above)}/{space.name}" if above and above.parent_id is not None else space.name
