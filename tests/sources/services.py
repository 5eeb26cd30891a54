"""Services that nobody configured, and what is seen of their places."""

from kade.core.clock import Millis
from kade.core.ids import new_id
from kade.core.ports.sources import Place
from kade.core.sources import Seen, Service, ServiceKind, Unreadable


def service(kind: ServiceKind, location: str, settings: str = "", secret: bytes | None = None) -> Service:
    return Service(new_id(), new_id(), new_id(), kind, "name", "name", location, secret, settings, Millis(0))


def unsealed(found: Service) -> bytes:
    """Opens a secret that nobody sealed."""
    return found.secret or b""


async def seen(place: Place) -> dict[str, Seen]:
    """What a walk sees, by key; nothing is seen twice, and nothing is unreadable."""
    found = [item async for item in place.walk()]
    assert not [item for item in found if isinstance(item, Unreadable)]
    by_key = {item.key: item for item in found if isinstance(item, Seen)}
    assert len(by_key) == len(found)
    return by_key


async def unreadable(place: Place) -> dict[str, str]:
    """What a walk could not read, and why."""
    return {item.key: item.error async for item in place.walk() if isinstance(item, Unreadable)}


async def read(place: Place, item: Seen) -> bytes:
    pieces = [piece async for piece in place.read(item)]
    assert all(0 < len(piece) <= 1 << 18 for piece in pieces)
    return b"".join(pieces)
