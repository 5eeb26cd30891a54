"""Names of this dialect: a tenant's space for a business type bears the type's number.

Files and applications need none: their ids, written as UUIDs, are their names here.
"""

from kade.core.bindings import Noun
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Principal
from kade.core.spaces import Space
from kade.services.naming import bind

INSTANCE = "fileapi"


class FileApiNamer:
    """Implements ``core.ports.Namer``."""

    instance = INSTANCE

    def name_principal(self, tx: Tx, principal: Principal) -> None:
        """An application is known by its id."""

    def name_space(self, tx: Tx, space: Space) -> None:
        if space.number is not None:
            bind(tx, INSTANCE, Noun.SPACE, str(space.number), space.id, scope=space.tenant_id)

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        """Nobody has a space alone here."""

    def personal_space(self, tx: Tx, principal_id: Id) -> Id | None:
        return None

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None:
        """A file is known by its id."""
