"""The tables of what is synchronised and of what was read in files; and what dialects alone know."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from kade.catalog.schema.base import Bytewise as _Bytewise
from kade.catalog.schema.base import id_column as _id
from kade.catalog.schema.base import metadata
from kade.catalog.schema.base import millis_column as _millis

readings = Table(
    "readings",
    metadata,
    _id("file_id", key=True),
    _id("space_id"),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    _millis("due_at"),
    Column("attempts", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("properties", Text, nullable=False),
    Column("attachments", Text, nullable=False),
    Column("remarks", Text, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("words", BigInteger, nullable=False),
    Column("distinct", BigInteger, nullable=False),
    Column("word_length", Integer, nullable=False),
    _millis("read_at", null=True),
    Column("stamp", BigInteger, nullable=False),
    Column("indexed", BigInteger, nullable=False),
    _millis("indexed_at", null=True),
)
Index(
    "readings_due",
    readings.c.priority.desc(),
    readings.c.due_at,
    readings.c.file_id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)
Index(
    "readings_unindexed",
    readings.c.file_id,
    sqlite_where=text("stamp <> indexed"),
    postgresql_where=text("stamp <> indexed"),
)
Index(
    "readings_gone",
    readings.c.indexed_at,
    sqlite_where=text("state = 'gone'"),
    postgresql_where=text("state = 'gone'"),
)
Index("readings_by_index", readings.c.indexed_at, readings.c.file_id)

# Apart from what is known of them, which is read far more often.
texts = Table(
    "texts",
    metadata,
    _id("file_id", key=True),
    Column("body", LargeBinary, nullable=False),
)

installations = Table(
    "installations",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_folded", _Bytewise, nullable=False),
    Column("takes_requests", Boolean, nullable=False),
    _millis("created_at"),
)
Index("installations_by_name", installations.c.tenant_id, installations.c.name_folded, unique=True)

services = Table(
    "services",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("installation_id", Text, ForeignKey("installations.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_folded", _Bytewise, nullable=False),
    Column("location", Text, nullable=False),
    Column("secret", LargeBinary),
    Column("settings", Text, nullable=False),
    _millis("created_at"),
)
Index("services_by_name", services.c.tenant_id, services.c.name_folded, unique=True)

sources = Table(
    "sources",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("service_id", Text, ForeignKey("services.id"), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("path_folded", _Bytewise, nullable=False),
    Column("shown", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("copies", Boolean, nullable=False),
    _millis("interval_ms"),
    _millis("due_at", null=True),
    _millis("requested_at", null=True),
    Column("resynchronise", Boolean, nullable=False),
    _id("created_by"),
    _millis("created_at"),
    _millis("removed_at", null=True),
    _id("run_id", null=True),
    _millis("run_until", null=True),
)
Index(
    "sources_by_place",
    sources.c.space_id,
    sources.c.service_id,
    sources.c.path_folded,
    unique=True,
    sqlite_where=text("removed_at IS NULL"),
    postgresql_where=text("removed_at IS NULL"),
)

sync_runs = Table(
    "sync_runs",
    metadata,
    _id(key=True),
    _id("source_id"),
    _millis("started_at"),
    _millis("ended_at", null=True),
    *[
        Column(name, BigInteger, nullable=False)
        for name in ("seen", "added", "changed", "renamed", "removed", "restored", "failed")
    ],
    Column("error", Text, nullable=False),
)
Index("sync_runs_by_source", sync_runs.c.source_id, sync_runs.c.id)

items = Table(
    "items",
    metadata,
    _id("file_id", key=True),
    Column("source_id", Text, ForeignKey("sources.id"), nullable=False),
    Column("key", _Bytewise, nullable=False),
    Column("signature", Text, nullable=False),
    Column("identity", Text, nullable=False),
    _id("seen_in", null=True),
    _millis("queued_at", null=True),
    Column("priority", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("error", Text, nullable=False),
    _millis("due_at", null=True),
)
Index("items_by_key", items.c.source_id, items.c.key, unique=True)
Index("items_by_identity", items.c.source_id, items.c.identity)
Index("items_of_source", items.c.source_id, items.c.file_id)
Index(
    "items_due",
    items.c.priority.desc(),
    items.c.due_at,
    items.c.file_id,
    sqlite_where=text("due_at IS NOT NULL"),
    postgresql_where=text("due_at IS NOT NULL"),
)

records = Table(
    "records",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("collection", Text, primary_key=True),
    Column("key", _Bytewise, primary_key=True),
    _id("subject_id"),
    Column("value", Text, nullable=False),
)
Index("records_by_subject", records.c.subject_id, records.c.instance, records.c.collection)
