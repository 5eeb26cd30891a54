"""Arrivals: what happens, in one transaction, when a file goes live, by whatever door it came."""

from collections.abc import Sequence
from typing import Any

from kade.core.clock import now
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.spaces import Space


def live(space: Space) -> dict[str, Any]:
    """What the row of a file says that goes live in the space now."""
    at = now()
    return {"state": FileState.LIVE, "arrived_at": at, "due_at": space.policy.due(at)}


def announce(tx: Tx, file: File, event: Event) -> None:
    """Deliver a file that is live now to whoever subscribes where it lies, and note *event*."""
    subscribers = tx.grants.holders(file.space_id, Verb.SUBSCRIBE, now())
    deliver(tx, file, subscribers)
    event.detail["deliveries"] = len(subscribers)
    tx.journal.append(event)


def deliver(tx: Tx, file: File, subscribers: Sequence[Id]) -> None:
    """Put a live file on the lists of these subscribers, none of whom has it."""
    assert file.arrived_at is not None
    tx.deliveries.add_all(
        [
            Delivery(
                subscriber_id=each,
                tenant_id=file.tenant_id,
                arrived_at=file.arrived_at,
                file_id=file.id,
                space_id=file.space_id,
                name_folded=file.name_folded,
                state=DeliveryState.AVAILABLE.value,
                fetched_spans="",
                fetched_at=None,
                dismissed_at=None,
            )
            for each in subscribers
        ]
    )
