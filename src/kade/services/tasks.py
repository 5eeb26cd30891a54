"""Tasks: asked for, taken, kept alive, ended.

Whoever asks may pause, resume, cancel and remove; whoever does the work holds a lease. Both write the whole
row under the fence that they saw: of two that act at once, the later one learns that it came too late.
"""

from dataclasses import dataclass
from typing import Any

from kade.core.bindings import Noun
from kade.core.clock import Millis, now
from kade.core.errors import FileReason, KadeError, TaskReason
from kade.core.events import Event
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Origin
from kade.core.tasks import Task, TaskState
from kade.services import access, spaces

LEASE_MS = 5000
UNFINISHED = (TaskState.WAITING, TaskState.PAUSED)
_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, by whose handler (*kind*), sharing what with others (*lane*), and when.

    *due_at* None: now. *ends_at* None and *max_attempts* 0: without an end.
    """

    kind: str
    lane: str
    request: str
    due_at: Millis | None = None
    ends_at: Millis | None = None
    max_attempts: int = 0
    file_id: Id | None = None


def create(tx: Tx, caller: Caller, space_id: Id, order: Order) -> Task:
    """A task for files of that space.

    Raises:
        KadeError: no right to write there; ``FileReason.BAD_TIME_FRAME`` when it would end before it begins.
    """
    space = spaces.find(tx, caller, space_id, Verb.WRITE)
    at = now()
    due_at = at if order.due_at is None else order.due_at
    if order.ends_at is not None and order.ends_at <= due_at:
        raise KadeError(FileReason.BAD_TIME_FRAME)
    task = Task(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        principal_id=caller.principal_id,
        kind=order.kind,
        lane=order.lane,
        state=TaskState.WAITING,
        request=order.request,
        progress="{}",
        file_id=order.file_id,
        done=0,
        total=None,
        attempts=0,
        max_attempts=order.max_attempts,
        last_error="",
        due_at=due_at,
        ends_at=order.ends_at,
        lease_holder=None,
        lease_fence=0,
        created_at=at,
        changed_at=at,
    )
    tx.tasks.add(task)
    tx.journal.append(Event.by(caller, "task.created", task.id, kind=task.kind, lane=task.lane))
    return task


def find(tx: Tx, caller: Caller, task_id: Id | None, verb: Verb = Verb.LIST) -> Task:
    """The task, when the caller has *verb* in its space; locked, unless it is only looked at.

    Raises:
        KadeError: ``TaskReason.UNKNOWN``, the same for one that is not there and for somebody else's.
    """
    read = tx.tasks.get if verb is Verb.LIST else tx.tasks.lock
    task = read(task_id) if task_id else None
    if task is None or task.tenant_id != caller.tenant_id:
        raise KadeError(TaskReason.UNKNOWN, task_id or "")
    if not access.allowed(tx, caller, verb, task.space_id):
        raise KadeError(TaskReason.UNKNOWN, task.id)
    return task


def of_space(tx: Tx, caller: Caller, space_id: Id, kind: str) -> list[Task]:
    """Every task of that kind in the space, oldest first."""
    return tx.tasks.of_space(spaces.find(tx, caller, space_id).id, kind)


def pause(tx: Tx, caller: Caller, task: Task) -> Task:
    """Let it rest; whoever is at it stops. Raises KadeError(``TaskReason.WRONG_STATE``) unless it waits."""
    return _act(tx, caller, task, "paused", (TaskState.WAITING,), state=TaskState.PAUSED)


def resume(tx: Tx, caller: Caller, task: Task) -> Task:
    """Let it go on now, with all its attempts before it.

    Raises:
        KadeError: ``TaskReason.WRONG_STATE`` when it succeeded, was cancelled, or its time is over.
    """
    if task.ends_at is not None and task.ends_at <= now():
        raise KadeError(TaskReason.WRONG_STATE, task.id)
    states = (*UNFINISHED, TaskState.FAILED)
    return _act(tx, caller, task, "resumed", states, state=TaskState.WAITING, attempts=0, due_at=now())


def restart(tx: Tx, caller: Caller, task: Task) -> Task:
    """Do once more, from the start and with all its attempts, what has succeeded or failed.

    Raises:
        KadeError: ``TaskReason.WRONG_STATE`` when it is not over, was cancelled, or its time is over.
    """
    if task.ends_at is not None and task.ends_at <= now():
        raise KadeError(TaskReason.WRONG_STATE, task.id)
    anew = {"state": TaskState.WAITING, "progress": "{}", "attempts": 0, "last_error": "", "due_at": now()}
    return _act(tx, caller, task, "restarted", (TaskState.SUCCEEDED, TaskState.FAILED), **anew)


def cancel(tx: Tx, caller: Caller, task: Task) -> Task:
    """End it; whoever is at it stops. Raises KadeError(``TaskReason.WRONG_STATE``) when it is over."""
    return _act(tx, caller, task, "cancelled", UNFINISHED, state=TaskState.CANCELLED)


def remove(tx: Tx, caller: Caller, task: Task) -> None:
    """Forget it, whatever its state, with every name that it had; whoever is at it stops."""
    tx.tasks.forget(task.id)
    tx.bindings.remove(Noun.TASK, task.id)
    tx.journal.append(Event.by(caller, "task.removed", task.id, kind=task.kind))


def take(tx: Tx, kinds: list[str], busy: list[str], holder: str) -> Task | None:
    """The next task that is due and on no *busy* lane, under a lease of ``LEASE_MS``; None: nothing to do."""
    return tx.tasks.take_due(kinds, busy, now(), holder, LEASE_MS)


def keep(tx: Tx, task: Task, **changes: Any) -> Task:
    """Write what changed, such as *progress* or *file_id*, and keep the lease.

    Raises:
        KadeError: ``TaskReason.TAKEN_OVER`` when the lease is no longer ours.
    """
    changed = task._replace(**changes, changed_at=now())
    if not tx.tasks.change(changed, task.lease_fence):
        raise KadeError(TaskReason.TAKEN_OVER, task.id)
    return changed


def succeed(tx: Tx, task: Task) -> Task:
    """It is done. Raises as ``keep`` does."""
    done = keep(tx, task, state=TaskState.SUCCEEDED, last_error="", **_over(task))
    tx.journal.append(_told(task, "succeeded"))
    return done


def put_off(tx: Tx, task: Task, error: str, pause_ms: int) -> Task:
    """An attempt failed: another one follows after the pause, if there is one left. Raises as ``keep``."""
    attempts, due_at = task.attempts + 1, Millis(now() + pause_ms)
    spent = 0 < task.max_attempts <= attempts
    late = task.ends_at is not None and task.ends_at <= due_at
    if spent or late:
        return fail(tx, task._replace(attempts=attempts), error)
    tx.journal.append(_told(task, "put_off", error))
    told = error[:_ERROR_LENGTH]
    return keep(tx, task, attempts=attempts, last_error=told, due_at=due_at, **_over(task))


def fail(tx: Tx, task: Task, error: str) -> Task:
    """No further attempt is made. Raises as ``keep`` does."""
    failed = keep(tx, task, state=TaskState.FAILED, last_error=error[:_ERROR_LENGTH], **_over(task))
    tx.journal.append(_told(task, "failed", error))
    return failed


def owner_of(tx: Tx, task: Task) -> Caller:
    """Who acts when the task is worked at: whoever asked for it.

    Raises:
        KadeError: an ``AccessReason`` when that principal was removed.
    """
    principal = tx.principals.get(task.principal_id)
    name = principal.name if principal is not None else ""
    caller = Caller(task.principal_id, name, task.tenant_id, None, Origin(task.kind, task.id, ""))
    access.require_still(tx, caller)
    return caller


def _over(task: Task) -> dict[str, Any]:
    """The lease ends, and no write under it counts after this one."""
    return {"lease_holder": None, "lease_fence": task.lease_fence + 1}


def _act(tx: Tx, caller: Caller, task: Task, what: str, states: tuple[TaskState, ...], **to: Any) -> Task:
    """A change from outside: the fence grows, so that whoever works at it learns."""
    if task.state not in states:
        raise KadeError(TaskReason.WRONG_STATE, task.id)
    changed = task._replace(**to, **_over(task), changed_at=now())
    tx.tasks.change(changed, task.lease_fence)
    tx.journal.append(Event.by(caller, f"task.{what}", task.id, kind=task.kind))
    return changed


def _told(task: Task, what: str, error: str = "") -> Event:
    return Event(
        f"task.{what}",
        task.id,
        tenant_id=task.tenant_id,
        principal_id=task.principal_id,
        origin=Origin(task.kind, task.id, ""),
        detail={"kind": task.kind, "attempts": task.attempts, "error": error[:_ERROR_LENGTH]},
    )
