"""The File Client's space: where fetched files lie, and those that are to be sent."""

from kade.core import names
from kade.core.bindings import Noun
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Policy
from kade.services import access, spaces, tenants
from kade.services.installing import local_operator
from kade.services.naming import Namers, bind

INSTANCE = "fileclient"
NAME = "File Client"
_POLICY = Policy(digests=("md5",))  # upstream tells both checksums of every file


def find(tx: Tx, caller: Caller) -> Id | None:
    """The space of the caller's tenant; None before its first task."""
    return tx.bindings.object_of(INSTANCE, Noun.SPACE, NAME, caller.tenant_id)


def give(tx: Tx, caller: Caller, namers: Namers, ceiling: int | None) -> Id:
    """The space, for a caller who may write there; made when it is not there yet.

    It belongs to the house and not to who comes first.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED``.
    """
    space_id = find(tx, caller) or _make(tx, caller, namers, ceiling)
    access.require(tx, caller, Verb.WRITE, space_id)
    return space_id


def _make(tx: Tx, caller: Caller, namers: Namers, ceiling: int | None) -> Id:
    root = tenants.root_of(tx, caller.tenant_id)
    space = tx.spaces.named(caller.tenant_id, root.id, names.fold(NAME))
    if space is None:
        space = spaces.create(tx, local_operator(tx), namers, root.id, NAME, policy=_POLICY, ceiling=ceiling)
    bind(tx, INSTANCE, Noun.SPACE, NAME, space.id, caller.tenant_id)
    return space.id
