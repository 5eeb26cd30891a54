"""A table per noun, in one transaction."""

from collections.abc import Sequence
from typing import Protocol

from kade.core.bindings import Binding, Noun
from kade.core.business_types import BusinessType
from kade.core.clock import Millis
from kade.core.contents import Content, Extent, Segment
from kade.core.deliveries import Delivery
from kade.core.events import Event, JournalEntry
from kade.core.files import File
from kade.core.folders import Folder
from kade.core.grants import Grant, Verb
from kade.core.ids import Id
from kade.core.principals import Credential, Principal
from kade.core.query import Page, Query
from kade.core.rules import Rule
from kade.core.signing_keys import SigningKey
from kade.core.spaces import Policy, Quota, Space
from kade.core.tasks import Task
from kade.core.tenants import Tenant
from kade.core.uploads import Lease, Upload


class Tenants(Protocol):
    def add(self, tenant: Tenant) -> None:
        """Raises KadeError(TenantReason.NAME_TAKEN)."""

    def get(self, tenant_id: Id) -> Tenant | None: ...
    def named(self, name: str) -> Tenant | None: ...
    def all(self) -> list[Tenant]:
        """By name."""


class Principals(Protocol):
    def add(self, principal: Principal) -> None:
        """Raises KadeError(PrincipalReason.NAME_TAKEN) while another of that folded name exists."""

    def get(self, principal_id: Id) -> Principal | None:
        """The principal, also when it was removed."""

    def named(self, tenant_id: Id, folded: str) -> Principal | None: ...
    def of_tenant(self, tenant_id: Id) -> list[Principal]:
        """Those that exist, by name."""

    def rename(self, principal_id: Id, name: str, folded: str) -> None:
        """Raises KadeError(PrincipalReason.NAME_TAKEN)."""

    def set_networks(self, principal_id: Id, networks: str) -> None: ...
    def remove(self, principal_id: Id, at: Millis) -> None: ...


class Credentials(Protocol):
    def add(self, credential: Credential) -> None:
        """Raises KadeError(CredentialReason.ALREADY_REGISTERED) while the same proof is in force."""

    def get(self, credential_id: Id) -> Credential | None: ...
    def presented(self, kind: str, fingerprint: str) -> Credential | None:
        """The newest with this proof: the one in force, else the last that was revoked."""

    def proven(self, kind: str, fingerprint: str) -> tuple[Credential, Principal] | None:
        """What ``presented`` finds, with the principal that it belongs to."""

    def of_principal(self, principal_id: Id) -> list[Credential]:
        """All of them, newest first."""

    def in_force(self, kind: str) -> list[Credential]:
        """Every unrevoked one of a kind, of all tenants."""

    def revoke(self, credential_id: Id, at: Millis) -> bool:
        """False when it was revoked before."""


class Spaces(Protocol):
    def add(self, space: Space) -> None:
        """Raises KadeError(SpaceReason.NAME_TAKEN) when its parent has one of that folded name."""

    def get(self, space_id: Id) -> Space | None: ...
    def get_many(self, space_ids: Sequence[Id]) -> dict[Id, Space]: ...
    def named(self, tenant_id: Id, parent_id: Id | None, folded: str) -> Space | None: ...
    def of_tenant(self, tenant_id: Id) -> list[Space]:
        """Those that exist, by name."""

    def of_number(self, number: int, tenant_id: Id | None = None) -> list[Space]:
        """Those that exist and have this number, in every tenant or in one."""

    def set_number(self, space_id: Id, number: int) -> None:
        """Raises KadeError(SpaceReason.NUMBER_TAKEN) when another space of the tenant has it."""

    def rename(self, space_id: Id, name: str, folded: str) -> None:
        """Raises KadeError(SpaceReason.NAME_TAKEN) when its parent has another of that folded name."""

    def set_policy(self, space_id: Id, policy: Policy) -> None: ...
    def indexed(self) -> bool:
        """Whether any space's policy says *index*."""

    def remove(self, space_id: Id, at: Millis) -> None: ...


class Grants(Protocol):
    def add(self, grant: Grant) -> None: ...
    def get(self, grant_id: Id) -> Grant | None: ...
    def of_principal(self, principal_id: Id) -> list[Grant]: ...
    def covering(self, principal_id: Id, space_id: Id) -> list[Grant]:
        """The principal's grants on the space and on every space above it."""

    def remove(self, grant_id: Id) -> bool: ...
    def forget_space(self, space_id: Id) -> None:
        """Remove every grant on the space itself."""

    def spaces_with(self, principal_id: Id, verb: Verb, at: Millis) -> list[Id]:
        """Every space in which the principal has *verb* at that moment, inherited ones included."""

    def numbered(self, principal_id: Id, tenant_id: Id, verb: Verb, at: Millis) -> dict[int, Id]:
        """Of those, the tenant's that have a number, by number."""

    def holders(self, space_id: Id, verb: Verb, at: Millis) -> list[Id]:
        """Every principal that has *verb* in the space at that moment, by a grant on it or above it."""

    def tenants_of(self, principal_id: Id, at: Millis) -> list[Id]:
        """Every tenant in which the principal has a grant at that moment."""


class Bindings(Protocol):
    def add(self, binding: Binding) -> None:
        """Raises KeyError when the key or the object is bound already."""

    def object_of(self, instance: str, noun: Noun, key: str, scope: str = "") -> Id | None: ...
    def key_of(self, instance: str, noun: Noun, object_id: Id) -> str | None: ...
    def keys_of(self, instance: str, noun: Noun, object_ids: Sequence[Id]) -> dict[Id, str]: ...
    def next_number(self, instance: str, noun: Noun, scope: str = "") -> int:
        """A number that was never issued before in this (instance, noun, scope); the first is 0."""

    def instances_of(self, noun: Noun, object_id: Id) -> list[str]:
        """Which dialect instances have a name for the object."""

    def remove(self, noun: Noun, object_id: Id) -> None:
        """Forget every name of an object that lives no longer."""

    def release(self, instance: str, noun: Noun, object_id: Id) -> None:
        """Forget the name that one instance has for the object, which lives on; others keep theirs."""

    def bound(self, noun: Noun, after: Id | None, limit: int) -> list[Id]:
        """Objects that have a name, by id, for checks over everything."""


class Contents(Protocol):
    def add(self, content: Content) -> None: ...
    def get(self, content_id: Id) -> Content | None: ...
    def living(self, content_ids: Sequence[Id]) -> set[Id]:
        """Those of them that are live."""

    def lock(self, content_id: Id) -> Content | None:
        """The content, which nobody else condemns or takes into use until this transaction ends."""

    def extents(self, content_id: Id) -> list[Extent]: ...
    def set_extents(self, content_id: Id, extents: Sequence[Extent], length: int, at: Millis) -> None: ...
    def set_last_extent(self, content_id: Id, position: int, extent: Extent, length: int, at: Millis) -> None:
        """Put *extent* at *position* (the last one, or one past it) and set the content's length."""

    def seal(
        self,
        content_id: Id,
        *,
        inline: bytes | None,
        length: int,
        sha256: str | None,
        md5: str | None,
        detected_type: str | None,
        at: Millis,
    ) -> None:
        """growing → live."""

    def set_digests(self, content_id: Id, sha256: str, md5: str | None) -> None: ...
    def without_sha256(self, after: Id | None, limit: int) -> list[Id]:
        """Live contents whose digest is pending, by id."""

    def set_detected_type(self, content_id: Id, detected_type: str) -> None: ...
    def without_type(self, limit: int) -> list[Content]:
        """Live contents whose media type was not detected yet."""

    def condemn(self, content_id: Id, at: Millis) -> None: ...
    def condemned_before(self, moment: Millis, limit: int) -> list[Id]: ...
    def unreferenced(self, before: Millis, limit: int) -> list[Id]:
        """Contents not condemned, unchanged since *before*, that no file and no upload refers to."""

    def forget(self, content_id: Id) -> None:
        """Remove the row and its extents."""

    def page(self, after: Id | None, limit: int) -> list[Content]:
        """By id, for checks over everything; inline bytes included."""


class Segments(Protocol):
    def add(self, segment: Segment) -> None: ...
    def grow(self, segment_id: Id, length: int) -> None: ...
    def get(self, segment_id: Id) -> Segment | None: ...
    def in_use(self, segment_id: Id) -> bool:
        """Whether an extent lies in it."""

    def unreferenced(self, before: Millis, limit: int) -> list[Id]:
        """Segments born before that moment in which no extent lies."""

    def forget(self, segment_id: Id) -> None: ...
    def page(self, after: Id | None, limit: int) -> list[Segment]: ...


class Files(Protocol):
    def add(self, file: File) -> None: ...
    def get(self, file_id: Id) -> File | None: ...
    def change(self, file: File) -> bool:
        """Write the row when its version in the catalog is ``file.version - 1``; False when it is not."""

    def of_space(
        self, space_id: Id, states: Sequence[str], after: Id | None = None, limit: int | None = None
    ) -> list[File]:
        """By id, oldest first."""

    def of_spaces(self, space_ids: Sequence[Id], states: Sequence[str]) -> list[File]:
        """By id, oldest first; *space_ids* may be of any number."""

    def of_content(self, content_id: Id) -> list[File]:
        """Those not erased or refused."""

    def due(self, moment: Millis, limit: int) -> list[File]:
        """Those whose next step was due before *moment*, longest due first."""

    def from_origin(self, origin_id: Id, space_id: Id) -> File | None:
        """The file that was published from that one into the space, whatever its state."""

    def created(self, creator_id: Id, query: Query) -> Page[File]:
        """Of the files that a creator itself brought, and that are known still: what *query* asks for.

        The fields are NAME, ARRIVED, SPACE and NUMBER.
        """

    def get_many(self, file_ids: Sequence[Id]) -> dict[Id, File]: ...
    def at(self, space_id: Id, folder_id: Id | None, name_folded: str, states: Sequence[str]) -> list[File]:
        """What is called so there, newest first."""

    def in_folder(self, space_id: Id, folder_id: Id | None, states: Sequence[str]) -> list[File]:
        """By name."""

    def changed(self, space_id: Id, since: Millis, before: Millis, limit: int) -> list[File]:
        """Of the space's live and trashed files those changed from *since* up to but not including *before*,
        longest ago first."""

    def page(self, after: Id | None, limit: int) -> list[File]:
        """By id, whatever their state, for checks over everything."""


class Folders(Protocol):
    def ensure(self, space_id: Id, path: str) -> Folder:
        """The folder at a clean path, made with those above it when it is not there."""

    def at(self, space_id: Id, path_folded: str) -> Folder | None: ...
    def get_many(self, folder_ids: Sequence[Id]) -> dict[Id, Folder]: ...
    def below(self, space_id: Id, parent_folded: str) -> list[Folder]:
        """Those directly in the folder of that path, by path."""

    def prune(self, space_id: Id) -> int:
        """Remove the folders in which there is nothing at all; how many."""


class Deliveries(Protocol):
    def add_all(self, deliveries: Sequence[Delivery]) -> None:
        """A file has at most one delivery for each subscriber."""

    def get(self, subscriber_id: Id, file_id: Id) -> Delivery | None: ...
    def lock(self, subscriber_id: Id, file_id: Id) -> Delivery | None:
        """The delivery, which no other transaction can change until this one ends."""

    def change(self, delivery: Delivery) -> None:
        """Write its state, spans and times."""

    def page(self, subscriber_id: Id, query: Query) -> Page[tuple[Delivery, File]]:
        """Of a subscriber's deliveries: what *query* asks for, counted and cut in one look."""

    def of_file(self, file_id: Id) -> list[Delivery]:
        """By subscriber."""

    def rename(self, file_id: Id, name_folded: str) -> None: ...
    def lapse(self, file_id: Id) -> list[Id]:
        """available → lapsed; the subscribers that this happened to."""

    def revive(self, file_id: Id) -> None:
        """lapsed → available."""

    def forget(self, file_id: Id) -> None:
        """Remove every delivery of the file."""

    def waiting(
        self, subscriber_id: Id | None, before: Millis, limit: int, after: Delivery | None = None
    ) -> list[Delivery]:
        """What is available since before that moment, oldest first; of one, or of everybody that exists."""


class BusinessTypes(Protocol):
    def add(self, business_type: BusinessType) -> None:
        """Raises KadeError(BusinessTypeReason.NUMBER_TAKEN)."""

    def get(self, number: int) -> BusinessType | None: ...
    def all(self) -> list[BusinessType]:
        """By number."""

    def change(self, business_type: BusinessType) -> None: ...
    def remove(self, number: int) -> None: ...


class Rules(Protocol):
    def add(self, rule: Rule) -> None:
        """Raises KadeError(RuleReason.EXISTS) when the space has the same rule."""

    def exist(self) -> bool:
        """Whether there is any."""

    def of_space(self, space_id: Id) -> list[Rule]:
        """Oldest first."""

    def of_tenant(self, tenant_id: Id) -> list[Rule]:
        """Oldest first."""

    def remove(self, rule_id: Id) -> bool: ...
    def forget_space(self, space_id: Id) -> None:
        """Remove every rule from or into the space."""


class Cursors(Protocol):
    """How far each durable reaction has followed the journal."""

    def get(self, name: str) -> int:
        """The position of the last entry that was seen; 0 before the first."""

    def lock(self, name: str) -> int:
        """The same, which nobody else reads by ``lock`` or moves until this transaction ends."""

    def move(self, name: str, position: int) -> None:
        """Only after ``lock``."""


class Uploads(Protocol):
    def add(self, upload: Upload) -> None: ...
    def get(self, upload_id: Id) -> Upload | None: ...
    def lock(self, upload_id: Id) -> Upload | None:
        """The upload, which no other transaction can change until this one ends."""

    def of_slot(self, slot_id: Id) -> list[Upload]:
        """Every upload into the slot of a request, finished or not."""

    def of_file(self, file_id: Id) -> Upload | None:
        """The oldest one: that of a version to come follows that of the file as it is."""

    def of_principal(self, principal_id: Id) -> list[Upload]:
        """The unfinished ones, oldest first."""

    def take_lease(self, upload_id: Id, holder: str, ttl_ms: int) -> Lease | None:
        """The lease, when nobody holds one or it ran out; the fence grows. None while it is held.

        The tail segment is the taker's alone from then on: the row names none, so that whoever takes the
        lease from a holder that stalls never writes into the same segment.
        """

    def want_lease(self, upload_id: Id, by: str) -> bool:
        """Ask the holder to let go; it sees that when it next advances. False when nobody holds it."""

    def advance(self, lease: Lease, offset: int, to: int, ttl_ms: int, expires_at: Millis) -> str | None:
        """Move the durable offset and renew the lease; who wants the lease, if anybody.

        Raises KadeError(UploadReason.TAKEN_OVER) when the lease is no longer ours or the offset moved.
        """

    def release(self, lease: Lease, tail_segment: Id | None) -> None:
        """Let go, when it is still ours, and say which segment the next holder may go on writing."""

    def release_all(self) -> None:
        """Let go of every lease, for a process that knows that it is the only one; the fences grow."""

    def set_length(self, upload_id: Id, length: int) -> None: ...
    def set_reserved(self, upload_id: Id, reserved: int) -> None: ...
    def set_expiry(self, upload_id: Id, expires_at: Millis) -> None: ...
    def finish(self, upload_id: Id, offset: int, expires_at: Millis) -> None: ...
    def forget(self, upload_id: Id) -> None: ...
    def add_parts(self, final_id: Id, part_ids: Sequence[Id]) -> None: ...
    def put_part(self, final_id: Id, position: int, part_id: Id) -> Id | None:
        """Put a part at *position* (0 or higher); the one that was there before it."""

    def join(self, final_id: Id) -> None:
        """open → joining."""

    def parts(self, final_id: Id) -> list[Id]:
        """By position."""

    def positions(self, final_id: Id) -> list[int]:
        """Ascending."""

    def placed(self, final_id: Id) -> int:
        """How many bytes its parts have together."""

    def finals_of(self, part_id: Id, state: str) -> list[Id]:
        """Final uploads in that state that this is a part of."""

    def expired(self, moment: Millis, limit: int) -> list[Upload]:
        """Those whose time is over and that nobody is writing to."""

    def expects(self, content_id: Id) -> bool:
        """Whether any upload refers to the content."""

    def page(self, after: Id | None, limit: int) -> list[Upload]:
        """By id, whatever their state, for checks over everything."""


class Quotas(Protocol):
    def add(self, quota: Quota) -> None: ...
    def get(self, subject_id: Id) -> Quota | None: ...
    def set_ceiling(self, subject_id: Id, ceiling: int | None) -> None: ...
    def reserve(self, subjects: Sequence[Id], amount: int) -> None:
        """Hold *amount* more bytes for every subject, or for none.

        Raises KadeError(QuotaReason.EXCEEDED) when it does not fit below a ceiling.
        """

    def use(self, subjects: Sequence[Id], amount: int) -> None:
        """Count *amount* more used bytes for every subject, or for none. Raises as ``reserve`` does."""

    def settle(self, subjects: Sequence[Id], reserved: int, used: int) -> None:
        """Give back *reserved* bytes and count *used* ones (negative when a file goes)."""

    def recount(self, subject_id: Id, used: int, reserved: int) -> None:
        """Set both figures, for repair."""

    def actual(self, subject_id: Id) -> tuple[int, int]:
        """Used and reserved bytes as the files and uploads of the space or tenant add up."""


class Tasks(Protocol):
    def add(self, task: Task) -> None: ...
    def get(self, task_id: Id) -> Task | None: ...
    def lock(self, task_id: Id) -> Task | None:
        """The task, which no other transaction can change until this one ends."""

    def of_space(self, space_id: Id, kind: str) -> list[Task]:
        """Oldest first."""

    def of_file(self, file_id: Id) -> Task | None: ...
    def take_due(
        self, kinds: Sequence[str], busy: Sequence[str], at: Millis, holder: str, ttl_ms: int
    ) -> Task | None:
        """The lease on a waiting task that is due at *at*, longest due first; None when there is none.

        Those on *busy* lanes and those under a lease are left alone; the fence grows.
        """

    def next_due(self, kinds: Sequence[str]) -> Millis | None:
        """When the first of the waiting tasks without a lease is due."""

    def renew(self, task_id: Id, fence: int, ttl_ms: int, done: int, total: int | None) -> bool:
        """Hold the lease for longer and say how far the work is; False when it is no longer ours."""

    def release(self, task_id: Id, fence: int) -> None:
        """Let go, when it is still ours; the fence grows."""

    def release_all(self) -> None:
        """What ``Uploads.release_all`` does."""

    def change(self, task: Task, fence: int) -> bool:
        """Write the row, but for what ``renew`` writes, while its fence is *fence*; False when it is not."""

    def forget(self, task_id: Id) -> None: ...


class SigningKeys(Protocol):
    def add(self, key: SigningKey) -> None: ...
    def get(self, key_id: Id) -> SigningKey | None: ...
    def all(self) -> list[SigningKey]:
        """Newest first, the revoked ones too."""

    def retire_all(self, at: Millis) -> None:
        """Those that would sign after *at* sign until then."""

    def revoke(self, key_id: Id, at: Millis) -> bool:
        """False when it was revoked before."""


class Journal(Protocol):
    def append(self, event: Event) -> None:
        """Part of the transaction: it stands in the journal, in order, once that is committed."""

    def tail(self, after: int, limit: int) -> list[JournalEntry]:
        """Entries with a position above *after*, in order, without gaps."""

    def last_position(self) -> int: ...
