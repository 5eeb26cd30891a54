"""Retention: what becomes of a file by itself, and when (``core.spaces.Policy``).

When a file goes live, is trashed, or loses its bytes, the moment of its next step is written into its row.
So a changed policy holds for what comes in from then on.
"""

from kade.core.clock import Millis
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.ports import Tx
from kade.core.spaces import Policy
from kade.services import files


def take_step(tx: Tx, file: File) -> None:
    """Do what the file's row says is due: its bytes go, or all that is known of it."""
    space = tx.spaces.get(file.space_id)
    policy = space.policy if space is not None else Policy()
    if file.state == FileState.LIVE:
        _drop_content(tx, policy, file)
    else:
        files.erase(tx, file)
        tx.journal.append(_event("file.erased", file))


def _drop_content(tx: Tx, policy: Policy, file: File) -> None:
    arrived = file.arrived_at or file.created_at
    due = Millis(arrived + policy.keep_record_ms) if policy.keep_record_ms else None
    files.change(tx, file, state=FileState.GONE, content_id=None, due_at=due)
    tx.journal.append(_event("file.content_removed", file))
    files.lapse(tx, file)
    upload = tx.uploads.of_file(file.id)
    if upload is not None:  # it refers to the bytes, too, and would keep them
        tx.uploads.forget(upload.id)
    files.condemn_unused(tx, file.content_id)
    tx.quotas.settle((file.tenant_id, file.space_id), reserved=0, used=-(file.length or 0))


def _event(kind: str, file: File) -> Event:
    return Event(kind, file.id, tenant_id=file.tenant_id, detail={"name": file.name})
