"""The shapes of answers, in the original's names and order (spec 3(a), 3(b))."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from kade.core.clock import Millis, to_datetime
from kade.core.contacts import Contact
from kade.core.files import File, FileState
from kade.core.requests import FileRequest, Slot
from kade.core.shares import Share
from kade.core.spaces import Space
from kade.dialects.filerequests import ids
from kade.dialects.filerequests.ids import Prefix
from kade.services.requests import Placed, View

KIB = 1024  # what maxFileSize counts
_HTML, _JSON = "text/html", "application/json"


class CustomerFields(msgspec.Struct, omit_defaults=False):
    """What is known of a customer besides its name and address for mail."""

    address: str = ""
    zipCode: str = ""
    city: str = ""
    countryCode: str = "NL"
    phone: str | None = None


class Wire:
    """Tells of objects, in dates of *zone*.

    *server* tells the public URL, below which are the API at *path*, the pages of requests at *pages*, and
    those of shares at *shares*.
    """

    def __init__(self, server: Callable[[], str], path: str, pages: str, shares: str, zone: str) -> None:
        self._server = server
        self._path = path
        self._pages = pages
        self._shares = shares
        self._zone = ZoneInfo(zone)

    @property
    def base(self) -> str:
        """The API's URL."""
        return self._server() + self._path

    def date(self, moment: Millis) -> str:
        """ATOM (RFC 3339 with seconds and a numeric offset)."""
        local: datetime = to_datetime(moment).astimezone(self._zone)
        return local.isoformat(timespec="seconds")

    def request(self, view: View, root: Space, token: str) -> dict[str, Any]:
        """A file request; *token* is that of its link."""
        request = view.request
        public = (
            None if request.contact_id else {"href": f"{self._server()}{self._pages}/{token}", "type": _HTML}
        )
        return {
            "id": ids.told(Prefix.REQUEST, request.id),
            "name": request.name,
            "description": request.description,
            "directoryId": self._directory(request, root),
            "customerId": self._customer_id(request),
            "requestedFiles": [_requested(slot, view.placed.get(slot.id), request) for slot in view.slots],
            "completedAt": self.date(request.completed_at) if request.completed_at else None,
            "createdAt": self.date(request.created_at),
            "links": {"customer": self._customer_link(self._customer_id(request)), "publicRequest": public},
        }

    def customer(self, contact: Contact) -> dict[str, Any]:
        """A customer."""
        fields = msgspec.json.decode(contact.details, type=CustomerFields)
        return {
            "id": ids.told(Prefix.CUSTOMER, contact.id),
            "companyName": contact.name,
            "address": fields.address,
            "zipCode": fields.zipCode,
            "city": fields.city,
            "countryCode": fields.countryCode,
            "primaryEmail": contact.email,
            "phone": fields.phone,
            "integration": None,
            "integrationId": None,
            "customerGroups": [],
            "createdAt": self.date(contact.created_at),
        }

    def share(self, share: Share, content: Sequence[dict[str, Any]], token: str) -> dict[str, Any]:
        """A file share; *token* is that of its link."""
        customer_id = ids.told(Prefix.CUSTOMER, share.contact_id) if share.contact_id else None
        link = {"href": f"{self._server()}{self._shares}/{token}", "type": _HTML}
        return {
            "id": ids.told(Prefix.SHARE, share.id),
            "sharedWithCustomerId": customer_id,
            "sharedContent": list(content),
            "createdAt": self.date(share.created_at),
            "links": {
                "customer": self._customer_link(customer_id),
                "publicShare": None if customer_id else link,
            },
        }

    def file(self, file: File) -> dict[str, Any]:
        """A file."""
        return {
            "id": ids.told(Prefix.FILE, file.id),
            "type": "file",
            "name": file.name,
            "size": file.length,
            "mime": file.media_type,
            "fileShareId": None,
            "createdAt": self.date(file.created_at),
        }

    def directory(self, space: Space) -> dict[str, Any]:
        """A directory."""
        return {
            "id": ids.told(Prefix.DIRECTORY, space.id),
            "type": "directory",
            "name": space.name,
            "size": None,
            "mime": None,
            "fileShareId": None,
            "createdAt": self.date(space.created_at),
        }

    def _customer_link(self, customer_id: str | None) -> dict[str, str] | None:
        return {"href": f"{self.base}/customers/{customer_id}", "type": _JSON} if customer_id else None

    def _directory(self, request: FileRequest, root: Space) -> str | None:
        return None if request.space_id == root.id else ids.told(Prefix.DIRECTORY, request.space_id)

    def _customer_id(self, request: FileRequest) -> str | None:
        return ids.told(Prefix.CUSTOMER, request.contact_id) if request.contact_id else None


def _requested(slot: Slot, placed: Placed | None, request: FileRequest) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": ids.told(Prefix.REQUESTED_FILE, slot.id),
        "name": slot.name,
        "description": slot.description,
        "required": slot.required,
        "maxFileSize": None if slot.max_size is None else -(-slot.max_size // KIB),
    }
    if slot.accepts:  # ours: the original has no such field, and who sends none is told of none
        told["acceptedTypes"] = slot.accepts.split()
    there = request.completed_at is not None and placed is not None and placed.file.state == FileState.LIVE
    told["uploadedFileId"] = ids.told(Prefix.FILE, placed.file.id) if there and placed is not None else None
    return told
