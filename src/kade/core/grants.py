"""Grant: a caller's verbs on a space, inherited downwards."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class Verb(StrEnum):
    """What may be done in a space."""

    LIST = "list"
    READ = "read"
    WRITE = "write"
    REMOVE = "remove"
    MANAGE = "manage"


ALL_VERBS = tuple(Verb)


class Grant(NamedTuple):
    """*verbs* for a principal on a space and all below it, within a time frame."""

    id: Id
    principal_id: Id
    space_id: Id
    verbs: tuple[Verb, ...]
    not_before: Millis | None
    not_after: Millis | None
    created_at: Millis
