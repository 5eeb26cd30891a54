"""The tables of whom files are asked of, and who is told."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from kade.catalog.schema.base import id_column as _id
from kade.catalog.schema.base import metadata
from kade.catalog.schema.base import millis_column as _millis

contacts = Table(
    "contacts",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("details", Text, nullable=False),
    _millis("created_at"),
    _millis("removed_at", null=True),
)
Index("contacts_by_tenant", contacts.c.tenant_id, contacts.c.id)

file_requests = Table(
    "file_requests",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("space_id", Text, ForeignKey("spaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("contact_id", Text, ForeignKey("contacts.id")),
    Column("guest_id", Text, ForeignKey("principals.id"), nullable=False, unique=True),
    Column("link", Integer, nullable=False),
    Column("password", Text),
    Column("language", Text, nullable=False),
    Column("notify", Text, nullable=False),
    _id("created_by"),
    _millis("created_at"),
    _millis("expires_at", null=True),
    _millis("completed_at", null=True),
    _millis("closed_at", null=True),
)
Index("file_requests_by_tenant", file_requests.c.tenant_id, file_requests.c.id)
Index("file_requests_by_contact", file_requests.c.contact_id, file_requests.c.id)

slots = Table(
    "slots",
    metadata,
    _id(key=True),
    Column("request_id", Text, ForeignKey("file_requests.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("required", Boolean, nullable=False),
    _millis("max_size", null=True),
    Column("accepts", Text, nullable=False),
    _id("file_id", null=True),
)
Index("slots_by_request", slots.c.request_id, slots.c.position, unique=True)
Index("slots_by_file", slots.c.file_id)

shares = Table(
    "shares",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("contact_id", Text, ForeignKey("contacts.id")),
    Column("guest_id", Text, ForeignKey("principals.id"), nullable=False, unique=True),
    Column("link", Integer, nullable=False),
    _id("created_by"),
    _millis("created_at"),
    _millis("removed_at", null=True),
)
Index("shares_by_tenant", shares.c.tenant_id, shares.c.id)

shared_things = Table(
    "shared_things",
    metadata,
    Column("share_id", Text, ForeignKey("shares.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    _id("file_id", null=True),
    _id("space_id", null=True),
)
Index("shared_things_by_file", shared_things.c.file_id)

webhooks = Table(
    "webhooks",
    metadata,
    _id(key=True),
    Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False),
    Column("instance", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    _id("created_by"),
    _millis("created_at"),
    _millis("removed_at", null=True),
)
Index("webhooks_by_tenant", webhooks.c.tenant_id, webhooks.c.id)
