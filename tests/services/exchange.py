"""Applications, business types and files that go from one to the other, for tests of the services."""

from tests.services.conftest import House
from tests.services.test_people import Numbering

from kade.core.bindings import Noun
from kade.core.business_types import Direction
from kade.core.deliveries import Delivery
from kade.core.files import File
from kade.core.grants import Grant, Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.spaces import Policy, Space
from kade.services import applications, business_types, naming, principals

DATA = bytes(range(256))


class ByNumber(Numbering):
    """Names the spaces that have a number by that."""

    instance = "by number"

    def name_space(self, tx: Tx, space: Space) -> None:
        if space.number is not None:
            naming.bind(tx, self.instance, Noun.SPACE, str(space.number), space.id)


async def an_application(house: House, name: str = "payroll") -> Caller:
    """A new application of the house's tenant, as a caller."""
    made = await house.catalog.write(applications.create, house.caller, house.namers, name)
    return Caller(made.id, made.name, made.tenant_id)


async def a_type(
    house: House, number: int = 7101, policy: Policy | None = None, direction: Direction = Direction.BOTH
) -> Space:
    """A business type, and the space that the house's tenant has for it."""

    def make(tx: Tx) -> Space:
        name = f"type {number}"
        business_types.create(tx, house.caller, number, name, direction, policy or Policy())
        return business_types.offer(tx, house.caller, house.namers, number)

    return await house.catalog.write(make)


async def entitle(house: House, application: Caller, number: int, verb: Verb) -> Grant:
    """Let the application publish or subscribe."""

    def give(tx: Tx) -> Grant:
        principal = principals.find(tx, house.caller, application.principal_id)
        return applications.entitle(tx, house.caller, house.namers, principal, number, verb)

    return await house.catalog.write(give)


async def a_subscriber(house: House, number: int = 7101, name: str = "payroll") -> Caller:
    """A new application that subscribes to a business type."""
    application = await an_application(house, name)
    await entitle(house, application, number, Verb.SUBSCRIBE)
    return application


async def published(house: House, space: Space, data: bytes = DATA, name: str = "a.bin") -> File:
    """A file that the operator uploaded into the space."""
    kept, house.space = house.space, space
    upload = await house.begin(len(data), name)
    if data:
        await house.append(upload, 0, data)
    house.space = kept
    return await house.file(upload)


async def delivered(house: House, file_id: Id) -> list[Delivery]:
    """Every delivery of a file."""
    return await house.catalog.read(lambda tx: tx.deliveries.of_file(file_id))


async def file_now(house: House, file_id: Id) -> File:
    """The file's row as it stands."""
    found = await house.catalog.read(lambda tx: tx.files.get(file_id))
    assert found is not None
    return found


async def used(house: House, space: Space) -> tuple[int, int]:
    """Used and reserved bytes by the books, which must agree with what is there."""
    quota, actual = await house.catalog.read(lambda tx: (tx.quotas.get(space.id), tx.quotas.actual(space.id)))
    assert quota is not None and (quota.used, quota.reserved) == actual
    return actual
