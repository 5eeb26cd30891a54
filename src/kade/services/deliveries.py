"""Deliveries: listed, fetched and dismissed by the subscriber that they are for.

What somebody may read is what was delivered while it had a right to subscribe, as long as it has that right.
"""

from collections.abc import Sequence
from dataclasses import replace

from kade.core.clock import Millis, now
from kade.core.deliveries import Delivery, DeliveryState, spans_of, text_of
from kade.core.errors import FileReason, KadeError
from kade.core.events import Event
from kade.core.files import File, FileState
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.query import Page, Query
from kade.core.ranges import Span, union
from kade.services import access, tenants

_MOST_SPANS = 1000  # that are remembered of one delivery


def spaces(tx: Tx, caller: Caller) -> dict[int, Id]:
    """The numbered spaces of the caller's tenant that it subscribes to now, by number."""
    return tx.grants.numbered(caller.principal_id, caller.tenant_id, Verb.SUBSCRIBE, now())


def page(tx: Tx, caller: Caller, query: Query) -> Page[tuple[Delivery, File]]:
    """What was delivered to the caller, as *query* asks; its spaces must be the caller's."""
    return tx.deliveries.page(caller.principal_id, replace(query, tenant_id=caller.tenant_id))


def find(tx: Tx, caller: Caller, file_id: Id) -> tuple[Delivery, File]:
    """A delivery to the caller with its file, which is live or of which the record is left.

    Raises:
        KadeError: ``FileReason.UNKNOWN``, the same for a file that is not there, was not delivered to the
            caller, was dismissed, or lies where the caller subscribes no longer.
    """
    delivery, file = _own(tx, caller, tx.deliveries.get(caller.principal_id, file_id), file_id)
    if delivery.state == DeliveryState.DISMISSED:
        raise KadeError(FileReason.UNKNOWN, file_id)
    return delivery, file


def readable(tx: Tx, caller: Caller, file_id: Id) -> File:
    """The live file that was delivered to the caller. Raises as ``find``, also outside its time frame."""
    _, file = find(tx, caller, file_id)
    if file.state != FileState.LIVE or not file.frame.contains(now()):
        raise KadeError(FileReason.UNKNOWN, file_id)
    return file


def fetched(tx: Tx, caller: Caller, file_id: Id, sent: Sequence[Span]) -> Delivery | None:
    """Note what was sent to the caller; the file is fetched once all of it was, by whatever ranges.

    So is one that lapsed while its last bytes were on their way. None when the delivery is there no longer.
    """
    delivery = tx.deliveries.lock(caller.principal_id, file_id)
    file = tx.files.get(file_id)
    if delivery is None or file is None:
        return None
    if delivery.state in (DeliveryState.FETCHED, DeliveryState.DISMISSED):
        return _fetched_again(tx, caller, delivery, file, sent)
    spans = union([*spans_of(delivery.fetched_spans), *sent])
    if _covers(spans, file):
        changed = delivery._replace(state=DeliveryState.FETCHED, fetched_spans="", fetched_at=now())
        tx.journal.append(_receipt(caller, "delivery.fetched", file))
    elif len(spans) > _MOST_SPANS:
        return delivery  # crumbs: whoever wants it fetched may still fetch it whole
    else:
        changed = delivery._replace(fetched_spans=text_of(spans))
    tx.deliveries.change(changed)
    return changed


def dismiss(tx: Tx, caller: Caller, file_id: Id) -> None:
    """The caller wants the file no more; for everybody else it stays. Once more is harmless.

    Raises:
        KadeError: ``FileReason.UNKNOWN`` as ``find``, but for what was dismissed.
    """
    delivery, file = _own(tx, caller, tx.deliveries.lock(caller.principal_id, file_id), file_id)
    if delivery.state == DeliveryState.DISMISSED:
        return
    tx.deliveries.change(delivery._replace(state=DeliveryState.DISMISSED, dismissed_at=now()))
    tx.journal.append(_receipt(caller, "delivery.dismissed", file))


def _own(tx: Tx, caller: Caller, delivery: Delivery | None, file_id: Id) -> tuple[Delivery, File]:
    """The delivery, dismissed or not, with its file. Raises as ``find`` does."""
    file = tx.files.get(file_id)
    if delivery is None or file is None or delivery.tenant_id != caller.tenant_id:
        raise KadeError(FileReason.UNKNOWN, file_id)
    if not access.allowed(tx, caller, Verb.SUBSCRIBE, delivery.space_id):
        raise KadeError(FileReason.UNKNOWN, file_id)
    return delivery, file


def _fetched_again(tx: Tx, caller: Caller, delivery: Delivery, file: File, sent: Sequence[Span]) -> Delivery:
    """A receipt of each further time that the whole file went; the delivery is what it was, but for when."""
    if delivery.state == DeliveryState.FETCHED and _covers(union(list(sent)), file):
        delivery = delivery._replace(fetched_at=now())
        tx.deliveries.change(delivery)
        tx.journal.append(_receipt(caller, "delivery.fetched_again", file))
    return delivery


def _covers(spans: Sequence[Span], file: File) -> bool:
    return not file.length or (len(spans) == 1 and spans[0] == Span(0, file.length))


def _receipt(caller: Caller, kind: str, file: File) -> Event:
    return Event.by(caller, kind, file.id, name=file.name, length=file.length or 0, space=file.space_id)


def waiting(
    tx: Tx, caller: Caller, subscriber_id: Id | None, before: Millis, limit: int
) -> list[tuple[Delivery, File]]:
    """What nobody fetched since before that moment, longest waiting first, of one subscriber or of all.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED`` unless the caller runs the installation.
    """
    tenants.require_operator(tx, caller)
    found = tx.deliveries.waiting(subscriber_id, before, limit)
    return _with_files(tx, found)


def of_file(tx: Tx, caller: Caller, file_id: Id) -> list[tuple[Delivery, File]]:
    """Everybody that the file was delivered to.

    Raises:
        KadeError: as ``waiting`` does; ``FileReason.UNKNOWN`` when there is no such file.
    """
    tenants.require_operator(tx, caller)
    if tx.files.get(file_id) is None:
        raise KadeError(FileReason.UNKNOWN, file_id)
    return _with_files(tx, tx.deliveries.of_file(file_id))


def _with_files(tx: Tx, found: Sequence[Delivery]) -> list[tuple[Delivery, File]]:
    listed = ((each, tx.files.get(each.file_id)) for each in found)
    return [(delivery, file) for delivery, file in listed if file is not None]
