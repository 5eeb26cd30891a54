"""One transaction over a session: a table per noun, and the events that it will leave."""

from kade.catalog.bindings import BindingTable
from kade.catalog.business_types import BusinessTypeTable
from kade.catalog.contents import ContentTable, SegmentTable
from kade.catalog.deliveries import DeliveryTable
from kade.catalog.files import FileTable
from kade.catalog.folders import FolderTable
from kade.catalog.grants import GrantTable
from kade.catalog.items import ItemTable
from kade.catalog.journal import JournalTable
from kade.catalog.principals import CredentialTable, PrincipalTable
from kade.catalog.readings import ReadingTable
from kade.catalog.records import RecordTable
from kade.catalog.requests import ContactTable, FileRequestTable
from kade.catalog.rules import CursorTable, RuleTable
from kade.catalog.sharing import ShareTable, WebhookTable
from kade.catalog.signing_keys import SigningKeyTable
from kade.catalog.sources import SourceTable
from kade.catalog.spaces import QuotaTable, SpaceTable
from kade.catalog.statements import Session
from kade.catalog.tasks import TaskTable
from kade.catalog.tenants import TenantTable
from kade.catalog.uploads import UploadTable


class Transaction:
    """Implements ``core.ports.Tx``."""

    def __init__(self, session: Session) -> None:
        self.journal = JournalTable(session)
        self.tenants = TenantTable(session)
        self.principals = PrincipalTable(session)
        self.credentials = CredentialTable(session)
        self.spaces = SpaceTable(session)
        self.quotas = QuotaTable(session)
        self.grants = GrantTable(session)
        self.bindings = BindingTable(session)
        self.contents = ContentTable(session)
        self.segments = SegmentTable(session)
        self.files = FileTable(session)
        self.folders = FolderTable(session)
        self.readings = ReadingTable(session)
        self.sources = SourceTable(session)
        self.items = ItemTable(session)
        self.records = RecordTable(session)
        self.uploads = UploadTable(session)
        self.deliveries = DeliveryTable(session)
        self.business_types = BusinessTypeTable(session)
        self.rules = RuleTable(session)
        self.cursors = CursorTable(session)
        self.tasks = TaskTable(session)
        self.file_requests = FileRequestTable(session)
        self.contacts = ContactTable(session)
        self.shares = ShareTable(session)
        self.webhooks = WebhookTable(session)
        self.signing_keys = SigningKeyTable(session)
