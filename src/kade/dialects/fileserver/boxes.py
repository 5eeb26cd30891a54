"""A partner's box: the space where files for and from the partner lie."""

from kade.core.bindings import Noun
from kade.core.errors import KadeError, SpaceReason
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal
from kade.core.spaces import Space
from kade.dialects.fileserver.namer import INSTANCE
from kade.services import spaces
from kade.services.naming import Namers


def give(tx: Tx, caller: Caller, namers: Namers, partner: Principal, ceiling: int | None = None) -> Space:
    """Make the partner's box, named and numbered like the partner."""
    return spaces.create_personal(tx, caller, namers, partner, ceiling=ceiling)


def number_of(tx: Tx, partner_id: Id) -> str:
    """The partner's user number."""
    number = tx.bindings.key_of(INSTANCE, Noun.PRINCIPAL, partner_id)
    assert number is not None
    return number


def of_partner(tx: Tx, partner_id: Id) -> Id:
    """The partner's box.

    Raises:
        KadeError: ``SpaceReason.UNKNOWN`` when the principal has none.
    """
    number = tx.bindings.key_of(INSTANCE, Noun.PRINCIPAL, partner_id)
    box = tx.bindings.object_of(INSTANCE, Noun.SPACE, number) if number is not None else None
    if box is None:
        raise KadeError(SpaceReason.UNKNOWN, partner_id)
    return box
