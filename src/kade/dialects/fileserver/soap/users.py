"""UserService by SOAP (spec 1.4)."""

from collections.abc import Sequence

import msgspec

from kade.dialects.fileserver import users
from kade.dialects.fileserver.wire import NewUser, UserInfo
from kade.web.dialect import Kit
from kade.web.soap import Call, Nothing, SoapOperation


class UserId(msgspec.Struct, frozen=True):
    id: int


class NewUserHolder(msgspec.Struct, frozen=True):
    user: NewUser


class ChangedUser(msgspec.Struct, frozen=True):
    id: int
    name: str
    certificate: bytes


class ChangedUserHolder(msgspec.Struct, frozen=True):
    user: ChangedUser


class UserHolder(msgspec.Struct, frozen=True):
    user: UserInfo


class UserList(msgspec.Struct, frozen=True):
    users: list[UserInfo]


class UserService:
    """Users are partners with a box."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def operations(self) -> Sequence[SoapOperation]:
        return (
            SoapOperation("getUser", UserId, self.get_user, reads="principal.read"),
            SoapOperation("getUsers", Nothing, self.get_users, reads="principal.listed"),
            SoapOperation("createUser", NewUserHolder, self.create_user),
            SoapOperation("updateUser", ChangedUserHolder, self.update_user),
            SoapOperation("deleteUser", UserId, self.delete_user),
        )

    async def get_user(self, call: Call) -> UserHolder:
        return UserHolder(await self._kit.catalog.read(users.get, call.caller, str(call.body.id)))

    async def get_users(self, call: Call) -> UserList:
        return UserList(await self._kit.catalog.read(users.get_all, call.caller))

    async def create_user(self, call: Call) -> UserId:
        kit, new = self._kit, call.body.user
        number = await kit.catalog.write(
            users.create, call.caller, kit.namers, new.name, new.certificate, kit.ceiling
        )
        return UserId(number)

    async def update_user(self, call: Call) -> Nothing:
        kit, new = self._kit, call.body.user
        await kit.catalog.write(users.update, call.caller, kit.namers, str(new.id), new.name, new.certificate)
        return Nothing()

    async def delete_user(self, call: Call) -> Nothing:
        await self._kit.catalog.write(users.delete, call.caller, self._kit.namers, str(call.body.id))
        return Nothing()
