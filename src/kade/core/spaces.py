"""Space: where files live, and by which rules; Quota: how much fits."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for the files of a space.

    *digests* are computed while a file arrives, besides SHA-256. *trash_ms* is how long a removed file can
    be restored (0: removing is final). *max_file_size* is in bytes (0: no limit). *keep_content_ms* and
    *keep_record_ms* are how long after its arrival a file has its bytes, and how long it is known at all
    (0: for ever). A file's name must match one of *file_names*, if there are any (``*`` and ``?`` as in a
    shell, upper and lower case alike), and have none of *refused_extensions*.
    """

    digests: tuple[str, ...] = ()
    trash_ms: int = 0
    max_file_size: int = 0
    keep_content_ms: int = 0
    keep_record_ms: int = 0
    file_names: tuple[str, ...] = ()
    refused_extensions: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Policy":
        """The policy as the catalog keeps it; members of a later version are left out."""
        known = {key: stored[key] for key in cls.__slots__ if key in stored}
        return cls(**{key: tuple(each) if isinstance(each, list) else each for key, each in known.items()})

    def stored(self) -> dict[str, Any]:
        """The form in which the catalog keeps it."""
        return asdict(self)


class Space(NamedTuple):
    """A place for files; grants on it hold for the spaces below it as well.

    *number* is that of its business type, if it has one: unique among the tenant's spaces.
    """

    id: Id
    tenant_id: Id
    parent_id: Id | None
    name: str
    name_folded: str
    policy: Policy
    created_at: Millis
    removed_at: Millis | None
    number: int | None = None


class Quota(NamedTuple):
    """Bytes of one subject (a space or a tenant): *ceiling* is None when there is no limit."""

    subject_id: Id
    ceiling: int | None
    used: int
    reserved: int
