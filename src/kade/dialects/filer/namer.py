"""The ids by which this dialect knows files: each unique in its group, given by a user or minted here.

Minted ones have thirteen digits and begin with a 9, so that they stay clear of those that users give;
no two files of the house have the same.
"""

from collections.abc import Sequence

from kade.core.bindings import Noun
from kade.core.errors import KadeError, SpaceReason
from kade.core.ids import Id
from kade.core.names import fold
from kade.core.ports import Tx
from kade.core.principals import Principal
from kade.core.spaces import Space
from kade.services import groups
from kade.services.naming import bind

INSTANCE = "filer"
ALL = "Filer_ALL"  # what stands for every group of a customer, those to come too
_FIRST = 9_000_000_000_001


class FilerNamer:
    """Implements ``core.ports.Namer``."""

    instance = INSTANCE

    def name_principal(self, tx: Tx, principal: Principal) -> None:
        """A customer has its number from the house."""

    def name_space(self, tx: Tx, space: Space) -> None:
        group = groups.of_space(tx, space.id)
        if group is not None and fold(group.name) == fold(ALL):
            raise KadeError(SpaceReason.NAME_TAKEN, group.name)
        if group is not None and tx.bindings.key_of(INSTANCE, Noun.SPACE, space.id) is None:
            customer = group.settings.customer_id
            bind(tx, INSTANCE, Noun.SPACE, fold(group.name), space.id, scope=customer)

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        """Nobody has a space alone here."""

    def personal_space(self, tx: Tx, principal_id: Id) -> Id | None:
        return None

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None:
        number = tx.bindings.next_number(INSTANCE, Noun.FILE)
        bind(tx, INSTANCE, Noun.FILE, str(_FIRST + number), file_id, scope=space_id)


def custom_id(tx: Tx, file_id: Id) -> str:
    """The id by which users know a file; empty for one that came before its space was a group."""
    return tx.bindings.key_of(INSTANCE, Noun.FILE, file_id) or ""


def custom_ids(tx: Tx, file_ids: Sequence[Id]) -> dict[Id, str]:
    """The same for several files, by their ids."""
    return tx.bindings.keys_of(INSTANCE, Noun.FILE, file_ids)


def file_of(tx: Tx, space_id: Id, key: str) -> Id | None:
    """The file of a group that has this id."""
    return tx.bindings.object_of(INSTANCE, Noun.FILE, key, scope=space_id)


def give_id(tx: Tx, space_id: Id, file_id: Id, key: str) -> None:
    """Call a file by this id from now on. Raises KeyError when another one has it."""
    tx.bindings.release(INSTANCE, Noun.FILE, file_id)
    bind(tx, INSTANCE, Noun.FILE, key, file_id, scope=space_id)
