"""What servers say of seed inboxes themselves: how full they are, and alerts to their owner."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "inbox_notes",
        sa.Column("inbox_id", NUMBER, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("resource", sa.String(), nullable=True),
        sa.Column("used", NUMBER, nullable=True),
        sa.Column("most", NUMBER, nullable=True),
        sa.Column("full_since", sa.BigInteger(), nullable=True),
        sa.Column("alert", sa.Text(), nullable=True),
        sa.Column("alert_since", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["inbox_id"], ["inboxes.id"]),
        sa.PrimaryKeyConstraint("inbox_id"),
    )
