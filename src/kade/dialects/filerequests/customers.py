"""``/customers``: whom files are asked of."""

import re
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kade.core.contacts import Contact
from kade.core.errors import ContactReason, KadeError
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.dialects.filerequests import ids, paging
from kade.dialects.filerequests.answers import Answers
from kade.dialects.filerequests.errors import FieldErrors
from kade.dialects.filerequests.fields import Fields
from kade.dialects.filerequests.ids import Prefix
from kade.dialects.filerequests.wire import CustomerFields
from kade.services import contacts

_PATH = "/customers"
_COUNTRY = re.compile("[A-Z]{2}")
_REQUIRED = ("companyName", "address", "zipCode", "city", "primaryEmail")
_FIELD_OF = {ContactReason.BAD_NAME: "companyName", ContactReason.BAD_ADDRESS: "primaryEmail"}


class Customers:
    """Operations on customers."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def create(self, request: Request, caller: Caller) -> Response:
        """A new one."""
        fields = await Fields.of(request)
        said = {name: fields.text(name) for name in _REQUIRED}
        details = _details(fields, CustomerFields(said["address"], said["zipCode"], said["city"]))
        fields.require_valid()

        def create(tx: Tx) -> Contact:
            with _told_by_field():
                return contacts.create(
                    tx, caller, said["companyName"], said["primaryEmail"], details=_stored(details)
                )

        made = await self._answers.catalog.write(create)
        return self._answers.created(self._told(made), f"{_PATH}/{ids.told(Prefix.CUSTOMER, made.id)}")

    async def get(self, request: Request, caller: Caller) -> Response:
        """One of them."""
        found = await self._answers.catalog.read(contacts.find, caller, _named(request))
        return self._answers.ok(self._told(found))

    async def list(self, request: Request, caller: Caller) -> Response:
        """Fifteen of them, the newest first."""
        page = paging.page_of(request)
        found = await self._answers.catalog.read(
            contacts.page, caller, paging.skip(page), paging.PER_PAGE + 1
        )
        return self._answers.page(_PATH, page, [self._told(each) for each in found])

    async def change(self, request: Request, caller: Caller) -> Response:
        """Other values for some fields, of which there must be one."""
        fields = await Fields.of(request)
        known = ("companyName", "primaryEmail", *CustomerFields.__struct_fields__)
        sent = [name for name in known if fields.has(name)]
        if not sent:
            fields.wrong("companyName", "One field at least is required.")
        said = {name: fields.text(name) for name in _REQUIRED if name in sent}
        wished = _details(fields, CustomerFields())
        fields.require_valid()

        def change(tx: Tx) -> Contact:
            former = contacts.find(tx, caller, _named(request))
            details = msgspec.json.decode(former.details, type=CustomerFields)
            for name in CustomerFields.__struct_fields__:
                if name in sent:
                    setattr(details, name, said.get(name, getattr(wished, name)))
            changed = former._replace(
                name=said.get("companyName", former.name),
                email=said.get("primaryEmail", former.email),
                details=_stored(details),
            )
            with _told_by_field():
                return contacts.change(tx, caller, changed)

        return self._answers.ok(self._told(await self._answers.catalog.write(change)))

    async def delete(self, request: Request, caller: Caller) -> Response:
        """One less."""

        def remove(tx: Tx) -> None:
            contacts.remove(tx, caller, contacts.find(tx, caller, _named(request)))

        await self._answers.catalog.write(remove)
        return Response(status_code=204)

    def _told(self, contact: Contact) -> dict[str, Any]:
        return self._answers.wire.customer(contact)


class _told_by_field:
    """What the core refuses of a customer is told of the field that it came from."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, KadeError) and error.reason in _FIELD_OF:
            raise FieldErrors({_FIELD_OF[error.reason]: ["This value is not allowed."]}) from error


def _details(fields: Fields, details: CustomerFields) -> CustomerFields:
    country = fields.optional_text("countryCode", longest=2)
    if country is not None and not _COUNTRY.fullmatch(country):
        fields.wrong("countryCode", "This must be a code of two letters (ISO 3166-1).")
    details.countryCode = country or details.countryCode
    details.phone = fields.optional_text("phone", longest=40)
    return details


def _stored(details: CustomerFields) -> str:
    return msgspec.json.encode(details).decode()


def _named(request: Request) -> Id | None:
    return ids.read(Prefix.CUSTOMER, request.path_params["customer"])
