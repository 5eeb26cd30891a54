"""Tasks and their leases in the catalog."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import tasks
from kade.catalog.statements import Session, database_clock
from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.tasks import Task, TaskState

_CHANGED = ("state", "progress", "file_id", "attempts", "last_error", "due_at", "changed_at")

_ADD = insert_row(tasks)
_SELECT = select_rows(tasks, "lease_until")
_GET = _SELECT.where(tasks.c.id == bindparam("_id"))
_LOCK = _GET.with_for_update()
_OF_SPACE = _SELECT.where(
    tasks.c.space_id == bindparam("_space"), tasks.c.kind == bindparam("_kind")
).order_by(tasks.c.id)
_OF_FILE = _SELECT.where(tasks.c.file_id == bindparam("_file")).order_by(tasks.c.id).limit(1)
_FREE = or_(tasks.c.lease_holder.is_(None), tasks.c.lease_until < database_clock())
_LEASE = (
    update(tasks)
    .where(tasks.c.id == bindparam("_id"))
    .values(
        lease_holder=bindparam("_holder"),
        lease_fence=tasks.c.lease_fence + 1,
        lease_until=database_clock() + bindparam("_ttl"),
    )
    .returning(tasks.c.lease_fence)
)
_RENEW = (
    update(tasks)
    .where(tasks.c.id == bindparam("_id"), tasks.c.lease_fence == bindparam("_fence"))
    .values(
        lease_until=database_clock() + bindparam("_ttl"), done=bindparam("_done"), total=bindparam("_total")
    )
)
_RELEASE = (
    update(tasks)
    .where(tasks.c.id == bindparam("_id"), tasks.c.lease_fence == bindparam("_fence"))
    .values(lease_holder=None, lease_fence=tasks.c.lease_fence + 1)
)
_RELEASE_ALL = (
    update(tasks)
    .where(tasks.c.lease_holder.is_not(None))
    .values(lease_holder=None, lease_fence=tasks.c.lease_fence + 1)
)
_CHANGE = (
    update(tasks)
    .where(tasks.c.id == bindparam("_id"), tasks.c.lease_fence == bindparam("_fence"))
    .values(
        {name: bindparam(f"_{name}") for name in _CHANGED}
        | {"lease_holder": bindparam("_lease_holder"), "lease_fence": bindparam("_lease_fence")}
    )
)
_FORGET = delete(tasks).where(tasks.c.id == bindparam("_id"))


class TaskTable:
    """Implements ``core.ports.Tasks``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, task: Task) -> None:
        self._session.run(_ADD, **task._asdict(), lease_until=None)

    def get(self, task_id: Id) -> Task | None:
        row = self._session.one(_GET, _id=task_id)
        return Task._make(row) if row else None

    def lock(self, task_id: Id) -> Task | None:
        row = self._session.one(_LOCK, _id=task_id)
        return Task._make(row) if row else None

    def of_space(self, space_id: Id, kind: str) -> list[Task]:
        return [Task._make(row) for row in self._session.all(_OF_SPACE, _space=space_id, _kind=kind)]

    def of_file(self, file_id: Id) -> Task | None:
        row = self._session.one(_OF_FILE, _file=file_id)
        return Task._make(row) if row else None

    def take_due(
        self, kinds: Sequence[str], busy: Sequence[str], at: Millis, holder: str, ttl_ms: int
    ) -> Task | None:
        due = (
            _SELECT.where(_waiting(kinds), _FREE, tasks.c.due_at <= at, tasks.c.lane.not_in(list(busy)))
            .order_by(tasks.c.due_at, tasks.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = self._session.one(due)
        if row is None:
            return None
        task = Task._make(row)
        leased = self._session.one(_LEASE, _id=task.id, _holder=holder, _ttl=ttl_ms)
        assert leased is not None
        return task._replace(lease_holder=holder, lease_fence=int(leased[0]))

    def next_due(self, kinds: Sequence[str]) -> Millis | None:
        first = select(tasks.c.due_at).where(_waiting(kinds), _FREE).order_by(tasks.c.due_at).limit(1)
        row = self._session.one(first)
        return Millis(row[0]) if row else None

    def renew(self, task_id: Id, fence: int, ttl_ms: int, done: int, total: int | None) -> bool:
        values = {"_ttl": ttl_ms, "_done": done, "_total": total}
        return self._session.run(_RENEW, _id=task_id, _fence=fence, **values) == 1

    def release(self, task_id: Id, fence: int) -> None:
        self._session.run(_RELEASE, _id=task_id, _fence=fence)

    def release_all(self) -> None:
        self._session.run(_RELEASE_ALL)

    def change(self, task: Task, fence: int) -> bool:
        values = {f"_{name}": getattr(task, name) for name in (*_CHANGED, "lease_holder", "lease_fence")}
        return self._session.run(_CHANGE, _id=task.id, _fence=fence, **values) == 1

    def forget(self, task_id: Id) -> None:
        self._session.run(_FORGET, _id=task_id)


def _waiting(kinds: Sequence[str]) -> ColumnElement[bool]:
    return (tasks.c.state == TaskState.WAITING) & tasks.c.kind.in_(list(kinds))
