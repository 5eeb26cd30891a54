"""Business type: a kind of exchange that organisations agreed on, the same for every tenant."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.spaces import Policy


class Direction(StrEnum):
    """What applications may do with files of the type."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    BOTH = "both"


class BusinessType(NamedTuple):
    """A number with a name; *policy* is that of each tenant's space for the type."""

    number: int
    name: str
    direction: str
    policy: Policy
    created_at: Millis
