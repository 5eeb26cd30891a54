"""Installations, services, sources and their runs in the catalog."""

from typing import Any

from sqlalchemy import Executable, bindparam, delete, func, or_, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import installations, services, sources, sync_runs
from kade.catalog.statements import Duplicate, Row, Session
from kade.core.clock import Millis
from kade.core.errors import KadeError, SourceReason
from kade.core.ids import Id
from kade.core.sources import Installation, Service, Source, SyncRun


def _change(table: Any) -> Any:
    values: dict[str, Any] = {
        column.name: bindparam(column.name) for column in table.c if column.name != "id"
    }
    return update(table).where(table.c.id == bindparam("_id")).values(values)


_ADD_INSTALLATION = insert_row(installations)
_INSTALLATIONS = (
    select_rows(installations)
    .where(installations.c.tenant_id == bindparam("_tenant"))
    .order_by(installations.c.name_folded)
)
_CHANGE_INSTALLATION = _change(installations)
_REMOVE_INSTALLATION = delete(installations).where(installations.c.id == bindparam("_id"))

_ADD_SERVICE = insert_row(services)
_SERVICE = select_rows(services).where(services.c.id == bindparam("_id"))
_SERVICES = (
    select_rows(services).where(services.c.tenant_id == bindparam("_tenant")).order_by(services.c.name_folded)
)
_CHANGE_SERVICE = _change(services)
_REMOVE_SERVICE = delete(services).where(services.c.id == bindparam("_id"))

_LIVING = sources.c.removed_at.is_(None)
_ADD = insert_row(sources)
_GET = select_rows(sources).where(sources.c.id == bindparam("_id"))
_LOCK = _GET.with_for_update()
_CHANGE = _change(sources)
_ALL = select_rows(sources).where(_LIVING).order_by(sources.c.id)
_OF_SPACE = _ALL.where(sources.c.space_id == bindparam("_space"))
_OF_SERVICE = _ALL.where(sources.c.service_id == bindparam("_service"))
_USES = select(sources.c.id).where(sources.c.service_id == bindparam("_service")).limit(1)
_FORGET = delete(sources).where(sources.c.id == bindparam("_source"))
_FORGET_RUNS = delete(sync_runs).where(sync_runs.c.source_id == bindparam("_source"))
_ANY = select(sources.c.id).where(_LIVING).limit(1)
_WHEN = func.coalesce(sources.c.requested_at, sources.c.due_at, sources.c.run_until)
# Or whoever ran it is dead: then what was asked of it is asked still.
_RUNNING = sources.c.run_id.is_not(None)
_DUE = (
    select_rows(sources)
    .where(
        or_(sources.c.requested_at.is_not(None), sources.c.due_at <= bindparam("_at"), _RUNNING),
        or_(sources.c.run_until.is_(None), sources.c.run_until < bindparam("_at")),
    )
    .order_by(_WHEN, sources.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
# What is running is looked at again when its time is over: whoever ran it may be dead.
_NEXT = select(
    func.min(
        func.coalesce(sources.c.run_until, sources.c.requested_at, sources.c.due_at),
    )
).where(or_(sources.c.requested_at.is_not(None), sources.c.due_at.is_not(None), _RUNNING))

_ADD_RUN = insert_row(sync_runs)
_RUN = select_rows(sync_runs).where(sync_runs.c.id == bindparam("_id"))
_CHANGE_RUN = _change(sync_runs)
_RUNS = (
    select_rows(sync_runs)
    .where(sync_runs.c.source_id == bindparam("_source"))
    .order_by(sync_runs.c.id.desc())
    .limit(bindparam("_limit"))
)
_TRIM = delete(sync_runs).where(
    sync_runs.c.source_id == bindparam("_source"), sync_runs.c.id < bindparam("_oldest")
)


class SourceTable:
    """Implements ``core.ports.Sources``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_installation(self, installation: Installation) -> None:
        self._unique(_ADD_INSTALLATION, installation.name, installation._asdict())

    def installations(self, tenant_id: Id) -> list[Installation]:
        rows = self._session.all(_INSTALLATIONS, _tenant=tenant_id)
        return [_installation(row) for row in rows]

    def change_installation(self, installation: Installation) -> None:
        self._unique(_CHANGE_INSTALLATION, installation.name, _by_id(installation._asdict()))

    def remove_installation(self, installation_id: Id) -> None:
        self._session.run(_REMOVE_INSTALLATION, _id=installation_id)

    def add_service(self, service: Service) -> None:
        self._unique(_ADD_SERVICE, service.name, service._asdict())

    def service(self, service_id: Id) -> Service | None:
        row = self._session.one(_SERVICE, _id=service_id)
        return Service._make(row) if row else None

    def services(self, tenant_id: Id) -> list[Service]:
        return [Service._make(row) for row in self._session.all(_SERVICES, _tenant=tenant_id)]

    def change_service(self, service: Service) -> None:
        self._unique(_CHANGE_SERVICE, service.name, _by_id(service._asdict()))

    def remove_service(self, service_id: Id) -> None:
        self._session.run(_REMOVE_SERVICE, _id=service_id)

    def add(self, source: Source) -> None:
        self._unique(_ADD, source.path, source._asdict())

    def get(self, source_id: Id) -> Source | None:
        row = self._session.one(_GET, _id=source_id)
        return _source(row) if row else None

    def lock(self, source_id: Id) -> Source | None:
        row = self._session.one(_LOCK, _id=source_id)
        return _source(row) if row else None

    def change(self, source: Source) -> None:
        self._unique(_CHANGE, source.path, _by_id(source._asdict()))

    def of_space(self, space_id: Id) -> list[Source]:
        return [_source(row) for row in self._session.all(_OF_SPACE, _space=space_id)]

    def of_service(self, service_id: Id) -> list[Source]:
        return [_source(row) for row in self._session.all(_OF_SERVICE, _service=service_id)]

    def uses(self, service_id: Id) -> bool:
        return self._session.one(_USES, _service=service_id) is not None

    def forget(self, source_id: Id) -> None:
        self._session.run(_FORGET_RUNS, _source=source_id)
        self._session.run(_FORGET, _source=source_id)

    def exist(self) -> bool:
        return self._session.one(_ANY) is not None

    def all(self) -> list[Source]:
        return [_source(row) for row in self._session.all(_ALL)]

    def take_due(self, at: Millis, run: SyncRun, until: Millis) -> Source | None:
        row = self._session.one(_DUE, _at=at)
        if row is None:
            return None
        taken = _source(row)._replace(run_id=run.id, run_until=until, requested_at=None)
        self.change(taken)
        self._session.run(_ADD_RUN, **run._replace(source_id=taken.id)._asdict())
        return taken

    def next_due(self) -> Millis | None:
        row = self._session.one(_NEXT)
        return row[0] if row else None

    def run(self, run_id: Id) -> SyncRun | None:
        row = self._session.one(_RUN, _id=run_id)
        return SyncRun._make(row) if row else None

    def change_run(self, run: SyncRun) -> None:
        self._session.run(_CHANGE_RUN, **_by_id(run._asdict()))

    def runs(self, source_id: Id, limit: int) -> list[SyncRun]:
        return [SyncRun._make(row) for row in self._session.all(_RUNS, _source=source_id, _limit=limit)]

    def trim_runs(self, source_id: Id, keep: int) -> None:
        kept = self.runs(source_id, keep)
        if len(kept) == keep:
            self._session.run(_TRIM, _source=source_id, _oldest=kept[-1].id)

    def _unique(self, statement: Executable, name: str, values: dict[str, Any]) -> None:
        try:
            self._session.run(statement, **values)
        except Duplicate as error:
            raise KadeError(SourceReason.NAME_TAKEN, name) from error


def _by_id(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"_id": values.pop("id")}


def _installation(row: Row) -> Installation:
    found = Installation._make(row)
    return found._replace(takes_requests=bool(found.takes_requests))


def _source(row: Row) -> Source:
    found = Source._make(row)
    return found._replace(copies=bool(found.copies), resynchronise=bool(found.resynchronise))
