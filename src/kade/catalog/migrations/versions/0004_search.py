"""Folders, what was read in files, what is synchronised, records of dialects"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _extend_files()
    _add_readings()
    _add_places()
    _add_sources()
    _add_items()


def _extend_files() -> None:
    op.add_column("files", sa.Column("folder_id", sa.Text(), nullable=True))
    op.add_column("files", sa.Column("modified_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "folders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("path_folded", _BYTEWISE, nullable=False),
        sa.Column("parent_folded", _BYTEWISE, nullable=False),
        sa.ForeignKeyConstraint(
            ["space_id"],
            ["spaces.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("folders_by_parent", "folders", ["space_id", "parent_folded"])
    op.create_index("folders_by_path", "folders", ["space_id", "path_folded"], unique=True)
    op.create_index("files_by_change", "files", ["space_id", "changed_at", "id"])
    op.create_index("files_by_place", "files", ["space_id", "folder_id", "name_folded"])


def _add_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("attachments", sa.Text(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.BigInteger(), nullable=False),
        sa.Column("distinct", sa.BigInteger(), nullable=False),
        sa.Column("word_length", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("stamp", sa.BigInteger(), nullable=False),
        sa.Column("indexed", sa.BigInteger(), nullable=False),
        sa.Column("indexed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("file_id"),
    )
    _partial("readings_gone", "readings", ["indexed_at"], where="state = 'gone'")
    op.create_index("readings_by_index", "readings", ["indexed_at", "file_id"])
    _partial(
        "readings_due", "readings", [sa.text("priority DESC"), "due_at", "file_id"], where="state = 'waiting'"
    )
    _partial("readings_unindexed", "readings", ["file_id"], where="stamp <> indexed")
    op.create_table(
        "texts",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("file_id"),
    )
    op.create_table(
        "records",
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("key", _BYTEWISE, nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "collection", "key"),
    )
    op.create_index("records_by_subject", "records", ["subject_id", "instance", "collection"])
    # Nothing is searched so far: what happened before need not be followed.
    op.execute("INSERT INTO cursors SELECT 'reading', COALESCE(MAX(position), 0) FROM journal")


def _add_places() -> None:
    op.create_table(
        "installations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", _BYTEWISE, nullable=False),
        sa.Column("takes_requests", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("installations_by_name", "installations", ["tenant_id", "name_folded"], unique=True)
    op.create_table(
        "services",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("installation_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", _BYTEWISE, nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["installations.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_services_installation_id", "services", ["installation_id"])
    op.create_index("services_by_name", "services", ["tenant_id", "name_folded"], unique=True)


def _add_sources() -> None:
    op.create_table(
        "sources",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("service_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("path_folded", _BYTEWISE, nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("copies", sa.Boolean(), nullable=False),
        sa.Column("interval_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", sa.BigInteger(), nullable=True),
        sa.Column("resynchronise", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("run_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
        ),
        sa.ForeignKeyConstraint(
            ["space_id"],
            ["spaces.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sources_service_id", "sources", ["service_id"])
    _partial(
        "sources_by_place",
        "sources",
        ["space_id", "service_id", "path_folded"],
        unique=True,
        where="removed_at IS NULL",
    )
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("renamed", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("restored", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sync_runs_by_source", "sync_runs", ["source_id", "id"])


def _add_items() -> None:
    op.create_table(
        "items",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("key", _BYTEWISE, nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("seen_in", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.BigInteger(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["sources.id"],
        ),
        sa.PrimaryKeyConstraint("file_id"),
    )
    op.create_index("items_by_identity", "items", ["source_id", "identity"])
    op.create_index("items_by_key", "items", ["source_id", "key"], unique=True)
    _partial(
        "items_due", "items", [sa.text("priority DESC"), "due_at", "file_id"], where="due_at IS NOT NULL"
    )
    op.create_index("items_of_source", "items", ["source_id", "file_id"])


def _partial(
    name: str, table: str, columns: list[str | sa.TextClause], *, where: str, unique: bool = False
) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
