"""When a message left a folder, whose body is still to be read, and failures in a row as one row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.BigInteger()


def upgrade() -> None:
    op.add_column("folders", sa.Column("messages", NUMBER, nullable=True))
    op.add_column("placements", sa.Column("gone_at", MOMENT, nullable=True))
    op.add_column("copies", sa.Column("awaits_body", sa.Boolean(), nullable=False, server_default=sa.false()))
    where = sa.text("awaits_body")
    op.create_index("ix_copies_awaiting", "copies", ["inbox_id"], sqlite_where=where, postgresql_where=where)
    op.add_column("failures", sa.Column("until", MOMENT, nullable=False, server_default="0"))
    op.add_column("failures", sa.Column("times", NUMBER, nullable=False, server_default="1"))
    op.execute("UPDATE failures SET until = at")
