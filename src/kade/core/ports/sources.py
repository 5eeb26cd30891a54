"""Places elsewhere that are synchronised: how they are looked at and read."""

from collections.abc import AsyncIterator
from typing import Protocol

from kade.core.sources import Seen, Service, Unreadable


class Place(Protocol):
    """One folder, mailbox or site, opened."""

    def walk(self) -> AsyncIterator[Seen | Unreadable]:
        """Everything that stands there now, in any order.

        Raises:
            KadeError: ``SourceReason.UNREACHABLE``, ``LOGIN_REFUSED`` or ``NOT_THERE``, whenever it becomes
                known; what was not seen by then may well be there.
        """

    async def look(self, key: str) -> Seen | None:
        """What stands at that key now. Raises what ``walk`` raises."""

    def read(self, seen: Seen) -> AsyncIterator[bytes]:
        """Its bytes, in pieces of at most 256 KiB.

        Raises:
            KadeError: ``SourceReason.CHANGED`` when it is not what was seen (any more), ``UNREADABLE``,
                ``TOO_LARGE``, and what ``walk`` raises.
        """

    def changes(self) -> AsyncIterator[None]:
        """An item each time that something changed since the last one and it has been quiet for a moment;
        it ends at once where that cannot be told."""

    async def close(self) -> None: ...


class Places(Protocol):
    """What opens places of every kind."""

    async def open(self, service: Service, path: str) -> Place:
        """The place at *path* (names with slashes, or empty: all of it) of a service.

        Raises:
            KadeError: what ``Place.walk`` raises.
        """
