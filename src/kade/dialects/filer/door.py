"""The door: who is calling by which handshake, for which groups, and the handshake that comes next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from starlette.requests import Request

from kade.auth.sealing import Sealer
from kade.core.customers import Customer, FileGroup
from kade.core.errors import Code, KadeError
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, Origin
from kade.dialects.filer.answers import Warned
from kade.dialects.filer.codes import FilerReason, Remark, refusal
from kade.dialects.filer.parameters import Parameters, Target, is_all, whole
from kade.services import customers, groups, handshakes
from kade.web.authentication import origin_of, remember

T = TypeVar("T")
_PURPOSE = "handshakes"


class Notes(list[Warned]):
    """What is remarked while a request is carried out."""

    def warn(self, remark: Remark, subject: str = "") -> None:
        """Remark on something."""
        self.append(Warned(remark, subject))


class Settled(NamedTuple):
    """What came of a request's work, what was remarked, and the next handshake."""

    result: Any
    notes: Sequence[Warned]
    handshake: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a customer, with a handshake that is good."""

    parameters: Parameters
    customer: Customer
    presented: str
    caller: Caller

    @property
    def has_all(self) -> bool:
        """Whether the handshake is for every group, those to come too."""
        return self.caller.spaces is None


class Door:
    """Lets requests in, and their work be done together with the change of their handshake."""

    def __init__(self, catalog: Catalog, sealer: Sealer) -> None:
        self._catalog = catalog
        self._sealer = sealer
        self._derived: bytes | None = None

    @property
    def secret(self) -> bytes:
        """What handshakes are made with."""
        if self._derived is None:
            self._derived = self._sealer.derive(_PURPOSE)
        return self._derived

    async def enter(self, request: Request) -> Visit:
        """Who calls.

        Raises:
            KadeError: for a customer or handshake that is missing or wrong, and for a blocked account.
        """
        parameters = await Parameters.of(request)
        presented = parameters.text("Handshake").strip()
        origin = origin_of(request)
        customer, caller = await self._catalog.glance(self._admitted, parameters, presented, origin)
        remember(request, caller)
        if customer.account.blocked:
            raise refusal(FilerReason.BLOCKED)
        return Visit(parameters, customer, presented, caller)

    async def settle(self, visit: Visit, work: Callable[[Tx, Notes], T]) -> Settled:
        """Do the work and issue the next handshake, in one transaction: an error consumes nothing."""
        return await self._catalog.write(self._settled, visit, work)

    def _admitted(
        self, tx: Tx, parameters: Parameters, presented: str, origin: Origin
    ) -> tuple[Customer, Caller]:
        customer = customer_of(tx, parameters)
        if not presented:
            raise refusal(FilerReason.HANDSHAKE_MISSING)
        held = handshakes.verify(tx, self.secret, customer, presented)
        return customer, handshakes.caller_of(customer, held.chain, origin)

    def _settled(self, tx: Tx, visit: Visit, work: Callable[[Tx, Notes], T]) -> Settled:
        # The handshake first, and locked: of two requests by one the second sees what the first did.
        handshake = handshakes.rotate(tx, self.secret, visit.customer, visit.presented)
        notes = Notes()
        return Settled(work(tx, notes), notes, handshake)


def customer_of(tx: Tx, parameters: Parameters) -> Customer:
    """The customer that a request names; an unknown one is refused like a wrong number."""
    number = whole(parameters.text("CustomerID").strip())
    try:
        return customers.numbered(tx, number if number is not None else 0)
    except KadeError as error:
        if error.code is not Code.NOT_FOUND:
            raise
        raise refusal(FilerReason.WRONG_CUSTOMER) from error


def one_group(tx: Tx, visit: Visit) -> FileGroup | None:
    """The group that ``FileGroup`` names; None when it names none."""
    name = visit.parameters.text("FileGroup").strip()
    if not name:
        return None
    if is_all(name):
        raise refusal(FilerReason.ALL_NOT_ALLOWED)
    found = groups.find(tx, visit.customer, name)
    if found is None:
        raise refusal(FilerReason.UNKNOWN_GROUP)
    _require_in_handshake(visit, found)
    if not found.settings.active:
        raise refusal(FilerReason.GROUP_DISABLED, found.name)
    return found


def required_group(tx: Tx, visit: Visit) -> FileGroup:
    """The group that ``FileGroup`` names, where it must name one."""
    found = one_group(tx, visit)
    if found is None:
        raise refusal(FilerReason.GROUP_MISSING)
    return found


def target_in_group(visit: Visit) -> Target:
    """The file that is meant, where the request must name its group, too."""
    if not visit.parameters.text("FileGroup").strip():
        raise refusal(FilerReason.GROUP_MISSING)
    return visit.parameters.target()


def group_or_all(tx: Tx, visit: Visit) -> tuple[list[FileGroup], bool]:
    """The group that ``FileGroup`` names, or every active one of the handshake; whether it was named."""
    named = one_group(tx, visit)
    if named is not None:
        return [named], True
    return all_groups(tx, visit), False


def all_groups(tx: Tx, visit: Visit) -> list[FileGroup]:
    """Every active group of the handshake, by name."""
    every = groups.of_customer(tx, visit.customer)
    found = [each for each in every if each.settings.active and _in_handshake(visit, each)]
    if not found:
        raise refusal(FilerReason.NO_ACTIVE_GROUP)
    return found


def many_groups(tx: Tx, visit: Visit, notes: Notes) -> list[FileGroup]:
    """The groups that ``FileGroups[]`` names, or every active one of the handshake."""
    parameters = visit.parameters
    names = parameters.many("FileGroups")
    if not names:
        if parameters.has("FileGroups"):
            raise refusal(FilerReason.GROUPS_EMPTY)
        return all_groups(tx, visit)
    if any(is_all(name) for name in names):
        if not visit.has_all:
            raise refusal(FilerReason.ALL_NOT_IN_HANDSHAKE)
        return all_groups(tx, visit)
    found = named_groups(tx, visit.customer, names, notes)
    for each in found:
        _require_in_handshake(visit, each)
    if not any(each.settings.active for each in found):
        raise refusal(FilerReason.GROUPS_INACTIVE)
    for each in found:
        if not each.settings.active:
            raise refusal(FilerReason.GROUP_DISABLED, each.name)
    return found


def named_groups(tx: Tx, customer: Customer, names: Sequence[str], notes: Notes) -> list[FileGroup]:
    """The groups of these names; those that are not there are remarked on, unless none is."""
    by_name: Mapping[str, FileGroup | None] = {name: groups.find(tx, customer, name) for name in names}
    found = {group.space.id: group for group in by_name.values() if group is not None}
    if not found:
        raise refusal(FilerReason.NO_GROUP_FOUND)
    for name, group in by_name.items():
        if group is None:
            notes.warn(Remark.NO_SUCH_GROUP, name)
    return list(found.values())


def _in_handshake(visit: Visit, group: FileGroup) -> bool:
    spaces: frozenset[Id] | None = visit.caller.spaces
    return spaces is None or group.space.id in spaces


def _require_in_handshake(visit: Visit, group: FileGroup) -> None:
    if not _in_handshake(visit, group):
        raise refusal(FilerReason.GROUP_NOT_IN_HANDSHAKE, group.name)
