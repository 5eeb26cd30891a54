"""Space: where files live, and by which rules; Quota: how much fits."""

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from kade.core.clock import Millis
from kade.core.errors import FileReason, KadeError, SpaceReason
from kade.core.ids import Id
from kade.core.names import fold


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for the files of a space.

    *digests* are computed while a file arrives, besides SHA-256. *trash_ms* is how long a removed file can
    be restored (0: removing is final). *max_file_size* is in bytes (0: no limit). *keep_content_ms* and
    *keep_record_ms* are how long after its arrival a file has its bytes, and how long it is known at all
    (0: for ever); the record goes no sooner than the bytes. A file's name must match one of *file_names*,
    if there are any (``*``, ``?`` and ``[…]`` as in a shell, upper and lower case alike), and must have none
    of *refused_extensions*, not even with dots or spaces behind it, which some systems drop. *index*: what is
    in its files is read, and can be searched.
    """

    digests: tuple[str, ...] = ()
    trash_ms: int = 0
    max_file_size: int = 0
    keep_content_ms: int = 0
    keep_record_ms: int = 0
    file_names: tuple[str, ...] = ()
    refused_extensions: tuple[str, ...] = ()
    index: bool = False

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Policy":
        """The policy as the catalog keeps it; members of a later version are left out."""
        known: dict[str, Any] = {key: stored[key] for key in cls.__slots__ if key in stored}
        values: dict[str, Any] = {
            key: tuple(each) if isinstance(each, list) else each for key, each in known.items()
        }
        return cls(**values)

    def checked(self) -> "Policy":
        """Itself, when the record of a file is kept at least as long as its bytes.

        Raises:
            KadeError: ``SpaceReason.BAD_POLICY``.
        """
        if self.keep_record_ms and not 0 < self.keep_content_ms <= self.keep_record_ms:
            raise KadeError(SpaceReason.BAD_POLICY, "keep_record")
        return self

    def due(self, arrived_at: Millis) -> Millis | None:
        """When a file that arrived at that moment loses its bytes; None: never."""
        return Millis(arrived_at + self.keep_content_ms) if self.keep_content_ms else None

    def require_name(self, folded: str) -> None:
        """Raises KadeError(FileReason.NAME_REFUSED) for a folded name that files here may not have."""
        _, dot, extension = folded.rstrip(". ").rpartition(".")
        if dot and any(extension == fold(each) for each in self.refused_extensions):
            raise KadeError(FileReason.NAME_REFUSED, ascii(folded[:80]), rule="extension")
        if self.file_names and not any(fnmatchcase(folded, fold(each)) for each in self.file_names):
            raise KadeError(FileReason.NAME_REFUSED, ascii(folded[:80]), rule="pattern")

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
