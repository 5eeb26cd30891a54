"""``POST /Handshake/Initialize/`` (spec 2(a); 2(f) 134 to 137 and 213)."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.customers import Customer
from kade.core.errors import Code, KadeError
from kade.core.ids import Id
from kade.core.ports import Catalog, Tx
from kade.core.principals import Origin
from kade.dialects.filer import answers
from kade.dialects.filer.codes import FilerReason, refusal
from kade.dialects.filer.door import Door, Notes, customer_of, named_groups
from kade.dialects.filer.parameters import Parameters, is_all
from kade.dialects.filer.settings import Settings
from kade.services import groups, handshakes
from kade.web.authentication import origin_of
from kade.web.rate_limits import RateLimits, Rates


class Beginning:
    """Gives the first handshake of a chain."""

    def __init__(self, catalog: Catalog, door: Door, settings: Settings) -> None:
        self._catalog = catalog
        self._door = door
        per_minute = settings.handshakes * 60 / max(float(settings.handshake_window), 1.0)
        self._limits = RateLimits(Rates(per_minute, settings.handshakes))

    async def handle(self, request: Request) -> Response:
        """A handshake for whoever has a secret key, for the groups that the request names.

        Wrong keys count, too: so nobody can try many.
        """
        parameters = await Parameters.of(request)
        origin = origin_of(request)
        key = parameters.text("SecretKey").strip()
        if not key:
            raise refusal(FilerReason.KEY_MISSING)
        self._limits.take(f"address {origin.address}")
        customer = await self._catalog.glance(_known, parameters, key)
        self._limits.take(f"customer {customer.principal.id}")
        if not parameters.has("FileGroups"):
            raise refusal(FilerReason.NO_GROUPS_FOR_HANDSHAKE)
        handshake, notes = await self._catalog.write(self._begin, customer, parameters, key, origin)
        return answers.success(handshake, notes, {})

    def _begin(
        self, tx: Tx, customer: Customer, parameters: Parameters, key: str, origin: Origin
    ) -> tuple[str, Notes]:
        notes = Notes()
        spaces = _spaces(tx, customer, parameters, notes)
        handshakes.forget_expired(tx, customer)
        made = handshakes.initialize(tx, self._door.secret, customer, key, spaces, origin)
        return made, notes


def _known(tx: Tx, parameters: Parameters, key: str) -> Customer:
    """The customer, when the key is one of its own; an unknown one is refused like a wrong key."""
    try:
        customer = customer_of(tx, parameters)
        handshakes.key_of(tx, customer, key)
    except KadeError as error:
        if error.code is Code.UNAUTHENTICATED or error.reason is FilerReason.WRONG_CUSTOMER:
            raise refusal(FilerReason.WRONG_KEY) from error
        raise
    if customer.account.blocked:
        raise refusal(FilerReason.BLOCKED)
    return customer


def _spaces(tx: Tx, customer: Customer, parameters: Parameters, notes: Notes) -> tuple[Id, ...] | None:
    names = parameters.many("FileGroups")
    if not names:
        raise refusal(FilerReason.GROUPS_EMPTY)
    if any(is_all(name) for name in names):
        if not any(group.settings.active for group in groups.of_customer(tx, customer)):
            raise refusal(FilerReason.NO_ACTIVE_GROUP)
        return None
    found = named_groups(tx, customer, names, notes)
    if not any(group.settings.active for group in found):
        raise refusal(FilerReason.GROUPS_INACTIVE)
    return tuple(group.space.id for group in found)
