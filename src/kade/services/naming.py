"""Names that configured dialect instances give to objects, minted with the objects themselves."""

from kade.core.bindings import Binding, Noun
from kade.core.ids import Id
from kade.core.ports import Namer, Tx
from kade.core.principals import Principal
from kade.core.spaces import Space


class Namers:
    """The namers of every configured dialect instance."""

    def __init__(self) -> None:
        self._by_instance: dict[str, Namer] = {}

    def register(self, namer: Namer) -> None:
        """Add one; its instance name must be unique."""
        if namer.instance in self._by_instance:
            raise ValueError(f"two dialect instances are named {namer.instance!r}")
        self._by_instance[namer.instance] = namer

    def name_principal(self, tx: Tx, principal: Principal) -> None:
        """Let every instance name a new principal."""
        for namer in self._by_instance.values():
            namer.name_principal(tx, principal)

    def name_space(self, tx: Tx, space: Space) -> None:
        """Let every instance name a new space."""
        for namer in self._by_instance.values():
            namer.name_space(tx, space)

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        """Let every instance know that the space was made for the principal."""
        for namer in self._by_instance.values():
            namer.name_personal_space(tx, principal, space)

    def personal_spaces(self, tx: Tx, principal_id: Id) -> list[Id]:
        """The spaces that instances know as the principal's own, each once."""
        found = (namer.personal_space(tx, principal_id) for namer in self._by_instance.values())
        return list(dict.fromkeys(space_id for space_id in found if space_id is not None))

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None:
        """Let each instance that has a name for the space name a new file in it."""
        for instance in tx.bindings.instances_of(Noun.SPACE, space_id):
            namer = self._by_instance.get(instance)
            if namer is not None:
                namer.name_file(tx, space_id, file_id)


def bind(tx: Tx, instance: str, noun: Noun, key: str, object_id: Id, scope: str = "") -> None:
    """Give an object a name. Raises KeyError when the name or the object is taken."""
    tx.bindings.add(Binding(instance, noun, scope, key, object_id))
