"""Names of this dialect: user numbers, boxes and virtual paths.

A partner's box is the space that bears the partner's user number; a file in a box, and an upload into one,
is known by its virtual path. Both are minted in the transaction that makes the object, by whatever door it
comes in.
"""

from kade.core.bindings import Noun
from kade.core.ids import Id, new_token
from kade.core.ports import Tx
from kade.core.principals import Principal, PrincipalKind
from kade.core.spaces import Space
from kade.services.naming import bind

INSTANCE = "fileserver"


class FileServerNamer:
    """Implements ``core.ports.Namer``."""

    instance = INSTANCE

    def __init__(self, path_length: int) -> None:
        self._path_length = path_length

    def name_principal(self, tx: Tx, principal: Principal) -> None:
        if principal.kind == PrincipalKind.PARTNER:
            number = tx.bindings.next_number(INSTANCE, Noun.PRINCIPAL)
            bind(tx, INSTANCE, Noun.PRINCIPAL, str(number), principal.id)

    def name_space(self, tx: Tx, space: Space) -> None:
        """A space becomes a box when it is made for a partner, not by itself."""

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        number = tx.bindings.key_of(INSTANCE, Noun.PRINCIPAL, principal.id)
        if number is not None:
            bind(tx, INSTANCE, Noun.SPACE, number, space.id)

    def personal_space(self, tx: Tx, principal_id: Id) -> Id | None:
        number = tx.bindings.key_of(INSTANCE, Noun.PRINCIPAL, principal_id)
        return tx.bindings.object_of(INSTANCE, Noun.SPACE, number) if number is not None else None

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None:
        bind(tx, INSTANCE, Noun.FILE, new_token(self._path_length), file_id)
