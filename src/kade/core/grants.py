"""Grant: a caller's verbs on a space, inherited downwards."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class Verb(StrEnum):
    """What may be done in a space; to SUBSCRIBE is to have delivered, and to read, what goes live there."""

    LIST = "list"
    READ = "read"
    WRITE = "write"
    REMOVE = "remove"
    MANAGE = "manage"
    SUBSCRIBE = "subscribe"


# Who may do everything need not want everything delivered.
ALL_VERBS = tuple(verb for verb in Verb if verb is not Verb.SUBSCRIBE)


class Grant(NamedTuple):
    """*verbs* for a principal on a space and all below it, within a time frame."""

    id: Id
    principal_id: Id
    space_id: Id
    verbs: tuple[Verb, ...]
    not_before: Millis | None
    not_after: Millis | None
    created_at: Millis

    def in_force(self, at: Millis) -> bool:
        """Whether it holds at that moment."""
        return (self.not_before or 0) <= at and (self.not_after is None or at < self.not_after)
