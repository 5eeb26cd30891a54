"""Lists of files: what was delivered to a subscriber, or brought by a publisher (spec 1(a), 1(c) 1 to 10)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import AccessReason, KadeError
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.query import Field, Order, Page, Query
from kade.dialects.fileapi import filters, wire
from kade.dialects.fileapi.door import tenant_of
from kade.dialects.fileapi.filters import Filter
from kade.dialects.fileapi.parameters import Parameters, Role
from kade.dialects.fileapi.receipts import Receipts
from kade.dialects.fileapi.settings import Settings
from kade.dialects.fileapi.wire import Delivered, Listing, Published, TypeOfFile
from kade.services import deliveries, publications
from kade.web.dialect import Kit
from kade.web.odata.parser import parse_order

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks of a list."""

    tenant: str
    filter: Filter
    order: Order
    page_index: int
    page_size: int

    def query(self, tenant_id: Id, spaces: Mapping[int, Id]) -> Query:
        """The query over the spaces that the caller may see, by business type.

        Raises:
            KadeError: ``AccessReason.VERB_NOT_GRANTED`` when the filter names another type.
        """
        unknown = sorted(self.filter.named_types - spaces.keys())
        if unknown:
            raise KadeError(AccessReason.VERB_NOT_GRANTED, f"businessType {unknown[0]}")
        where = self.filter.where(spaces)
        skip = self.page_index * self.page_size
        return Query(tenant_id, tuple(spaces.values()), where, self.order, skip, self.page_size)


class Lists:
    """``GET /files``."""

    def __init__(self, kit: Kit, settings: Settings, receipts: Receipts) -> None:
        self._kit = kit
        self._settings = settings
        self._receipts = receipts

    async def handle(self, request: Request, caller: Caller) -> Response:
        """One page of the list for the role that the request names."""
        parameters = Parameters(request)
        if parameters.role() is Role.PUBLISHER:
            asked = _asked(request, parameters, filters.for_publisher, filters.PUBLISHER_KEYS)
            found: Page[Published] | Page[Delivered] = await self._kit.catalog.read(
                self._published, caller, asked
            )
        else:
            asked = _asked(request, parameters, filters.for_subscriber, filters.SUBSCRIBER_KEYS)
            await self._receipts.written(caller)
            found = await self._kit.catalog.read(self._delivered, caller, asked)
        listing = Listing(found.entries, asked.page_index, asked.page_size, found.count)
        return Response(_ENCODER.encode(listing), media_type="application/json")

    def _delivered(self, tx: Tx, caller: Caller, asked: _Asked) -> Page[Delivered]:
        spaces = deliveries.spaces(tx, caller)
        types = types_of(tx, self._settings, spaces)
        found = deliveries.page(tx, caller, asked.query(caller.tenant_id, spaces))
        deleted = asked.filter.shows_deleted
        return Page(
            [
                wire.delivered(delivery, file, asked.tenant, types[delivery.space_id], deleted=deleted)
                for delivery, file in found.entries
            ],
            found.count,
        )

    def _published(self, tx: Tx, caller: Caller, asked: _Asked) -> Page[Published]:
        spaces = publications.spaces(tx, caller)
        types = types_of(tx, self._settings, spaces)
        found = publications.page(tx, caller, asked.query(caller.tenant_id, spaces))
        zone = self._settings.publisher_zone
        return Page(
            [wire.published(file, asked.tenant, types[file.space_id], zone=zone) for file in found.entries],
            found.count,
        )


def types_of(tx: Tx, settings: Settings, spaces: Mapping[int, Id]) -> dict[Id, TypeOfFile]:
    """The business type of each space, as it is told."""
    names = {each.number: each.name for each in tx.business_types.all()} if settings.type_names else {}
    return {
        space_id: TypeOfFile(number, names.get(number, str(number))) for number, space_id in spaces.items()
    }


def _asked(
    request: Request, parameters: Parameters, parse: Callable[[str], Filter], keys: Mapping[str, Field]
) -> _Asked:
    return _Asked(
        tenant_of(request),
        parse(parameters.filter),
        parse_order(parameters.order_by, keys),
        parameters.page_index,
        parameters.page_size,
    )
