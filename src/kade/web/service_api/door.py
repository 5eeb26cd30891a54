"""Who may come in: applications and operators, by password, key or certificate."""

from starlette.requests import Request

from kade.core.errors import AccessReason, KadeError
from kade.core.ports import Catalog, Tx
from kade.core.principals import Caller, PrincipalKind
from kade.web.authentication import Authentication


class ServiceDoor:
    """Lets them in, and partners not; with *is_open* whoever comes is the local operator."""

    def __init__(self, catalog: Catalog, authentication: Authentication, *, is_open: bool) -> None:
        self._catalog = catalog
        self._authentication = authentication
        self._is_open = is_open

    async def caller(self, request: Request) -> Caller:
        """Who is calling; the local operator where the service is open to anybody.

        Raises:
            KadeError: an ``AccessReason`` of code ``unauthenticated``.
        """
        if self._is_open:
            return await self._authentication.by_nothing(request)
        caller = await self._authentication.by_any(request)
        await self._catalog.read(_refuse_partners, caller)
        return caller


def _refuse_partners(tx: Tx, caller: Caller) -> None:
    principal = tx.principals.get(caller.principal_id)
    if principal is None or principal.kind == PrincipalKind.PARTNER:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL, caller.principal_id)
