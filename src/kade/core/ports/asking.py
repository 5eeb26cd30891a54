"""Tables of what is asked of whom, what is shared with whom, and who is told."""

from collections.abc import Sequence
from typing import Protocol

from kade.core.clock import Millis
from kade.core.contacts import Contact
from kade.core.ids import Id
from kade.core.requests import FileRequest, Slot
from kade.core.shares import Share, SharedThing
from kade.core.webhooks import Webhook


class Requests(Protocol):
    def add(self, request: FileRequest, slots: Sequence[Slot]) -> None: ...
    def get(self, request_id: Id) -> FileRequest | None: ...
    def lock(self, request_id: Id) -> FileRequest | None:
        """The request, which no other transaction can change or have filled until this one ends."""

    def of_guest(self, guest_id: Id) -> FileRequest | None: ...
    def change(self, request: FileRequest) -> None: ...
    def page(
        self, tenant_id: Id, space_ids: Sequence[Id], skip: int, limit: int, *, closed: bool = False
    ) -> list[FileRequest]:
        """Those for these spaces, the newest first; with *closed* those that were closed, too."""

    def open_of_contact(self, contact_id: Id) -> int:
        """How many of the contact's are neither completed nor closed."""

    def slot(self, slot_id: Id) -> Slot | None: ...
    def slots(self, request_ids: Sequence[Id]) -> dict[Id, list[Slot]]:
        """Of each request, in their order."""

    def fill(self, slot_id: Id, file_id: Id | None) -> None: ...
    def vacate(self, file_id: Id) -> None:
        """No slot has this file any longer."""


class Contacts(Protocol):
    def add(self, contact: Contact) -> None: ...
    def get(self, contact_id: Id) -> Contact | None:
        """The contact, also when it was removed."""

    def change(self, contact: Contact) -> None: ...
    def page(self, tenant_id: Id, skip: int, limit: int) -> list[Contact]:
        """Those that exist, the newest first."""


class Shares(Protocol):
    def add(self, share: Share, things: Sequence[SharedThing]) -> None: ...
    def get(self, share_id: Id) -> Share | None:
        """The share, also when it was removed."""

    def of_guest(self, guest_id: Id) -> Share | None: ...
    def change(self, share: Share) -> None:
        """Write its link's number and when it was removed."""

    def page(self, tenant_id: Id, skip: int, limit: int) -> list[Share]:
        """Those that exist, the newest first."""

    def things(self, share_ids: Sequence[Id]) -> dict[Id, list[SharedThing]]:
        """Of each share, in their order."""


class Webhooks(Protocol):
    def exist(self) -> bool:
        """Whether there is any, of whatever tenant."""

    def add(self, webhook: Webhook) -> None: ...
    def get(self, webhook_id: Id) -> Webhook | None:
        """The webhook, also when it was removed."""

    def of_tenant(self, tenant_id: Id) -> list[Webhook]:
        """Those that exist, oldest first."""

    def remove(self, webhook_id: Id, at: Millis) -> bool:
        """False when it was removed before."""
