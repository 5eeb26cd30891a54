"""The applications' side: who may come in, and what stands where below the service path (spec 1.1)."""

from dataclasses import replace

from starlette.requests import Request
from starlette.routing import Router

from kade.core.errors import AccessReason, KadeError
from kade.core.ports import Tx
from kade.core.principals import Caller, PrincipalKind
from kade.dialects.fileserver.errors import refuse_service
from kade.dialects.fileserver.namer import INSTANCE
from kade.dialects.fileserver.rest.documents import Documents
from kade.dialects.fileserver.rest.files import FileService
from kade.dialects.fileserver.rest.push import PushService
from kade.dialects.fileserver.rest.references import GbService
from kade.dialects.fileserver.rest.users import UserService
from kade.dialects.fileserver.settings import Settings
from kade.web.dialect import Kit
from kade.web.rest import Operation, RestRouter

REST = "/rest/v1"


class ServiceDoor:
    """Applications and operators come in, by password, key or certificate; partners do not."""

    def __init__(self, kit: Kit, settings: Settings) -> None:
        self._kit = kit
        self._is_open = settings.open_service

    async def caller(self, request: Request) -> Caller:
        """Who is calling; the local operator where the service is open to anybody.

        Raises:
            KadeError: an ``AccessReason`` of code ``unauthenticated``.
        """
        if self._is_open:
            return await self._kit.authentication.by_nothing(request)
        caller = await self._kit.authentication.by_any(request)
        await self._kit.catalog.read(_refuse_partners, caller)
        return caller


def rest_operations(kit: Kit, settings: Settings) -> list[Operation]:
    """What the contracts describe, below ``<service_path>/rest/v1``."""
    return [
        *UserService(kit).operations(),
        *FileService(kit, settings).operations(),
        *GbService(kit, settings).operations(),
        *PushService(kit, settings).operations(),
    ]


def service(kit: Kit, settings: Settings) -> Router:
    """Everything below the service path."""
    documents = Documents(settings.service_path)
    # The documents come first: /users/openapi.json is no user.
    below = [*documents.operations(), *rest_operations(kit, settings)]
    operations = [documents.overview(), *(replace(each, path=REST + each.path) for each in below)]
    door = ServiceDoor(kit, settings)
    router = RestRouter(
        f"{INSTANCE}.service", settings.service_path, operations, door.caller, refuse_service, kit.audit
    )
    return router.app


def _refuse_partners(tx: Tx, caller: Caller) -> None:
    principal = tx.principals.get(caller.principal_id)
    if principal is None or principal.kind == PrincipalKind.PARTNER:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL, caller.principal_id)
