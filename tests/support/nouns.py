"""Rows for tests: every noun complete, so that a test names only what it is about."""

from typing import Any

from kade.core.business_types import BusinessType, Direction
from kade.core.clock import Millis, now
from kade.core.contacts import Contact
from kade.core.contents import Content, ContentState, Extent, Segment
from kade.core.deliveries import Delivery, DeliveryState
from kade.core.files import File, FileState
from kade.core.grants import ALL_VERBS, Grant
from kade.core.ids import Id, new_id
from kade.core.ports import Tx
from kade.core.principals import Credential, CredentialKind, Principal, PrincipalKind
from kade.core.readings import Reading, unread
from kade.core.records import Record
from kade.core.requests import FileRequest, Slot
from kade.core.rules import Action, Rule
from kade.core.shares import Share
from kade.core.sources import Installation, Item, Method, Service, ServiceKind, Source, SyncRun
from kade.core.spaces import Policy, Quota, Space
from kade.core.tasks import Task, TaskState
from kade.core.tenants import Tenant
from kade.core.uploads import Upload, UploadKind, UploadState
from kade.core.webhooks import Webhook


def a_tenant(**given: Any) -> Tenant:
    return Tenant(new_id(), f"tenant {new_id()}", now())._replace(**given)


def a_principal(tenant_id: Id, name: str = "", **given: Any) -> Principal:
    text = name or f"principal {new_id()}"
    principal = Principal(new_id(), tenant_id, PrincipalKind.PARTNER, text, text.casefold(), now(), None)
    return principal._replace(**given)


def a_credential(principal_id: Id, fingerprint: str = "", **given: Any) -> Credential:
    credential = Credential(
        new_id(),
        principal_id,
        CredentialKind.KEY,
        "a key",
        fingerprint or new_id(),
        None,
        None,
        None,
        None,
        now(),
        None,
    )
    return credential._replace(**given)


def a_space(tenant_id: Id, parent_id: Id | None = None, name: str = "", **given: Any) -> Space:
    text = name or f"space {new_id()}"
    space = Space(new_id(), tenant_id, parent_id, text, text.casefold(), Policy(), now(), None)
    return space._replace(**given)


def a_grant(principal_id: Id, space_id: Id, **given: Any) -> Grant:
    return Grant(new_id(), principal_id, space_id, ALL_VERBS, None, None, now())._replace(**given)


def a_content(tenant_id: Id, **given: Any) -> Content:
    content = Content(new_id(), tenant_id, ContentState.GROWING, 0, None, None, None, None, now())
    return content._replace(**given)


def a_segment(length: int = 10, **given: Any) -> Segment:
    return Segment(new_id(), length, now())._replace(**given)


def a_file(space: Space, **given: Any) -> File:
    file = File(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        name="report.pdf",
        name_folded="report.pdf",
        media_type="application/pdf",
        state=FileState.LIVE,
        content_id=None,
        length=0,
        annotations="",
        valid_from=None,
        valid_until=None,
        version=1,
        created_by=new_id(),
        created_at=now(),
        changed_at=now(),
    )
    return file._replace(**given)


def an_upload(space: Space, **given: Any) -> Upload:
    upload = Upload(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        file_id=new_id(),
        content_id=new_id(),
        principal_id=new_id(),
        kind=UploadKind.WHOLE,
        state=UploadState.OPEN,
        length=100,
        offset=0,
        reserved=0,
        metadata="",
        concat="",
        tail_segment=None,
        lease_holder=None,
        lease_fence=0,
        created_at=now(),
        expires_at=Millis(now() + 60_000),
    )
    return upload._replace(**given)


def a_delivery(file: File, **given: Any) -> Delivery:
    delivery = Delivery(
        subscriber_id=new_id(),
        tenant_id=file.tenant_id,
        arrived_at=file.arrived_at or file.created_at,
        file_id=file.id,
        space_id=file.space_id,
        name_folded=file.name_folded,
        state=DeliveryState.AVAILABLE,
        fetched_spans="",
        fetched_at=None,
        dismissed_at=None,
    )
    return delivery._replace(**given)


def a_business_type(number: int, **given: Any) -> BusinessType:
    return BusinessType(number, f"type {number}", Direction.BOTH, Policy(), now())._replace(**given)


def a_rule(space: Space, target: Space, **given: Any) -> Rule:
    rule = Rule(new_id(), space.tenant_id, space.id, Action.PUBLISH, target.id, new_id(), now())
    return rule._replace(**given)


def a_task(space: Space, **given: Any) -> Task:
    task = Task(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        principal_id=new_id(),
        kind="toy.fetch",
        lane="",
        state=TaskState.WAITING,
        request="{}",
        progress="{}",
        file_id=None,
        done=0,
        total=None,
        attempts=0,
        max_attempts=0,
        last_error="",
        due_at=now(),
        ends_at=None,
        lease_holder=None,
        lease_fence=0,
        created_at=now(),
        changed_at=now(),
    )
    return task._replace(**given)


def an_extent(length: int = 10, start: int = 0, segment_id: Id | None = None) -> Extent:
    return Extent(segment_id or new_id(), start, length)


def house(tx: Tx, ceiling: int | None = None) -> tuple[Tenant, Space]:
    """A tenant with its root space and the quotas of both."""
    tenant = a_tenant()
    tx.tenants.add(tenant)
    space = a_space(tenant.id)
    tx.spaces.add(space)
    tx.quotas.add(Quota(tenant.id, None, 0, 0))
    tx.quotas.add(Quota(space.id, ceiling, 0, 0))
    return tenant, space


def a_reading(**given: Any) -> Reading:
    return unread(new_id(), new_id(), 0, now())._replace(**given)


def a_record(key: str = "key", **given: Any) -> Record:
    return Record("instance", "collection", key, new_id(), "{}")._replace(**given)


def an_installation(tenant_id: Id, name: str = "", **given: Any) -> Installation:
    text = name or f"installation {new_id()}"
    made = Installation(new_id(), tenant_id, text, text.casefold(), True, now())
    return made._replace(**given)


def a_service(installation: Installation, name: str = "", **given: Any) -> Service:
    text = name or f"service {new_id()}"
    kind = ServiceKind.FOLDER
    made = Service(
        new_id(),
        installation.tenant_id,
        installation.id,
        kind,
        text,
        text.casefold(),
        "",
        None,
        "{}",
        now(),
    )
    return made._replace(**given)


def a_source(space: Space, service: Service, **given: Any) -> Source:
    made = Source(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        service_id=service.id,
        path=f"path {new_id()}",
        path_folded="",
        shown="",
        method=Method.AUTOMATIC,
        copies=True,
        interval_ms=60_000,
        due_at=Millis(1),
        requested_at=None,
        resynchronise=False,
        created_by=new_id(),
        created_at=now(),
    )
    made = made._replace(**given)
    return made._replace(path_folded=made.path.casefold())


def a_run(**given: Any) -> SyncRun:
    return SyncRun(new_id(), Id(""), now(), None, 0, 0, 0, 0, 0, 0, 0, "")._replace(**given)


def an_item(source: Source, key: str = "", **given: Any) -> Item:
    made = Item(new_id(), source.id, key or new_id(), "", "", None, None, 0, 0, "", None)
    return made._replace(**given)


def a_contact(tenant_id: Id, **given: Any) -> Contact:
    made = Contact(new_id(), tenant_id, "A contact", "contact@example.org", "en", "{}", now(), None)
    return made._replace(**given)


def a_request(space: Space, guest_id: Id, **given: Any) -> FileRequest:
    made = FileRequest(
        id=new_id(),
        tenant_id=space.tenant_id,
        space_id=space.id,
        name="Papers",
        description=None,
        contact_id=None,
        guest_id=guest_id,
        link=1,
        password=None,
        language="",
        notify="",
        created_by=new_id(),
        created_at=now(),
        expires_at=None,
        completed_at=None,
        closed_at=None,
    )
    return made._replace(**given)


def a_slot(request: FileRequest, position: int = 0, **given: Any) -> Slot:
    made = Slot(new_id(), request.id, position, f"slot {position}", None, True, None, "", None)
    return made._replace(**given)


def a_share(tenant_id: Id, guest_id: Id, **given: Any) -> Share:
    return Share(new_id(), tenant_id, None, guest_id, 1, new_id(), now(), None)._replace(**given)


def a_webhook(tenant_id: Id, **given: Any) -> Webhook:
    url, sealed = "https://example.org/", b"\0x"
    made = Webhook(new_id(), tenant_id, "desk", "request.completed", url, sealed, new_id(), now(), None)
    return made._replace(**given)
