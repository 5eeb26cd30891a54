"""Webhook: an address that is told when something happens."""

from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class Webhook(NamedTuple):
    """*url* is called about events of *kind*, in the words of the dialect *instance*.

    *secret* is sealed, and proves to it who calls.
    """

    id: Id
    tenant_id: Id
    instance: str
    kind: str
    url: str
    secret: bytes
    created_by: Id
    created_at: Millis
    removed_at: Millis | None
