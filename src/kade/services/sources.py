"""Sources: installations and their services, and which places of theirs are synchronised into which space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from kade.core import folders, names
from kade.core.clock import Millis, now
from kade.core.errors import KadeError, RequestReason, SourceReason
from kade.core.events import Event
from kade.core.files import FileState
from kade.core.grants import Verb
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Caller, Principal, PrincipalKind
from kade.core.sources import Installation, Item, Method, Service, ServiceKind, Source
from kade.core.spaces import Space
from kade.services import access, files, principals, tenants
from kade.services.naming import Namers

_Named = TypeVar("_Named", Installation, Service)

SYNCER = "Syncer"
INTERVAL_MS = 90 * 60_000
_SHORTEST_MS = 60_000
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """A place that somebody wants synchronised: *path* in the service, *shown* to people as that.

    *copies*: bytes are copied into the store; *interval_ms* from the end of a run to the next one's start.
    """

    path: str
    shown: str = ""
    method: Method = Method.AUTOMATIC
    copies: bool = True
    interval_ms: int = INTERVAL_MS


def install(tx: Tx, caller: Caller, name: str, *, takes_requests: bool = True) -> Installation:
    """A set of services by a name. Raises KadeError(``SourceReason.BAD_NAME`` or ``NAME_TAKEN``)."""
    _require_manager(tx, caller)
    text = names.clean(name, SourceReason.BAD_NAME)
    made = Installation(new_id(), caller.tenant_id, text, names.fold(text), takes_requests, now())
    tx.sources.add_installation(made)
    tx.journal.append(Event.by(caller, "installation.created", made.id, name=text))
    return made


def installation(tx: Tx, caller: Caller, name: str) -> Installation:
    """The installation of that name, in whatever case. Raises KadeError(``SourceReason.UNKNOWN``)."""
    return _named(tx.sources.installations(caller.tenant_id), name)


def set_takes_requests(tx: Tx, caller: Caller, found: Installation, takes_requests: bool) -> None:
    """Whether items of the installation's sources may be asked for one by one."""
    _require_manager(tx, caller)
    tx.sources.change_installation(found._replace(takes_requests=takes_requests))
    tx.journal.append(Event.by(caller, "installation.changed", found.id, requests=int(takes_requests)))


def uninstall(tx: Tx, caller: Caller, found: Installation) -> None:
    """Raises KadeError(``SourceReason.IN_USE``) while it has a service."""
    _require_manager(tx, caller)
    if any(each.installation_id == found.id for each in tx.sources.services(caller.tenant_id)):
        raise KadeError(SourceReason.IN_USE, found.name)
    tx.sources.remove_installation(found.id)
    tx.journal.append(Event.by(caller, "installation.removed", found.id, name=found.name))


def add_service(
    tx: Tx,
    caller: Caller,
    where: Installation,
    kind: ServiceKind,
    name: str,
    location: str,
    *,
    secret: bytes | None = None,
    settings: str = "{}",
) -> Service:
    """A file server, mailbox or website that can be read; whoever may do this may read it.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED`` unless the caller runs the house: a local folder may be
            anybody's; ``SourceReason.BAD_NAME`` or ``NAME_TAKEN``.
    """
    tenants.require_operator(tx, caller)
    text = names.clean(name, SourceReason.BAD_NAME)
    made = Service(
        new_id(), caller.tenant_id, where.id, kind, text, names.fold(text), location, secret, settings, now()
    )
    tx.sources.add_service(made)
    tx.journal.append(Event.by(caller, "service.created", made.id, name=text, kind=kind.value))
    return made


def service(tx: Tx, caller: Caller, name: str) -> Service:
    """The service of that name, in whatever case. Raises KadeError(``SourceReason.UNKNOWN``)."""
    return _named(tx.sources.services(caller.tenant_id), name)


def change_service(tx: Tx, caller: Caller, changed: Service) -> None:
    """Another location, password or settings for a service. Raises as ``add_service`` does."""
    tenants.require_operator(tx, caller)
    tx.sources.change_service(changed)
    tx.journal.append(Event.by(caller, "service.changed", changed.id, name=changed.name))


def remove_service(tx: Tx, caller: Caller, found: Service) -> None:
    """Raises KadeError(``SourceReason.IN_USE``) while a place of it is synchronised, or being removed."""
    tenants.require_operator(tx, caller)
    if tx.sources.uses(found.id):
        raise KadeError(SourceReason.IN_USE, found.name)
    tx.sources.remove_service(found.id)
    tx.journal.append(Event.by(caller, "service.removed", found.id, name=found.name))


def add(tx: Tx, caller: Caller, namers: Namers, space: Space, found: Service, wish: Wish) -> Source:
    """Synchronise a place of a service into a space from now on.

    Raises:
        KadeError: ``AccessReason.VERB_NOT_GRANTED`` unless the caller manages the space;
            ``SourceReason.NAME_TAKEN`` when it is synchronised there already; ``FileReason.BAD_NAME`` for
            its path; ``RequestReason.BAD_VALUE`` for an interval below a minute.
    """
    access.require(tx, caller, Verb.MANAGE, space.id)
    _require_interval(wish)
    path = folders.clean(wish.path)
    ensure_syncer(tx, caller, namers)
    made = Source(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        service_id=found.id,
        path=path,
        path_folded=names.fold(path),
        shown=wish.shown,
        method=wish.method,
        copies=wish.copies,
        interval_ms=wish.interval_ms,
        due_at=now() if wish.method is Method.AUTOMATIC else None,
        requested_at=None,
        resynchronise=False,
        created_by=caller.principal_id,
        created_at=now(),
    )
    tx.sources.add(made)
    tx.journal.append(Event.by(caller, "source.created", made.id, space=space.id, service=found.name))
    return made


def change(tx: Tx, caller: Caller, source: Source, wish: Wish, *, resynchronise: bool = False) -> Source:
    """Everything but the place itself; with *resynchronise* each item is read again in the next run."""
    access.require(tx, caller, Verb.MANAGE, source.space_id)
    _require_interval(wish)
    automatic = wish.method is Method.AUTOMATIC
    current = tx.sources.lock(source.id) or source
    changed = current._replace(
        shown=wish.shown,
        method=wish.method,
        copies=wish.copies,
        interval_ms=wish.interval_ms,
        due_at=(current.due_at or now()) if automatic else None,
        requested_at=now() if resynchronise else current.requested_at,
        resynchronise=current.resynchronise or resynchronise,
    )
    tx.sources.change(changed)
    tx.journal.append(Event.by(caller, "source.changed", source.id))
    return changed


def request_run(tx: Tx, caller: Caller, source: Source) -> Source:
    """Have the place walked soon; when it is being walked now, once more afterwards."""
    access.require(tx, caller, Verb.WRITE, source.space_id)
    current = tx.sources.lock(source.id) or source
    if current.requested_at is not None:
        return current
    requested = current._replace(requested_at=now())
    tx.sources.change(requested)
    tx.journal.append(Event.by(caller, "source.requested", source.id))
    return requested


def remove(tx: Tx, caller: Caller, source: Source) -> None:
    """Synchronise the place no longer: what came from it is removed, as if it were gone there."""
    access.require(tx, caller, Verb.MANAGE, source.space_id)
    current = tx.sources.lock(source.id) or source
    # A run that has it ends here: nothing of it counts any longer.
    ended = current._replace(run_id=None, run_until=None)
    tx.sources.change(ended._replace(removed_at=now(), due_at=now(), requested_at=now()))
    tx.journal.append(Event.by(caller, "source.removed", source.id))


def drop_items(tx: Tx, caller: Caller, source: Source) -> int:
    """Remove some of the files of a source that was removed; how many."""
    found = tx.items.of_source(source.id, None, _BATCH)
    for item in found:
        file = tx.files.get(item.file_id)
        tx.items.forget(item.file_id)
        if file is None:
            continue
        if file.state == FileState.LIVE and file.content_id is not None:
            files.remove(tx, caller, file)
        elif file.state in (FileState.HELD, FileState.LIVE, FileState.TRASHED) and file.content_id is None:
            files.purge(tx, caller, file)  # nothing of it could be restored
    return len(found)


def of_space(tx: Tx, caller: Caller, space_id: Id) -> list[Source]:
    """What is synchronised into a space that the caller may list."""
    access.require(tx, caller, Verb.LIST, space_id)
    return tx.sources.of_space(space_id)


def of_item(tx: Tx, item: Item) -> tuple[Source, Service]:
    """Where an item stands; both are there for as long as the item is."""
    source = tx.sources.get(item.source_id)
    assert source is not None
    service = tx.sources.service(source.service_id)
    assert service is not None
    return source, service


def ensure_syncer(tx: Tx, caller: Caller, namers: Namers) -> Principal:
    """The principal in whose name a tenant's sources are synchronised; made with the first one.

    Raises:
        KadeError: ``PrincipalReason.NAME_TAKEN`` when somebody else has its name.
    """
    there = tx.principals.named(caller.tenant_id, names.fold(SYNCER))
    if there is not None and there.kind == PrincipalKind.SYNCER:
        return there
    made = principals.create(tx, caller, namers, PrincipalKind.SYNCER, SYNCER)
    root = tenants.root_of(tx, caller.tenant_id)
    access.grant(tx, made.id, root.id, (Verb.LIST, Verb.READ, Verb.WRITE, Verb.REMOVE))
    return made


def syncer_of(tx: Tx, tenant_id: Id) -> Caller:
    """The caller as which a tenant's sources are synchronised.

    Raises:
        KadeError: ``SourceReason.UNKNOWN`` when it was removed.
    """
    found = tx.principals.named(tenant_id, names.fold(SYNCER))
    if found is None or found.kind != PrincipalKind.SYNCER:
        raise KadeError(SourceReason.UNKNOWN, SYNCER)
    return Caller(found.id, found.name, tenant_id)


def next_run(source: Source, ended_at: Millis, *, failed: bool) -> Source:
    """The source when a run over it has ended: free, and due again if there is more to do by itself."""
    again = source.method == Method.AUTOMATIC if source.removed_at is None else failed
    due = Millis(ended_at + source.interval_ms) if again else None
    return source._replace(run_id=None, run_until=None, due_at=due)


def _require_manager(tx: Tx, caller: Caller) -> None:
    access.require(tx, caller, Verb.MANAGE, tenants.root_of(tx, caller.tenant_id).id)


def _require_interval(wish: Wish) -> None:
    if wish.interval_ms < _SHORTEST_MS:
        raise KadeError(RequestReason.BAD_VALUE, "interval")


def _named(those: Sequence[_Named], name: str) -> _Named:
    folded = names.fold(name)
    for each in those:
        if each.name_folded == folded:
            return each
    raise KadeError(SourceReason.UNKNOWN, name)
