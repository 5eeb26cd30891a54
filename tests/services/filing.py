"""A customer with a group, an installation and a service, for tests of the services."""

from dataclasses import dataclass

from tests.services.conftest import House

from kade.core.customers import Customer, FileGroup, GroupSettings
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.sources import Installation, Method, Service, ServiceKind, Source
from kade.services import customers, groups, sources

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Office:
    """What a customer has."""

    customer: Customer
    group: FileGroup
    installation: Installation
    service: Service


def settings(customer: Customer, name: str, **given: object) -> GroupSettings:
    """Settings of a group of the customer."""
    return GroupSettings(customer.principal.id, name, **given)  # type: ignore[arg-type]


async def an_office(house: House, name: str = "acme", *, keep_deleted_ms: int = DAY_MS) -> Office:
    """A customer of the house's tenant, with everything that it needs."""

    def make(tx: Tx) -> Office:
        caller, namers = house.caller, house.namers
        customer = customers.create(tx, caller, namers, name)
        installation = sources.install(tx, caller, f"GOF {name}")
        service = sources.add_service(
            tx, caller, installation, ServiceKind.FOLDER, f"SERVER {name}", f"/srv/{name}"
        )
        said = settings(customer, "Example group", installation_id=installation.id)
        group = groups.create(tx, caller, namers, customer, said, keep_deleted_ms=keep_deleted_ms)
        return Office(customer, group, installation, service)

    return await house.catalog.write(make)


async def a_source(
    house: House,
    office: Office,
    path: str = "directory",
    *,
    method: Method = Method.AUTOMATIC,
    copies: bool = True,
) -> Source:
    """A place of the office's service that is synchronised into its group."""
    wish = sources.Wish(path, "", method, copies)
    return await house.catalog.write(
        lambda tx: sources.add(tx, house.caller, house.namers, office.group.space, office.service, wish)
    )


async def a_key(house: House, customer: Customer) -> tuple[str, Id]:
    """A secret key of the customer, and the id of its credential."""
    key = customers.new_key()
    made = await house.catalog.write(customers.add_key, house.caller, customer, key)
    return key, made.id
