"""Contact: a person or firm that is asked for files, or that files are shared with."""

from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


class Contact(NamedTuple):
    """How somebody is called and reached; *email* is where notices go.

    *details* is JSON of whoever made it.
    """

    id: Id
    tenant_id: Id
    name: str
    email: str
    language: str
    details: str
    created_at: Millis
    removed_at: Millis | None
