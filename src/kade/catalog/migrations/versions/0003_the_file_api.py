"""Deliveries, business types, rules, retention, signing keys"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _extend_what_is_there()
    _date_what_is_there(op.get_bind())
    _add_deliveries()
    _add_the_rest()


def _extend_what_is_there() -> None:
    op.add_column("principals", sa.Column("networks", sa.Text(), nullable=False, server_default=""))
    op.add_column("spaces", sa.Column("number", sa.BigInteger(), nullable=True))
    numbered = "number IS NOT NULL AND removed_at IS NULL"
    _partial("spaces_by_number", "spaces", ["tenant_id", "number"], numbered, unique=True)
    op.add_column("files", sa.Column("arrived_at", sa.BigInteger(), nullable=True))
    op.add_column("files", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.add_column("files", sa.Column("origin_id", sa.Text(), nullable=True))
    op.create_index("files_by_creator", "files", ["created_by", "tenant_id", "arrived_at", "id"])
    _partial("files_due", "files", ["due_at", "id"], "due_at IS NOT NULL")
    _partial("files_by_origin", "files", ["origin_id", "space_id"], "origin_id IS NOT NULL", unique=True)


def _date_what_is_there(connection: sa.Connection) -> None:
    """Files that went live did so, at the latest, when they were changed; trash goes when its space says."""
    connection.execute(sa.text("UPDATE files SET arrived_at = created_at WHERE state IN ('live', 'trashed')"))
    for space_id, policy in connection.execute(sa.text("SELECT id, policy FROM spaces")).all():
        connection.execute(
            sa.text(
                "UPDATE files SET due_at = changed_at + :trash WHERE space_id = :space AND state = 'trashed'"
            ),
            {"trash": json.loads(policy).get("trash_ms", 0), "space": space_id},
        )


def _add_deliveries() -> None:
    bytewise = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "deliveries",
        sa.Column("subscriber_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("name_folded", bytewise, nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("fetched_spans", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=True),
        sa.Column("dismissed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subscriber_id", "tenant_id", "state", "arrived_at", "file_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("deliveries_of_file", "deliveries", ["file_id", "subscriber_id"], unique=True)
    _partial("deliveries_waiting", "deliveries", ["arrived_at", "file_id"], "state = 0")


def _add_the_rest() -> None:
    op.create_table(
        "business_types",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "rules",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["space_id"], ["spaces.id"]),
        sa.ForeignKeyConstraint(["target_id"], ["spaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rules_by_space", "rules", ["space_id", "action", "target_id"], unique=True)
    op.create_index("ix_rules_target_id", "rules", ["target_id"])
    op.create_table(
        "cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    # Rules are new: they do not concern what arrived before.
    op.execute("INSERT INTO cursors SELECT 'rules', COALESCE(MAX(position), 0) FROM journal")
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
