"""UserService (spec 1.1)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from kade.core.principals import Caller
from kade.dialects.fileserver import users
from kade.dialects.fileserver.wire import NewUser
from kade.web.dialect import Kit
from kade.web.receive import read_all
from kade.web.rest import JSON, Operation
from kade.web.service_api import values
from kade.web.service_api.values import BODY_LIMIT, json_of


class UserService:
    """Users are partners with a box."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def operations(self) -> Sequence[Operation]:
        return (
            Operation("getUsers", "GET", "/users", self.get_users, reads="principal.listed"),
            Operation("createUser", "POST", "/users", self.create_user, consumes=(JSON,)),
            Operation("getUser", "GET", "/users/{id}", self.get_user, reads="principal.read"),
            Operation("updateUser", "PUT", "/users/{id}", self.update_user, consumes=(JSON,)),
            Operation("deleteUser", "DELETE", "/users/{id}", self.delete_user),
        )

    async def get_users(self, _request: Request, caller: Caller) -> Response:
        return json_of(await self._kit.catalog.read(users.get_all, caller))

    async def create_user(self, request: Request, caller: Caller) -> Response:
        new = await _new_user(request)
        kit = self._kit
        number = await kit.catalog.write(
            users.create, caller, kit.namers, new.name, new.certificate, kit.ceiling
        )
        return json_of(number)

    async def get_user(self, request: Request, caller: Caller) -> Response:
        return json_of(await self._kit.catalog.read(users.get, caller, request.path_params["id"]))

    async def update_user(self, request: Request, caller: Caller) -> Response:
        new, number = await _new_user(request), request.path_params["id"]
        kit = self._kit
        await kit.catalog.write(users.update, caller, kit.namers, number, new.name, new.certificate)
        return Response(status_code=204)

    async def delete_user(self, request: Request, caller: Caller) -> Response:
        number = request.path_params["id"]
        await self._kit.catalog.write(users.delete, caller, self._kit.namers, number)
        return Response(status_code=204)


async def _new_user(request: Request) -> NewUser:
    return values.read(await read_all(request.scope, request.receive, BODY_LIMIT), NewUser)
