"""Telling: what follows for others from what happens here: mails to people, calls to webhooks.

``follow`` is a reaction of the journal. What is to be told becomes a task, in the transaction in which the
entry is passed, so that it is told though the process dies; tasks that fail for good are kept and can be
begun anew.
"""

import json
from collections.abc import Mapping
from enum import StrEnum

from kade.core.clock import Millis, now
from kade.core.events import JournalEntry
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.requests import FileRequest
from kade.core.tasks import Task, TaskState
from kade.services import tenants

MAIL = "mail"  # a kind of task
ATTEMPTS = 12  # with pauses that grow: for about two days
_DAY_MS = 86_400_000
_REMINDERS_MS = (3 * _DAY_MS, _DAY_MS)  # before the end


class Letter(StrEnum):
    """What a mail is about."""

    INVITATION = "invitation"
    REMINDER = "reminder"
    COMPLETED = "completed"
    RECEIPT = "receipt"


def calls_of(instance: str) -> str:
    """The kind of task by which the webhooks of a dialect instance are called."""
    return f"{instance}.webhook"


def follow(tx: Tx, entry: JournalEntry) -> None:
    """A reaction of the journal: have those told who want to be."""
    if entry.kind in ("request.created", "request.completed", "request.link_renewed"):
        request = tx.file_requests.get(Id(entry.subject))
        if request is not None:
            _mail_about(tx, entry.kind, request)
    if entry.tenant_id is not None:
        _call_webhooks(tx, entry, entry.tenant_id)


def write(tx: Tx, request: FileRequest, letter: Letter, to: str, due_at: Millis | None = None) -> Task:
    """Have a mail about a request written to that address; what it says is found out when it is sent."""
    said = {"letter": letter.value, "request": request.id, "to": to, "link": request.link}
    return _task(tx, request.space_id, request.tenant_id, request.created_by, MAIL, "mail", said, due_at)


def _mail_about(tx: Tx, kind: str, request: FileRequest) -> None:
    if kind == "request.completed":
        if request.notify:
            write(tx, request, Letter.COMPLETED, request.notify)
        return
    contact = tx.contacts.get(request.contact_id) if request.contact_id is not None else None
    if contact is None:
        return
    write(tx, request, Letter.INVITATION, contact.email)
    for before in _REMINDERS_MS if request.expires_at is not None else ():
        assert request.expires_at is not None
        due_at = Millis(request.expires_at - before)
        if due_at > now() + _DAY_MS:  # who was asked today needs no reminder today
            write(tx, request, Letter.REMINDER, contact.email, due_at)


def _call_webhooks(tx: Tx, entry: JournalEntry, tenant_id: Id) -> None:
    for hook in tx.webhooks.of_tenant(tenant_id):
        if hook.kind == entry.kind:
            said = {"webhook": hook.id, "event": entry.kind, "subject": entry.subject, "at": int(entry.at)}
            root = tenants.root_of(tx, tenant_id)
            kind = calls_of(hook.instance)
            _task(tx, root.id, tenant_id, hook.created_by, kind, hook.id, said, None)


def _task(
    tx: Tx,
    space_id: Id,
    tenant_id: Id,
    principal_id: Id,
    kind: str,
    lane: str,
    said: Mapping[str, object],
    due_at: Millis | None,
) -> Task:
    made = Task(
        id=new_id(),
        tenant_id=tenant_id,
        space_id=space_id,
        principal_id=principal_id,
        kind=kind,
        lane=lane,
        state=TaskState.WAITING,
        request=json.dumps(said),
        progress="{}",
        file_id=None,
        done=0,
        total=None,
        attempts=0,
        max_attempts=ATTEMPTS,
        last_error="",
        due_at=now() if due_at is None else due_at,
        ends_at=None,
        lease_holder=None,
        lease_fence=0,
        created_at=now(),
        changed_at=now(),
    )
    tx.tasks.add(made)
    return made
