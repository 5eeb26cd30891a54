"""One transaction over a session: a table per noun, and the events that it will leave."""

from functools import cached_property

from kade.catalog.bindings import BindingTable
from kade.catalog.contents import ContentTable, SegmentTable
from kade.catalog.files import FileTable
from kade.catalog.grants import GrantTable
from kade.catalog.journal import JournalTable
from kade.catalog.principals import CredentialTable, PrincipalTable
from kade.catalog.spaces import QuotaTable, SpaceTable
from kade.catalog.statements import Session
from kade.catalog.tenants import TenantTable
from kade.catalog.uploads import UploadTable


class Transaction:
    """Implements ``core.ports.Tx``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.journal = JournalTable(session)

    @cached_property
    def tenants(self) -> TenantTable:
        return TenantTable(self._session)

    @cached_property
    def principals(self) -> PrincipalTable:
        return PrincipalTable(self._session)

    @cached_property
    def credentials(self) -> CredentialTable:
        return CredentialTable(self._session)

    @cached_property
    def spaces(self) -> SpaceTable:
        return SpaceTable(self._session)

    @cached_property
    def grants(self) -> GrantTable:
        return GrantTable(self._session)

    @cached_property
    def bindings(self) -> BindingTable:
        return BindingTable(self._session)

    @cached_property
    def contents(self) -> ContentTable:
        return ContentTable(self._session)

    @cached_property
    def segments(self) -> SegmentTable:
        return SegmentTable(self._session)

    @cached_property
    def files(self) -> FileTable:
        return FileTable(self._session)

    @cached_property
    def uploads(self) -> UploadTable:
        return UploadTable(self._session)

    @cached_property
    def quotas(self) -> QuotaTable:
        return QuotaTable(self._session)
