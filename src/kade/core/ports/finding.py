"""Tables of what is synchronised and of what was read in files, and what dialects alone know."""

from collections.abc import Sequence
from typing import Protocol

from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.readings import Reading
from kade.core.records import Record
from kade.core.sources import Installation, Item, Service, Source, SyncRun


class Readings(Protocol):
    def add(self, reading: Reading) -> None: ...
    def get(self, file_id: Id) -> Reading | None: ...
    def get_many(self, file_ids: Sequence[Id]) -> dict[Id, Reading]: ...
    def lock(self, file_id: Id) -> Reading | None:
        """The reading, which no other transaction can change until this one ends."""

    def change(self, reading: Reading) -> None: ...
    def set_text(self, file_id: Id, text: str) -> None: ...
    def texts(self, file_ids: Sequence[Id]) -> dict[Id, str]: ...
    def take_due(self, at: Millis, until: Millis, limit: int) -> list[Reading]:
        """Waiting ones that are due, by priority and then longest due; nobody else gets them before
        *until*."""

    def next_due(self) -> Millis | None: ...
    def unindexed(self, limit: int) -> list[Reading]:
        """Those of which the index does not know the last stamp."""

    def mark_indexed(self, stamps: Sequence[tuple[Id, int]], at: Millis) -> None: ...
    def unmark(self, since: Millis) -> int:
        """Have the index told again of what it learnt since then; how many."""

    def forget(self, file_ids: Sequence[Id]) -> None: ...
    def forgettable(self, before: Millis, limit: int) -> list[Id]:
        """Those gone that the index forgot before that moment."""

    def page(self, after: Id | None, limit: int, indexed_since: Millis | None = None) -> list[Reading]:
        """By file id; only those that the index learnt of since then, when that is given."""

    def waiting(self) -> int:
        """How many are to be read."""

    def untold(self) -> int:
        """Of how many the index does not know the last stamp."""


class Sources(Protocol):
    """Installations, their services, sources and the runs over them."""

    def add_installation(self, installation: Installation) -> None:
        """Raises KadeError(SourceReason.NAME_TAKEN)."""

    def installations(self, tenant_id: Id) -> list[Installation]:
        """By name."""

    def change_installation(self, installation: Installation) -> None: ...
    def remove_installation(self, installation_id: Id) -> None: ...
    def add_service(self, service: Service) -> None:
        """Raises KadeError(SourceReason.NAME_TAKEN) when the tenant has one of that folded name."""

    def service(self, service_id: Id) -> Service | None: ...
    def services(self, tenant_id: Id) -> list[Service]:
        """By name."""

    def change_service(self, service: Service) -> None: ...
    def remove_service(self, service_id: Id) -> None: ...
    def add(self, source: Source) -> None:
        """Raises KadeError(SourceReason.NAME_TAKEN) when the space has one of that place."""

    def get(self, source_id: Id) -> Source | None: ...
    def lock(self, source_id: Id) -> Source | None:
        """The source, which no other transaction can change until this one ends."""

    def change(self, source: Source) -> None: ...
    def forget(self, source_id: Id) -> None:
        """Remove the row and its runs; nothing may refer to it any more."""

    def of_space(self, space_id: Id) -> list[Source]:
        """Those not removed, oldest first."""

    def of_service(self, service_id: Id) -> list[Source]:
        """Those not removed, oldest first."""

    def exist(self) -> bool:
        """Whether there is any that was not removed."""

    def all(self) -> list[Source]:
        """Those not removed, oldest first."""

    def take_due(self, at: Millis, run: SyncRun, until: Millis) -> Source | None:
        """The source that is due or was asked for longest ago and that nobody runs, taken by *run* (whose
        ``source_id`` is filled in); None when there is none. Of one that was removed only the rest is left to
        do: it is due, too."""

    def next_due(self) -> Millis | None: ...
    def run(self, run_id: Id) -> SyncRun | None: ...
    def change_run(self, run: SyncRun) -> None: ...
    def runs(self, source_id: Id, limit: int) -> list[SyncRun]:
        """Newest first."""

    def trim_runs(self, source_id: Id, keep: int) -> None:
        """Forget all but the newest."""


class Items(Protocol):
    def add(self, item: Item) -> None:
        """Raises KeyError when the source has one of that key."""

    def get(self, file_id: Id) -> Item | None: ...
    def get_many(self, file_ids: Sequence[Id]) -> dict[Id, Item]: ...
    def by_keys(self, source_id: Id, keys: Sequence[str]) -> dict[str, Item]: ...
    def by_identity(self, source_id: Id, identity: str) -> list[Item]: ...
    def change(self, item: Item) -> None:
        """Raises KeyError when the source has another one of that key."""

    def mark_seen(self, file_ids: Sequence[Id], run_id: Id) -> None: ...
    def unseen(self, source_id: Id, run_id: Id, after: Id | None, limit: int) -> list[Item]:
        """Those that this run did not see, by file id."""

    def of_source(self, source_id: Id, after: Id | None, limit: int) -> list[Item]: ...
    def take_due(self, at: Millis, until: Millis, limit: int) -> list[Item]:
        """Those to be read now, by priority and then longest due; nobody else gets them before *until*."""

    def next_due(self) -> Millis | None: ...
    def forget(self, file_id: Id) -> None: ...


class Records(Protocol):
    def put(self, record: Record) -> None:
        """In the place of the one with this key, if there is one."""

    def get(self, instance: str, collection: str, key: str) -> Record | None: ...
    def lock(self, instance: str, collection: str, key: str) -> Record | None:
        """The record, which no other transaction can change until this one ends."""

    def of_subject(self, instance: str, collection: str, subject_id: Id) -> list[Record]:
        """By key."""

    def of_collection(self, instance: str, collection: str) -> list[Record]:
        """By key."""

    def with_prefix(self, instance: str, collection: str, prefix: str) -> list[Record]:
        """Those whose key begins so, by key."""

    def remove(self, instance: str, collection: str, key: str) -> bool: ...
    def forget_subject(self, subject_id: Id) -> None:
        """Remove every record about it."""
