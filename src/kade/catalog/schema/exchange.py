"""The tables of who, what and where: people, spaces, files, bytes, deliveries, the journal."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from kade.catalog.schema.base import Bytewise as _Bytewise
from kade.catalog.schema.base import id_column as _id
from kade.catalog.schema.base import metadata
from kade.catalog.schema.base import millis_column as _millis

tenants = Table(
    "tenants",
    metadata,
    _id(key=True),
    Column("name", Text, nullable=False, unique=True),
    _millis("created_at"),
)

principals = Table(
    "principals",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_folded", _Bytewise, nullable=False),
    _millis("created_at"),
    _millis("removed_at", null=True),
    Column("networks", Text, nullable=False, server_default=""),
)
Index(
    "principals_by_name",
    principals.c.tenant_id,
    principals.c.name_folded,
    unique=True,
    sqlite_where=text("removed_at IS NULL"),
    postgresql_where=text("removed_at IS NULL"),
)

credentials = Table(
    "credentials",
    metadata,
    _id(key=True),
    Column("principal_id", Text, ForeignKey("principals.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("material", LargeBinary),
    Column("secret", Text),
    _millis("not_before", null=True),
    _millis("not_after", null=True),
    _millis("created_at"),
    _millis("revoked_at", null=True),
    Column("scopes", Text, nullable=False, server_default=""),
)
Index(
    "credentials_in_force",
    credentials.c.kind,
    credentials.c.fingerprint,
    unique=True,
    sqlite_where=text("revoked_at IS NULL"),
    postgresql_where=text("revoked_at IS NULL"),
)
Index("credentials_presented", credentials.c.kind, credentials.c.fingerprint, credentials.c.id)

spaces = Table(
    "spaces",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("parent_id", Text, ForeignKey("spaces.id"), index=True),
    Column("name", Text, nullable=False),
    Column("name_folded", _Bytewise, nullable=False),
    Column("policy", Text, nullable=False),
    _millis("created_at"),
    _millis("removed_at", null=True),
    Column("number", BigInteger),
)
Index(
    "spaces_by_number",
    spaces.c.tenant_id,
    spaces.c.number,
    unique=True,
    sqlite_where=text("number IS NOT NULL AND removed_at IS NULL"),
    postgresql_where=text("number IS NOT NULL AND removed_at IS NULL"),
)
Index(
    "spaces_by_name",
    spaces.c.tenant_id,
    spaces.c.parent_id,
    spaces.c.name_folded,
    unique=True,
    sqlite_where=text("removed_at IS NULL"),
    postgresql_where=text("removed_at IS NULL"),
)

grants = Table(
    "grants",
    metadata,
    _id(key=True),
    Column("principal_id", Text, ForeignKey("principals.id"), nullable=False),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False, index=True),
    Column("verbs", Text, nullable=False),
    _millis("not_before", null=True),
    _millis("not_after", null=True),
    _millis("created_at"),
)
Index("grants_by_principal", grants.c.principal_id, grants.c.space_id)

bindings = Table(
    "bindings",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("noun", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _id("object_id"),
)
Index("bindings_by_object", bindings.c.object_id, bindings.c.noun, bindings.c.instance, unique=True)

numbers = Table(
    "numbers",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("noun", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

contents = Table(
    "contents",
    metadata,
    _id(key=True),
    _id("tenant_id"),
    Column("state", Text, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("inline", LargeBinary),
    Column("sha256", Text),
    Column("md5", Text),
    Column("detected_type", Text),
    _millis("changed_at"),
)
Index(
    "contents_condemned",
    contents.c.changed_at,
    sqlite_where=text("state = 'condemned'"),
    postgresql_where=text("state = 'condemned'"),
)
Index(
    "contents_without_digest",
    contents.c.id,
    sqlite_where=text("state = 'live' AND sha256 IS NULL"),
    postgresql_where=text("state = 'live' AND sha256 IS NULL"),
)

Index(
    "contents_without_type",
    contents.c.id,
    sqlite_where=text("state = 'live' AND detected_type IS NULL"),
    postgresql_where=text("state = 'live' AND detected_type IS NULL"),
)

segments = Table(
    "segments",
    metadata,
    _id(key=True),
    Column("length", BigInteger, nullable=False),
    _millis("created_at"),
)

extents = Table(
    "extents",
    metadata,
    Column("content_id", Text, ForeignKey("contents.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("segment_id", Text, ForeignKey("segments.id"), nullable=False, index=True),
    Column("start", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
)

files = Table(
    "files",
    metadata,
    _id(key=True),
    _id("tenant_id"),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_folded", _Bytewise, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("content_id", Text, index=True),
    Column("length", BigInteger),
    Column("annotations", Text, nullable=False),
    _millis("valid_from", null=True),
    _millis("valid_until", null=True),
    Column("version", Integer, nullable=False),
    _id("created_by"),
    _millis("created_at"),
    _millis("changed_at"),
    _millis("arrived_at", null=True),
    _millis("due_at", null=True),
    _id("origin_id", null=True),
    _id("folder_id", null=True),
    _millis("modified_at", null=True),
)
Index("files_by_place", files.c.space_id, files.c.folder_id, files.c.name_folded)
Index("files_by_change", files.c.space_id, files.c.changed_at, files.c.id)
Index("files_by_space", files.c.space_id, files.c.state, files.c.id)
Index("files_by_creator", files.c.created_by, files.c.tenant_id, files.c.arrived_at, files.c.id)
Index(
    "files_due",
    files.c.due_at,
    files.c.id,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)
Index(
    "files_by_origin",
    files.c.origin_id,
    files.c.space_id,
    unique=True,
    sqlite_where=text("origin_id IS NOT NULL"),
    postgresql_where=text("origin_id IS NOT NULL"),
)

folders = Table(
    "folders",
    metadata,
    _id(key=True),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("path_folded", _Bytewise, nullable=False),
    Column("parent_folded", _Bytewise, nullable=False),
)
Index("folders_by_path", folders.c.space_id, folders.c.path_folded, unique=True)
Index("folders_by_parent", folders.c.space_id, folders.c.parent_folded)

# Clustered by subscriber and state: a list reads its own entries and no others, and one of what is new not
# those that were fetched before. SQLite would use no further index for that, not without statistics.
deliveries = Table(
    "deliveries",
    metadata,
    _id("subscriber_id"),
    _id("tenant_id"),
    _millis("arrived_at"),
    _id("file_id"),
    _id("space_id"),
    Column("name_folded", _Bytewise, nullable=False),
    Column("state", Integer, nullable=False),
    Column("fetched_spans", Text, nullable=False),
    _millis("fetched_at", null=True),
    _millis("dismissed_at", null=True),
    PrimaryKeyConstraint("subscriber_id", "tenant_id", "state", "arrived_at", "file_id"),
    sqlite_with_rowid=False,
)
Index("deliveries_of_file", deliveries.c.file_id, deliveries.c.subscriber_id, unique=True)
Index(
    "deliveries_waiting",
    deliveries.c.arrived_at,
    deliveries.c.file_id,
    sqlite_where=text("state = 0"),
    postgresql_where=text("state = 0"),
)

uploads = Table(
    "uploads",
    metadata,
    _id(key=True),
    _id("tenant_id"),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False, index=True),
    _id("file_id"),
    _id("content_id"),
    _id("principal_id"),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("length", BigInteger),
    Column("offset", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("concat", Text, nullable=False),
    Column("tail_segment", Text),
    Column("lease_holder", Text),
    Column("lease_fence", Integer, nullable=False),
    _millis("created_at"),
    _millis("expires_at"),
    _millis("lease_until", null=True),
    Column("wanted_by", Text),
    Column("slot_id", Text),
    CheckConstraint('length IS NULL OR "offset" <= length', name="offset_within_length"),
)
Index("uploads_by_file", uploads.c.file_id)
Index("uploads_by_content", uploads.c.content_id)
Index("uploads_by_principal", uploads.c.principal_id, uploads.c.state, uploads.c.id)
Index("uploads_by_expiry", uploads.c.expires_at)
Index(
    "uploads_by_slot",
    uploads.c.slot_id,
    sqlite_where=text("slot_id IS NOT NULL"),
    postgresql_where=text("slot_id IS NOT NULL"),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("final_id", Text, ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("part_id", Text, nullable=False, index=True),
)

tasks = Table(
    "tasks",
    metadata,
    _id(key=True),
    _id("tenant_id"),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    _id("principal_id"),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("progress", Text, nullable=False),
    _id("file_id", null=True),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    _millis("due_at"),
    _millis("ends_at", null=True),
    Column("lease_holder", Text),
    Column("lease_fence", Integer, nullable=False),
    _millis("created_at"),
    _millis("changed_at"),
    _millis("lease_until", null=True),
)
Index("tasks_by_space", tasks.c.space_id, tasks.c.kind, tasks.c.id)
Index("tasks_by_file", tasks.c.file_id)
Index(
    "tasks_due",
    tasks.c.due_at,
    tasks.c.id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

business_types = Table(
    "business_types",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("policy", Text, nullable=False),
    _millis("created_at"),
)

rules = Table(
    "rules",
    metadata,
    _id(key=True),
    _id("tenant_id"),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("target_id", Text, ForeignKey("spaces.id"), nullable=False, index=True),
    _id("created_by"),
    _millis("created_at"),
)
Index("rules_by_space", rules.c.space_id, rules.c.action, rules.c.target_id, unique=True)

cursors = Table(
    "cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    _id(key=True),
    Column("algorithm", Text, nullable=False),
    Column("public", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    _millis("created_at"),
    _millis("retires_at"),
    _millis("revoked_at", null=True),
)

quotas = Table(
    "quotas",
    metadata,
    _id("subject_id", key=True),
    Column("ceiling", BigInteger),
    Column("used", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    _millis("at"),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _id("tenant_id", null=True),
    _id("principal_id", null=True),
    _id("credential_id", null=True),
    Column("operation", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("detail", Text),
    Column("digest", Text, nullable=False),
    Column("chain", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("event", LargeBinary, nullable=False),
)
