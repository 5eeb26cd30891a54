"""Services that nobody configured."""

from kade.core.clock import Millis
from kade.core.ids import new_id
from kade.core.sources import Service, ServiceKind


def service(kind: ServiceKind, location: str, settings: str = "", secret: bytes | None = None) -> Service:
    return Service(new_id(), new_id(), new_id(), kind, "name", "name", location, secret, settings, Millis(0))


def unsealed(found: Service) -> bytes:
    """Opens a secret that nobody sealed."""
    return found.secret or b""
