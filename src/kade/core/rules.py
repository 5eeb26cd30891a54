"""Rule: what happens to a file by itself when it goes live in a space."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class Action(StrEnum):
    """PUBLISH: the same content goes live in another space as a file of its own."""

    PUBLISH = "publish"


class Rule(NamedTuple):
    """*action*, from a space into *target_id*, which may be another tenant's."""

    id: Id
    tenant_id: Id
    space_id: Id
    action: str
    target_id: Id
    created_by: Id
    created_at: Millis
