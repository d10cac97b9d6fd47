"""Canary mail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "canaries",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("inbox_id", NUMBER, nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", NUMBER, nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("given_up", sa.Boolean(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=True),
        sa.Column("role", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("ix_canaries_inbox_sent", "canaries", ["inbox_id", "sent_at"])
    op.create_index(
        "ix_canaries_missing",
        "canaries",
        ["sent_at"],
        sqlite_where=sa.text("arrived_at IS NULL AND sent_at IS NOT NULL"),
        postgresql_where=sa.text("arrived_at IS NULL AND sent_at IS NOT NULL"),
    )
    op.create_index("ix_canaries_arrived", "canaries", ["arrived_at"])
