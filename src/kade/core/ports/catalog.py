"""The catalog and a transaction on it."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from kade.core.ids import Id
from kade.core.ports.asking import Contacts, Requests, Shares, Webhooks
from kade.core.ports.finding import Items, Readings, Records, Sources
from kade.core.ports.tables import (
    Bindings,
    BusinessTypes,
    Contents,
    Credentials,
    Cursors,
    Deliveries,
    Files,
    Folders,
    Grants,
    Journal,
    Principals,
    Quotas,
    Rules,
    Segments,
    SigningKeys,
    Spaces,
    Tasks,
    Tenants,
    Uploads,
)
from kade.core.principals import Principal
from kade.core.spaces import Space

T = TypeVar("T")
P = ParamSpec("P")


class Catalog(Protocol):
    """Where everything but the bytes is kept, in transactions."""

    async def write(self, fn: "Callable[Concatenate[Tx, P], T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *fn* in a transaction and return its result once that is durable.

        *fn* is a plain function that does nothing but use its ``Tx``: it may be run again after a
        serialisation failure. What it raises rolls back everything that it did, its events too; a refusal
        by a table must leave *fn*, which may not go on after it. Once the work began, it is done also when
        the caller no longer waits.

        Raises:
            KadeError: ``UploadReason.DISK_FULL``; ``RequestReason.CATALOG_UNAVAILABLE`` while the database
                does not answer, ``SHUTTING_DOWN`` after ``close``, ``BAD_VALUE`` for text that no database
                keeps (NUL, lone surrogates) and numbers beyond 64 bits; and what *fn* raises.
        """

    async def read(self, fn: "Callable[Concatenate[Tx, P], T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *fn*, which changes nothing, on committed data. Raises as ``write`` does."""

    async def glance(self, fn: "Callable[Concatenate[Tx, P], T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for a handful of rows found by key: it may run in the calling thread, and each
        statement may see what was committed meanwhile."""

    async def open(self) -> None:
        """Connect; bring the schema to this version where that is automatic (SQLite)."""

    async def close(self) -> None:
        """Finish what is running and let go of everything."""


class Tx(Protocol):
    """One transaction: a table per noun."""

    @property
    def tenants(self) -> Tenants: ...
    @property
    def principals(self) -> Principals: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def spaces(self) -> Spaces: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def bindings(self) -> Bindings: ...
    @property
    def contents(self) -> Contents: ...
    @property
    def segments(self) -> Segments: ...
    @property
    def files(self) -> Files: ...
    @property
    def folders(self) -> Folders: ...
    @property
    def readings(self) -> Readings: ...
    @property
    def sources(self) -> Sources: ...
    @property
    def items(self) -> Items: ...
    @property
    def records(self) -> Records: ...
    @property
    def uploads(self) -> Uploads: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def business_types(self) -> BusinessTypes: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def cursors(self) -> Cursors: ...
    @property
    def quotas(self) -> Quotas: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def file_requests(self) -> Requests: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def shares(self) -> Shares: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def signing_keys(self) -> SigningKeys: ...
    @property
    def journal(self) -> Journal: ...


class Namer(Protocol):
    """What mints a dialect's names for objects that came in by whatever door, in the same transaction."""

    instance: str

    def name_principal(self, tx: Tx, principal: Principal) -> None: ...
    def name_space(self, tx: Tx, space: Space) -> None:
        """A space was made, or, the second time, has become the one for a business type."""

    def name_personal_space(self, tx: Tx, principal: Principal, space: Space) -> None:
        """The space was made for the principal: the instance may now know it as the principal's own."""

    def personal_space(self, tx: Tx, principal_id: Id) -> Id | None:
        """The space that ``name_personal_space`` named for the principal, when there is one."""

    def name_file(self, tx: Tx, space_id: Id, file_id: Id) -> None: ...
