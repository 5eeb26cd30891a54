"""Share: files and spaces that somebody may fetch by a link."""

from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class Share(NamedTuple):
    """What is shared, with whom (None: whoever has the link); *link* counts the links that it has had."""

    id: Id
    tenant_id: Id
    contact_id: Id | None
    guest_id: Id
    link: int
    created_by: Id
    created_at: Millis
    removed_at: Millis | None


class SharedThing(NamedTuple):
    """One file, or one space with all that is in it, of a share; one of the two is None."""

    share_id: Id
    position: int
    file_id: Id | None
    space_id: Id | None
