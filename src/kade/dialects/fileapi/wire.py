"""The bodies of answers, with the names and the order of the original (spec 1(a), 1(b))."""

from collections.abc import Sequence

import msgspec

from kade.core.clock import Millis, to_datetime, to_iso
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.files import File
from kade.core.ids import dashed


class TypeOfFile(msgspec.Struct, frozen=True):
    """``businessType``: its number, and its name or the number as text."""

    id: int
    name: str


class Published(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of a publisher's list."""

    file_id: str
    file_name: str
    file_size: int
    tenant_id: str
    business_type: TypeOfFile
    publisher_id: str
    upload_date: str


class Delivered(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """An entry of a subscriber's list; the last two are told when deleted files were asked for."""

    downloaded: bool
    file_id: str
    file_name: str
    file_size: int
    tenant_id: str
    business_type: TypeOfFile
    publisher_id: str
    upload_date: str
    deleted: bool | None = None
    deleted_date: str | None = None


class Listing(msgspec.Struct, frozen=True, rename="camel"):
    """One page of a list; *count* is of all pages."""

    data: Sequence[Published | Delivered]
    page_index: int
    page_size: int
    count: int


class Created(msgspec.Struct, frozen=True, rename="camel"):
    """What a publisher is told of a file that was published."""

    id: str
    name: str
    size: int
    creation_date: str
    tenant_id: str
    business_type: TypeOfFile
    num_chunks: int


class Started(msgspec.Struct, frozen=True, rename="camel"):
    """What begins a chunked upload."""

    upload_token: str


def published(file: File, tenant: str, kind: TypeOfFile, *, zone: bool) -> Published:
    """A file of the publisher's own."""
    moment = to_iso(file.arrived_at or file.created_at)
    return Published(
        dashed(file.id),
        file.name,
        file.length or 0,
        tenant,
        kind,
        dashed(file.created_by),
        moment if zone else moment.removesuffix("Z"),
    )


def delivered(delivery: Delivery, file: File, tenant: str, kind: TypeOfFile, *, deleted: bool) -> Delivered:
    """A file as it was delivered to somebody."""
    dismissed = delivery.state == DeliveryState.DISMISSED
    return Delivered(
        delivery.fetched_at is not None,
        dashed(file.id),
        file.name,
        file.length or 0,
        tenant,
        kind,
        dashed(file.created_by),
        to_iso(delivery.arrived_at),
        deleted=dismissed if deleted else None,
        deleted_date=to_iso(delivery.dismissed_at) if deleted and delivery.dismissed_at else None,
    )


def to_ticks(moment: Millis) -> str:
    """A moment with seven decimals, as a creation date has them."""
    return f"{to_datetime(moment):%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}0000Z"
