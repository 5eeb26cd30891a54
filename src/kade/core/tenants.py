"""Tenant: the edge for quota, keys, deduplication and queries."""

from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class Tenant(NamedTuple):
    """One organisation that is hosted; the first one is made by ``kade init``."""

    id: Id
    name: str
    created_at: Millis
